"""`gluon-hash plot`: codes, training curves, retrieved images, the hierarchy."""

from __future__ import annotations

from pathlib import Path

import typer

from gluon_hash.cli import plot_codes
from gluon_hash.cli.figures import HIERARCHY, OUT, SEED, WIDTH, inches, save
from gluon_hash.cli.outputs import writes

app = typer.Typer(no_args_is_help=True, help="Draw codes, curves, retrieved images, the hierarchy.")


@app.command()
@writes("out", doing="plot")
def tsne(
    codes: Path = typer.Argument(
        ..., metavar="codes.npz", help="Codes; or relaxed codes, which `encode --relaxed` wrote."
    ),
    out: Path = OUT,
    hierarchy: Path = HIERARCHY,
    level: int | None = typer.Option(
        None, min=0, help="Level to colour by, 0 the finest; default: the coarsest."
    ),
    limit: int = typer.Option(2000, min=5, help="Codes drawn at most, chosen by seed."),
    method: str = typer.Option("tsne", help="tsne, or umap where umap-learn is installed."),
    metric: str = typer.Option("euclidean", help="euclidean or hamming."),
    perplexity: float | None = typer.Option(
        None, help="Of t-SNE; of UMAP the neighbours. [default: 30, of few codes a third of them]"
    ),
    seed: int = SEED,
    width: str | None = WIDTH,
) -> None:
    """Codes in two dimensions, coloured by a level; equal codes are one point with their number."""
    from gluon_hash.hierarchy import Hierarchy
    from gluon_hash.report.figures import code_figure
    from gluon_hash.retrieval import load_table

    table, tree = load_table(codes), Hierarchy.load(hierarchy)
    tree.check_level_labels(table.level_labels, codes)
    figure = code_figure(
        table,
        tree,
        seed,
        level=level,
        limit=limit,
        method=method,
        metric=metric,
        perplexity=perplexity,
        width=inches(width),
    )
    save(figure, out)


@app.command()
@writes("out", doing="plot")
def curves(
    sources: list[Path] = typer.Argument(
        ...,
        metavar="RUN...|FILE.json...",
        help="Run folders; or files that `evaluate --curves` wrote.",
    ),
    out: Path = OUT,
    width: str | None = WIDTH,
) -> None:
    """Loss and validation metrics by epoch; or precision-recall and P@N curves."""
    from gluon_hash import plots
    from gluon_hash.experiment.cards.run_files import best_epoch
    from gluon_hash.experiment.runs.run_log import read_epochs
    from gluon_hash.retrieval.evaluation.curves import Curves

    if all(source.suffix == ".json" for source in sources):
        points = {source.stem: Curves.load(source).to_dict() for source in sources}
        save(plots.retrieval_curves(points, width=inches(width)), out)
        return
    epochs, chosen = {}, {}
    for run in sources:
        folder = run.parent if run.name == "log.jsonl" else run
        epochs[folder.name] = read_epochs(folder / "log.jsonl")
        kept = best_epoch(folder)
        if kept is not None:
            chosen[folder.name] = kept
    save(plots.training_curves(epochs, chosen=chosen, width=inches(width)), out)


@app.command()
@writes("out", doing="plot")
def grid(
    query: Path = typer.Option(..., metavar="q.npz", help="Codes of the queries."),
    database: Path = typer.Option(..., metavar="d.npz", help="Codes of the database."),
    query_records: Path = typer.Option(..., metavar="query.rec", help="Images of the queries."),
    database_records: Path = typer.Option(..., metavar="train.rec", help="Images of the database."),
    hierarchy: Path = HIERARCHY,
    out: Path = OUT,
    queries: int = typer.Option(6, min=1, help="Rows, chosen by seed."),
    k: int = typer.Option(10, "-k", min=1, help="Results in a row."),
    seed: int = SEED,
    width: str | None = WIDTH,
) -> None:
    """Query images and the nearest images found for them."""
    import numpy as np

    from gluon_hash.report import Images
    from gluon_hash.report.figures import grid_figure
    from gluon_hash.report.images import pictures_of
    from gluon_hash.report.reading import labelled_pair

    ours, theirs, tree = labelled_pair(query, database, hierarchy)
    images = Images(pictures_of(query_records, ours), pictures_of(database_records, theirs))
    chosen = np.sort(np.random.RandomState(seed).permutation(len(ours))[:queries])
    save(grid_figure(ours, theirs, tree, images, chosen, k=k, width=inches(width)), out)


@app.command(name="hierarchy")
@writes("out", doing="plot")
def draw_hierarchy(
    file: Path = typer.Argument(..., metavar="hierarchy.tsv", help="The hierarchy."),
    out: Path = OUT,
    width: str | None = WIDTH,
) -> None:
    """The tree of classes."""
    from gluon_hash import plots
    from gluon_hash.hierarchy import Hierarchy

    save(plots.hierarchy_tree(Hierarchy.load(file), width=inches(width)), out)


for name, draw in plot_codes.COMMANDS.items():
    app.command(name=name)(draw)
