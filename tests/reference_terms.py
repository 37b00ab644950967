"""What the slow twins of the losses share, written from the definitions; float64."""

import numpy as np


def softplus(x):
    return np.logaddexp(0.0, x)


def sign(x):
    return np.where(np.asarray(x) >= 0, 1.0, -1.0)


def cosine(a, b):
    return np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b))


def similarity(a, b, weights=(1.0,)):
    return sum(w for w, x, y in zip(weights, a, b) if x == y) / sum(weights)


def likelihood(theta, s):
    """-log of sigmoid(theta)^s (1 - sigmoid(theta))^(1 - s)."""
    return s * softplus(-theta) + (1 - s) * softplus(theta)


def cross_entropy(logits, label):
    return np.log(sum(np.exp(z - logits[int(label)]) for z in logits))


def vertex_distance(u):
    return sum((x - sign(x)) ** 2 for x in u)


def cubic_excess(u):
    return sum(max(-1.1 - x, 0) + max(x - 1.1, 0) for x in u)


def log_cosh_distance(u):
    return np.mean([np.log(np.cosh(abs(x) - 1)) for x in u])
