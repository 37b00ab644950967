"""Slow twins of the losses, written from the definitions: loops over images, pairs, triplets and
bits; float64."""

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


def dpsh(code, labels, memory, memory_labels, valid, weights=(1.0,), lam=0.1, own=None):
    """``own``: the batch's codes as the others of each pair see them."""
    own = code if own is None else own
    others = [(v, y) for v, y, ok in zip(memory, memory_labels, valid[0]) if ok] + list(
        zip(own, labels)
    )
    return np.array(
        [
            np.mean([likelihood(u @ v / 2, similarity(y, z, weights)) for v, z in others])
            + lam * vertex_distance(u) / len(u)
            for u, y in zip(code, labels)
        ]
    )


def dhn(code, labels, weights=(1.0,), lam=0.1):
    return np.array(
        [
            np.mean(
                [likelihood(u @ v / 2, similarity(y, z, weights)) for v, z in zip(code, labels)]
            )
            + lam * log_cosh_distance(u)
            for u, y in zip(code, labels)
        ]
    )


def pair_weights(labels, weights):
    s = np.array([[similarity(y, z, weights) for z in labels] for y in labels])
    return s, s * s.size / s.sum() + (1 - s) * s.size / (1 - s).sum()


def hashnet(code, labels, beta, weights=(1.0,), alpha=0.5):
    h = np.tanh(beta[0, 0] * code)
    s, w = pair_weights(labels, weights)
    return np.array(
        [
            np.mean([w[i, j] * likelihood(alpha * h[i] @ h[j], s[i, j]) for j in range(len(h))])
            for i in range(len(h))
        ]
    )


def dsdh(code, labels, target, known, weights=(1.0,), eta=0.1):
    result = []
    for u, y, t, k in zip(code, labels, target, known[:, 0]):
        pairs = np.mean(
            [likelihood(u @ v / 2, similarity(y, z, weights)) for v, z in zip(code, labels)]
        )
        result.append(pairs + eta * np.mean((u - (t if k else sign(u))) ** 2))
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


def orthohash(code, labels, target, margin=0.2):
    result = []
    for u, y in zip(code, labels[:, 0].astype(int)):
        logits = [
            np.sqrt(len(u)) * (cosine(u, t) - margin * (c == y)) for c, t in enumerate(target)
        ]
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


def embedding(code, labels, places):
    return np.array([1 - cosine(u, places[int(y)]) for u, y in zip(code, labels[:, 0])])


def embedding_softmax(code, labels, places, logits, lam=0.1):
    return embedding(code, labels, places) + lam * np.array(
        [cross_entropy(z, y) for z, y in zip(logits, labels[:, 0])]
    )
