"""A traced network in 8-bit integers, by MXNet's own quantisation for oneDNN (CPU)."""

from __future__ import annotations

import numpy as np

from gluon_hash.deploy.graph import INPUT_NAME, Graph
from gluon_hash.engine import mx

__all__ = ["CALIBRATION_BATCH", "quantize"]

CALIBRATION_BATCH = 16


def quantize(graph: Graph, inputs: np.ndarray) -> Graph:
    """The network with convolutions and products in int8, its ranges those of ``inputs``.

    The parameters stay float32 in the file and are quantised when the network is loaded: it is
    not smaller, nor faster on every machine, which `gluon-hash export` measures. It runs on CPUs
    alone.

    Parameters
    ----------
    graph : Graph
        Without what gluon_hash.deploy.forms puts around a network, which is not quantised.
    inputs : float32, shape (N, ...)
        As the network takes them, typical of its use: the smallest and the largest value of each
        layer over them become the ends of its range. At least CALIBRATION_BATCH of them.

    Returns
    -------
    Graph

    Raises
    ------
    ValueError
        If there are fewer inputs.
    """
    if len(inputs) < CALIBRATION_BATCH:
        raise ValueError(
            f"quantize: expected {CALIBRATION_BATCH} inputs or more to find the ranges of the "
            f"layers, got {len(inputs)}"
        )
    whole = len(inputs) - len(inputs) % CALIBRATION_BATCH
    batches = mx.io.NDArrayIter(inputs[:whole], batch_size=CALIBRATION_BATCH, data_name=INPUT_NAME)
    return Graph(
        *mx.contrib.quantization.quantize_model_mkldnn(
            graph.symbol,
            graph.arguments,
            graph.states,
            data_names=[INPUT_NAME],
            label_names=None,
            ctx=mx.cpu(),
            calib_mode="naive",
            calib_data=batches,
            num_calib_examples=whole,
            quantized_dtype="auto",
            logger=None,
        )
    )
