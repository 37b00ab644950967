"""Slow twins, written from the definitions: one query, one loop, no shortcut."""
import numpy as np


def class_wise(code, label, center, inv_variance):
    squared = ((code[:, None, :] - center[None]) ** 2).sum(axis=2)
    logit = -0.5 * inv_variance * squared
    shifted = logit - logit.max(axis=1, keepdims=True)
    log_posterior = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -log_posterior[np.arange(len(label)), label]


def rank(query, database):
    """Database positions by Hamming distance, ties by position; and the distances in that order."""
    distance = np.array([sum(a != b for a, b in zip(query, item)) for item in database])
    order = np.argsort(distance, kind="stable")
    return order, distance[order]


def average_precision(relevant):
    if not any(relevant):
        return np.nan
    precisions = [sum(relevant[:rank]) / rank for rank in range(1, len(relevant) + 1) if relevant[rank - 1]]
    return sum(precisions) / sum(relevant)


def ahp(gains, cutoff):
    ideal = sorted(gains, reverse=True)
    if not any(gains):
        return np.nan
    return np.mean([sum(gains[:r]) / sum(ideal[:r]) for r in range(1, cutoff + 1)])


def ndcg(gains, cutoff):
    ideal = sorted(gains, reverse=True)
    if not any(gains):
        return np.nan
    weight = [1 / np.log2(r + 1) for r in range(1, cutoff + 1)]
    return np.dot(gains[:cutoff], weight) / np.dot(ideal[:cutoff], weight)


def mean_ndcg_released(gains, cutoff):
    ideal = sorted(gains, reverse=True)
    if not any(gains):
        return np.nan
    weight = np.array([1.0, 1.0] + [1 / np.log2(r - 1) for r in range(3, cutoff + 1)])[:cutoff]
    return np.mean([np.dot(gains[:r], weight[:r]) / np.dot(ideal[:r], weight[:r]) for r in range(1, cutoff + 1)])


def barz_ahp(similarities, cutoff):
    ideal = sorted(similarities, reverse=True)
    if not any(similarities):
        return np.nan
    precision = [sum(similarities[:r]) / sum(ideal[:r]) for r in range(1, cutoff + 1)]
    return sum((a + b) / 2 / cutoff for a, b in zip(precision, precision[1:]))


def tie_orders(relevant, distance):
    """AP of every order of the ties, by enumeration: small cases only."""
    from itertools import permutations, product

    buckets = [[r for r, d in zip(relevant, distance) if d == value] for value in sorted(set(distance))]
    values = []
    for orders in product(*(list(permutations(bucket)) for bucket in buckets)):
        values.append(average_precision([r for bucket in orders for r in bucket]))
    return values


def random_table(rng, count, num_bits, num_levels=2, num_classes=4, first_id=0):
    """A CodeTable of random codes whose classes nest: class c at level k is c // 2^k."""
    from gluon_hash.retrieval import CodeTable, codes

    fine = rng.randint(0, num_classes, count)
    labels = np.stack([fine // 2**level for level in range(num_levels)], axis=1).astype(np.int32)
    return CodeTable(np.arange(count) + first_id, codes.pack(rng.randn(count, num_bits)), labels, num_bits)
