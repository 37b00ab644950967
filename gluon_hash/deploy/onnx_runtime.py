"""An exported .onnx run by ONNX Runtime, which needs no MXNet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from gluon_hash.environment import threads
from gluon_hash.errors import DataError, MissingPackageError

__all__ = ["open_onnx"]


def open_onnx(model: Path, input_name: str) -> Callable[[np.ndarray], np.ndarray]:
    """The network of an .onnx on the CPU, as inputs -> outputs; any thread may call it.

    Raises
    ------
    DataError
        If ONNX Runtime cannot read the file.
    MissingPackageError
        If it is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingPackageError(
            f"ONNX Runtime is not installed ({error}); pip install 'gluon_hash[onnx]'"
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads()
    try:
        session = onnxruntime.InferenceSession(
            str(model), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # its errors have no common base
        raise DataError(f"ONNX Runtime cannot read it: {error}", path=model) from error
    return lambda inputs: session.run(None, {input_name: inputs})[0]
