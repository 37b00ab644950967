"""The table of kinds, and a kind from its name and parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from gluon_hash.retrieval.index.kinds.base import Kind
from gluon_hash.retrieval.index.kinds.flat import Flat
from gluon_hash.retrieval.index.kinds.hnsw import Hnsw
from gluon_hash.retrieval.index.kinds.ivf import Ivf
from gluon_hash.retrieval.index.kinds.multihash import MultiHash

__all__ = ["KINDS", "from_dict", "kind_for", "to_dict"]

KINDS: dict[str, type[Kind]] = {
    "flat": Flat,
    "multihash": MultiHash,
    "hnsw": Hnsw,
    "ivf": Ivf,
}


def kind_for(
    name: str, num_bits: int, num_codes: int, given: Mapping[str, int | None] | None = None
) -> Kind:
    """A kind whose parameters fit this many codes.

    Parameters
    ----------
    name : str
        A key of KINDS.
    num_bits, num_codes : int
    given : mapping, optional
        Parameters that are set by hand; one that is None is chosen by the kind.

    Raises
    ------
    ValueError
        If there is no such kind, or it has no parameter of a given name.
    """
    if name not in KINDS:
        raise ValueError(f"kind: expected one of {', '.join(KINDS)}, got {name!r}")
    kind = KINDS[name]
    parameters = {
        parameter: value for parameter, value in (given or {}).items() if value is not None
    }
    unknown = set(parameters) - {field.name for field in fields(kind)}  # type: ignore[arg-type]
    if unknown:
        raise ValueError(f"kind {name} does not take {', '.join(sorted(unknown))}")
    return kind(**{**kind.defaults(num_bits, num_codes), **parameters})


def to_dict(kind: Kind) -> dict[str, Any]:
    """Name and parameters, as JSON values."""
    return {"kind": kind.name, "parameters": asdict(kind)}  # type: ignore[call-overload]


def from_dict(description: dict[str, Any]) -> Kind:
    """The inverse of to_dict; KeyError or TypeError if it is not one of its results."""
    return KINDS[description["kind"]](**description.get("parameters", {}))
