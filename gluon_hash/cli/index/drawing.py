"""What `gluon-hash index search --grid` draws: a page or a figure of queries and results."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from gluon_hash.retrieval.index.answers import Answers
    from gluon_hash.retrieval.index.shown import Shown

Picture = np.ndarray | None
PAGE, FIGURES = ".html", (".png", ".svg", ".pdf")
LARGEST = 256  # pixels of a side
MOST_IN_A_ROW = 12  # of a figure
LONGEST = 18  # characters above a picture of a figure


@dataclass
class Rows:
    """The rows of a drawing: each a query, or a group of a query's results."""

    queries: list[Picture] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    pictures: list[list[Picture]] = field(default_factory=list)
    answers: list[Answers] = field(default_factory=list)


def check_grid(grid: Path) -> None:
    """Before the search: ValueError if the file is of no kind we draw."""
    if grid.suffix not in (PAGE, *FIGURES):
        raise ValueError(f"{grid}: expected a name that ends in .html, .png, .svg or .pdf")


def draw(
    grid: Path,
    shown: Shown,
    files: Sequence[Path | None],
    images: Path | None,
    database_records: Path | None,
) -> None:
    """Write the queries and what was found as a page or a figure."""
    from gluon_hash import plots
    from gluon_hash.files import atomic_path, atomic_write_text
    from gluon_hash.plots.rendering import rendered

    rows = _rows(shown, files, _pictures(shown.answers, images, database_records))
    if grid.suffix == PAGE:
        page = plots.retrieval_page(
            rows.queries,
            rows.names,
            rows.pictures,
            [row.distances.tolist() for row in rows.answers],
            [row.items.ids.tolist() for row in rows.answers],
            captions=[_captions(row) for row in rows.answers],
            notes=rows.notes,
        )
        atomic_write_text(grid, page)
        return
    columns = _num_columns(grid, rows)
    distances = np.zeros((len(rows.answers), columns), int)
    for line, row in zip(distances, rows.answers):
        line[: len(row)] = row.distances[:columns]
    figure = plots.retrieval_grid(
        rows.queries,
        [pictures[:columns] for pictures in rows.pictures],
        distances,
        None,
        (),
        [
            "\n".join([_cut(name), *textwrap.wrap(note, LONGEST)])
            for name, note in zip(rows.names, rows.notes)
        ],
        captions=[
            [_cut(lines[-1]) if lines else "" for lines in _captions(row, paths=False)]
            for row in rows.answers
        ],
    )
    with atomic_path(grid) as temporary:
        temporary.write_bytes(rendered(figure, grid.suffix))


def _rows(shown: Shown, files: Sequence[Path | None], pictures: list[list[Picture]]) -> Rows:
    from gluon_hash.cli.index.showing import zoom_text

    rows = Rows()
    for query, (file, name, answers) in enumerate(zip(files, shown.names, shown.answers)):
        image = None if file is None else _read(file)
        for number, (title, places) in enumerate(shown.groups(query)):
            zoomed = zoom_text(shown, query) if shown.voters is not None and not number else ""
            rows.queries.append(image)
            rows.names.append(Path(name).name)
            rows.notes.append("\n".join(filter(None, [zoomed, title])))
            rows.pictures.append([pictures[query][place] for place in places])
            rows.answers.append(answers.take(places))
    return rows


def _pictures(
    answers: Sequence[Answers], images: Path | None, database_records: Path | None
) -> list[list[Picture]]:
    """The image of each answer: of the records, or of the file at its path; None if it is gone."""
    if database_records is not None:
        if images is not None:
            raise ValueError("--images and --database-records: give one of the two")
        return _of_records(answers, database_records)
    if any(row.items.names is None for row in answers):
        raise ValueError("--grid needs --database-records: the index has no paths of images")
    start = images or Path()
    files = [[start / name for name in row.items.names.tolist()] for row in answers]  # type: ignore[union-attr]
    missing = [file for row in files for file in row if not file.is_file()]
    if missing:
        from gluon_hash.progress import log

        total = sum(len(row) for row in files)
        said = (
            f"{len(missing)} of {total} images are not where the index says, the first is "
            f"{missing[0]}; --images DIR is the folder in which its paths start, or name "
            "--database-records"
        )
        if len(missing) == total:
            raise ValueError(f"--grid: {said}")
        log(said)
    return [[_read(file) if file.is_file() else None for file in row] for row in files]


def _of_records(answers: Sequence[Answers], database_records: Path) -> list[list[Picture]]:
    from gluon_hash.records import RecordFile

    records = RecordFile(database_records)
    position = {int(item): row for row, item in enumerate(records.ids)}
    unknown = [item for row in answers for item in row.items.ids.tolist() if item not in position]
    if unknown:
        raise ValueError(
            f"{database_records}: id {unknown[0]}, which the index found, is not in it; give the "
            "records that the index was built from"
        )
    return [
        [_small(records.image(position[item])) for item in row.items.ids.tolist()]
        for row in answers
    ]


def _read(file: Path) -> np.ndarray:
    from gluon_hash.records.images import read_image

    return _small(read_image(file))


def _small(image: np.ndarray) -> np.ndarray:
    """The image, at most LARGEST pixels wide and high."""
    if max(image.shape[:2]) <= LARGEST:
        return image
    from PIL import Image

    smaller = Image.fromarray(image)
    smaller.thumbnail((LARGEST, LARGEST))
    return np.asarray(smaller)


def _captions(row: Answers, *, paths: bool = True) -> list[list[str]]:
    """Lines under each picture: how many share the distance, the score, the path, the classes."""
    from gluon_hash.cli.index.showing import class_text

    captions: list[list[str]] = [[] for _ in range(len(row))]
    for number, lines in enumerate(captions):
        if paths:
            if row.sharing is not None and row.sharing[number] > 1:
                lines.append(f"shared by {row.sharing[number]}")
            if row.scores is not None:
                lines.append(f"score {row.scores[number]:.4f}")
            if row.items.names is not None:
                lines.append(str(row.items.names[number]))
        classes = class_text(row.items, number)
        if classes:
            lines.append(classes if paths else classes.partition(", ")[0])
    return captions


def _cut(text: str) -> str:
    """At most LONGEST characters; of a path, by which some classes are called, its end."""
    if len(text) <= LONGEST:
        return text
    return f"…{text[1 - LONGEST :]}" if "/" in text else f"{text[: LONGEST - 1]}…"


def _num_columns(grid: Path, rows: Rows) -> int:
    """Results in a row of a figure; said if there are more."""
    from gluon_hash.progress import log

    most = max((len(row) for row in rows.answers), default=0)
    if most > MOST_IN_A_ROW:
        log(
            f"{grid}: the first {MOST_IN_A_ROW} of up to {most} results of a query; a page (.html) "
            "shows all"
        )
    return min(most, MOST_IN_A_ROW)
