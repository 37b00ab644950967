"""An exported network: symbol JSON, parameters, manifest, ONNX; used without training code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gluon_hash.lazy import on_demand

if TYPE_CHECKING:
    from gluon_hash.deploy.manifest import Manifest
    from gluon_hash.deploy.onnx import export_onnx, require_onnx
    from gluon_hash.deploy.predictor import Predictor
    from gluon_hash.deploy.symbol import export_symbol

__all__ = ["Manifest", "Predictor", "export_onnx", "export_symbol", "require_onnx"]

__getattr__ = on_demand(
    __name__,
    {
        "Manifest": "gluon_hash.deploy.manifest",
        "Predictor": "gluon_hash.deploy.predictor",
        "export_onnx": "gluon_hash.deploy.onnx",
        "export_symbol": "gluon_hash.deploy.symbol",
        "require_onnx": "gluon_hash.deploy.onnx",
    },
)


def __dir__() -> list[str]:
    return sorted(__all__)
