"""Evaluation protocols by name: what the published numbers of this field were computed with.

The rules differ in code, not in name: where a ranking is cut, what AP is divided by, what a query
without a hit counts, how ties stand, what zero becomes. A number is comparable with another one of
the same protocol only.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Literal

import numpy as np

__all__ = ["PROTOCOLS", "Protocol", "get_protocol"]


@dataclass(frozen=True)
class Protocol:
    """The rules of one protocol.

    Parameters
    ----------
    name : str
    source : str
        The code whose rules these are.
    map_at : int or None
        Rank at which ``map`` is cut; None: the whole ranking.
    divisor : "relevant" or "hits"
        AP is divided by min(number of relevant items, map_at), or by the relevant items found
        before the cut.
    no_hit : "left out" or "counts 0"
        A query without a relevant item before the cut.
    ties : str
        How equal distances are ordered, in ours and in theirs.
    sign_of_zero : str
        What a relaxed code of exactly 0 becomes.
    ahp_at : int
        Cut-off of mAHP.
    headline : str
        The metric that the protocol's papers print.
    query_excluded : bool
        Every query is searched among the other images of the same table.
    """

    name: str
    source: str
    map_at: int | None
    divisor: Literal["relevant", "hits"]
    no_hit: Literal["left out", "counts 0"]
    ties: str
    sign_of_zero: str
    ahp_at: int
    headline: str
    query_excluded: bool = False

    def cut_at(self, map_at: int | None, ahp_at: int | None) -> Protocol:
        """The same rules with other cut-offs, in items; None: this one's."""
        return replace(
            self,
            map_at=self.map_at if map_at is None else map_at,
            ahp_at=self.ahp_at if ahp_at is None else ahp_at,
        )

    def average_precision(
        self, precision_sum: np.ndarray, hits: np.ndarray, num_relevant: np.ndarray
    ) -> np.ndarray:
        """AP of each query from the sum of the precisions at its hits before the cut: float64 (Q,),
        NaN: left out."""
        divisor = (
            hits if self.divisor == "hits" else np.minimum(num_relevant, self.map_at or np.inf)
        )
        found = np.divide(precision_sum, divisor, out=np.zeros(len(hits)), where=divisor > 0)
        missing = hits == 0 if self.divisor == "hits" else num_relevant == 0
        return np.where(missing, np.nan if self.no_hit == "left out" else 0.0, found)

    def to_dict(self) -> dict[str, object]:
        """As JSON values."""
        return asdict(self)


BY_POSITION = "by database position (stable)"
OUR_ZERO = "+1"
THEIR_ZERO = "+1 (theirs keeps 0, which a packed code cannot hold)"

PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "standard",
            "gluon_hash",
            None,
            "relevant",
            "left out",
            "map_tie_averaged over all orders, best and worst beside it; the other metrics "
            f"{BY_POSITION}",
            OUR_ZERO,
            2500,
            "map_tie_averaged",
        ),
        Protocol(
            "released",
            "the released code of arXiv:1901.11259 (2021)",
            None,
            "relevant",
            "left out",
            f"{BY_POSITION}; theirs as an unstable sort leaves them",
            THEIR_ZERO,
            2500,
            "map",
        ),
        Protocol(
            "hashnet",
            "HashNet (Cao et al. 2017) and DeepHash",
            5000,
            "hits",
            "left out",
            f"{BY_POSITION}; theirs as an unstable sort leaves them",
            THEIR_ZERO,
            2500,
            "map@5000",
        ),
        Protocol(
            "csq",
            "CSQ (Yuan et al. 2020)",
            1000,
            "hits",
            "counts 0",
            f"{BY_POSITION}; theirs as an unstable sort leaves them",
            OUR_ZERO,
            2500,
            "map@1000",
        ),
        Protocol(
            "dpsh",
            "DPSH (Li et al. 2016) and its PyTorch versions",
            None,
            "hits",
            "counts 0",
            f"{BY_POSITION}; theirs as an unstable sort leaves them",
            THEIR_ZERO,
            2500,
            "map",
        ),
        Protocol(
            "barz",
            "semantic-embeddings (Barz and Denzler 2019), with Hamming distances",
            None,
            "relevant",
            "left out",
            BY_POSITION,
            OUR_ZERO,
            250,
            "mahp_barz@250",
            query_excluded=True,
        ),
    )
}


def get_protocol(name: str) -> Protocol:
    """The protocol called ``name``; ValueError lists the names."""
    if name not in PROTOCOLS:
        raise ValueError(f"protocol: expected one of {', '.join(PROTOCOLS)}, got {name!r}")
    return PROTOCOLS[name]
