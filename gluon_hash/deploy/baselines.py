"""Fitted baselines as networks, so that they are exported as everything else is."""

from __future__ import annotations

from types import ModuleType

import numpy as np

from gluon_hash.engine import HybridBlock, Tensor, nd, nn
from gluon_hash.retrieval.baselines.models import KernelHash, LinearHash

__all__ = ["as_network"]


class _Kernel(HybridBlock):
    """exp(-gamma |x - a|^2) for the anchors a: (batch_size, D) -> (batch_size, A)."""

    def __init__(self, anchors: np.ndarray, gamma: float) -> None:
        super().__init__()
        self._gamma, self._num_anchors = float(gamma), len(anchors)
        with self.name_scope():
            self.anchors = self.params.get_constant("anchors", anchors.astype(np.float32))
            squared = (anchors.astype(np.float64) ** 2).sum(axis=1, keepdims=True).T
            self.squared = self.params.get_constant("squared", squared.astype(np.float32))

    def hybrid_forward(
        self, F: ModuleType, feature: Tensor, anchors: Tensor, squared: Tensor
    ) -> Tensor:
        """The kernel, as gluon_hash.retrieval.baselines.models.rbf_kernel."""
        products = F.FullyConnected(feature, anchors, no_bias=True, num_hidden=self._num_anchors)
        lengths = F.sum(F.square(feature), axis=1, keepdims=True)
        distances = F.relu(F.broadcast_add(lengths, squared) - 2.0 * products)
        return F.exp(-self._gamma * distances)


def as_network(fitted: LinearHash | KernelHash) -> HybridBlock:
    """The baseline as a network: features, float32 (batch_size, D) -> relaxed codes; initialised.

    The mean goes into the bias, so that outputs differ from ``fitted.project`` by rounding.
    """
    net = nn.HybridSequential()
    if isinstance(fitted, KernelHash):
        net.add(_Kernel(fitted.anchors, fitted.gamma))
    weights = fitted.weights.astype(np.float64)
    last = nn.Dense(weights.shape[1], in_units=weights.shape[0])
    net.add(last)
    net.initialize()
    last.weight.set_data(nd.array(weights.T))
    last.bias.set_data(nd.array(-fitted.mean.astype(np.float64) @ weights))
    return net
