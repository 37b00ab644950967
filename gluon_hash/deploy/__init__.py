"""An exported network: symbol JSON, parameters, manifest, ONNX; used without training code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gluon_hash.lazy import on_demand

if TYPE_CHECKING:
    from gluon_hash.deploy.export import Form, export_network
    from gluon_hash.deploy.manifest import Manifest
    from gluon_hash.deploy.predictor import Predictor

__all__ = ["Form", "Manifest", "Predictor", "export_network"]

__getattr__ = on_demand(
    __name__,
    {
        "Form": "gluon_hash.deploy.export",
        "Manifest": "gluon_hash.deploy.manifest",
        "Predictor": "gluon_hash.deploy.predictor",
        "export_network": "gluon_hash.deploy.export",
    },
)


def __dir__() -> list[str]:
    return sorted(__all__)
