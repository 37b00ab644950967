"""A network over a loader: relaxed codes, a CodeTable, or a FeatureTable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gluon_hash.engine import gluon, mx
from gluon_hash.errors import DivergedError
from gluon_hash.progress import track
from gluon_hash.records.image_batches import on_devices
from gluon_hash.retrieval import codes
from gluon_hash.retrieval.codes.fingerprint import fingerprint
from gluon_hash.retrieval.codes.tables import CodeTable, FeatureTable

__all__ = ["encode_codes", "encode_features", "fingerprint_of", "run_loader", "run_net"]


def fingerprint_of(net: gluon.HybridBlock) -> str:
    """The fingerprint of a network: of the values of all its parameters."""
    parameters = net.collect_params().values()
    return fingerprint(parameter.list_data()[0].asnumpy() for parameter in parameters)


def run_net(
    net: gluon.HybridBlock, loader: Any, contexts: Sequence[mx.Context], description: str = "encode"
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outputs of ``net`` in inference mode for every image of ``loader``.

    Parameters
    ----------
    net : HybridBlock
        Input -> (batch_size, D).
    loader : EvalLoader or FeatureEvalLoader
    contexts : sequence of Context
        Each batch is split over them.
    description : str
        For the progress shown.

    Returns
    -------
    outputs : float32, shape (N, D)
    ids : int64, shape (N,)
    level_labels : int32, shape (N, K)

    Raises
    ------
    DivergedError
        If an output is NaN.
    RuntimeError
        If the loader did not give each id exactly once.
    """
    if not net._active:  # to do it again drops the graph that MXNet has made and tuned
        net.hybridize(static_alloc=True, static_shape=True)

    def run(batch: Any) -> list[np.ndarray]:
        return [output.asnumpy() for output in [net(part) for part in on_devices(batch, contexts)]]

    return run_loader(run, loader, description)


def run_loader(
    run: Callable[[Any], Sequence[np.ndarray]], loader: Any, description: str = "encode"
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As run_net; ``run`` gives the outputs of a Batch, in parts: (batch_size, D) in all."""
    outputs: list[np.ndarray] = []
    ids: list[np.ndarray] = []
    labels: list[np.ndarray] = []
    for batch in track(loader, description, len(loader.ids), size=lambda batch: len(batch.id)):
        outputs.extend(run(batch))
        ids.append(batch.id)
        labels.append(batch.level_labels.asnumpy().astype(np.int32))
    result = np.concatenate(outputs)
    given_ids = np.concatenate(ids)
    if not np.array_equal(given_ids, loader.ids):
        raise RuntimeError(
            f"{description}: the loader gave {len(given_ids)} ids that are not its "
            f"{len(loader.ids)}"
        )
    if np.isnan(result).any():
        diverged = given_ids[np.flatnonzero(np.isnan(result).any(axis=1))[0]]
        raise DivergedError(
            f"{description}: the network's output for id {diverged} is NaN; its weights diverged"
        )
    return result, given_ids, np.concatenate(labels)


def encode_codes(
    net: gluon.HybridBlock, loader: Any, contexts: Sequence[mx.Context], description: str = "encode"
) -> CodeTable:
    """The codes of every image of ``loader``; arguments and errors as run_net."""
    relaxed, ids, labels = run_net(net, loader, contexts, description)
    return CodeTable(ids, codes.pack(relaxed), labels, relaxed.shape[1])


def encode_features(
    backbone: gluon.HybridBlock,
    loader: Any,
    contexts: Sequence[mx.Context],
    provenance: dict[str, Any],
) -> FeatureTable:
    """The pooled features, float16, of each image of ``loader``; ``provenance``: what made them."""
    features, ids, labels = run_net(backbone, loader, contexts, "encode features")
    return FeatureTable(ids, features.astype(np.float16), labels, provenance)
