"""What goes with the code: classifiers and centers that a loss needs, codewords that make it."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

import numpy as np

from gluon_hash.engine import Block, HybridBlock, Tensor, init, nd, nn

__all__ = ["Classifier", "ExpectedCodeword", "LearnedCenters", "straight_through_sign"]


def straight_through_sign(F: ModuleType, code: Tensor) -> Tensor:
    """The signs, sign(0) = +1; gradients pass as through the identity (GreedyHash)."""
    sign = 2.0 * (code >= 0) - 1.0
    return code + F.stop_gradient(sign - code)


class Classifier(HybridBlock):
    """Code -> logits of the classes of each level.

    Parameters
    ----------
    num_bits : int
    num_classes : sequence of int, length K
        Classes per level, finest first.
    reads : "code", "sigmoid" or "sign"
        What is classified: the relaxed code; its sigmoid (SSDH's latent layer); its sign, with the
        gradient passed straight through (GreedyHash).
    use_bias : bool

    Inputs:
        - **code**: float, shape (batch_size, num_bits).

    Outputs:
        - **logits**: K arrays, shape (batch_size, num_classes[k]).

    Raises
    ------
    ValueError
        If ``reads`` is none of the three.
    """

    def __init__(
        self,
        num_bits: int,
        num_classes: Sequence[int],
        *,
        reads: str = "code",
        use_bias: bool = True,
    ) -> None:
        super().__init__()
        if reads not in ("code", "sigmoid", "sign"):
            raise ValueError(f"Classifier: reads must be code, sigmoid or sign, got {reads!r}")
        self._reads = reads
        with self.name_scope():
            self.layers = [
                nn.Dense(
                    count, use_bias=use_bias, in_units=num_bits, weight_initializer=init.Xavier()
                )
                for count in num_classes
            ]
            for layer in self.layers:
                self.register_child(layer)

    def hybrid_forward(self, F: ModuleType, code: Tensor) -> list[Tensor]:
        read = {
            "code": lambda: code,
            "sigmoid": lambda: F.sigmoid(code),
            "sign": lambda: straight_through_sign(F, code),
        }[self._reads]()
        return [layer(read) for layer in self.layers]


class LearnedCenters(Block):
    """Class centers that are parameters.

    Parameters
    ----------
    num_bits : int
    num_classes : sequence of int, length K
        Classes per level, finest first.

    Inputs:
        - **code**: says on which device; its values are not read.

    Outputs:
        - **centers**: K arrays, shape (num_classes[k], num_bits); they start as N(0, 1).

    Source: IDCWH and DCDH learn their centers; HPDH and DCWH compute them.
    """

    def __init__(self, num_bits: int, num_classes: Sequence[int]) -> None:
        super().__init__()
        with self.name_scope():
            self.centers = [
                self.params.get(f"center_{level}", shape=(count, num_bits), init=init.Normal(1.0))
                for level, count in enumerate(num_classes)
            ]
        for level, center in enumerate(self.centers):
            setattr(self, f"center_{level}", center)  # so that it is saved with the block

    def forward(self, code: Tensor) -> list[Tensor]:
        """The centers on the device of the codes."""
        return [center.data(code.context) for center in self.centers]


class ExpectedCodeword(HybridBlock):
    r"""Logits of the classes -> the codeword that is expected of them, a relaxed code.

    .. math:: u = \sum_c \mathrm{softmax}(z)_c \, t_c - \theta

    Parameters
    ----------
    num_classes, num_bits : int

    Inputs:
        - **logits**: z, float, shape (batch_size, num_classes).

    Outputs:
        - **code**: float, shape (batch_size, num_bits).

    The codewords t in {-1, +1} and the thresholds theta in (-1, 1), one for each bit, never train;
    they are kept with the other parameters.
    """

    def __init__(self, num_classes: int, num_bits: int) -> None:
        super().__init__()
        with self.name_scope():
            self.codewords = self.params.get(
                "codewords", shape=(num_classes, num_bits), init="zeros", grad_req="null"
            )
            self.thresholds = self.params.get(
                "thresholds", shape=(num_bits,), init="zeros", grad_req="null"
            )

    def set_codewords(self, codewords: np.ndarray, thresholds: np.ndarray) -> None:
        """Set codewords, (num_classes, num_bits), and thresholds, (num_bits,)."""
        self.codewords.set_data(nd.array(codewords))
        self.thresholds.set_data(nd.array(thresholds))

    def hybrid_forward(
        self, F: ModuleType, logits: Tensor, codewords: Tensor, thresholds: Tensor
    ) -> Tensor:
        expected = F.dot(F.softmax(logits, axis=1), codewords)
        return F.broadcast_sub(expected, thresholds.expand_dims(0))
