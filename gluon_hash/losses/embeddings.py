"""Hierarchy-based embeddings: codes that point to their class's place on a unit sphere.

Source: Barz and Denzler, "Hierarchy-based Image Embeddings for Semantic Image Retrieval", WACV
2019.
"""

from __future__ import annotations

from types import ModuleType

from gluon_hash.engine import Loss, Tensor
from gluon_hash.losses.terms import check_weights, cross_entropy, level_label, term

__all__ = ["EmbeddingLoss", "EmbeddingSoftmaxLoss"]


class EmbeddingLoss(Loss):
    r"""One minus the cosine to the embedding of the class.

    .. math:: l_i = 1 - \cos(u_i, e_{y_i}), \quad e_a \cdot e_b = s(a, b)

    s is a similarity of the tree (gluon_hash.methods.memory.targets.class_embeddings).

    Inputs:
        - **code**: (batch_size, num_bits). - **level_labels**: (batch_size, K).
        - **embedding**: e, unit rows, (num_classes, num_bits).

    Outputs:
        - **loss**: (batch_size,), in [0, 2].
    """

    def __init__(self) -> None:
        super().__init__(weight=None, batch_axis=0)

    def hybrid_forward(
        self, F: ModuleType, code: Tensor, level_labels: Tensor, embedding: Tensor
    ) -> Tensor:
        own = F.take(embedding, level_label(F, level_labels))
        return 1.0 - F.sum(F.L2Normalization(code, mode="instance") * own, axis=1)


class EmbeddingSoftmaxLoss(Loss):
    r"""EmbeddingLoss plus the cross-entropy of a classifier on the code.

    .. math:: l_i = 1 - \cos(u_i, e_{y_i}) + \lambda \, \mathrm{CE}(z_i, y_i)

    Parameters
    ----------
    softmax_weight : float
        lambda; 0.1 in the paper. z is of the code itself (the paper's classifier sees the
        embedding).

    Inputs:
        - **code**, **level_labels**, **embedding**: as EmbeddingLoss.
        - **logits**: z, from Classifier: (batch_size, num_classes).

    Outputs:
        - **loss**: (batch_size,).

    Raises
    ------
    ValueError
        If the weight is negative.
    """

    def __init__(self, *, softmax_weight: float = 0.1) -> None:
        super().__init__(weight=None, batch_axis=0)
        check_weights(self, softmax_weight=softmax_weight)
        self._softmax_weight = softmax_weight
        with self.name_scope():
            self.embedding_loss = EmbeddingLoss()

    def hybrid_forward(
        self, F: ModuleType, code: Tensor, level_labels: Tensor, embedding: Tensor, logits: Tensor
    ) -> Tensor:
        entropy = cross_entropy(F, logits, level_label(F, level_labels))
        return term("embedding", self.embedding_loss(code, level_labels, embedding)) + term(
            "softmax", self._softmax_weight * entropy
        )
