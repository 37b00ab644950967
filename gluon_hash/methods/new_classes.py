"""A classifier learns new classes: their weights alone, all others stay as they are."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

__all__ = ["fit_new_classes"]

STEPS = 100  # of L-BFGS


def fit_new_classes(
    hidden: np.ndarray,
    labels: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    num_new: int,
    weight_decay: float,
) -> tuple[np.ndarray, np.ndarray]:
    r"""Weights and biases of new classes in a softmax over old and new ones.

    .. math:: \frac{1}{C} \sum_c \frac{1}{n_c} \sum_{i : y_i = c} l_i + \frac{\lambda}{2} |V|^2,
              \quad l_i = -\log \sum_{c \in y_i} \mathrm{softmax}(W h_i)_c

    W has the old rows and the new ones, V; of an image of an old class l is the negative logarithm
    of the probability that it is of any old class. V has the biases too; its minimum is unique,
    found by L-BFGS from V = 0; nothing is drawn. Each class counts the same, however many images it
    has.

    Parameters
    ----------
    hidden : float32, shape (N, num_units)
        What the last layer reads.
    labels : int, shape (N,)
        Up to num_old - 1 the old classes, from num_old on the new ones, each of which has images.
    weight, bias : float32, shape (num_old, num_units) and (num_old,)
        Of the old classes.
    num_new : int
    weight_decay : float
        lambda.

    Returns
    -------
    weight, bias : float32, shape (num_new, num_units) and (num_new,)
        Of the new classes.

    Source: ours. That old weights stay is that old codes stay; with fewer images of old classes
    than of new ones and no balance, old images move to new classes.
    """
    old = (hidden @ weight.T + bias).astype(np.float64)
    old_logit = np.logaddexp.reduce(old, axis=1)  # of all old classes together
    kind = np.maximum(labels - len(weight) + 1, 0)  # 0: old, then the new classes
    share = 1.0 / np.bincount(labels)[labels] / len(np.unique(labels))
    rows = np.arange(len(labels))

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        own = flat.reshape(num_new, -1)
        logits = np.column_stack(
            [old_logit, hidden @ own[:, :-1].T.astype(np.float32) + own[:, -1]]
        )
        log_probability = logits - np.logaddexp.reduce(logits, axis=1)[:, None]
        wrong = np.exp(log_probability)
        wrong[rows, kind] -= 1.0
        wrong *= share[:, None]
        gradient = np.column_stack(
            [wrong[:, 1:].T.astype(np.float32) @ hidden, wrong[:, 1:].sum(axis=0)]
        )
        value = -(share * log_probability[rows, kind]).sum() + 0.5 * weight_decay * (own**2).sum()
        return float(value), (gradient + weight_decay * own).ravel()

    start = np.zeros(num_new * (hidden.shape[1] + 1))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": STEPS})
    new = found.x.reshape(num_new, -1).astype(np.float32)
    return new[:, :-1], new[:, -1]
