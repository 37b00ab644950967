"""A classifier whose probabilities are compared by the tree, in floats and in bits."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from gluon_hash import losses
from gluon_hash.engine import HybridBlock
from gluon_hash.hierarchy.similarity import lcs_height
from gluon_hash.methods.method import Codewords, Method, Task

__all__ = ["SemanticIndexing"]


class SemanticIndexing(Method):
    r"""Class probabilities p of the finest level, and the similarity p' S q, S by the tree.

    The code hashes that similarity: the signs of r_j' S^(1/2) p for Gaussian r_j, so that two codes
    differ in a bit with probability angle / pi, the angle that p and q make under S.

    Source: Deng, Berg and Fei-Fei, "Hierarchical Semantic Indexing for Large Scale Image
    Retrieval", CVPR 2011. Of the paper we have the abstract and summaries: probabilities of
    classes, a matrix S that the tree gives, and a hashing of the bilinear similarity. A softmax
    classifier in place of one for each class, S = 1 - height(lcs) / height(root) as Barz and
    Denzler have it, and the hashing, by random hyperplanes (Charikar 2002), are ours.
    """

    outputs: ClassVar[Literal["code", "logits"]] = "logits"
    distance: ClassVar[str] = "bilinear"
    other_distances: ClassVar[tuple[str, ...]] = ("posterior",)
    name: Literal["semantic_indexing"] = "semantic_indexing"

    def uses_hierarchy(self) -> bool:
        """In what it compares; its training does not."""
        return True

    def loss(self, task: Task) -> HybridBlock:
        """The cross-entropy of the finest level."""
        return losses.ExpectedCodewordLoss([1.0])

    def codewords(self, task: Task) -> Codewords:
        """S^(1/2) r_j for each bit j, and no thresholds."""
        values, vectors = np.linalg.eigh(lcs_height(task.hierarchy))
        scales = np.sqrt(np.maximum(values, 0.0))  # rounding may leave a value below 0
        drawn = task.rng().standard_normal((len(values), task.num_bits))
        hyperplanes = (vectors * scales) @ vectors.T @ drawn
        return Codewords(hyperplanes.astype(np.float32), np.zeros(task.num_bits, np.float32))
