"""What the `prepare` commands have in common: each yields a data set, which is written."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from gluon_hash import datasets
from gluon_hash.datasets import Dataset, FeatureDataset
from gluon_hash.datasets.dry_run import dry_run as estimated
from gluon_hash.files import refuse_existing
from gluon_hash.progress import log

__all__ = ["app", "images", "names_of", "recipe", "regrouped"]

app = typer.Typer(
    no_args_is_help=True,
    help="Turn a data set into records, lists, a hierarchy and a split manifest.",
)

DOWNLOADED = typer.Option(
    None, metavar="DIR_OR_ARCHIVE", help="Folder or archive; default: download, MD5 checked."
)
FOLDER = typer.Option(..., metavar="DIR_OR_ARCHIVE", help="The official folder or archive.")
MD5 = typer.Option(None, metavar="HEX", help="MD5 that the archive must have.")
PICKLE = typer.Option(
    False,
    "--allow-pickle",
    help="Read the Python version of the archive, whose files are pickles; "
    "classes other than NumPy's arrays are refused.",
)
TREE = typer.Option(
    None,
    metavar="FILE",
    help="A tree over the finest classes in place of the usual one: `parent "
    "child` lines (uneven ones are completed), or a hierarchy.tsv.",
)
NAMES = typer.Option(
    None, metavar="FILE", help="`id name` lines for the ids of --tree; default: an id is its name."
)
LEVELS = typer.Option(
    None,
    metavar="0,2,3",
    help="Levels of the tree to keep, finest first, by number (0: the finest) or name; "
    "default: all.",
)
COLUMNS = typer.Option(
    None,
    metavar="A,B,C",
    help="Columns of the table that are levels, finest first; default: all but path and split.",
)
TREE_FILE = typer.Option(
    None, metavar="hierarchy.tsv", help="Tree of the classes; default: made from the columns."
)
SHARE = typer.Option(None, help="Queries are at most this share of each class.", show_default="0.1")
PER_CLASS = typer.Option(
    None, min=1, help="This many queries of each class (at most all but one) in place of a share."
)
BACKGROUND = typer.Option(
    "white", metavar="COLOUR", help="What transparent pixels show: a name, or #rrggbb."
)


def recipe(
    app: typer.Typer, *more: Callable[..., None]
) -> Callable[[Callable[..., Iterator[Dataset | FeatureDataset]]], Callable[..., None]]:
    """Make a function that yields a data set a command of ``app``.

    Its parameters are the command's options; those of ``arranged``, and of the functions in
    ``more``, are added, and what they say is handed to the data set's ``write``. A parameter
    without a default that is called as one of these (``seed``) is the same option.
    """
    common = [
        parameter
        for options in (arranged, *more)
        for parameter in inspect.signature(options, eval_str=True).parameters.values()
    ]

    def decorate(
        function: Callable[..., Iterator[Dataset | FeatureDataset]],
    ) -> Callable[..., None]:
        own = inspect.signature(function, eval_str=True).parameters
        shared = {parameter.name for parameter in common}

        def command(**values: Any) -> None:
            refuse_existing(values["out"])  # before files are looked through
            if values["dry_run"] and values.get("source", "named") is None:
                raise ValueError("--dry-run downloads nothing: name the archive with --source")
            settings = {name: values[name] for name in shared}
            with contextmanager(function)(**{name: values[name] for name in own}) as data:
                _write(data, **settings)

        parameters = [parameter for name, parameter in own.items() if name not in shared]
        parameters = [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for parameter in [common[0], *parameters, *common[1:]]
        ]
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {p.name: p.annotation for p in parameters}
        command.__doc__ = function.__doc__
        app.command(function.__name__)(command)
        return command

    return decorate


def arranged(
    out: Path = typer.Option(..., metavar="DIR", help="Folder to make; must not exist."),
    limit: int | None = typer.Option(
        None, min=1, help="At most this many images of each finest class, in each split."
    ),
    seed: int = typer.Option(
        24,
        min=0,
        max=2**32 - 1,
        help="Draws queries, subset, order of the database and validation images.",
    ),
    validation_per_class: int | None = typer.Option(
        None,
        min=1,
        help="Training images of each class in validation.lst; default: 5 %, at least 2.",
    ),
    duplicates: str | None = typer.Option(
        None,
        metavar="error|one-side|keep",
        help="Images that are in both query and database: refused, moved to the database, or left "
        "in both. Default: one-side where queries are drawn here, else error. All copies are "
        "listed in duplicates.json.",
    ),
    allow_duplicates: bool = typer.Option(
        False, "--allow-duplicates", help="The same as --duplicates keep."
    ),
    shuffle: bool | None = typer.Option(
        None,
        help="Shuffle the database, so that equal distances favour no class. Default: unless the "
        "data set has an official order.",
    ),
    protocol: str = typer.Option(
        "paper",
        metavar="paper|unseen-images|unseen-classes",
        help="What is searched in what: the training set is the database; or queries among each "
        "other; or a fifth of the finest classes, listed in unseen_classes.txt, is never trained "
        "on. The records are the same, so features are made once.",
    ),
    dry_run: bool = typer.Option(
        False,
        "--dry-run",
        help="Count the images, read some of them and print what would be read and written, and "
        "the time, memory and disk that it would take; write nothing.",
    ),
) -> None:
    """Options of every recipe."""


def images(
    short_side: int | None = typer.Option(
        None,
        min=16,
        help="Shrink larger images to this short side, in pixels (JPEG 95): smaller records that "
        "decode faster. Default: the files' own bytes.",
    ),
    reduced: bool = typer.Option(
        False,
        "--reduced",
        help="With --short-side: decode large JPEG files at half their size or less, of twice the "
        "short side at least. Several times as fast for photos of a camera; pixels differ by two "
        "levels on average.",
    ),
    skip_unreadable: bool = typer.Option(
        False,
        "--skip-unreadable",
        help="Leave out images that cannot be read, in place of an error.",
    ),
) -> None:
    """Options of recipes that read image files."""


def regrouped(
    data: Dataset, levels: str | None, tree: Path | None = None, names: Path | None = None
) -> Dataset:
    """The data set under another tree, or with the levels that are kept."""
    return datasets.regroup(data, tree=tree, names=names, levels=names_of(levels))


def names_of(levels: str | None) -> list[str] | None:
    """The names in "a,b,c"."""
    return None if levels is None else [level.strip() for level in levels.split(",")]


def _write(
    data: Dataset | FeatureDataset,
    out: Path,
    *,
    duplicates: str | None,
    allow_duplicates: bool,
    dry_run: bool,
    shuffle: bool | None,
    **settings: Any,
) -> None:
    """Write a data set and print what is in the folder, or what would be."""
    if allow_duplicates and duplicates not in (None, "keep"):
        raise ValueError(f"--allow-duplicates is --duplicates keep, not {duplicates}")
    if dry_run:
        for line in estimated(data, out, **settings):
            print(line)
        return
    log(f"{out}: up to {len(data.train)} training and {len(data.query)} query images")
    mode: Any = "keep" if allow_duplicates else duplicates  # it says what it may be
    manifest = data.write(out, duplicates=mode, shuffle=shuffle, **settings)
    for name, split in manifest["splits"].items():
        print(f"{name}\t{split['file']}\t{split['images']} images")
    print("levels\t" + ", ".join(f"{name} {count}" for name, count in manifest["levels"].items()))
