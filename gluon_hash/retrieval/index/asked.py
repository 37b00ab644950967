"""How to search: number or radius, branch and level, checked against what an index knows."""

from __future__ import annotations

import numpy as np

from gluon_hash.retrieval.index.answers import Answers, with_ties
from gluon_hash.retrieval.index.searcher import Searcher
from gluon_hash.retrieval.index.zoom import Branch

__all__ = ["DEFAULT_K", "Asked", "check_bits"]

DEFAULT_K = 10


class Asked:
    """What is asked of an index.

    Parameters
    ----------
    index : Searcher
    k : int, optional
        As many as these; default: 10, or all where there are fewer.
    radius : int, optional
        All within so many bits, in place of ``k``.
    within : str, optional
        "LEVEL=CLASS", a branch of the hierarchy; of a smaller one, ``k`` is its size.
    group_by : str, optional
        A level, by name or number.
    scan : bool
        As HammingIndex.search.

    Attributes
    ----------
    k : int or None
        None with ``radius``.
    within : Branch or None
    level : int or None
        Of ``group_by``.
    note : str
        What the asker may not expect, else "".

    Raises
    ------
    ValueError
        If ``k`` and ``radius`` are both given, there is no such branch or level, or no code in it.
    """

    def __init__(
        self,
        index: Searcher,
        k: int | None = None,
        radius: int | None = None,
        within: str | None = None,
        group_by: str | None = None,
        scan: bool = False,
    ) -> None:
        if k is not None and radius is not None:
            raise ValueError("k and radius: give one of the two")
        known = index.look_up(np.empty(0, np.int64))
        self.index, self.radius, self.scan, self.note = index, radius, scan, ""
        self.within: Branch | None = None if within is None else known.branch(within)
        self.level = None if group_by is None else known.level(group_by)
        self.k = None if radius is not None else self._at_most(k or DEFAULT_K, k is None, within)

    def voters(self, codes: np.ndarray, answers: list[Answers]) -> list[Answers]:
        """The answers that say which branch a query is in: with ties, unless re-ranked.

        Parameters
        ----------
        codes : uint8, shape (Q, ceil(num_bits / 8))
        answers : list of Q Answers

        Raises
        ------
        ValueError
            If the index knows no classes.
        """
        if not self.index.look_up(np.empty(0, np.int64)).num_levels:
            raise ValueError("zoom: the index knows no classes; build it from labelled images")
        if any(row.scores is not None for row in answers):
            return answers
        return with_ties(self.index, codes, answers, within=self.within)

    def _at_most(self, k: int, by_default: bool, within: str | None) -> int:
        """``k``, or as many as there are where a filter or the default asks for more."""
        size = len(self.index) if self.within is None else self.index.count(self.within)
        if self.within is not None and not size:
            raise ValueError(f"within {within}: no code of the index is in this branch")
        if k > size and self.within is not None:
            self.note = f"within {within}: {size} codes are in this branch, fewer than {k}"
        return min(k, size) if self.within is not None or by_default else k


def check_bits(what: object, num_bits: int, expected: int) -> None:
    """ValueError unless codes of ``what`` are as long as those of the index."""
    if num_bits != expected:
        raise ValueError(
            f"{what}: codes of {num_bits} bits, the index has {expected}; encode with the network "
            "that made the index"
        )
