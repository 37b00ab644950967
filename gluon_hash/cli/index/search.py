"""`gluon-hash index search`: the nearest codes of images or codes, and what they say."""

from __future__ import annotations

from pathlib import Path

import typer

from gluon_hash.cli.outputs import writes

__all__ = ["search"]

FIGURE = "FILE.html|.png|.svg|.pdf"


@writes("grid", doing="index search --grid")
def search(
    what: list[Path] | None = typer.Argument(
        None,
        metavar="INDEX [IMAGE...]",
        help="Index folder (not with --url), then image files or folders of them.",
    ),
    model: Path | None = typer.Option(
        None,
        metavar="MODEL",
        help="The run folder or exported network that made the codes; for images.",
    ),
    codes: Path | None = typer.Option(
        None, metavar="q.npz", help="Search for these codes in place of images."
    ),
    k: int | None = typer.Option(None, "-k", min=1, help="Results for each. [default: 10]"),
    radius: int | None = typer.Option(
        None, min=0, help="All within this many bits, in place of -k."
    ),
    within: str | None = typer.Option(
        None, metavar="LEVEL=CLASS", help="Only results of this branch of the hierarchy."
    ),
    group_by: str | None = typer.Option(
        None, metavar="LEVEL", help="Results by their class at this level."
    ),
    zoom: bool = typer.Option(
        False,
        "--zoom",
        help="Say the finest branch in which the results (all as near as the last) agree.",
    ),
    agree: int | None = typer.Option(
        None, min=1, help="--zoom: results that must agree. [default: more than half]"
    ),
    rerank: str | None = typer.Option(
        None,
        metavar="features.npz|asymmetric",
        help="Order the nearest by features, or by the network's output before the sign.",
    ),
    candidates: int | None = typer.Option(
        None, min=1, help="--rerank: nearest codes that are re-ranked. [default: 10 times -k]"
    ),
    query_features: Path | None = typer.Option(
        None, metavar="q.npz", help="--rerank: features of the queries, with --codes."
    ),
    distance: str | None = typer.Option(
        None, help="--rerank by features: cosine or l2. [default: cosine]"
    ),
    hierarchy: Path | None = typer.Option(
        None, metavar="hierarchy.tsv", help="Class names, where the index does not have them."
    ),
    as_json: bool = typer.Option(
        False, "--json", help="One JSON line for each query in place of a table."
    ),
    grid: Path | None = typer.Option(None, metavar=FIGURE, help="Draw the results too."),
    images: Path | None = typer.Option(
        None, metavar="DIR", help="--grid: where the paths in the index start. [default: here]"
    ),
    database_records: Path | None = typer.Option(
        None, metavar="train.rec", help="--grid: images of an index without paths."
    ),
    scan: bool = typer.Option(
        False,
        "--scan",
        help="Compare all codes: multihash where its tables do not pay, hnsw for --radius.",
    ),
    memory_mapped: bool = typer.Option(
        False, "--memory-mapped", help="ivf: leave the codes in the file."
    ),
    url: str | None = typer.Option(
        None, metavar="URL", help="Milvus: FILE.db, or http://host:19530."
    ),
    collection: str | None = typer.Option(None, help="Milvus: the collection. [default: codes]"),
) -> None:
    """Find the nearest codes: distance in bits, how many share it, classes, path."""
    from gluon_hash.cli.index import drawing, searching, showing
    from gluon_hash.cli.index.reranking import Rerank
    from gluon_hash.progress import log
    from gluon_hash.retrieval.index.asked import Asked
    from gluon_hash.retrieval.index.shown import Shown

    order = None
    if rerank is not None:
        order = Rerank(rerank, candidates, query_features, distance, radius)
    searching.check_pairs(
        {
            "--candidates": (candidates, "--rerank", rerank),
            "--query-features": (query_features, "--rerank", rerank),
            "--distance": (distance, "--rerank features.npz", rerank),
            "--agree": (agree, "--zoom", zoom or None),
            "--images": (images, "--grid", grid),
            "--database-records": (database_records, "--grid", grid),
            "--collection": (collection, "--url", url),
        }
    )
    if grid is not None:
        drawing.check_grid(grid)
    index, files = searching.open_index(url, collection, what or [], memory_mapped, scan, radius)
    if hierarchy is not None:
        searching.name_classes(index, hierarchy)
    asked = Asked(index, k, radius, within, group_by, scan)
    if asked.note:
        log(asked.note)
    queries = searching.read_queries(files, model, codes, index)
    answers = searching.find(asked, queries, order)
    voters = asked.voters(queries.codes, answers) if zoom else None
    shown = Shown(queries.names, answers, asked.level, voters, agree)
    showing.show(shown, as_json)
    if grid is not None:
        drawing.draw(grid, shown, queries.files, images, database_records)
