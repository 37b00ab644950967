"""DSRH of Yao et al.: triplets in order, and a classifier; not the DSRH of Zhao et al.

Source: Yao, Long, Mei and Rui, "Deep Semantic-Preserving and Ranking-Based Hashing for Image
Retrieval", IJCAI 2016, of which we had no more than what it combines.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from gluon_hash.engine import Tensor
from gluon_hash.losses.pairs import PairwiseLoss, other_image, triplet_difference, triplet_sum
from gluon_hash.losses.terms import check_weights, cross_entropy, level_label, quantization, term

__all__ = ["DSRHYaoLoss"]


class DSRHYaoLoss(PairwiseLoss):
    r"""A hinge on every triplet of the batch, and the cross-entropy of a classifier on the code.

    .. math:: l_i = \mathrm{mean}_{p,n} \max(\rho - x_{ipn}, 0) + \mu \, \mathrm{CE}(z_i, y_i)
              + \lambda \frac{1}{L} |u_i - \mathrm{sign}(u_i)|^2, \quad
              x_{ipn} = \tfrac{1}{L} (u_i \cdot u_p - u_i \cdot u_n)

    over the images p that are more similar to i than n is; an image without a triplet has the other
    two terms.

    Parameters
    ----------
    num_bits : int
    level_weights :
        See PairwiseLoss.
    margin : float
        rho, in the unit of x, which lies in [-2, 2] on codes.
    softmax_weight, quantization_weight : float
        mu, lambda.

    Inputs:
        - **code**: (batch_size, num_bits). - **level_labels**: (batch_size, K).
        - **logits**: z, (batch_size, num_classes[0]), from Classifier.

    Outputs:
        - **loss**: (batch_size,).

    Raises
    ------
    ValueError
        If ``num_bits`` or ``margin`` is not positive, or a weight does not fit.

    A stream that ranks triplets and one that classifies are the paper's; that the classifier reads
    the code, the form of the hinge, the quantisation and all numbers are ours.
    """

    def __init__(
        self,
        num_bits: int,
        level_weights: Sequence[float] | None = None,
        *,
        margin: float = 0.5,
        softmax_weight: float = 1.0,
        quantization_weight: float = 0.1,
    ) -> None:
        super().__init__(level_weights)
        if num_bits < 1 or not margin > 0:
            raise ValueError(
                f"DSRHYaoLoss: expected num_bits >= 1 and margin > 0, got {num_bits}, {margin}"
            )
        check_weights(self, softmax_weight=softmax_weight, quantization_weight=quantization_weight)
        self._num_bits, self._margin = num_bits, margin
        self._softmax_weight, self._quantization_weight = softmax_weight, quantization_weight

    def hybrid_forward(
        self, F: ModuleType, code: Tensor, level_labels: Tensor, logits: Tensor
    ) -> Tensor:
        inner = F.dot(code, code, transpose_b=True) / self._num_bits
        similar = self.similarity(F, level_labels, level_labels)
        # (anchor, positive, negative); an image is not its own positive: its similarity to itself
        # counts as 0
        wanted = F.broadcast_greater(
            (similar * other_image(F, similar)).expand_dims(2), similar.expand_dims(1)
        )
        hinge = F.relu(-triplet_difference(F, inner - self._margin, inner))
        triplets = triplet_sum(F, wanted, hinge) / F.maximum(
            triplet_sum(F, wanted, F.ones_like(wanted)), 1.0
        )
        entropy = cross_entropy(F, logits, level_label(F, level_labels))
        return (
            term("triplets", triplets)
            + term("entropy", self._softmax_weight * entropy)
            + term("quantization", self._quantization_weight * quantization(F, code))
        )
