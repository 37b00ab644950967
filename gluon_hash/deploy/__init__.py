"""An exported network: symbol JSON, parameters and manifest; written, read, and used without
training code."""

from gluon_hash import runtime

runtime.prepare()

from gluon_hash.deploy.manifest import Manifest  # noqa: E402
from gluon_hash.deploy.predictor import Predictor  # noqa: E402
from gluon_hash.deploy.symbol import export_symbol  # noqa: E402

__all__ = ["Manifest", "Predictor", "export_symbol"]
