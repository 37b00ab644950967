"""`gluon-hash prepare`: a data set becomes records, lists, a hierarchy and a split manifest."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path

import typer

app = typer.Typer(
    no_args_is_help=True,
    help="Turn a data set into records, lists, a hierarchy and a split manifest.",
)

OUT = typer.Option(..., metavar="DIR", help="Folder to make; must not exist.")
LIMIT = typer.Option(
    None, min=1, help="At most so many images of each finest class, in each split."
)
SEED = typer.Option(24, min=0, help="Draws the subset and the validation images.")
SHORT_SIDE = typer.Option(
    None,
    min=16,
    help="Shrink larger images to this short side, in pixels (JPEG 95): smaller "
    "records that decode faster. Default: the files' own bytes.",
)
VALIDATION = typer.Option(
    None, min=1, help="Training images of each class in validation.lst; default: 5 %, at least 2."
)
DUPLICATES = typer.Option(
    False,
    "--allow-duplicates",
    help="List images that are in both query and database, in place of an error.",
)
PICKLE = typer.Option(
    False,
    "--allow-pickle",
    help="Read the Python version of the archive, whose files are pickles; "
    "classes other than NumPy's arrays are refused.",
)
SOURCE = typer.Option(
    None, metavar="DIR_OR_ARCHIVE", help="Folder or archive; default: download, MD5 checked."
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
    None, metavar="0,2,3", help="Levels of the tree to keep, 0 the finest; default: all."
)
MD5 = typer.Option(None, metavar="HEX", help="MD5 that the archive must have.")


@app.command()
def cifar100(
    out: Path = OUT,
    source: Path | None = SOURCE,
    md5: str | None = MD5,
    tree: Path | None = TREE,
    names: Path | None = NAMES,
    levels: str | None = LEVELS,
    limit: int | None = LIMIT,
    seed: int = SEED,
    validation_per_class: int | None = VALIDATION,
    allow_duplicates: bool = DUPLICATES,
    allow_pickle: bool = PICKLE,
) -> None:
    """CIFAR-100, official binary version: 100 fine, 20 coarse classes; or a tree of your own over
    the fine ones."""
    from gluon_hash.datasets import cifar, cifar_python

    with _archive(cifar.URL100, cifar.MD5_100, source, md5, allow_pickle) as archive:
        dataset = (cifar_python.read_cifar100_python if allow_pickle else cifar.read_cifar100)(
            archive
        )
    _write(
        _regroup(dataset, levels, tree, names),
        out,
        limit,
        seed,
        validation_per_class,
        allow_duplicates,
    )


@app.command()
def cifar10(
    out: Path = OUT,
    source: Path | None = SOURCE,
    md5: str | None = MD5,
    tree: Path | None = TREE,
    names: Path | None = NAMES,
    levels: str | None = LEVELS,
    limit: int | None = LIMIT,
    seed: int = SEED,
    validation_per_class: int | None = VALIDATION,
    allow_duplicates: bool = DUPLICATES,
    allow_pickle: bool = PICKLE,
) -> None:
    """CIFAR-10, official binary version, under three levels of ours; or a tree of your own."""
    from gluon_hash.datasets import cifar, cifar_python

    with _archive(cifar.URL10, cifar.MD5_10, source, md5, allow_pickle) as archive:
        dataset = (cifar_python.read_cifar10_python if allow_pickle else cifar.read_cifar10)(
            archive
        )
    _write(
        _regroup(dataset, levels, tree, names),
        out,
        limit,
        seed,
        validation_per_class,
        allow_duplicates,
    )


@app.command()
def synthetic(
    out: Path = OUT,
    train_per_class: int = typer.Option(200, min=2, help="Training images of each class."),
    query_per_class: int = typer.Option(20, min=1, help="Query images of each class."),
    size: int = typer.Option(32, min=16, help="Side of the images, in pixels."),
    limit: int | None = LIMIT,
    seed: int = SEED,
    validation_per_class: int | None = VALIDATION,
) -> None:
    """The built-in data set: drawn figures, 27 classes in 9 forms in 3 families."""
    from gluon_hash.datasets.synthetic import make_synthetic

    _write(
        make_synthetic(train_per_class, query_per_class, size, seed),
        out,
        limit,
        seed,
        validation_per_class,
        False,
    )


@app.command()
def folder(
    out: Path = OUT,
    source: Path = typer.Option(
        ...,
        metavar="DIR",
        help="Nested folders of images, or train/ and query/ (or test/, val/) of them.",
    ),
    query_per_class: int = typer.Option(
        10, min=1, help="Without a query folder: images of each class drawn as queries."
    ),
    short_side: int | None = SHORT_SIDE,
    limit: int | None = LIMIT,
    seed: int = SEED,
    validation_per_class: int | None = VALIDATION,
    allow_duplicates: bool = DUPLICATES,
) -> None:
    """Any nested folder tree of images: the folders are the hierarchy."""
    from gluon_hash.datasets.folder import read_folder

    _write(
        read_folder(source, query_per_class, seed),
        out,
        limit,
        seed,
        validation_per_class,
        allow_duplicates,
        short_side,
    )


@app.command()
def imagenet(
    out: Path = OUT,
    source: Path = typer.Option(
        ..., metavar="DIR", help="train/ and val/ with a folder (n01440764, ...) for each class."
    ),
    tree: Path = typer.Option(..., metavar="FILE", help="`parent child` lines over WordNet ids."),
    names: Path | None = NAMES,
    levels: str | None = LEVELS,
    short_side: int | None = SHORT_SIDE,
    limit: int | None = LIMIT,
    seed: int = SEED,
    validation_per_class: int | None = VALIDATION,
    allow_duplicates: bool = DUPLICATES,
) -> None:
    """ImageNet-style folders with a WordNet tree."""
    from gluon_hash.datasets.folder import read_imagenet

    _write(
        _regroup(read_imagenet(source, tree, names), levels),
        out,
        limit,
        seed,
        validation_per_class,
        allow_duplicates,
        short_side,
    )


@app.command()
def nabirds(
    out: Path = OUT,
    source: Path = typer.Option(..., metavar="DIR_OR_ARCHIVE", help="The official folder."),
    short_side: int | None = SHORT_SIDE,
    limit: int | None = LIMIT,
    seed: int = SEED,
    validation_per_class: int | None = VALIDATION,
    allow_duplicates: bool = DUPLICATES,
) -> None:
    """NABirds, official layout: 555 / 495 / 228 / 22 classes."""
    from gluon_hash.archives import opened
    from gluon_hash.datasets.nabirds import read_nabirds

    with opened(source) as root:
        _write(
            read_nabirds(root), out, limit, seed, validation_per_class, allow_duplicates, short_side
        )


@contextmanager
def _archive(url, official_md5, source, md5, allow_pickle):
    """The archive that was named, its MD5 checked if one was given; or a download."""
    from gluon_hash import archives

    if source is not None:
        if md5 is not None:
            archives.check_md5(source, md5)
        yield source
        return
    if allow_pickle:
        raise ValueError(
            "--allow-pickle reads an archive that you name with --source; a download is of the "
            "binary version, which needs no pickle"
        )
    with tempfile.TemporaryDirectory(prefix="gluon_hash.") as folder:
        path = Path(folder) / url.rpartition("/")[2]
        archives.download(url, path, official_md5)
        yield path


def _regroup(dataset, levels, tree=None, names=None):
    from gluon_hash.datasets.dataset import regroup

    if levels is not None:
        try:
            levels = [int(level) for level in levels.split(",")]
        except ValueError as error:
            raise ValueError(f"--levels: expected numbers such as 0,4,6, got {levels!r}") from error
    return regroup(dataset, tree=tree, names=names, levels=levels)


def _write(
    dataset, out, limit, seed, validation_per_class, allow_duplicates, short_side=None
) -> None:
    from gluon_hash.datasets.dataset import write_dataset
    from gluon_hash.progress import log

    log(f"{out}: up to {len(dataset.train)} training and {len(dataset.query)} query images")
    manifest = write_dataset(
        dataset,
        out,
        seed=seed,
        limit=limit,
        validation_per_class=validation_per_class,
        allow_duplicates=allow_duplicates,
        short_side=short_side,
    )
    for name, split in manifest["splits"].items():
        print(f"{name}\t{split['file']}\t{split['images']} images")
    print("levels\t" + ", ".join(f"{name} {count}" for name, count in manifest["levels"].items()))
