"""Evaluation protocols by name: what the published numbers of this field were computed with.

The rules differ in code, not in name: where a ranking is cut, what AP is divided by, what a query
without a hit counts, how ties are ordered, what zero becomes. A number is comparable with another
one of the same protocol only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from gluon_hash.retrieval.evaluation.kernels.ranking import Rules

__all__ = ["PROTOCOLS", "Protocol", "get_protocol"]

BY_POSITION = "by database position (stable)"
THEIRS_UNSTABLE = f"{BY_POSITION}; theirs as an unstable sort leaves them"
OUR_ZERO = "+1"
THEIR_ZERO = "+1 (theirs keeps 0, which a packed code cannot hold)"


@dataclass(frozen=True, kw_only=True)
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
    query_excluded : bool
        Every query is searched among the other images of the same table.
    query_has_relevance : bool
        The relevances of H-AP count the query itself among the items of its class.
    prints_first : str
        The metric, named without its cut-off, that a table begins with.
    """

    name: str
    source: str
    map_at: int | None = None
    divisor: Literal["relevant", "hits"] = "relevant"
    no_hit: Literal["left out", "counts 0"] = "left out"
    ties: str = BY_POSITION
    sign_of_zero: str = OUR_ZERO
    ahp_at: int = 2500
    query_excluded: bool = False
    query_has_relevance: bool = False
    prints_first: str = "map"

    def cut_at(self, map_at: int | None, ahp_at: int | None) -> Protocol:
        """The same rules with other cut-offs, in items; None: this one's."""
        return replace(
            self,
            map_at=self.map_at if map_at is None else map_at,
            ahp_at=self.ahp_at if ahp_at is None else ahp_at,
        )

    def rules(self) -> Rules:
        """What the kernels must know of it."""
        return Rules(
            divides_by_hits=self.divisor == "hits",
            counts_no_hit=self.no_hit == "counts 0",
            query_has_relevance=self.query_has_relevance,
        )

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Protocol:
        """What to_dict gave, now or in an older version; what is no longer a rule is left out."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            name="standard",
            source="gluon_hash",
            ties="map_tie_averaged over all orders, best and worst beside it; the other metrics "
            + BY_POSITION,
            prints_first="map_tie_averaged",
        ),
        Protocol(
            name="released",
            source="the released code of arXiv:1901.11259 (2021)",
            ties=THEIRS_UNSTABLE,
            sign_of_zero=THEIR_ZERO,
        ),
        Protocol(
            name="hashnet",
            source="HashNet (Cao et al. 2017) and DeepHash",
            map_at=5000,
            divisor="hits",
            ties=THEIRS_UNSTABLE,
            sign_of_zero=THEIR_ZERO,
        ),
        Protocol(
            name="csq",
            source="CSQ (Yuan et al. 2020)",
            map_at=1000,
            divisor="hits",
            no_hit="counts 0",
            ties=THEIRS_UNSTABLE,
        ),
        Protocol(
            name="dpsh",
            source="DPSH (Li et al. 2016) and its PyTorch versions",
            divisor="hits",
            no_hit="counts 0",
            ties=THEIRS_UNSTABLE,
            sign_of_zero=THEIR_ZERO,
        ),
        Protocol(
            name="barz",
            source="semantic-embeddings (Barz and Denzler 2019), theirs of real-valued features",
            ahp_at=250,
            query_excluded=True,
            prints_first="mahp_barz",
        ),
        Protocol(
            name="happier",
            source="HAPPIER (Ramzi et al. 2022), theirs of real-valued features",
            ties=THEIRS_UNSTABLE,
            query_excluded=True,
            query_has_relevance=True,
            prints_first="hap",
        ),
        Protocol(
            name="dyml",
            source="DyML (Sun et al. 2021), as in HAPPIER, theirs of real-valued features",
            ties=THEIRS_UNSTABLE,
            query_excluded=True,
            prints_first="map_mean_of_levels",
        ),
    )
}


def get_protocol(name: str) -> Protocol:
    """The protocol called ``name``; ValueError lists the names."""
    if name not in PROTOCOLS:
        raise ValueError(f"protocol: expected one of {', '.join(PROTOCOLS)}, got {name!r}")
    return PROTOCOLS[name]
