"""`gluon-hash evaluate`: query codes against database codes."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import typer

from gluon_hash.cli.measured import check_plain, named_protocols, show, side_by_side
from gluon_hash.cli.outputs import jsonable, writes

if TYPE_CHECKING:
    import numpy as np

    from gluon_hash.retrieval import Measured


@writes("curves_out", "per_class_out", doing="evaluate")
def command(
    query: Path = typer.Option(
        ..., metavar="q.npz", help="Codes of the queries; or cached features (see --distance)."
    ),
    database: list[Path] = typer.Option(
        ...,
        metavar="d.npz ...",
        help="Codes (or features) of the database; codes in several files, such as those of "
        "`encode --shard`, are read one at a time, and give the same numbers as one file.",
    ),
    others: list[Path] = typer.Argument(None, metavar="[d.npz]", help="More of the database."),
    hierarchy: Path | None = typer.Option(
        None, metavar="h.tsv", help="Check the labels against it; names the classes."
    ),
    rules: str = typer.Option(
        "standard",
        help="standard, released, hashnet, csq, dpsh, barz, happier or dyml: how map is "
        "computed and what is printed first; they are printed with the result.",
    ),
    protocol: str = typer.Option(
        "paper",
        metavar="NAME,...",
        help="What is searched in what: paper (queries in the database), unseen-images (queries "
        "among each other), unseen-classes (queries of --unseen-classes); several: side by side.",
    ),
    unseen_classes: Path | None = typer.Option(
        None,
        metavar="FILE",
        help="Names of the finest classes that the network was trained without, of --hierarchy, "
        "as `prepare --protocol unseen-classes` wrote them.",
    ),
    map_at: int | None = typer.Option(
        None, min=1, help="Cut-off R of map, in items. [default: the rules']"
    ),
    ahp_at: int | None = typer.Option(
        None,
        min=1,
        help="Cut-off R of mAHP, in items. [default: the rules', scaled to what is searched]",
    ),
    ndcg_at: int = typer.Option(100, min=1, help="Cut-off of nDCG, in items."),
    precision_at: int = typer.Option(
        100, min=1, help="Cut-off of precision, recall and ACG, in items."
    ),
    hit_at: int = typer.Option(
        1, min=1, help="Cut-off of hit@k, in items: is one of the first k relevant?"
    ),
    radius: int = typer.Option(2, min=0, help="Radius of precision and recall, in bits."),
    confidence: float | None = typer.Option(
        None, help="Percent of bootstrap intervals over queries, such as 95."
    ),
    distance: str | None = typer.Option(
        None, help="cosine or l2: the ranking of real-valued features. [default: cosine]"
    ),
    segments: str | None = typer.Option(
        None,
        metavar="BITS,...",
        help="Rank by a weighted sum of the Hamming "
        "distances of these segments of the codes: 24,24.",
    ),
    segment_weights: str | None = typer.Option(
        None, metavar="WEIGHT,...", help="A weight for each segment: 1,0.5."
    ),
    curves_out: Path | None = typer.Option(
        None, "--curves", metavar="FILE.json", help="Write precision-recall and P@N curves too."
    ),
    per_class_out: Path | None = typer.Option(
        None,
        "--per-class",
        metavar="FILE.csv",
        help="Write every metric of every class of the queries, at every level, too.",
    ),
    as_json: bool = typer.Option(False, "--json", help="One JSON object in place of a table."),
) -> None:
    """Measure query codes against database codes; ties are ranked by database position.

    What looks like a mistake (collapsed codes, swapped files, another data set) is said on stderr.
    """
    from gluon_hash import retrieval
    from gluon_hash.files import atomic_write_json
    from gluon_hash.hierarchy import Hierarchy
    from gluon_hash.progress import log
    from gluon_hash.retrieval.evaluation import write_per_class

    files = [*database, *(others or [])]
    if curves_out is not None and segments is not None:
        raise ValueError("--curves are of the plain Hamming distance; leave out --segments")
    tree = None if hierarchy is None else Hierarchy.load(hierarchy)
    protocols, rules = named_protocols(protocol, rules)
    how = {
        "cutoffs": retrieval.Cutoffs(
            map=map_at, ahp=ahp_at, ndcg=ndcg_at, precision=precision_at, hit=hit_at, radius=radius
        ),
        "protocol": rules,
        "hierarchy": tree,
    }
    by = {
        "distance": distance,
        "segments": _numbers("--segments", segments, int),
        "segment_weights": _numbers("--segment-weights", segment_weights, float),
    }
    wants_curves = curves_out is not None
    if protocols != ["paper"]:
        other = len(files) > 1 or wants_curves or per_class_out is not None or any(by.values())
        check_plain(not other, protocols)
        side_by_side(query, files[0], protocols, unseen_classes, how, confidence, as_json)
        return
    found = (_of_one if len(files) == 1 else _of_parts)(query, files, how, by, wants_curves)
    for text in found.warnings:
        log(f"warning: {text}")
    result = found.measured.summary(confidence)
    with ExitStack() as undo:  # both files or none
        if curves_out is not None:
            atomic_write_json(curves_out, found.curves)
            undo.callback(curves_out.unlink)
        if per_class_out is not None:
            results = retrieval.per_class(
                found.measured, found.query_labels, found.database_labels, tree
            )
            write_per_class(results, per_class_out)
        undo.pop_all()
    print(json.dumps(jsonable(result))) if as_json else show(result)


class _Found(NamedTuple):
    """What was measured, and what looks like a mistake."""

    measured: Measured
    warnings: list[str]
    query_labels: np.ndarray
    database_labels: np.ndarray | list[dict[int, int]]  # or how many images each class has
    curves: dict[str, list] | None


def _of_one(
    query: Path, files: list[Path], rules: dict[str, Any], by: dict[str, Any], wants_curves: bool
) -> _Found:
    """Of a database in one file."""
    from gluon_hash import retrieval
    from gluon_hash.retrieval.evaluation import advise, measure_and_draw

    (database,) = files
    table, curves = retrieval.CodeTable, None
    load = table.load if wants_curves else retrieval.load_table  # features have no curves
    ours, theirs = load(query), load(database)
    plain = wants_curves and by["distance"] is None
    if plain and isinstance(ours, table) and isinstance(theirs, table):
        measured, drawn = measure_and_draw(ours, theirs, **rules)
        curves = drawn.to_dict()
    else:
        measured = retrieval.measure_tables(ours, theirs, **rules, **by)
    warnings = advise(ours, theirs, measured, rules["hierarchy"])
    return _Found(measured, warnings, ours.level_labels, theirs.level_labels, curves)


def _of_parts(
    query: Path, database: list[Path], rules: dict[str, Any], by: dict[str, Any], wants_curves: bool
) -> _Found:
    """Of a database in several files, of which memory holds one at a time."""
    from gluon_hash.retrieval import CodeTable
    from gluon_hash.retrieval.evaluation import advise
    from gluon_hash.retrieval.evaluation.database_parts import DatabaseParts
    from gluon_hash.retrieval.evaluation.parts import curves_of_parts, measure_parts

    if any(value is not None for value in by.values()):
        raise ValueError(
            "--distance and --segments are of one database file: of codes, merge the parts "
            "(`gluon-hash merge`); the distances of features depend, in their last bits, on how "
            "many are compared at a time, so that parts would not give the numbers of the whole"
        )
    ours, parts = CodeTable.load(query), DatabaseParts(database)
    measured, about = measure_parts(ours, parts, **rules)
    curves = curves_of_parts(ours, parts).to_dict() if wants_curves else None
    warnings = advise(ours, about.sample, measured, rules["hierarchy"], step=about.step)
    return _Found(measured, warnings, ours.level_labels, about.class_counts, curves)


def _numbers(option: str, text: str | None, kind: type) -> list | None:
    try:
        return None if text is None else [kind(word) for word in text.split(",")]
    except ValueError:
        raise ValueError(f"{option}: expected numbers separated by commas, got {text!r}") from None
