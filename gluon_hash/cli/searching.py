"""What `gluon-hash index search` reads, prints and draws."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from gluon_hash.retrieval import CodeTable
    from gluon_hash.retrieval.index import Searcher

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")
MOST_IN_A_ROW = 12  # of a figure
Found = list[tuple[list[int], list[int]]]  # distances and ids of each query


@dataclass(frozen=True)
class Queries:
    """Packed codes, a name for each, and the image files that they came from (none: codes were
    given)."""

    names: list[str]
    codes: np.ndarray
    images: list[Path]


def load_codes(path: Path, num_bits: int) -> CodeTable:
    """The codes in a file; ValueError if they are not of the index's length."""
    from gluon_hash.retrieval import CodeTable

    table = CodeTable.load(path)
    if table.num_bits != num_bits:
        raise ValueError(
            f"{path}: codes of {table.num_bits} bits, the index has {num_bits}; encode with the "
            "network that made the index"
        )
    return table


def read_queries(
    images: Sequence[Path], model: Path | None, codes: Path | None, num_bits: int
) -> Queries:
    """Queries from image files and folders, or from a code file."""
    if (codes is None) == (not images):
        raise ValueError("name image files (with --model), or a code file with --codes")
    if codes is not None:
        table = load_codes(codes, num_bits)
        return Queries([str(item) for item in table.ids], table.codes, [])
    if model is None:
        raise ValueError("images are encoded by --model: NAME.manifest.json or a run folder")
    from gluon_hash import experiment

    files = [file for image in images for file in _files(image)]
    return Queries([str(file) for file in files], experiment.encode_images(model, files), files)


def open_index(
    url: str | None, collection: str, what: Sequence[Path], memory_mapped: bool
) -> tuple[Searcher, Sequence[Path]]:
    """The collection at ``url``, or the index in the folder that was named first; and the rest."""
    if url is not None:
        from gluon_hash.retrieval.index.milvus import MilvusIndex

        return MilvusIndex(url, collection), what
    from gluon_hash.retrieval import HammingIndex

    if not what:
        raise ValueError("name the index folder first, or a Milvus with --url")
    return HammingIndex.load(what[0], memory_mapped=memory_mapped), what[1:]


def find(index: Searcher, codes: np.ndarray, k: int, radius: int | None, scan: bool) -> Found:
    """The k nearest, or all within the radius."""
    if radius is None:
        return [
            (near[ids >= 0].tolist(), ids[ids >= 0].tolist())
            for near, ids in zip(*index.search(codes, k, scan=scan))
        ]
    near = index.search_radius(codes, radius, scan=scan)
    rows = [slice(start, end) for start, end in zip(near.offsets, near.offsets[1:])]
    return [(near.distances[row].tolist(), near.ids[row].tolist()) for row in rows]


def show(names: Sequence[str], found: Found, as_json: bool) -> None:
    """Print a table: a block for each query, distances in bits and ids; or a JSON line for each
    query."""
    if not as_json:
        print("query\n  bits  id")
    for name, (distances, ids) in zip(names, found):
        if as_json:
            print(json.dumps({"query": name, "distances": distances, "ids": ids}))
        else:
            print(
                "\n".join(
                    [name, *(f"  {distance:4d}  {item}" for distance, item in zip(distances, ids))]
                )
            )


def check_grid(grid: Path, database_records: Path | None, queries: Queries) -> None:
    """Before the search: can its results be drawn?"""
    from gluon_hash.files import refuse_existing

    if database_records is None:
        raise ValueError("--grid needs --database-records: the images of the index")
    if not queries.images:
        raise ValueError("--grid shows image queries; for codes use `gluon-hash plot grid`")
    if grid.suffix not in (".html", ".png", ".svg", ".pdf"):
        raise ValueError(f"{grid}: expected a name that ends in .html, .png, .svg or .pdf")
    refuse_existing(grid)


def draw(grid: Path, database_records: Path, queries: Queries, found: Found) -> None:
    """Write the queries and what was found as a page or a figure."""
    from gluon_hash import plots
    from gluon_hash.files import atomic_path, atomic_write_text
    from gluon_hash.progress import log
    from gluon_hash.records import RecordFile, decode_image

    records = RecordFile(database_records)
    place = {int(item): position for position, item in enumerate(records.ids)}
    unknown = [item for _, ids in found for item in ids if item not in place]
    if unknown:
        raise ValueError(
            f"{database_records}: id {unknown[0]}, which the index found, is not in it; give the "
            "records "
            "that the index was built from"
        )
    shown = [decode_image(file.read_bytes()) for file in queries.images]
    images = [[records.image(place[item]) for item in ids] for _, ids in found]
    names = [file.name for file in queries.images]
    if grid.suffix == ".html":
        atomic_write_text(
            grid,
            plots.retrieval_page(
                shown, names, images, [near for near, _ in found], [ids for _, ids in found]
            ),
        )
        return
    most = max(len(ids) for _, ids in found)
    columns = min(most, MOST_IN_A_ROW)
    if columns < most:
        log(
            f"{grid}: the first {columns} of up to {most} results of a query; a page (.html) shows "
            "all"
        )
    distances = np.array([(near + [0] * columns)[:columns] for near, _ in found]).reshape(
        len(found), columns
    )
    figure = plots.retrieval_grid(
        shown, [row[:columns] for row in images], distances, None, (), names
    )
    with atomic_path(grid) as temporary:
        figure.savefig(temporary, dpi=150)


def _files(image: Path) -> list[Path]:
    if not image.is_dir():
        return [image]
    files = sorted(file for file in image.rglob("*") if file.suffix.lower() in SUFFIXES)
    if not files:
        raise ValueError(f"{image}: no image in this folder ({', '.join(SUFFIXES)})")
    return files
