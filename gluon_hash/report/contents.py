"""What a report is made of: what was trained, its codes, where its images are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gluon_hash.hierarchy import Hierarchy
from gluon_hash.retrieval import CodeTable, Measured

__all__ = ["Codes", "Images", "Trained"]

Picture = Callable[[int], "np.ndarray | None"]


@dataclass(frozen=True)
class Trained:
    """What a run folder says of itself.

    Parameters
    ----------
    name : str
    config : mapping
        run.yaml, section by section.
    text : str
        run.yaml as it is written.
    versions : mapping
        versions.json; empty if it is not there.
    epochs : sequence of mappings
        The lines of log.jsonl.
    best_epoch : int or None
        The epoch that is kept, from 1.
    reference : mapping
        Line to beat ("untrained", "itq") -> metric -> value, on held-out images.
    split : mapping
        split.json of the data; empty if it is not there.
    """

    name: str
    config: Mapping[str, Any]
    text: str
    versions: Mapping[str, Any]
    epochs: Sequence[Mapping[str, Any]]
    best_epoch: int | None
    reference: Mapping[str, Mapping[str, float]]
    split: Mapping[str, Any]

    def section(self, name: str) -> Mapping[str, Any]:
        """A section of the configuration; empty if it has none."""
        values = self.config.get(name)
        return values if isinstance(values, Mapping) else {}


def _no_picture(position: int) -> np.ndarray | None:
    return None


@dataclass(frozen=True)
class Images:
    """Images of queries and database by their position in the codes; None: there is none.

    Parameters
    ----------
    query, database : callable
        Position -> uint8 (height, width, 3) or None.
    note : str
        Why there are no images, where there are none.
    """

    query: Picture = field(default=_no_picture)
    database: Picture = field(default=_no_picture)
    note: str = ""


@dataclass(frozen=True)
class Codes:
    """Codes of queries and database, measured.

    Parameters
    ----------
    query, database : CodeTable
    hierarchy : Hierarchy
        Whose labels both have.
    measured : Measured
        Every metric of every query.
    origin : str
        Where they come from: "query.npz and database.npz in runs/a", "encoded for this report".
    images : Images
    """

    query: CodeTable
    database: CodeTable
    hierarchy: Hierarchy
    measured: Measured
    origin: str
    images: Images = Images()
