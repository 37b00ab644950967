"""Rows, curves and questions of a comparison, made up: what the tests of its reports share."""

import numpy as np

from gluon_hash.experiment.comparison.summary import MetricSummary, RowSummary
from gluon_hash.retrieval import Curves

ABOUT = {
    "configs": ["a.yaml"],
    "changes": [],
    "vary": ["loss.name=[dcwh,hpdh]"],
    "choose": [],
    "seeds": [24, 25, 26],
    "reference": "dcwh",
    "confidence": 95.0,
}
METRICS = ("map", "mahp@2500", "mean_ndcg_released@100")
# 88 characters
LONG = "options=quantization_weight_0.1_cubic_weight_10_vertex_weight_0.1 level_weights=1_0.25_0 n="


def row(name, num_bits=48, mean=0.5, difference=None, chosen=(), runs=(), metrics=METRICS):
    value = MetricSummary(
        mean=mean,
        std_over_seeds=0.01,
        interval=(mean - 0.02, mean + 0.02),
        difference=difference,
        difference_interval=None if difference is None else (difference - 0.01, difference + 0.01),
    )
    values = {metric: value for metric in (*metrics, "map_level_1")}
    return RowSummary(name, num_bits, dict(chosen), 3, list(runs), values)


def curve(place=0):
    return Curves(
        np.array([1, 10, 100]),
        np.array([0.9, 0.5, 0.1 + place / 100]),
        np.array([0.1, 0.5, 1.0]),
        np.array([0.9, 0.2]),
        np.array([0.3, 1.0]),
    )


def lines(count):
    return {f"m{place}, 48 bits": curve(place) for place in range(count)}
