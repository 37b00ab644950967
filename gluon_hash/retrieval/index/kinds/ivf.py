"""Ivf: lists of codes that lie near each other."""

from __future__ import annotations

import math
from dataclasses import dataclass

import faiss
import numpy as np

from gluon_hash.retrieval.index.kinds.base import Kind, padded_bits
from gluon_hash.retrieval.index.kinds.flat import flat_structure

__all__ = ["Ivf"]


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
