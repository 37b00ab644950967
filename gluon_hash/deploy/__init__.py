"""An exported network: symbol JSON, parameters, manifest, ONNX; used without training code."""

from gluon_hash.deploy.manifest import Manifest
from gluon_hash.deploy.onnx import export_onnx, require_onnx
from gluon_hash.deploy.predictor import Predictor
from gluon_hash.deploy.symbol import export_symbol

__all__ = ["Manifest", "Predictor", "export_onnx", "export_symbol", "require_onnx"]
