"""Published data sets, from their own files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import typer

from gluon_hash import archives, datasets
from gluon_hash.cli.prepare.recipes import (
    BACKGROUND,
    DOWNLOADED,
    FOLDER,
    LEVELS,
    MD5,
    NAMES,
    PICKLE,
    TREE,
    app,
    images,
    recipe,
    regrouped,
)
from gluon_hash.datasets import Dataset, cifar_python
from gluon_hash.records.images import parse_color


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
    yield regrouped(data, levels, tree, names)


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
    yield regrouped(data, levels, tree, names)


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
    yield regrouped(data, levels)


@recipe(app, images)
def nabirds(source: Path = FOLDER, levels: str | None = LEVELS) -> Iterator[Dataset]:
    """NABirds, official layout: 555 / 495 / 228 / 22 classes."""
    with archives.opened(source) as root:
        yield regrouped(datasets.nabirds(root), levels)


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
        yield regrouped(data, levels, tree, names)


@recipe(app, images)
def sop(source: Path = FOLDER, levels: str | None = LEVELS) -> Iterator[Dataset]:
    """Stanford Online Products, official layout: train on some items, search others."""
    with archives.opened(source) as root:
        yield regrouped(datasets.sop(root), levels)


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
    yield regrouped(data, levels)


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
