"""Slow twins of the losses over pairs and triplets: loops over images and bits; float64."""

import numpy as np
from reference_terms import (
    cosine,
    cross_entropy,
    likelihood,
    log_cosh_distance,
    sign,
    similarity,
    vertex_distance,
)


def others(code, labels, memory, own=None):
    """The codes and labels of the other images of each pair.

    ``memory``: nothing, or (codes, labels, valid); ``own``: the batch's codes as they see them.
    """
    own = code if own is None else own
    remembered = [(v, y) for v, y, ok in zip(*memory[:2], memory[2][0]) if ok] if memory else []
    return remembered + list(zip(own, labels))


def mean_likelihood(u, y, pairs, weights):
    return np.mean([likelihood(u @ v / 2, similarity(y, z, weights)) for v, z in pairs])


def dpsh(code, labels, *memory, weights=(1.0,), lam=0.1, own=None):
    pairs = others(code, labels, memory, own)
    return np.array(
        [
            mean_likelihood(u, y, pairs, weights) + lam * vertex_distance(u) / len(u)
            for u, y in zip(code, labels)
        ]
    )


def dhn(code, labels, *memory, weights=(1.0,), lam=0.1, own=None):
    pairs = others(code, labels, memory, own)
    return np.array(
        [
            mean_likelihood(u, y, pairs, weights) + lam * log_cosh_distance(u)
            for u, y in zip(code, labels)
        ]
    )


def pair_weights(labels, weights, other_labels=None):
    other_labels = labels if other_labels is None else other_labels
    s = np.array([[similarity(y, z, weights) for z in other_labels] for y in labels])
    return s, s * s.size / s.sum() + (1 - s) * s.size / (1 - s).sum()


def hashnet(code, labels, beta, *memory, weights=(1.0,), alpha=0.5, own=None):
    pairs = others(code, labels, memory, own)
    h, g = np.tanh(beta[0, 0] * code), [np.tanh(beta[0, 0] * v) for v, _ in pairs]
    s, w = pair_weights(labels, weights, [z for _, z in pairs])
    return np.array(
        [
            np.mean([w[i, j] * likelihood(alpha * h[i] @ g[j], s[i, j]) for j in range(len(g))])
            for i in range(len(h))
        ]
    )


def dsdh(code, labels, target, known, *memory, weights=(1.0,), eta=0.1, own=None):
    pairs, result = others(code, labels, memory, own), []
    for u, y, t, k in zip(code, labels, target, known[:, 0]):
        discrete = np.mean((u - (t if k else sign(u))) ** 2)
        result.append(mean_likelihood(u, y, pairs, weights) + eta * discrete)
    return np.array(result)


def dsh(code, labels, weights=(1.0,), margin=8.0, alpha=0.01):
    result = []
    for u, y in zip(code, labels):
        pairs = []
        for v, z in zip(code, labels):
            s, d = similarity(y, z, weights), np.sum((u - v) ** 2)
            pairs.append(0.5 * s * d + 0.5 * (1 - s) * max(margin - d, 0))
        result.append(np.mean(pairs) + 2 * alpha * sum(abs(abs(x) - 1) for x in u))
    return np.array(result)


def triplets(labels, i, weights):
    """(p, n, their similarities to i) of three different images, p the more similar."""
    s = [similarity(labels[i], z, weights) for z in labels]
    return [
        (p, n, s[p], s[n]) for p in range(len(s)) for n in range(len(s)) if p != i and s[p] > s[n]
    ]


def dtsh(code, labels, weights=(1.0,), margin=4.0, lam=0.1):
    result = []
    for i, u in enumerate(code):
        values = [
            np.log(1 + np.exp(x)) - x
            for p, n, _, _ in triplets(labels, i, weights)
            for x in [u @ code[p] - u @ code[n] - margin]
        ]
        result.append((np.mean(values) if values else 0.0) + lam * vertex_distance(u) / len(u))
    return np.array(result)


def dsrh(code, labels, weights=(1.0, 1.0), margin=0.5, lam=0.1):
    num_levels, result = len(weights), []
    for i, u in enumerate(code):
        loss = total = 0.0
        for p, n, s_p, s_n in triplets(labels, i, weights):
            omega = 2 ** (num_levels * s_p) - 2 ** (num_levels * s_n)
            loss += omega * max(margin - (u @ code[p] - u @ code[n]) / len(u), 0)
            total += omega
        result.append((loss / total if total else 0.0) + lam * vertex_distance(u) / len(u))
    return np.array(result)


def dsrh_yao(code, labels, logits, weights=(1.0,), margin=0.5, mu=1.0, lam=0.1):
    result = []
    for i, u in enumerate(code):
        hinges = [
            max(margin - (u @ code[p] - u @ code[n]) / len(u), 0)
            for p, n, _, _ in triplets(labels, i, weights)
        ]
        rest = mu * cross_entropy(logits[i], labels[i, 0]) + lam * vertex_distance(u) / len(u)
        result.append((np.mean(hinges) if hinges else 0.0) + rest)
    return np.array(result)


def dch(code, labels, weights=(1.0,), gamma=20.0, lam=0.1):
    s, w = pair_weights(labels, weights)
    num_bits = code.shape[1]

    def hamming(a, b):
        return max(num_bits / 2 * (1 - cosine(a, b)), 1e-6)

    result = []
    for i, u in enumerate(code):
        d = [hamming(u, v) for v in code]
        pairs = [
            w[i, j] * (s[i, j] * np.log(d[j] / gamma) + np.log(1 + gamma / d[j]))
            for j in range(len(code))
        ]
        result.append(np.mean(pairs) + lam * np.log(1 + hamming(abs(u), np.ones(num_bits)) / gamma))
    return np.array(result)


def dqn(code, labels, target, known, weights=(1.0,), lam=0.1):
    return np.array(
        [
            np.mean(
                [
                    (2 * similarity(y, z, weights) - 1 - cosine(u, v)) ** 2
                    for v, z in zip(code, labels)
                ]
            )
            + lam * k * np.mean((u - t) ** 2)
            for u, y, t, k in zip(code, labels, target, known[:, 0])
        ]
    )


def shdh(code, labels, bits, weights):
    """``bits``: those of each level's segment, as slices, finest first."""
    result = []
    for u, y in zip(code, labels):
        value = 0.1 * log_cosh_distance(u)
        for level, (part, weight) in enumerate(zip(bits, weights)):
            value += (
                weight
                / sum(weights)
                * np.mean(
                    [
                        likelihood(u[part] @ v[part] / 2, float(y[level] == z[level]))
                        for v, z in zip(code, labels)
                    ]
                )
            )
        result.append(value)
    return np.array(result)
