"""An exported .onnx run by OpenVINO, on CPUs the fastest engine here; it needs no MXNet."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np

from gluon_hash.environment import threads
from gluon_hash.errors import DataError, MissingPackageError

__all__ = ["open_openvino"]

# what is asked for, and what the processor must be able to do: OpenVINO takes bfloat16 by itself
# where it can, and float32 where it cannot, so that both are named
PRECISIONS = {"float32": ("f32", "FP32"), "bfloat16": ("bf16", "BF16")}


def open_openvino(
    model: Path, input_name: str, precision: Literal["float32", "bfloat16"] = "float32"
) -> Callable[[np.ndarray], np.ndarray]:
    """The network of an .onnx on the CPU, as inputs -> outputs; any thread may call it.

    Parameters
    ----------
    model : Path
    input_name : str
    precision : {"float32", "bfloat16"}
        What convolutions and products are computed in.

    Raises
    ------
    DataError
        If OpenVINO cannot read the file.
    MissingPackageError
        If it is not installed.
    ValueError
        If the processor does not compute in this precision.
    """
    try:
        import openvino
    except ImportError as error:
        raise MissingPackageError(
            f"OpenVINO is not installed ({error}); pip install 'gluon_hash[fast]'"
        ) from error
    core = openvino.Core()
    hint, ability = PRECISIONS[precision]
    if ability not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise ValueError(
            f"this processor does not compute in {precision} (it would need AVX512-BF16 or AMX); "
            "leave the precision out"
        )
    settings = {
        "INFERENCE_PRECISION_HINT": hint,
        "INFERENCE_NUM_THREADS": threads(),
        "PERFORMANCE_HINT": "LATENCY",  # all threads on one batch
    }
    try:
        compiled = core.compile_model(core.read_model(str(model)), "CPU", settings)
    except Exception as error:  # its errors have no common base
        raise DataError(f"OpenVINO cannot read it: {error}", path=model) from error
    lock = threading.Lock()  # a compiled network has one request

    def run(inputs: np.ndarray) -> np.ndarray:
        with lock:
            return compiled({input_name: np.ascontiguousarray(inputs)})[0]

    return run
