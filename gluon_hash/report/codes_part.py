"""The parts of a report on codes: metrics, curves, fidelity to the hierarchy, bits, queries."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gluon_hash import plots
from gluon_hash.plots.grids import frame_styles, level_meanings
from gluon_hash.report.bits import BitStatistics, bit_statistics
from gluon_hash.report.contents import Codes
from gluon_hash.report.fidelity import Fidelity, fidelity
from gluon_hash.report.figures import confusion_figure, tanglegram_figure
from gluon_hash.report.images import data_uri
from gluon_hash.report.neighbours import choose_queries, nearest
from gluon_hash.report.svg import inline_svg
from gluon_hash.retrieval import curves

__all__ = [
    "bits_part",
    "curves_part",
    "fidelity_part",
    "metrics_part",
    "queries_part",
]

HEADLINE = ("map", "mahp", "mean_ndcg_released", "precision")
SHOWN, EACH = 10, 3  # results in a row; queries of a kind
MOST_LEAVES = 150  # classes of a tanglegram


def metrics_part(codes: Codes, confidence: float) -> dict[str, Any]:
    """Every metric with its interval; those of the head apart."""
    summary = codes.measured.summary(confidence)
    names = codes.hierarchy.level_names
    ends = summary["confidence"]
    rows = [
        {
            "name": plots.metric_label(name, names),
            "key": name,
            "value": f"{summary[name]:.3f}",
            "interval": f"{ends[name][0]:.3f} – {ends[name][1]:.3f}",
        }
        for name in codes.measured.names
        if not math.isnan(summary[name])
    ]
    head = [
        next((row for row in rows if row["key"].partition("@")[0] == stem), None)
        for stem in HEADLINE
    ]
    return {
        "rows": rows,
        "head": [row for row in head if row is not None],
        "confidence": f"{confidence:g}",
        "num_queries": f"{summary['num_queries']:,}",
        "num_database": f"{summary['num_database']:,}",
        "protocol": summary["protocol"],
        "origin": codes.origin,
    }


def curves_part(codes: Codes, name: str) -> list[Any]:
    """Precision and recall by rank and by radius, precision among the first N."""
    points = {name: curves(codes.query, codes.database).to_dict()}
    labels = {
        "by rank": "precision against recall by rank",
        "by radius": "precision against recall by Hamming radius",
        "first N": "precision among the first N images",
    }
    return [
        inline_svg(plots.retrieval_curves(points, parts=[kind], width=3.3), f"pr{number}", label)
        for number, (kind, label) in enumerate(labels.items())
    ]


def fidelity_part(codes: Codes) -> dict[str, Any]:
    """Distances of classes against the tree's, confusion, tanglegram."""
    try:
        found = fidelity(codes.database, codes.hierarchy)
    except ValueError as error:
        return {"missing": str(error)}
    note = f"Spearman {_number(found.rank_correlation)}"
    scatter = plots.distance_against_tree(
        found.hamming, found.steps, found.hierarchy.level_names, note=note, width=4.4
    )
    part: dict[str, Any] = {
        "numbers": fidelity_numbers(found),
        "scatter": inline_svg(
            scatter, "tree", "Hamming distance of class codes against steps up the tree"
        ),
        "classes": f"{found.hierarchy.num_classes[0]:,}",
        "of_classes": f"{found.of_classes:,}",
        "all": found.hierarchy.num_classes[0] == found.of_classes,
        "flat": found.hierarchy.num_levels == 1,
    }
    counts = codes.hierarchy.num_classes
    level = next((k for k, count in enumerate(counts) if count <= MOST_LEAVES), None)
    if level is not None and counts[level] > 2:
        drawn = tanglegram_figure(codes.database, codes.hierarchy, level=level, width=9.0)
        part["level"] = codes.hierarchy.level_names[level]
        part["tanglegram"] = inline_svg(
            drawn, "tangle", "dendrogram of the class codes beside the given hierarchy"
        )
    return part


def fidelity_numbers(found: Fidelity) -> list[tuple[str, str, str]]:
    """Name, value and meaning of each correlation."""
    return [
        (
            "rank correlation",
            _number(found.rank_correlation),
            "Spearman, Hamming distance of two classes against their steps up the tree",
        ),
        (
            "cophenetic correlation",
            _number(found.cophenetic_correlation),
            "Pearson, of the same pairs: how well the given tree predicts distances of codes",
        ),
        (
            "the codes’ own dendrogram",
            _number(found.own_cophenetic_correlation),
            "Pearson: how well the tree made from the codes predicts them, for comparison",
        ),
    ]


def confusion_part(codes: Codes) -> Any:
    """Of which classes the first results are, the classes in the order of the tree."""
    figure = confusion_figure(codes.query, codes.database, codes.hierarchy, width=7.0)
    return inline_svg(figure, "confusion", "classes of the first results for queries of each class")


def bits_part(codes: Codes) -> dict[str, Any]:
    """Balance and correlation of the bits, different codes."""
    found = bit_statistics(codes.database)
    parts = {"balance": "share of codes with each bit set", "correlation": "correlation of bits"}
    return {
        "numbers": bit_numbers(found),
        "figures": [
            inline_svg(
                plots.bit_statistics(found.share, found.correlation, parts=(part,), width=3.6),
                f"bits{number}",
                label,
            )
            for number, (part, label) in enumerate(parts.items())
        ],
        "warnings": found.health.warnings(),
    }


def bit_numbers(found: BitStatistics) -> list[tuple[str, str, str]]:
    """Name, value and meaning of what is said of the bits."""
    health = found.health
    return [
        (
            "different codes",
            f"{health.num_distinct:,} of {health.num_codes:,}",
            f"the most common one is shared by {health.most_common:,} images",
        ),
        (
            "entropy of a bit",
            f"{health.entropy:.3f}",
            "mean; 1 if each is set in half of the codes",
        ),
        (
            "correlation of two bits",
            _number(found.mean_correlation),
            "mean without its sign; 0 is best",
        ),
        (
            "effective bits",
            f"{found.effective_bits:.1f} of {health.num_bits}",
            "independent bits that would vary as much",
        ),
        ("constant bits", str(len(health.constant_bits)), "the same in all codes"),
    ]


def queries_part(codes: Codes) -> dict[str, Any]:
    """The best, typical and worst queries by mAHP, and what was found for each."""
    metric = next(name for name in codes.measured.names if name.partition("@")[0] == "mahp")
    values = codes.measured.column(metric)
    chosen = choose_queries(values, codes.query.level_labels[:, 0], EACH)
    num_levels = codes.hierarchy.num_levels
    meanings = level_meanings(codes.hierarchy.level_names)
    asked = np.unique(np.concatenate([np.empty(0, np.int64), *chosen.values()]))
    results = zip(*nearest(codes.query.take(asked), codes.database, SHOWN))
    found = dict(zip(asked.tolist(), results))
    return {
        "metric": plots.metric_label(metric).replace("mAHP", "AHP"),
        "levels": [
            {"meaning": meaning, "colour": style["edgecolor"], "number": number}
            for number, (meaning, style) in enumerate(zip(meanings, frame_styles(num_levels)))
        ],
        "kinds": [
            {
                "kind": kind,
                "rows": [_row(codes, p, values[p], *found[p]) for p in places.tolist()],
            }
            for kind, places in chosen.items()
        ],
        "note": codes.images.note,
    }


def _row(
    codes: Codes, place: int, value: float, distances: np.ndarray, results: np.ndarray
) -> dict[str, Any]:
    """A query and its first results."""
    labels, names = codes.query.level_labels[place], codes.hierarchy.class_names
    items = []
    for distance, result in zip(distances.tolist(), results.tolist()):
        theirs = codes.database.level_labels[result]
        shared = int((theirs == labels).sum())
        items.append(
            {
                "uri": _uri(codes.images.database(result)),
                "distance": plots.count_bits(distance),
                "name": names[0][theirs[0]],
                "level": len(labels) - shared,
            }
        )
    return {
        "uri": _uri(codes.images.query(place)),
        "names": [names[level][label] for level, label in enumerate(labels)],
        "value": f"{value:.3f}",
        "found": items,
    }


def _uri(image: np.ndarray | None) -> str | None:
    return None if image is None else data_uri(image)


def _number(value: float) -> str:
    return "not defined" if math.isnan(value) else f"{value:.3f}"
