"""`gluon-hash compare` with the loss of the released code: released_hpdh and released_dcwh.

    python tools/released_loss.py CONFIG --vary 'loss.name=[hpdh,released_hpdh]' ...

Its epsilons (ReleasedClassWiseLoss), with our centers, trainer and metrics; docs/results.md has the
command for each row. Not in METHODS: nobody should train on it.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from _checkout import run
from gluon_hash import losses
from gluon_hash.engine import HybridBlock
from gluon_hash.methods import HPDH, METHODS, Task


class ReleasedLoss(losses.HPDHLoss):
    """HPDHLoss with the released code's form of the posterior."""

    def __init__(self, num_bits: int, inv_variances: tuple[float, ...], **numbers: Any) -> None:
        super().__init__(num_bits, inv_variances, **numbers)
        self.class_wise.level_losses = [
            losses.ReleasedClassWiseLoss(value) for value in inv_variances
        ]
        for loss in self.class_wise.level_losses:
            self.class_wise.register_child(loss)


class ReleasedHPDH(HPDH):
    """HPDH as the released code trains it."""

    name: Literal["released_hpdh"] = "released_hpdh"  # type: ignore[assignment]

    def loss(self, task: Task) -> HybridBlock:
        """ReleasedLoss with a value for each level of the task."""
        return ReleasedLoss(**self._numbers(task))


class ReleasedDCWH(ReleasedHPDH):
    """DCWH as the released code trains it."""

    levels_used: ClassVar[int | None] = 1
    name: Literal["released_dcwh"] = "released_dcwh"  # type: ignore[assignment]


METHODS["released_hpdh"] = ReleasedHPDH
METHODS["released_dcwh"] = ReleasedDCWH

if __name__ == "__main__":
    run("compare")
