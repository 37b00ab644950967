"""What `gluon-hash evaluate` prints: a table of metrics, or one for each protocol of data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gluon_hash.cli.outputs import jsonable
from gluon_hash.hierarchy.unseen import PAPER, UNSEEN, check_protocols, read_unseen

__all__ = ["check_plain", "named_protocols", "show", "side_by_side"]


def named_protocols(protocol: str, rules: str) -> tuple[list[str], str]:
    """The protocols that were named, and the rules; --protocol once named the rules."""
    from gluon_hash.progress import log
    from gluon_hash.retrieval import PROTOCOLS

    if protocol in PROTOCOLS:
        log(f"--protocol {protocol}: these are rules now: --rules {protocol}")
        return [PAPER], protocol
    names = [name.strip() for name in protocol.split(",")]
    check_protocols(names)
    return names, rules


def check_plain(is_plain: bool, protocols: list[str]) -> None:
    """ValueError unless several protocols can be measured with the other options."""
    if not is_plain:
        raise ValueError(
            f"--protocol {','.join(protocols)} is of codes in one database file, without "
            "--distance, --segments, --curves and --per-class"
        )


def side_by_side(
    query: Path,
    database: Path,
    protocols: list[str],
    unseen_classes: Path | None,
    how: dict[str, Any],
    confidence: float | None,
    as_json: bool,
) -> None:
    """A table for each search; or one JSON object, search -> its metrics."""
    from gluon_hash.retrieval import CodeTable
    from gluon_hash.retrieval.evaluation import SEARCHES, measure_searches

    tree, unseen = how["hierarchy"], None
    if unseen_classes is not None:
        if tree is None:
            raise ValueError("--unseen-classes are names of --hierarchy: give both")
        unseen = read_unseen(unseen_classes, tree)
    elif UNSEEN in protocols:
        raise ValueError(f"--protocol {UNSEEN} needs --unseen-classes and --hierarchy")
    measured = measure_searches(
        CodeTable.load(query),
        CodeTable.load(database),
        protocols,
        unseen=unseen,
        cutoffs=how["cutoffs"],
        rules=how["protocol"],
        hierarchy=tree,
    )
    results = {name: values.summary(confidence) for name, values in measured.items()}
    if as_json:
        print(json.dumps({name: jsonable(result) for name, result in results.items()}))
        return
    for name, result in results.items():
        print(f"{name}: {SEARCHES[name]}")
        show(result)


def show(result: dict[str, Any]) -> None:
    """The table of one measurement, and the rules that it follows."""
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
        f"rules: {rules['name']} ({rules['source']}): map over {over}, divided by the {divisor}; "
        f"a query without a hit {no_hit}{excluded}; mAHP over the first "
        f"{min(rules['ahp_at'], num_database)}; ties {rules['ties']}; sign(0) = "
        f"{rules['sign_of_zero']}"
    )
