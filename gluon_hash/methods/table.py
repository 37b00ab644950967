"""The one table from a method's name to its class, and a method from a configuration's values."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, Literal

from gluon_hash.methods.binary_targets import CSQ, DPN, OrthoHash
from gluon_hash.methods.class_wise import DCDH, DCWH, HPDH, IDCWH, HPDHCoarseToFine
from gluon_hash.methods.classifiers import SSDH, GreedyHash, Softmax
from gluon_hash.methods.embeddings import Embedding, EmbeddingSoftmax
from gluon_hash.methods.expected_codeword import ExpectedCodeword
from gluon_hash.methods.method import Method
from gluon_hash.methods.pairwise import DCH, DHN, DPSH, DQN, DSDH, DSH, SHDH, HashNet
from gluon_hash.methods.semantic_indexing import SemanticIndexing
from gluon_hash.methods.triplets import DSRH, DTSH, DSRHYao

__all__ = ["DEFAULT", "METHODS", "UnknownMethodError", "class_of", "method_from", "methods_that"]

DEFAULT = "hpdh"  # of a configuration that names none
METHODS: dict[str, type[Method]] = {
    "hpdh": HPDH,
    "dcwh": DCWH,
    "hpdh_coarse_to_fine": HPDHCoarseToFine,
    "idcwh": IDCWH,
    "dcdh": DCDH,
    "dpsh": DPSH,
    "dhn": DHN,
    "hashnet": HashNet,
    "dsdh": DSDH,
    "dsh": DSH,
    "dtsh": DTSH,
    "dsrh": DSRH,
    "dsrh_yao": DSRHYao,
    "dch": DCH,
    "dqn": DQN,
    "shdh": SHDH,
    "csq": CSQ,
    "dpn": DPN,
    "orthohash": OrthoHash,
    "expected_codeword": ExpectedCodeword,
    "semantic_indexing": SemanticIndexing,
    "greedyhash": GreedyHash,
    "ssdh": SSDH,
    "softmax": Softmax,
    "embedding": Embedding,
    "embedding_softmax": EmbeddingSoftmax,
}


class UnknownMethodError(ValueError):
    """No method has this name."""


def class_of(name: object) -> type[Method]:
    """The class of a method by its name.

    Raises
    ------
    UnknownMethodError
        If there is none; the nearest names are said.
    """
    if not isinstance(name, str) or name not in METHODS:
        near = difflib.get_close_matches(str(name), METHODS, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise UnknownMethodError(
            f"no method is called {name!r}; {hint}there are {', '.join(METHODS)}"
        )
    return METHODS[name]


def methods_that(attribute: Literal["missing_labels", "mixes"]) -> str:
    """The names of the methods that can do this, for a message about one that cannot.

    Examples
    --------
    >>> methods_that("missing_labels")
    'expected_codeword, softmax'
    """
    return ", ".join(name for name, method in METHODS.items() if getattr(method, attribute))


def method_from(values: Mapping[str, Any]) -> Method:
    """A method from ``name`` and its numbers, such as a configuration's section ``loss`` holds.

    Raises
    ------
    UnknownMethodError
        If there is no such method.
    ValidationError
        Of pydantic, if the method lacks a setting or a value does not fit.

    Examples
    --------
    >>> method_from({"name": "dch", "gamma": 10}).gamma
    10.0
    """
    return class_of(values.get("name", DEFAULT)).model_validate({"name": DEFAULT, **values})
