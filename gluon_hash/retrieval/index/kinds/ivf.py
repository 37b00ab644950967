"""Ivf: lists of codes that lie near each other."""

from __future__ import annotations

import math
from dataclasses import dataclass

import faiss
import numpy as np

from gluon_hash.retrieval.index.kinds.base import Kind, padded_bits
from gluon_hash.retrieval.index.kinds.exact import flat_structure
from gluon_hash.retrieval.index.kinds.layout import LayoutError, StructureFile, expect_within

__all__ = ["Ivf"]

MOST_LISTS = 1 << 20
LISTS, ARRAYS, ALL, SOME = b"IBwF", b"ilar", b"full", b"sprs"


@dataclass(frozen=True)
class Ivf(Kind):
    """Approximate search in the lists nearest to the query.

    The lists are learnt from the first codes added.

    Parameters
    ----------
    num_lists : int
        Lists that the codes are divided into.
    num_probes : int
        Lists that a search looks into: all of them is exact.
    """

    num_lists: int = 256
    num_probes: int = 16
    name = "ivf"
    pays_from = 2_000_000
    can_be_mapped = True

    @classmethod
    def defaults(cls, num_bits: int, num_codes: int) -> dict[str, int]:
        """As many lists as is usual for ``num_codes``; a search looks into a sixteenth of them."""
        lists = max(1, min(1024, round(4 * math.sqrt(num_codes)), num_codes))
        return {"num_lists": lists, "num_probes": max(1, lists // 16)}

    def create(self, num_bits: int) -> faiss.IndexBinaryIVF:
        """Empty lists for codes of ``num_bits``; ValueError if there are more probes than lists."""
        if not 1 <= self.num_probes <= self.num_lists:
            raise ValueError(
                f"ivf: expected 1 <= num_probes <= num_lists, got {self.num_probes} of "
                f"{self.num_lists}"
            )
        quantizer = faiss.IndexBinaryFlat(padded_bits(num_bits))
        structure = faiss.IndexBinaryIVF(quantizer, padded_bits(num_bits), self.num_lists)
        structure.own_fields = True
        quantizer.this.disown()  # the structure frees it
        structure.nprobe = self.num_probes
        return structure

    def check_file(self, file: StructureFile) -> None:
        """As Kind.check_file: every code is in one list, and once."""
        count, learnt = file.header(LISTS)
        num_lists, num_probes = file.number("<u8"), file.number("<u8")
        if num_lists != self.num_lists or not 1 <= num_probes <= num_lists <= MOST_LISTS:
            raise LayoutError(f"it looks into {num_probes} of {num_lists} lists")
        if len(file.flat()) != (num_lists if learnt else 0) or (count and not learnt):
            raise LayoutError("it has not as many lists as it says")
        map_kind, map_length = file.number("u1"), file.number("<u8")
        if map_kind or map_length:
            raise LayoutError("it has a map of its codes, which ours have not")
        file.word(ARRAYS)
        lists, width = file.number("<u8"), file.number("<u8")
        if (lists, 8 * width) != (num_lists, file.num_bits):
            raise LayoutError(f"it has {lists} lists of codes of {width} bytes")
        seen, left = np.zeros(count, bool), count
        for size in _sizes(file, num_lists).tolist():
            file.numbers("u1", size * width)
            positions = file.numbers("<i8", size)
            expect_within(positions, 0, count, "the position of a code")
            seen[positions] = True
            left -= size
        if left or not seen.all():
            raise LayoutError("a code is in no list, or in two")

    def codes_at_once(self, num_codes: int) -> int:
        """All of them: the lists are learnt from the first ``add``."""
        return num_codes

    def learn(self, structure: faiss.IndexBinaryIVF, codes: np.ndarray) -> None:
        """Learn the lists, once; ValueError if there are fewer codes than lists."""
        if structure.is_trained:
            return
        if len(codes) < self.num_lists:
            raise ValueError(
                f"ivf: the first {len(codes)} codes cannot make {self.num_lists} lists; add more "
                "at once, or ask for fewer lists"
            )
        structure.train(codes)

    def scanned(self, structure: faiss.IndexBinaryIVF) -> faiss.IndexBinaryFlat:
        """A copy of all lists' codes, in the order of adding."""
        flat = flat_structure(structure.d)
        flat.add(self.codes(structure))
        return flat

    def codes(self, structure: faiss.IndexBinaryIVF) -> np.ndarray:
        """The packed codes by position, gathered from the lists."""
        lists, width = structure.invlists, structure.code_size
        codes = np.empty((structure.ntotal, width), np.uint8)
        for number in filter(lists.list_size, range(lists.nlist)):
            size = lists.list_size(number)
            positions = faiss.rev_swig_ptr(lists.get_ids(number), size)
            codes[positions] = faiss.rev_swig_ptr(lists.get_codes(number), size * width).reshape(
                size, width
            )
        return codes


def _sizes(file: StructureFile, num_lists: int) -> np.ndarray:
    """Of each list: all of them in order, or pairs of a list that is not empty and its size."""
    if file.word(ALL, SOME) == ALL:
        return file.vector("<u8", num_lists)
    pairs = file.vector("<u8")
    if len(pairs) % 2:
        raise LayoutError("the sizes of its lists are not pairs")
    numbers, some = pairs.reshape(-1, 2).T
    expect_within(numbers, 0, num_lists, "the number of a list")
    if (np.diff(numbers.astype(np.int64)) < 1).any():
        raise LayoutError("the numbers of its lists do not ascend")
    sizes = np.zeros(num_lists, np.uint64)
    sizes[numbers.astype(np.int64)] = some
    return sizes
