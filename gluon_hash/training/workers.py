"""Workers that train together: what they tell each other through MXNet's parameter server.

They agree at every moment: each has the same weights, optimiser state and memory. What is gathered
arrives bit for bit (the bits of the values are summed with zeros); what is summed does not depend
on who comes first: two floats have one sum, and of more than two the sum is taken in float64.
"""

from __future__ import annotations

import ctypes
import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from gluon_hash import launch, parameter_server, progress
from gluon_hash.engine import mx, nd

__all__ = ["ALONE", "ServedWorkers", "Workers", "joined"]

ROWS_AT_A_TIME = 1 << 20  # values of a row counted: what one message of gather_rows holds


class Workers:
    """One worker alone, who need not ask anybody; the base of several.

    Attributes
    ----------
    rank : int
        From 0; the first alone writes files and lines of the log.
    count : int
    """

    rank, count = 0, 1

    @property
    def is_first(self) -> bool:
        """Whether this one writes."""
        return self.rank == 0

    def gather(self, own: np.ndarray) -> list[np.ndarray]:
        """Of each worker its array, in their order; all have one shape and dtype."""
        return [own]

    def sum_in_place(self, arrays: Sequence[nd.NDArray]) -> None:
        """Replace each array, of one context and dtype float32, by its sum over the workers."""

    def wait_for_all(self) -> None:
        """Return when all workers have come here."""
        self.gather(np.zeros(1, np.uint8))

    def largest(self, own: int) -> int:
        """The largest of the workers' numbers (int64)."""
        return max(int(value[0]) for value in self.gather(np.array([own], np.int64)))

    def of_first(self, value: Any) -> Any:
        """What the first worker gives, a JSON value; what others give is not looked at."""
        if self.count == 1:
            return value
        text = json.dumps(value).encode() if self.is_first else b""
        length = self.largest(len(text))
        padded = np.zeros(_rounded_up(length), np.uint8)  # few shapes: each is kept on the servers
        padded[: len(text)] = np.frombuffer(text, np.uint8)
        return json.loads(self.gather(padded)[0][:length].tobytes())

    def gather_rows(self, own: np.ndarray) -> np.ndarray:
        """The rows (n, ...) of all workers, those of the first first; each may have another n."""
        if self.count == 1:
            return own
        most, width = self.largest(len(own)), max(int(np.prod(own.shape[1:])), 1)
        at_a_time = min(_rounded_up(most), max(1, ROWS_AT_A_TIME // width))
        parts: list[list[np.ndarray]] = [[] for _ in range(self.count)]
        for start in range(0, most, at_a_time):
            block = own[start : start + at_a_time]
            lengths = self.gather(np.array([len(block)], np.int64))
            padded = np.zeros((at_a_time, *own.shape[1:]), own.dtype)
            padded[: len(block)] = block
            for part, rows, length in zip(parts, self.gather(padded), lengths):
                part.append(rows[: int(length[0])])
        return np.concatenate([block for part in parts for block in part]) if most else own

    @contextmanager
    def first_before_others(self) -> Iterator[None]:
        """The block is run by the first worker, then by the others."""
        if not self.is_first:
            self.wait_for_all()
        yield
        if self.is_first:
            self.wait_for_all()

    def check_same(self, what: str, value: bytes) -> None:
        """ValueError if ``value``, such as a configuration, is another for another worker."""
        sums = [int(found[0]) for found in self.gather(np.array([zlib.crc32(value)], np.int64))]
        for worker, found in enumerate(sums):
            if found != sums[0]:
                raise ValueError(
                    f"worker {worker} has another {what} than worker 0; start all alike"
                )

    def share(self, count: int) -> slice:
        """The rows of this worker among ``count``: as many for each, or one more."""
        bounds = np.linspace(0, count, self.count + 1).astype(np.int64)
        return slice(int(bounds[self.rank]), int(bounds[self.rank + 1]))


ALONE = Workers()


class ServedWorkers(Workers):
    """Workers that talk through MXNet's parameter server (``dist_sync``).

    Parameters
    ----------
    store : mx.kv.KVStore
        Of the type dist_sync, without an optimiser: its servers sum what all workers push.
    """

    def __init__(self, store: Any) -> None:
        self._store, self.rank, self.count = store, store.rank, store.num_workers
        self._keys: dict[tuple, tuple[int, nd.NDArray]] = {}

    def gather(self, own: np.ndarray) -> list[np.ndarray]:
        """Of each worker its array; each 32 bits travel as a whole number in a float64."""
        own = np.ascontiguousarray(own)
        words = np.frombuffer(own.tobytes() + bytes(-own.nbytes % 4), np.uint32)
        slots = np.zeros((self.count, len(words)))
        slots[self.rank] = words
        summed = self._sum("gather", nd.array(slots, dtype="float64")).asnumpy().astype(np.uint32)
        return [
            np.frombuffer(row.tobytes()[: own.nbytes], own.dtype).reshape(own.shape)
            for row in summed
        ]

    def sum_in_place(self, arrays: Sequence[nd.NDArray]) -> None:
        """Replace each array by its sum over the workers; all travel as one."""
        dtype = "float32" if self.count == 2 else "float64"
        flat = nd.concat(*(array.reshape(-1) for array in arrays), dim=0)
        summed = self._sum("sum", flat.as_in_context(mx.cpu()).astype(dtype, copy=False))
        summed = summed.astype("float32", copy=False).as_in_context(arrays[0].context)
        start = 0
        for array in arrays:
            array[:] = summed[start : start + array.size].reshape(array.shape)
            start += array.size

    def _sum(self, use: str, value: nd.NDArray) -> nd.NDArray:
        name = (use, value.shape, str(value.dtype))
        if name not in self._keys:
            self._keys[name] = (len(self._keys), nd.zeros(value.shape, dtype=value.dtype))
            self._store.init(*self._keys[name])
        key, out = self._keys[name]
        self._store.push(key, value)
        self._store.pull(key, out)
        return out


@contextmanager
def joined() -> Iterator[Workers]:
    """The workers of this training: those of MXNet's parameter server, or this process alone.

    DMLC_ROLE and its like in the environment say which. All but the first print no lines of
    progress.

    Raises
    ------
    ValueError
        If the environment does not say all that is needed.
    """
    if launch.role() is None:
        yield ALONE
        return
    parameter_server.heartbeats()
    store = mx.kv.create("dist_sync")
    library = mx.base._LIB
    # one that fails does not wait for the others at its end
    library.MXKVStoreSetBarrierBeforeExit(store.handle, ctypes.c_int(0))
    stop_watching = parameter_server.watch(library, store.handle)
    if store.rank:
        progress.mute()
        launch.keep_errors()
    yield ServedWorkers(store)
    stop_watching()
    library.MXKVStoreSetBarrierBeforeExit(store.handle, ctypes.c_int(1))


def _rounded_up(length: int) -> int:
    """The power of two from ``length`` on."""
    return 1 << max(length - 1, 0).bit_length()
