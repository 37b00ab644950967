"""`gluon-hash evaluate`: query codes against database codes."""

from __future__ import annotations

import json
import math
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import typer

from gluon_hash.cli.outputs import writes


@writes("curves_out", "per_class_out", doing="evaluate")
def command(
    query: Path = typer.Option(
        ..., metavar="q.npz", help="Codes of the queries; or cached features (see --distance)."
    ),
    database: Path = typer.Option(
        ..., metavar="d.npz", help="Codes (or features) of the database."
    ),
    hierarchy: Path | None = typer.Option(
        None, metavar="h.tsv", help="Check the labels against it; names the classes."
    ),
    protocol: str = typer.Option(
        "standard",
        help="standard, released, hashnet, csq, dpsh, barz, happier or dyml: how map is "
        "computed and what is printed first; its rules are printed with the result.",
    ),
    map_at: int | None = typer.Option(
        None, min=1, help="Cut-off R of map, in items. [default: the protocol's]"
    ),
    ahp_at: int | None = typer.Option(
        None, min=1, help="Cut-off R of mAHP, in items. [default: the protocol's]"
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
    from gluon_hash.retrieval.evaluation import advise, write_per_class

    if curves_out is not None and segments is not None:
        raise ValueError("--curves are of the plain Hamming distance; leave out --segments")
    tree = None if hierarchy is None else Hierarchy.load(hierarchy)
    ours, theirs = retrieval.load_table(query), retrieval.load_table(database)
    curves = None if curves_out is None else _curves(query, database)
    measured = retrieval.measure_tables(
        ours,
        theirs,
        distance=distance,
        segments=_numbers("--segments", segments, int),
        segment_weights=_numbers("--segment-weights", segment_weights, float),
        cutoffs=retrieval.Cutoffs(
            map=map_at, ahp=ahp_at, ndcg=ndcg_at, precision=precision_at, hit=hit_at, radius=radius
        ),
        protocol=protocol,
        hierarchy=tree,
    )
    for text in advise(ours, theirs, measured, tree):
        log(f"warning: {text}")
    result = measured.summary(confidence)
    with ExitStack() as undo:  # both files or none
        if curves_out is not None:
            atomic_write_json(curves_out, curves)
            undo.callback(curves_out.unlink)
        if per_class_out is not None:
            results = retrieval.per_class(measured, ours.level_labels, theirs.level_labels, tree)
            write_per_class(results, per_class_out)
        undo.pop_all()
    print(json.dumps(_jsonable(result))) if as_json else _show(result)


def _curves(query: Path, database: Path) -> dict[str, list]:
    from gluon_hash.retrieval import CodeTable, curves

    return curves(CodeTable.load(query), CodeTable.load(database)).to_dict()


def _numbers(option: str, text: str | None, kind: type) -> list | None:
    try:
        return None if text is None else [kind(word) for word in text.split(",")]
    except ValueError:
        raise ValueError(f"{option}: expected numbers separated by commas, got {text!r}") from None


def _jsonable(value: Any) -> Any:
    """NaN is not JSON: null."""
    if isinstance(value, dict):
        return {name: _jsonable(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_jsonable(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _show(result: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    rules, intervals = result.pop("protocol"), result.pop("confidence", {})
    table = Table(
        "metric", "value", *([f"{intervals['percent']:g} % interval"] if intervals else [])
    )
    for name, value in result.items():
        ends = intervals.get(name)
        table.add_row(
            name,
            f"{value:.4f}" if isinstance(value, float) else str(value),
            *([f"{ends[0]:.4f} - {ends[1]:.4f}" if ends else ""] if intervals else []),
        )
    Console().print(table)
    print(_rules(rules, result["num_database"]))


def _rules(rules: dict[str, Any], num_database: int) -> str:
    """The protocol in a sentence, with the cut-offs that were reached."""
    cut = rules["map_at"]
    over = "the whole ranking" if cut is None else f"the first {min(cut, num_database)} items"
    divisor = "hits" if rules["divisor"] == "hits" else "relevant items"
    if rules["divisor"] == "relevant" and cut is not None:
        divisor += ", at most as many as the cut"
    no_hit = rules["no_hit"].replace("left out", "is left out")
    excluded = "; a query is searched among the other images" if rules["query_excluded"] else ""
    return (
        f"protocol {rules['name']} ({rules['source']}): map over {over}, divided by the {divisor}; "
        f"a query without a hit {no_hit}{excluded}; mAHP over the first "
        f"{min(rules['ahp_at'], num_database)}; ties {rules['ties']}; sign(0) = "
        f"{rules['sign_of_zero']}"
    )
