"""Hierarchical deep hashing: learn, evaluate and serve binary codes for images.

The names below are imported when they are first asked for; MXNet is, when something trains or
encodes with a network.
"""

from typing import TYPE_CHECKING

from gluon_hash.lazy import on_demand

if TYPE_CHECKING:
    from gluon_hash import datasets, losses, methods
    from gluon_hash.experiment.api import train
    from gluon_hash.experiment.comparison.compare import compare
    from gluon_hash.experiment.models.model import load_model
    from gluon_hash.hierarchy import Hierarchy
    from gluon_hash.retrieval import CodeTable, FeatureTable, HammingIndex, evaluate

__version__ = "0.1.0"

__all__ = [
    "CodeTable",
    "FeatureTable",
    "HammingIndex",
    "Hierarchy",
    "compare",
    "datasets",
    "evaluate",
    "load_model",
    "losses",
    "methods",
    "train",
]

__getattr__ = on_demand(
    __name__,
    {
        "CodeTable": "gluon_hash.retrieval",
        "FeatureTable": "gluon_hash.retrieval",
        "HammingIndex": "gluon_hash.retrieval",
        "Hierarchy": "gluon_hash.hierarchy",
        "compare": "gluon_hash.experiment.comparison.compare",
        "datasets": "gluon_hash.datasets",
        "evaluate": "gluon_hash.retrieval",
        "load_model": "gluon_hash.experiment.models.model",
        "losses": "gluon_hash.losses",
        "methods": "gluon_hash.methods",
        "train": "gluon_hash.experiment.api",
    },
)


def __dir__() -> list[str]:
    """What the front door offers."""
    return [*__all__, "__version__"]
