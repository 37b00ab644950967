"""Data sets of one's own: folders, tables, features; and drawn ones that need no file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from gluon_hash import datasets
from gluon_hash.cli.prepare.recipes import (
    BACKGROUND,
    COLUMNS,
    LEVELS,
    NAMES,
    PER_CLASS,
    SHARE,
    TREE,
    TREE_FILE,
    app,
    images,
    names_of,
    recipe,
    regrouped,
)
from gluon_hash.datasets import Dataset, FeatureDataset
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.records.images import parse_color


@recipe(app, images)
def folder(
    seed: int,
    source: Path = typer.Option(
        ...,
        metavar="DIR",
        help="Nested folders of images, or train/ and query/ (or test/, val/) of them.",
    ),
    query_share: float | None = SHARE,
    query_per_class: int | None = PER_CLASS,
    mixed: str = typer.Option(
        "own-class",
        metavar="own-class|skip|error",
        help="Images beside folders of images: a class called as the folder with (other) behind "
        "it, or left out, or refused.",
    ),
    background: str = BACKGROUND,
    tree: Path | None = TREE,
    names: Path | None = NAMES,
    levels: str | None = LEVELS,
) -> Iterator[Dataset]:
    """Any nested folder tree of images: the folders are the hierarchy."""
    data = datasets.folder(
        source,
        **_queries(query_share, query_per_class),
        mixed=mixed,  # type: ignore[arg-type]  # it says itself what it may be
        background=parse_color(background),
        seed=seed,
    )
    yield regrouped(data, levels, tree, names)


@recipe(app, images)
def csv(
    seed: int,
    source: Path = typer.Option(
        ..., metavar="TABLE", help="CSV or TSV with a header: a path and a column for each level."
    ),
    levels: str | None = COLUMNS,
    root: Path | None = typer.Option(
        None, metavar="DIR", help="What paths are relative to; default: the table's folder."
    ),
    path_column: str | None = typer.Option(
        None, metavar="NAME", help="Default: the one called path, file, filename or image."
    ),
    split_column: str | None = typer.Option(
        None,
        metavar="NAME",
        help="Of train and query (or test, val) in every row; default: the one called split, if "
        "there is one, else queries are drawn.",
    ),
    hierarchy: Path | None = TREE_FILE,
    query_share: float | None = SHARE,
    query_per_class: int | None = PER_CLASS,
    background: str = BACKGROUND,
) -> Iterator[Dataset]:
    """A table of images: a path and a column for each level."""
    yield datasets.csv(
        source,
        levels=names_of(levels),
        root=root,
        path_column=path_column,
        split_column=split_column,
        hierarchy=None if hierarchy is None else Hierarchy.load(hierarchy),
        **_queries(query_share, query_per_class),
        background=parse_color(background),
        seed=seed,
    )


@recipe(app)
def features(
    seed: int,
    array: Path = typer.Argument(
        ..., metavar="X.npy", help="Features (N, num_features): .npy, .npz or .parquet."
    ),
    labels: Path | None = typer.Option(
        None,
        metavar="TABLE",
        help="CSV or TSV with a header and a row for each feature, or .npy; names or numbers. "
        "Default: the labels in the .npz or .parquet.",
    ),
    hierarchy: Path | None = TREE_FILE,
    levels: str | None = COLUMNS,
    array_name: str | None = typer.Option(
        None, "--array", metavar="NAME", help="Of the array in a .npz, or the column in a .parquet."
    ),
    query: Path | None = typer.Option(
        None, metavar="Q.npy", help="Features that are queries; default: queries are drawn."
    ),
    query_labels: Path | None = typer.Option(None, metavar="TABLE", help="Labels of --query."),
    query_share: float | None = SHARE,
    query_per_class: int | None = PER_CLASS,
) -> Iterator[FeatureDataset]:
    """Features that any framework made, with labels: what a hash head is trained on."""
    yield datasets.features(
        array,
        labels,
        hierarchy,
        levels=names_of(levels),
        query=query,
        query_labels=query_labels,
        array_name=array_name,
        **_queries(query_share, query_per_class),
        seed=seed,
    )


@recipe(app)
def synthetic(
    seed: int,
    train_per_class: int = typer.Option(200, min=2, help="Training images of each class."),
    query_per_class: int = typer.Option(20, min=1, help="Query images of each class."),
    size: int = typer.Option(32, min=16, help="Side of the images, in pixels."),
    branching: str | None = typer.Option(
        None,
        metavar="2,2,5,5,5",
        help="Children of a class, from the root down: a tree of so many levels, of their product "
        "of finest classes. Default: the built-in figures, 27 in three levels.",
    ),
    rarest: int | None = typer.Option(
        None,
        min=1,
        help="A long tail: from --train-per-class images of a class down to this many. Default: "
        "all alike.",
    ),
    wrong_labels: float = typer.Option(
        0.0, help="Share of the training images that have the finest label of a sibling."
    ),
) -> Iterator[Dataset]:
    """Drawn figures: 27 classes in 9 forms in 3 families, or a tree of any size."""
    yield datasets.synthetic(
        train_per_class=train_per_class,
        query_per_class=query_per_class,
        side=size,
        branching=_children(branching),
        rarest=rarest,
        wrong_labels=wrong_labels,
        seed=seed,
    )


def _children(text: str | None) -> list[int] | None:
    """The numbers in "2,5,5"."""
    try:
        return None if text is None else [int(word) for word in text.split(",")]
    except ValueError:
        raise ValueError(
            f"--branching: expected numbers separated by commas, got {text!r}"
        ) from None


def _queries(share: float | None, per_class: int | None) -> dict[str, Any]:
    """The share or the number of queries, whichever was asked for."""
    if share is not None and per_class is not None:
        raise ValueError("--query-share and --query-per-class: give one of them")
    if per_class is not None:
        return {"query_per_class": per_class}
    return {} if share is None else {"query_share": share}
