"""Adam whose decay of the weights is apart from the gradient; MXNet 1.9 has only the kernel."""

from __future__ import annotations

import math

from gluon_hash.engine import mx, nd

__all__ = ["AdamW"]


class AdamW(mx.optimizer.Adam):
    """Adam whose weights shrink by ``lr * wd`` of themselves in every step.

    ``w -= lr * (m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon) + wd * w)``, with epsilon
    added before v is corrected, as MXNet's Adam does. In ``Adam`` the decay is added to the
    gradient and so divided by sqrt(v) like it.

    Parameters
    ----------
    **settings
        Of ``mx.optimizer.Adam``: learning_rate, wd, beta1, beta2, epsilon, ...

    Source: Loshchilov and Hutter 2019, "Decoupled weight decay regularization", Algorithm 2. Theirs
    multiplies the decay by the schedule alone, here (as in PyTorch) by the learning rate.
    """

    def update(
        self,
        index: int,
        weight: nd.NDArray,
        grad: nd.NDArray,
        state: tuple[nd.NDArray, nd.NDArray],
    ) -> None:
        """One step of the parameter ``index``, in place; ``state`` is its m and v."""
        self._update_count(index)
        count = self._index_update_count[index]
        mean, variance = state
        nd.contrib.adamw_update(
            weight,
            grad,
            mean,
            variance,
            self.rescale_grad,
            lr=math.sqrt(1 - self.beta2**count) / (1 - self.beta1**count),
            eta=self._get_lr(index),
            wd=self._get_wd(index),
            beta1=self.beta1,
            beta2=self.beta2,
            epsilon=self.epsilon,
            clip_gradient=self.clip_gradient or -1,
            out=weight,
        )
