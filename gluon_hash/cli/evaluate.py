"""`gluon-hash evaluate`: query codes against database codes."""
from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Optional

import typer


def command(
    query: Path = typer.Option(..., metavar="q.npz", help="Codes of the queries."),
    database: Path = typer.Option(..., metavar="d.npz", help="Codes of the database."),
    hierarchy: Optional[Path] = typer.Option(None, metavar="h.tsv", help="Check the labels against it."),
    ahp_at: int = typer.Option(2500, min=1, help="Cut-off R of mAHP, in items."),
    ndcg_at: int = typer.Option(100, min=1, help="Cut-off of nDCG, in items."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object in place of a table."),
) -> None:
    """Measure query codes against database codes; ties are ranked by database position."""
    from rich.console import Console
    from rich.table import Table

    from gluon_hash.hierarchy import Hierarchy
    from gluon_hash.retrieval import CodeTable, evaluate

    result = evaluate(CodeTable.load(query), CodeTable.load(database), ahp_at=ahp_at, ndcg_at=ndcg_at,
                      hierarchy=None if hierarchy is None else Hierarchy.load(hierarchy))
    if as_json:
        print(json.dumps({name: None if math.isnan(value) else value for name, value in result.items()}))
        return
    table = Table("metric", "value")
    for name, value in result.items():
        table.add_row(name, f"{value:.4f}" if isinstance(value, float) else str(value))
    Console().print(table)
