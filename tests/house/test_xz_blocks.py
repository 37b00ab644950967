"""Archives packed by `xz -T`: the bytes that lzma unpacks, and damage is seen."""

import io
import lzma
import tarfile
import zlib

import pytest

from gluon_hash import archives
from gluon_hash.errors import DataError
from gluon_hash.xz_blocks import XzBlocks, find_blocks

PIECES = (b"first " * 3000, bytes(range(256)) * 40, b"x", b"last" * 100)


def number(value):
    """As an index has it: seven bits a byte, the lowest first."""
    low, rest = value & 127, value >> 7
    return bytes([low | 128]) + number(rest) if rest else bytes([low])


def parts(stream):
    """The one block of a stream of one block, without its padding's length, and its index."""
    length = 4 * (int.from_bytes(stream[-8:-4], "little") + 1)
    index = stream[-12 - length : -12]
    return stream[12 : -12 - length], index[2:-4]


def of_blocks(pieces):
    """A .xz file with a block for each piece; lzma writes one block alone."""
    streams = [lzma.compress(piece) for piece in pieces]
    blocks, records = zip(*map(parts, streams))
    own = []
    for block, record, piece in zip(blocks, records, pieces):
        size = number(len(piece))
        at = record.index(size, 1)  # behind the size of the block
        own.append(record[: at + len(size)])
        assert len(block) % 4 == 0
    index = b"\0" + number(len(pieces)) + b"".join(own)
    index += b"\0" * (-len(index) % 4)
    index += zlib.crc32(index).to_bytes(4, "little")
    backward = (len(index) // 4 - 1).to_bytes(4, "little") + streams[0][6:8]
    footer = zlib.crc32(backward).to_bytes(4, "little") + backward + b"YZ"
    return streams[0][:12] + b"".join(blocks) + index + footer


def written(path, data):
    path.write_bytes(data)
    return path


@pytest.fixture
def several(tmp_path):
    data = of_blocks(PIECES)
    assert lzma.decompress(data) == b"".join(PIECES)  # what is made here is such a file
    return written(tmp_path / "x.xz", data)


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_what_lzma_unpacks_is_read(several, step):
    blocks = find_blocks(several)
    assert [block.size for block in blocks] == [len(piece) for piece in PIECES]
    stream, found = XzBlocks(several, blocks), b""
    while part := stream.read(step):
        found += part
        assert stream.tell() == len(found)
    assert found == b"".join(PIECES) and stream.read(5) == b""


def test_it_goes_forwards(several):
    whole = b"".join(PIECES)
    stream = XzBlocks(several, find_blocks(several))
    assert stream.seek(18_100) == 18_100 and stream.read(9) == whole[18_100:18_109]
    with pytest.raises(io.UnsupportedOperation, match="forwards"):
        stream.seek(0)
    assert stream.seek(10**9) == len(whole)
    stream.close()


def test_other_files_are_left_to_lzma(tmp_path, several):
    data = several.read_bytes()
    one = lzma.compress(b"one block")
    for number_of_file, other in enumerate(
        (b"", b"short", one, one + data, data + one, data + bytes(4), data[:-1], data[1:])
    ):
        assert find_blocks(written(tmp_path / f"{number_of_file}.xz", other)) == []
    begin = max(block.end for block in find_blocks(several))
    for position in [*range(6), *range(begin, len(data))]:  # the magic word, index and footer
        changed = data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]
        assert find_blocks(written(tmp_path / "changed.xz", changed)) == []


def test_a_block_that_is_too_large_is_left_to_lzma(several, monkeypatch):
    from gluon_hash import xz_blocks

    monkeypatch.setattr(xz_blocks, "LARGEST_BLOCK", 3000 * 6)
    assert len(find_blocks(several)) == 4
    monkeypatch.setattr(xz_blocks, "LARGEST_BLOCK", 3000 * 6 - 1)
    assert find_blocks(several) == []


def test_every_change_in_a_block_is_seen(tmp_path, several):
    data, blocks = several.read_bytes(), find_blocks(several)
    for position in range(blocks[2].begin, blocks[3].end, 3):
        changed = data[:position] + bytes([data[position] ^ 255]) + data[position + 1 :]
        path = written(tmp_path / "changed.xz", changed)
        with pytest.raises(lzma.LZMAError):
            stream = XzBlocks(path, blocks)
            while stream.read(1 << 20):
                pass


def test_an_archive_of_several_blocks_is_unpacked(tmp_path, rng):
    files = {"a/1.bin": rng.bytes(70_000), "a/2.bin": b"", "b.txt": b"text"}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    tar = buffer.getvalue()
    packed = of_blocks([tar[start : start + 30_000] for start in range(0, len(tar), 30_000)])
    path = written(tmp_path / "x.tar.xz", packed)
    with archives.opened(path) as folder:
        found = {name: (folder / name).read_bytes() for name in files}
    assert found == files
    with archives.opened(path, lambda name: name == "b.txt") as folder:
        assert [file.name for file in folder.rglob("*")] == ["b.txt"]
    last = find_blocks(path)[-1]
    for position in (100, last.begin + 30, last.end - 1):
        changed = packed[:position] + bytes([packed[position] ^ 255]) + packed[position + 1 :]
        with pytest.raises(DataError, match="the archive is damaged or was cut short"):
            with archives.opened(written(tmp_path / "y.tar.xz", changed)):
                pass
