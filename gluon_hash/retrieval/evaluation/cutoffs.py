"""Where the metrics of a ranking stop."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from gluon_hash.retrieval.evaluation.kernels.ranking import Ranks
from gluon_hash.retrieval.evaluation.protocols import Protocol

__all__ = ["Cutoffs"]


@dataclass(frozen=True, kw_only=True)
class Cutoffs:
    """Ranks at which the metrics stop, in items; one larger than the database is cut to it.

    The printed name of a metric says its cut-off: ``mahp@250``.

    Parameters
    ----------
    map, ahp : int, optional
        Of ``map`` and of mAHP; default: the protocol's.
    ndcg : int
        Of ``ndcg``.
    precision : int
        Of precision, recall, ACG and weighted recall.
    hit : int
        Of ``hit@k``: whether one of the first k is relevant.
    radius : int
        Of the precision and the recall within a Hamming radius, in bits.

    Raises
    ------
    ValueError
        If a rank is below 1 or the radius below 0.

    Examples
    --------
    >>> Cutoffs(ahp=250).precision
    100
    """

    map: int | None = None
    ahp: int | None = None
    ndcg: int = 100
    precision: int = 100
    hit: int = 1
    radius: int = 2

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            least = 0 if name == "radius" else 1
            if value is not None and value < least:
                raise ValueError(f"cut-offs: {name} must be at least {least}, got {value}")

    def ranks(self, protocol: Protocol, num_ranked: int) -> Ranks:
        """These cut-offs, or the protocol's where none is given, in a ranking of ``num_ranked``."""
        rules = protocol.cut_at(self.map, self.ahp)
        wanted = {
            "map": num_ranked if rules.map_at is None else rules.map_at,
            "ahp": rules.ahp_at,
            "ndcg": self.ndcg,
            "precision": self.precision,
            "hit": self.hit,
        }
        cut = {name: min(rank, num_ranked) for name, rank in wanted.items()}
        return Ranks(num_ranked=num_ranked, radius=self.radius, **cut)
