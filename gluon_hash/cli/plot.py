"""`gluon-hash plot`: codes, training curves, retrieved images, the hierarchy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gluon_hash.cli.outputs import writes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

app = typer.Typer(no_args_is_help=True, help="Draw codes, curves, retrieved images, the hierarchy.")


def _figure(out: Path) -> Path:
    """The name of a figure; ValueError, before the work, if it is of no kind we draw."""
    if out.suffix not in KINDS:
        raise ValueError(f"{out}: expected a name that ends in .png, .svg or .pdf")
    return out


KINDS = (".png", ".svg", ".pdf")
OUT = typer.Option(
    ...,
    metavar="FILE.png|.svg|.pdf",
    help="The file to write; must not exist.",
    callback=_figure,
)
HIERARCHY = typer.Option(..., metavar="hierarchy.tsv", help="Names of the classes.")
SEED = typer.Option(24, min=0, help="Draws the images shown.")


@app.command()
@writes("out", doing="plot")
def tsne(
    codes: Path = typer.Argument(..., metavar="codes.npz", help="Codes to draw."),
    out: Path = OUT,
    hierarchy: Path = HIERARCHY,
    level: int | None = typer.Option(
        None, min=0, help="Level to colour by, 0 the finest; default: the coarsest."
    ),
    limit: int = typer.Option(2000, min=5, help="Codes drawn at most, chosen by seed."),
    seed: int = SEED,
) -> None:
    """t-SNE of codes, coloured by a level."""
    import numpy as np

    from gluon_hash import plots
    from gluon_hash.hierarchy import Hierarchy
    from gluon_hash.retrieval import CodeTable
    from gluon_hash.retrieval.codes import packing as code_format

    table, tree = CodeTable.load(codes), Hierarchy.load(hierarchy)
    tree.check_level_labels(table.level_labels, codes)
    level = tree.num_levels - 1 if level is None else level
    if level >= tree.num_levels:
        raise ValueError(
            f"--level: the hierarchy has levels 0 to {tree.num_levels - 1}, got {level}"
        )
    chosen = np.sort(np.random.RandomState(seed).permutation(len(table))[:limit])
    title = f"t-SNE of {len(chosen)} codes of {table.num_bits} bits, by {tree.level_names[level]}"
    _save(
        plots.tsne(
            code_format.unpack(table.codes[chosen], table.num_bits),
            table.level_labels[chosen, level],
            tree.class_names[level],
            seed,
            title=title,
        ),
        out,
    )


@app.command()
@writes("out", doing="plot")
def curves(
    sources: list[Path] = typer.Argument(
        ...,
        metavar="RUN...|FILE.json...",
        help="Run folders; or files that `evaluate --curves` wrote.",
    ),
    out: Path = OUT,
) -> None:
    """Loss and validation metrics by epoch; or precision-recall and P@N curves."""
    from gluon_hash import plots
    from gluon_hash.experiment.run_log import read_epochs
    from gluon_hash.retrieval.evaluation.curves import Curves

    if all(source.suffix == ".json" for source in sources):
        points = {source.stem: Curves.load(source).to_dict() for source in sources}
        _save(plots.retrieval_curves(points), out)
        return
    epochs = {}
    for run in sources:
        folder = run.parent if run.name == "log.jsonl" else run
        epochs[folder.name] = read_epochs(folder / "log.jsonl")
    _save(plots.training_curves(epochs), out)


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
) -> None:
    """Query images and the nearest images found for them."""
    import numpy as np

    from gluon_hash import plots
    from gluon_hash.hierarchy import Hierarchy
    from gluon_hash.records import RecordFile
    from gluon_hash.retrieval import CodeTable, HammingIndex

    table, base, tree = CodeTable.load(query), CodeTable.load(database), Hierarchy.load(hierarchy)
    images = [RecordFile(query_records), RecordFile(database_records)]
    position_of = [
        {int(item): position for position, item in enumerate(file.ids)} for file in images
    ]
    chosen = np.sort(np.random.RandomState(seed).permutation(len(table))[:queries])
    index = HammingIndex(base.num_bits)
    index.add(base.codes, np.arange(len(base)))
    distances, nearest = index.search(table.codes[chosen], k)
    matching = (base.level_labels[nearest] == table.level_labels[chosen][:, None]).sum(axis=2)
    _save(
        plots.retrieval_grid(
            [images[0].image(position_of[0][int(item)]) for item in table.ids[chosen]],
            [
                [images[1].image(position_of[1][int(item)]) for item in base.ids[row]]
                for row in nearest
            ],
            distances,
            matching,
            tree.level_names,
            [tree.class_names[0][c] for c in table.level_labels[chosen, 0]],
        ),
        out,
    )


@app.command(name="hierarchy")
@writes("out", doing="plot")
def draw_hierarchy(
    file: Path = typer.Argument(..., metavar="hierarchy.tsv", help="The hierarchy."),
    out: Path = OUT,
) -> None:
    """The tree of classes."""
    from gluon_hash import plots
    from gluon_hash.hierarchy import Hierarchy

    _save(plots.hierarchy_tree(Hierarchy.load(file)), out)


def _save(figure: Figure, out: Path) -> None:
    from gluon_hash.files import atomic_path
    from gluon_hash.plots.rendering import rendered

    with atomic_path(out) as temporary:
        temporary.write_bytes(rendered(figure, out.suffix))
    print(out)
