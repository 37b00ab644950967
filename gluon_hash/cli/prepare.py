"""`gluon-hash prepare`: a data set becomes records, lists, a hierarchy and a split manifest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from gluon_hash import archives, datasets
from gluon_hash.cli.recipes import (
    BACKGROUND,
    COLUMNS,
    DOWNLOADED,
    FOLDER,
    LEVELS,
    MD5,
    NAMES,
    PER_CLASS,
    PICKLE,
    SHARE,
    TREE,
    TREE_FILE,
    images,
    recipe,
)
from gluon_hash.datasets import Dataset, FeatureDataset, cifar_python
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.records.images import parse_color

app = typer.Typer(
    no_args_is_help=True,
    help="Turn a data set into records, lists, a hierarchy and a split manifest.",
)


@recipe(app)
def cifar100(
    source: Path | None = DOWNLOADED,
    md5: str | None = MD5,
    tree: Path | None = TREE,
    names: Path | None = NAMES,
    levels: str | None = LEVELS,
    allow_pickle: bool = PICKLE,
) -> Iterator[Dataset]:
    """CIFAR-100, official binary version: 100 fine, 20 coarse classes, or a tree of your own."""
    _check_md5(source, md5)
    data = (
        cifar_python.cifar100_python(_named(source)) if allow_pickle else datasets.cifar100(source)
    )
    yield _regroup(data, levels, tree, names)


@recipe(app)
def cifar10(
    source: Path | None = DOWNLOADED,
    md5: str | None = MD5,
    tree: Path | None = TREE,
    names: Path | None = NAMES,
    levels: str | None = LEVELS,
    allow_pickle: bool = PICKLE,
) -> Iterator[Dataset]:
    """CIFAR-10, official binary version, under three levels of ours; or a tree of your own."""
    _check_md5(source, md5)
    data = cifar_python.cifar10_python(_named(source)) if allow_pickle else datasets.cifar10(source)
    yield _regroup(data, levels, tree, names)


@recipe(app)
def synthetic(
    seed: int,
    train_per_class: int = typer.Option(200, min=2, help="Training images of each class."),
    query_per_class: int = typer.Option(20, min=1, help="Query images of each class."),
    size: int = typer.Option(32, min=16, help="Side of the images, in pixels."),
) -> Iterator[Dataset]:
    """The built-in data set: drawn figures, 27 classes in 9 forms in 3 families."""
    yield datasets.synthetic(
        train_per_class=train_per_class, query_per_class=query_per_class, side=size, seed=seed
    )


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
    yield _regroup(data, levels, tree, names)


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
        levels=_names_of(levels),
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
        levels=_names_of(levels),
        query=query,
        query_labels=query_labels,
        array_name=array_name,
        **_queries(query_share, query_per_class),
        seed=seed,
    )


@recipe(app, images)
def imagenet(
    source: Path = typer.Option(
        ..., metavar="DIR", help="train/ and val/ with a folder (n01440764, ...) for each class."
    ),
    tree: Path = typer.Option(
        ..., metavar="FILE", help="`parent child` lines over WordNet ids (wordnet.is_a.txt)."
    ),
    names: Path | None = NAMES,
    val_labels: Path | None = typer.Option(
        None,
        metavar="FILE",
        help="Classes of images that lie side by side in val/: LOC_val_solution.csv, or lines of "
        "`file id`, or of ids alone.",
    ),
    levels: str | None = LEVELS,
    background: str = BACKGROUND,
) -> Iterator[Dataset]:
    """ImageNet-style folders with a WordNet tree."""
    data = datasets.imagenet(
        source, tree, names, val_labels=val_labels, background=parse_color(background)
    )
    yield _regroup(data, levels)


@recipe(app, images)
def nabirds(source: Path = FOLDER, levels: str | None = LEVELS) -> Iterator[Dataset]:
    """NABirds, official layout: 555 / 495 / 228 / 22 classes."""
    with archives.opened(source) as root:
        yield _regroup(datasets.nabirds(root), levels)


@recipe(app, images)
def cub(
    source: Path = FOLDER,
    split: str = typer.Option(
        "unseen",
        metavar="unseen|official",
        help="Train on the first 100 species and search the others, or train_test_split.txt.",
    ),
    tree: Path | None = TREE,
    names: Path | None = NAMES,
    levels: str | None = LEVELS,
) -> Iterator[Dataset]:
    """CUB-200-2011, official layout: 200 species in groups by the last word of their names."""
    with archives.opened(source) as root:
        data = datasets.cub(root, split=split)  # type: ignore[arg-type]  # it says what it may be
        yield _regroup(data, levels, tree, names)


@recipe(app, images)
def sop(source: Path = FOLDER, levels: str | None = LEVELS) -> Iterator[Dataset]:
    """Stanford Online Products, official layout: train on some items, search others."""
    with archives.opened(source) as root:
        yield _regroup(datasets.sop(root), levels)


@recipe(app, images)
def inaturalist(
    source: Path = typer.Option(..., metavar="DIR", help="Where the images' paths start."),
    train_list: Path | None = typer.Option(
        None, metavar="JSON", help="Default: the train*.json in --source."
    ),
    query_list: Path | None = typer.Option(
        None, metavar="JSON", help="Default: the val*.json in --source."
    ),
    categories: Path | None = typer.Option(
        None, metavar="JSON", help="Names in place of hidden ones (2018, 2019): categories.json."
    ),
    levels: str | None = LEVELS,
) -> Iterator[Dataset]:
    """The iNaturalist competitions of 2018 and later: species to kingdom in seven levels."""
    data = datasets.inaturalist(source, train=train_list, query=query_list, categories=categories)
    yield _regroup(data, levels)


def _check_md5(source: Path | None, md5: str | None) -> None:
    if source is not None and md5 is not None:
        archives.check_md5(source, md5)


def _named(source: Path | None) -> Path:
    if source is None:
        raise ValueError(
            "--allow-pickle reads an archive that you name with --source; a download is of the "
            "binary version, which needs no pickle"
        )
    return source


def _regroup(
    data: Dataset, levels: str | None, tree: Path | None = None, names: Path | None = None
) -> Dataset:
    return datasets.regroup(data, tree=tree, names=names, levels=_names_of(levels))


def _names_of(levels: str | None) -> list[str] | None:
    return None if levels is None else [level.strip() for level in levels.split(",")]


def _queries(share: float | None, per_class: int | None) -> dict[str, Any]:
    """The share or the number of queries, whichever was asked for."""
    if share is not None and per_class is not None:
        raise ValueError("--query-share and --query-per-class: give one of them")
    if per_class is not None:
        return {"query_per_class": per_class}
    return {} if share is None else {"query_share": share}
