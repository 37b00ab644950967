"""Whether exported files compute what the network computes, whoever runs them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from gluon_hash.deploy.graph import INPUT_NAME
from gluon_hash.deploy.onnx_runtime import open_onnx
from gluon_hash.deploy.runtimes import MXNET_RUNTIMES, without_fused_graphs
from gluon_hash.progress import log
from gluon_hash.retrieval.codes.packing import unpack

__all__ = ["TOLERANCE", "compare_runtimes", "difference_of"]

TOLERANCE = 1e-4  # of the relaxed code, relative to its largest value
FUSED = ("module", "c_api")  # where MXNet fuses operations of a graph that a program binds


def compare_runtimes(
    files: Mapping[str, Path], inputs: np.ndarray, expected: np.ndarray
) -> tuple[dict[str, float], bool]:
    """Run the files in each way and hold the outputs against the network's.

    Parameters
    ----------
    files : mapping
        "symbol", "params" and, if there is one, "onnx".
    inputs : ndarray
        As the graph takes them.
    expected : float32, shape (N, num_bits)
        The relaxed codes of the network.

    Returns
    -------
    differences : dict of str to float
        By runtime; see difference_of.
    fused_graphs : bool
        False: Module and the C predict API agree only with MXNET_SUBGRAPH_BACKEND=NONE in their
        environment, which is said.

    Raises
    ------
    RuntimeError
        If one differs by more than TOLERANCE.
    """
    differences, fused = {}, True
    for name, opened in MXNET_RUNTIMES.items():
        network = (files["symbol"], files["params"], INPUT_NAME)
        difference = difference_of(opened(*network)(inputs), expected)
        if name in FUSED and not _is_small(difference, expected):
            with without_fused_graphs():
                difference = difference_of(opened(*network)(inputs), expected)
            fused = False
        differences[name] = difference
    if "onnx" in files:
        differences["onnx"] = difference_of(open_onnx(files["onnx"], INPUT_NAME)(inputs), expected)
    for name, difference in differences.items():
        if not _is_small(difference, expected):
            raise RuntimeError(
                f"{files['symbol'].name}: run by {name} it differs from the trained network by "
                f"{difference:.2g}, more than {TOLERANCE:.0e}; nothing was written"
            )
    if not fused:
        log(
            "warning: MXNet 1.9.1 fuses this graph wrongly where a program binds it: with Module "
            "and the C predict API set MXNET_SUBGRAPH_BACKEND=NONE (the manifest says so too)"
        )
    return differences, fused


def difference_of(output: np.ndarray, expected: np.ndarray) -> float:
    """Largest difference of relaxed codes; of packed ones, how far from 0 a flipped bit was.

    Parameters
    ----------
    output : float32, shape (N, num_bits), or uint8, shape (N, ceil(num_bits / 8))
    expected : float32, shape (N, num_bits)
    """
    if output.dtype != np.uint8:
        return float(np.abs(output - expected).max())
    flipped = (unpack(output, expected.shape[1]) > 0) != (expected >= 0)
    return float(np.abs(expected[flipped]).max(initial=0.0))


def _is_small(difference: float, expected: np.ndarray) -> bool:
    return difference <= TOLERANCE * max(1.0, float(np.abs(expected).max()))
