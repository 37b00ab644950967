"""Mixup: a network is trained on weighted means of two images, and on both their labels.

Source: Zhang, Cisse, Dauphin and Lopez-Paz, "mixup: Beyond Empirical Risk Minimization", ICLR 2018,
arXiv:1710.09412. The weight is one for a batch, as in their code; the other image is the one at the
same place from the batch's end, as batches are shuffled anyway (they draw a permutation).
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from gluon_hash.engine import HybridBlock, Loss, Tensor, nd
from gluon_hash.losses.terms import collected_terms, term

__all__ = ["MixedLoss", "mixed"]


def mixed(
    images: Sequence[nd.NDArray], level_labels: nd.NDArray, alpha: float
) -> tuple[list[nd.NDArray], nd.NDArray]:
    """A batch with its own reverse mixed in.

    Parameters
    ----------
    images : sequence of NDArray, each (B_d, ...)
        A device's images each; they are mixed with others of the same device.
    level_labels : NDArray, (B, K)
        Of all of them.
    alpha : float
        > 0: the weight is of Beta(alpha, alpha), by MXNet's random numbers.

    Returns
    -------
    images : list of NDArray
    level_labels : NDArray, (B, 2 K + 1)
        For MixedLoss: those of the one image, those of the other, and the weight of the one.
    """
    first = nd.random.gamma(alpha, shape=(1, 1), ctx=level_labels.context) + 1e-30
    weight = first / (first + nd.random.gamma(alpha, shape=(1, 1), ctx=level_labels.context))
    blended, others, start = [], [], 0
    for image in images:
        own = weight.as_in_context(image.context).reshape((1,) * image.ndim)
        reverse = nd.flip(image, axis=0)
        blended.append(nd.broadcast_mul(image, own) + nd.broadcast_mul(reverse, 1 - own))
        others.append(nd.flip(level_labels[start : start + len(image)], axis=0))
        start += len(image)
    weights = nd.broadcast_to(weight, (len(level_labels), 1)).astype(level_labels.dtype)
    return blended, nd.concat(level_labels, nd.concat(*others, dim=0), weights, dim=1)


class MixedLoss(Loss):
    r"""A loss for images that are mixed of two.

    .. math:: l_i = \lambda_i \, l(u_i, y_i) + (1 - \lambda_i) \, l(u_i, y'_i)

    Parameters
    ----------
    loss : HybridBlock
        Called (code, level_labels, *others).

    Inputs:
        - **code**, **others**: of the loss.
        - **level_labels**: y, y' and lambda, shape (batch_size, 2 K + 1): see ``mixed``.

    Outputs:
        - **loss**: (batch_size,).
    """

    def __init__(self, loss: HybridBlock) -> None:
        super().__init__(weight=None, batch_axis=0)
        self.loss = loss

    def hybrid_forward(
        self, F: ModuleType, code: Tensor, level_labels: Tensor, *others: Tensor
    ) -> Tensor:
        """See Outputs."""
        weight = F.slice_axis(level_labels, axis=1, begin=-1, end=None).reshape(shape=(-1,))
        labels = F.slice_axis(level_labels, axis=1, begin=0, end=-1)
        total, terms = 0.0, []
        for each, share in zip(F.split(labels, num_outputs=2, axis=1), (weight, 1 - weight)):
            with collected_terms() as found:
                total = total + share * self.loss(code, each, *others)
            terms.append({name: share * value for name, value in found.items()})
        for name, value in terms[0].items():
            term(name, value + terms[1][name])
        return total
