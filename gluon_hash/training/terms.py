"""The named terms of a loss, computed beside it: what a log shows of a sum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType

from gluon_hash.engine import HybridBlock, Tensor, autograd, nd
from gluon_hash.losses.terms import collected_terms

__all__ = ["LossTerms", "is_sampled", "mean_terms"]

SAMPLED = 8  # batches of an epoch whose terms are computed, evenly spread


class LossTerms(HybridBlock):
    """The mean of each named term of a loss over a batch; nothing is recorded for gradients.

    Parameters
    ----------
    loss : HybridBlock
        Names its terms with gluon_hash.losses.terms.term, or does not.

    Attributes
    ----------
    names : list of str
        Of the terms, in their order; known after the first call.
    """

    def __init__(self, loss: HybridBlock) -> None:
        super().__init__()
        # not a child: how the loss itself is hybridized is the trainer's
        self._whole = lambda *inputs: loss(*inputs)
        self.params.update(loss.collect_params())  # of soft trees, whose leaves it penalises
        self.names: list[str] = []
        self.hybridize()

    def of(self, *inputs: nd.NDArray) -> nd.NDArray | None:
        """Terms and loss of a batch, not yet computed, (num_terms + 1,); None: less than two terms.

        Parameters
        ----------
        *inputs : NDArray
            What the loss takes.
        """
        with autograd.pause():
            values = self(*inputs)
        return values if len(self.names) > 1 else None

    def hybrid_forward(self, F: ModuleType, *inputs: Tensor) -> Tensor:
        """The mean of each named term and, last, of the loss: shape (num_terms + 1,)."""
        with collected_terms() as found:
            whole = self._whole(*inputs)
        self.names = list(found)
        return F.concat(*map(F.mean, [*found.values(), whole]), dim=0)


def is_sampled(batch: int, num_batches: int) -> bool:
    """Whether the terms of a batch (from 0) are computed, by its number alone.

    Examples
    --------
    >>> [batch for batch in range(30) if is_sampled(batch, 30)]
    [2, 6, 10, 14, 18, 22, 26]
    """
    every = -(-num_batches // SAMPLED)
    return batch % every == every // 2


def mean_terms(sampled: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """The mean of each term over the sampled batches, by its name in a log: ``loss_NAME``.

    Examples
    --------
    >>> mean_terms({"level_0": [1.0, 2.0], "cubic": [0.0, 0.5]})
    {'loss_level_0': 1.5, 'loss_cubic': 0.25}
    """
    return {f"loss_{name}": sum(values) / len(values) for name, values in sampled.items()}
