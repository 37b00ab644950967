"""Methods that pull codes to class embeddings made of the tree (Barz and Denzler)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gluon_hash import losses
from gluon_hash.engine import HybridBlock
from gluon_hash.hierarchy import similarity
from gluon_hash.methods.memory.base import FixedTargets, Memory
from gluon_hash.methods.memory.targets import class_embeddings
from gluon_hash.methods.method import Method, Task, paper
from gluon_hash.nets.heads import Classifier

__all__ = ["Embedding", "EmbeddingSoftmax"]


class _Embedded(Method):
    """The class embeddings of the tree as memory."""

    def uses_hierarchy(self) -> bool:
        """Always."""
        return True

    def memory(self, task: Task) -> Memory:
        """Unit vectors whose inner products are the similarities of the tree."""
        of_classes = similarity.lcs_height(task.hierarchy)
        return FixedTargets([class_embeddings(of_classes, task.num_bits, task.rng())])


class Embedding(_Embedded):
    """The cosine distance to the embedding of the class.

    Source: Barz and Denzler, WACV 2019.
    """

    name: Literal["embedding"] = "embedding"

    def loss(self, task: Task) -> HybridBlock:
        """EmbeddingLoss."""
        return losses.EmbeddingLoss()


class EmbeddingSoftmax(_Embedded):
    """The same with a classifier that reads the code.

    Source: Barz and Denzler, WACV 2019.
    """

    name: Literal["embedding_softmax"] = "embedding_softmax"
    softmax_weight: float = Field(
        paper(losses.EmbeddingSoftmaxLoss, "softmax_weight"),
        ge=0,
        description="of the classifier's cross-entropy",
    )

    def loss(self, task: Task) -> HybridBlock:
        """EmbeddingSoftmaxLoss."""
        return losses.EmbeddingSoftmaxLoss(softmax_weight=self.softmax_weight)

    def head(self, task: Task) -> Classifier:
        """Of the finest classes."""
        return Classifier(task.num_bits, task.num_classes[:1])
