"""A .xz file of several blocks, which `xz -T` writes, unpacked by all processors at once.

Source: The .xz File Format 1.2.0, 2 (header, footer), 3 (block), 4 (index).
"""

from __future__ import annotations

import io
import lzma
import os
import zlib
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from gluon_hash.environment import processors

__all__ = ["XzBlocks", "find_blocks"]

HEADER = FOOTER = 12  # bytes
MAGIC, END = b"\xfd7zXZ\0", b"YZ"
LARGEST_BLOCK = 1 << 26  # bytes of one that is unpacked beside others: `xz -6 -T` makes 24 MB
LONGEST_INDEX = 1 << 20
LONGEST_NUMBER = 9  # bytes, of 7 bits each


class Block(NamedTuple):
    """Where a block lies in the file, and what it unpacks to, in bytes."""

    begin: int
    end: int
    size: int


def find_blocks(path: str | os.PathLike[str]) -> list[Block]:
    """The blocks of a file of one stream; none if it is not such a file, or only one is there.

    What its index says is not believed further than here: a block is unpacked to its own end.
    """
    size = os.path.getsize(path)
    with open(path, "rb") as stream:
        header = stream.read(HEADER)
        stream.seek(max(0, size - FOOTER))
        footer = stream.read(FOOTER)
        length = 4 * (int.from_bytes(footer[4:8], "little") + 1)
        begin = size - FOOTER - length
        if (
            header[:6] != MAGIC
            or footer[10:] != END
            or zlib.crc32(footer[4:10]) != int.from_bytes(footer[:4], "little")
            or not HEADER <= begin
            or length > LONGEST_INDEX
        ):
            return []
        stream.seek(begin)
        index = stream.read(length)
    if index[0] or zlib.crc32(index[:-4]) != int.from_bytes(index[-4:], "little"):
        return []
    blocks = _listed(index[1:-4])
    fits = bool(blocks) and blocks[-1].end == begin
    return blocks if fits and len(blocks) > 1 and _largest(blocks) <= LARGEST_BLOCK else []


def _largest(blocks: list[Block]) -> int:
    return max(max(block.size, block.end - block.begin) for block in blocks)


def _listed(records: bytes) -> list[Block]:
    """The blocks of an index, without its first byte and its checksum; none if it is damaged."""
    numbers = _numbers(records)
    try:
        blocks, at = [], HEADER
        for _ in range(next(numbers)):
            stored, size = next(numbers), next(numbers)
            blocks.append(Block(at, at + stored + -stored % 4, size))
            at = blocks[-1].end
    except StopIteration:
        return []
    return blocks


def _numbers(data: bytes) -> Iterator[int]:
    """Numbers of seven bits a byte, the lowest first, the eighth bit set but in the last byte."""
    number, shift = 0, 0
    for byte in data:
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            yield number
            number, shift = 0, 0
        elif shift >= 7 * LONGEST_NUMBER:
            return


class XzBlocks:
    """What is in a .xz file, to be read forwards; a few blocks are unpacked ahead, in threads.

    Parameters
    ----------
    path : path-like
    blocks : list of Block
        As find_blocks found them.

    Raises
    ------
    lzma.LZMAError
        While it is read, if a block is damaged.
    """

    def __init__(self, path: str | os.PathLike[str], blocks: list[Block]) -> None:
        self._path, self._blocks = Path(path), blocks
        with open(path, "rb") as stream:
            self._header = stream.read(HEADER)
        self._unpacked = self._in_order()
        self._rest = memoryview(b"")
        self._position = 0

    def read(self, size: int) -> bytes:
        """The next ``size`` bytes, fewer at the end."""
        parts: list[memoryview] = []
        while size > 0:
            if not self._rest:
                block = next(self._unpacked, None)
                if block is None:
                    break
                self._rest = memoryview(block)
            parts.append(self._rest[:size])
            self._rest = self._rest[size:]
            size -= len(parts[-1])
            self._position += len(parts[-1])
        return b"".join(parts)

    def tell(self) -> int:
        """How many bytes were read."""
        return self._position

    def seek(self, position: int) -> int:
        """Pass over what lies before ``position``."""
        if position < self._position:
            raise io.UnsupportedOperation("it is read forwards")
        while self._position < position and self.read(min(position - self._position, 1 << 20)):
            pass
        return self._position

    def close(self) -> None:
        """Unpack no more."""
        self._unpacked.close()

    def _in_order(self) -> Generator[bytes, None, None]:
        waiting: deque[Future[bytes]] = deque()
        num_threads = processors()
        with ThreadPoolExecutor(num_threads) as threads:
            try:
                for block in self._blocks:
                    waiting.append(threads.submit(self._unpack, block))
                    if len(waiting) > num_threads:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for task in waiting:
                    task.cancel()

    def _unpack(self, block: Block) -> bytes:
        with open(self._path, "rb") as stream:
            stream.seek(block.begin)
            packed = stream.read(block.end - block.begin)
        # with the stream's header before it, a block is the beginning of a stream; its checksum
        # is looked at as its last bytes are read
        unpacked = lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(
            self._header + packed, block.size + 1
        )
        if len(unpacked) != block.size:
            raise lzma.LZMAError(f"a block has another size than the {block.size} bytes it should")
        return unpacked
