"""Slow twins of the losses, written from the definitions: loops over images and bits; float64.

Those over pairs and triplets are in reference_pairs; a test finds all of them here.
"""

import numpy as np
from reference_pairs import (  # noqa: F401
    dch,
    dhn,
    dpsh,
    dqn,
    dsdh,
    dsh,
    dsrh,
    dsrh_yao,
    dtsh,
    hashnet,
    shdh,
)
from reference_terms import (  # noqa: F401
    cosine,
    cross_entropy,
    cubic_excess,
    likelihood,
    sign,
    softplus,
    vertex_distance,
)


def class_wise(code, label, center, s=1.0):
    return np.array(
        [
            cross_entropy([-0.5 * s * np.sum((u - m) ** 2) for m in center], y)
            for u, y in zip(code, label)
        ]
    )


def released_class_wise(code, label, center, s=1.0):
    result = []
    for u, y in zip(code, label):
        density = [np.exp(-0.5 * s * np.sum((u - m) ** 2)) for m in center]
        result.append(-np.log(density[int(y)] / (sum(density) + 1e-8) + 1e-8))
    return np.array(result)


def hierarchical(code, labels, *centers, s, weights):
    return sum(
        w * class_wise(code, labels[:, k], m, s[k])
        for k, (w, m) in enumerate(zip(weights, centers))
    )


def constraints(code):
    return np.array([(10 * cubic_excess(u) + 0.1 * vertex_distance(u)) / len(u) for u in code])


def hpdh(code, labels, *centers, s, weights):
    return hierarchical(code, labels, *centers, s=s, weights=weights) + constraints(code)


def coarse_to_fine(code, labels, active, *centers, s):
    return hpdh(code, labels, *centers, s=s, weights=active[0])


def idcwh(code, labels, center, s=1.0):
    return class_wise(code, labels[:, 0], center, s) + constraints(code)


def dcdh(code, labels, center, s=0.25, mu=0.1, lam=0.01):
    num_bits, classes = code.shape[1], range(len(center))
    apart = np.mean(
        [
            softplus(0.5 * num_bits * cosine(center[a], center[b]))
            for a in classes
            for b in classes
            if a != b
        ]
    )
    one_hot = np.eye(len(center))[labels[:, 0].astype(int)]
    w = np.linalg.pinv(one_hot.T @ one_hot) @ one_hot.T @ sign(code)
    b = sign(one_hot @ w + 0.01 * code)
    return (
        class_wise(code, labels[:, 0], center, s)
        + mu * apart
        + lam * np.sum((code - b) ** 2, axis=1)
    )


def csq(code, labels, center, lam=1e-4):
    result = []
    for u, c in zip(code, center[labels[:, 0].astype(int)]):
        h, wanted = (1 + np.tanh(u)) / 2, (1 + c) / 2
        entropy = -np.mean(wanted * np.log(h) + (1 - wanted) * np.log(1 - h))
        result.append(entropy + lam * np.mean([np.log(np.cosh(abs(2 * x - 1) - 1)) for x in h]))
    return np.array(result)


def dpn(code, labels, target, margin=1.0):
    return np.array(
        [
            np.mean([max(margin - t * x, 0) for t, x in zip(target[int(y)], u)])
            for u, y in zip(code, labels[:, 0])
        ]
    )


def orthohash(code, labels, target, margin=0.2, scale=None):
    result = []
    for u, y in zip(code, labels[:, 0].astype(int)):
        s = scale or np.sqrt(len(u))
        logits = [s * (cosine(u, t) - margin * (c == y)) for c, t in enumerate(target)]
        result.append(cross_entropy(logits, y))
    return np.array(result)


def greedyhash(code, labels, logits, alpha=0.1):
    return np.array(
        [
            cross_entropy(z, y) + alpha * np.mean([abs(x - sign(x)) ** 3 for x in u])
            for u, y, z in zip(code, labels[:, 0], logits)
        ]
    )


def ssdh(code, labels, logits, beta=1.0, gamma=1.0):
    result = []
    for u, y, z in zip(code, labels[:, 0], logits):
        h = 1 / (1 + np.exp(-u))
        result.append(
            cross_entropy(z, y) - beta * np.mean((h - 0.5) ** 2) + gamma * (np.mean(h) - 0.5) ** 2
        )
    return np.array(result)


def level_softmax(code, labels, *logits, weights):
    return np.array(
        [
            sum(
                w * cross_entropy(z[i], y[k])
                for k, (w, z) in enumerate(zip(weights, logits))
                if y[k] >= 0
            )
            for i, y in enumerate(labels)
        ]
    )


def expected_codeword(logits, labels, ancestors, weights):
    """-log of the probability of all finest classes below the label, at each level that has one."""
    result = []
    for z, y in zip(logits, labels):
        p = np.exp(z - max(z)) / np.exp(z - max(z)).sum()
        below = [[c for c in range(len(z)) if row[c] == own] for row, own in zip(ancestors, y)]
        result.append(
            sum(-w * np.log(p[own].sum()) for w, own, k in zip(weights, below, y) if k >= 0)
        )
    return np.array(result)


def embedding(code, labels, places):
    return np.array([1 - cosine(u, places[int(y)]) for u, y in zip(code, labels[:, 0])])


def embedding_softmax(code, labels, places, logits, lam=0.1):
    return embedding(code, labels, places) + lam * np.array(
        [cross_entropy(z, y) for z, y in zip(logits, labels[:, 0])]
    )
