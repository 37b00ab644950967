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
    precisions = [
        sum(relevant[:rank]) / rank for rank in range(1, len(relevant) + 1) if relevant[rank - 1]
    ]
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
    return np.mean(
        [
            np.dot(gains[:r], weight[:r]) / np.dot(ideal[:r], weight[:r])
            for r in range(1, cutoff + 1)
        ]
    )


def barz_ahp(similarities, cutoff):
    ideal = sorted(similarities, reverse=True)
    if not any(similarities):
        return np.nan
    precision = [sum(similarities[:r]) / sum(ideal[:r]) for r in range(1, cutoff + 1)]
    return sum((a + b) / 2 / cutoff for a, b in zip(precision, precision[1:]))


def hap(gains, num_levels, num_added=0):
    """H-AP as its definition reads: every pair of items, relevances by the size of their level."""
    if not any(gains):
        return np.nan
    best = max(gains)
    relevance = [
        gain / num_levels / (gains.count(gain) + num_added * (gain == best)) if gain else 0.0
        for gain in gains
    ]
    total = 0.0
    for rank, own in enumerate(relevance, start=1):
        if own:
            total += sum(min(own, other) for other in relevance[:rank]) / rank
    return total / sum(relevance)


def asi(gains):
    """Of the first r, what can be paired with equal gains of the first r of the ideal order."""
    ideal, size = sorted(gains, reverse=True), sum(gain > 0 for gain in gains)
    if not size:
        return np.nan
    shared = []
    for r in range(1, size + 1):
        free = list(ideal[:r])
        paired = 0
        for gain in gains[:r]:
            if gain in free:
                free.remove(gain)
                paired += 1
        shared.append(paired / r)
    return np.mean(shared)


def r_precision(relevant):
    return np.mean(relevant[: sum(relevant)]) if any(relevant) else np.nan


def hit(relevant, cutoff):
    return float(any(relevant[:cutoff])) if any(relevant) else np.nan


def tie_orders(relevant, distance):
    """AP over all orders of the ties: mean, best, worst. Every pattern of hits within a bucket is
    as likely as another, and what a bucket adds depends on no other bucket's order."""
    from itertools import combinations

    if not any(relevant):
        return np.nan, np.nan, np.nan
    total, before, hits = np.zeros(3), 0, 0
    for value in sorted(set(distance)):
        bucket = [r for r, d in zip(relevant, distance) if d == value]
        sums = [
            sum((hits + i) / (before + place) for i, place in enumerate(places, 1))
            for places in combinations(range(1, len(bucket) + 1), sum(bucket))
        ]
        total += np.mean(sums), max(sums), min(sums)
        before, hits = before + len(bucket), hits + sum(bucket)
    return tuple(total / hits)


def slow_metrics(query, database, num_levels, at, excluded=None, radius=2):
    """Every metric of every query by the slow twins: a list of rows, in the order of
    metric_names."""
    from gluon_hash.retrieval import codes

    bits, base = (
        codes.unpack(query.codes, query.num_bits),
        codes.unpack(database.codes, query.num_bits),
    )
    rows = []
    for q in range(len(query)):
        order, distance = rank(bits[q], base)
        if excluded is not None and excluded[q] >= 0:
            order, distance = order[order != excluded[q]], distance[order != excluded[q]]
        match = database.level_labels[order] == query.level_labels[q]
        gains, fine = match.sum(axis=1).tolist(), match[:, 0].tolist()
        finest = [next((k for k in range(num_levels) if row[k]), num_levels) for row in match]
        similarity = [1 - k / num_levels for k in finest]
        within = [f for f, d in zip(fine, distance) if d <= radius]
        none = not any(gains)
        rows.append(
            [
                *(average_precision(match[:, level].tolist()) for level in range(num_levels)),
                ahp(gains, at),
                barz_ahp(similarity, at),
                ndcg(gains, at),
                mean_ndcg_released(gains, min(100, len(order))),
                sum(fine[:at]) / at,
                sum(fine[:at]) / sum(fine) if any(fine) else np.nan,
                np.nan if none else sum(gains[:at]) / at,
                np.nan if none else sum(gains[:at]) / sum(gains),
                np.mean(within) if within else 0.0,
                sum(within) / sum(fine) if any(fine) else np.nan,
                hap(gains, num_levels),
                asi(gains),
                ndcg([2**gain - 1 for gain in gains], len(gains)),
                *(hit(match[:, level].tolist(), 1) for level in range(num_levels)),
                r_precision(fine),
            ]
        )
    return rows


def metric_names(num_levels, at, released, radius=2):
    return [
        "map",
        *(f"map_level_{level}" for level in range(1, num_levels)),
        f"mahp@{at}",
        f"mahp_barz@{at}",
        f"ndcg@{at}",
        f"mean_ndcg_released@{released}",
        f"precision@{at}",
        f"recall@{at}",
        f"acg@{at}",
        f"weighted_recall@{at}",
        f"precision_radius_{radius}",
        f"recall_radius_{radius}",
        "hap",
        "asi",
        "ndcg_exponential",
        "hit@1",
        *(f"hit@1_level_{level}" for level in range(1, num_levels)),
        "r_precision",
    ]


def random_table(rng, count, num_bits, num_levels=2, num_classes=4, first_id=0):
    """A CodeTable of random codes whose classes nest: class c at level k is c // 2^k."""
    from gluon_hash.retrieval import CodeTable, codes

    fine = rng.randint(0, num_classes, count)
    labels = np.stack([fine // 2**level for level in range(num_levels)], axis=1).astype(np.int32)
    return CodeTable(
        np.arange(count) + first_id, codes.pack(rng.randn(count, num_bits)), labels, num_bits
    )
