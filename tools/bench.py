"""Speed here, beside what a user would pick instead, and the machine's limit: `make bench`.

Prints a line for each row, and keeps them in docs/performance.json, from which --page writes the
tables of docs/performance.md.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent)]

from gluon_hash import environment

environment.set_threads()

import bench_machine
import bench_page
from bench_measuring import measure

# group: the file and the function that makes its rows, as (machine, large) -> rows
ROWS = {
    "search": ("bench_search", "search_rows"),
    "kinds": ("bench_search", "kind_rows"),
    "search-growth": ("bench_search", "growth_rows"),
    "evaluation": ("bench_evaluation", "evaluation_rows"),
    "evaluation-growth": ("bench_evaluation", "evaluation_growth_rows"),
    "networks": ("bench_images", "network_rows"),
    "records": ("bench_images", "record_rows"),
}


def main() -> None:
    """Parse, measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rows", default=",".join(ROWS), help="groups, with commas [default: %(default)s]"
    )
    parser.add_argument(
        "--large", action="store_true", help="also 10,000,000 codes (about 2 GB, minutes)"
    )
    parser.add_argument(
        "--json", type=Path, help="keep the numbers there; groups that are not measured stay"
    )
    parser.add_argument(
        "--page", action="store_true", help="measure nothing: write docs/performance.md"
    )
    options = parser.parse_args()
    if options.page:
        groups = bench_page.merge(options.json or bench_page.FILE, {})
        page = bench_page.PAGE.read_text(encoding="utf-8")
        bench_page.PAGE.write_text(bench_page.update(page, groups), encoding="utf-8")
        return
    names = options.rows.split(",")
    unknown = set(names) - set(ROWS)
    if unknown:
        parser.error(f"--rows: expected some of {', '.join(ROWS)}, got {', '.join(unknown)}")
    machine = bench_machine.look()
    for name in names:
        group = run(name, machine, options.large)
        if options.json is not None:
            bench_page.merge(options.json, {name: group})


def run(name: str, machine: bench_machine.Machine, large: bool) -> dict[str, Any]:
    """Measure a group; a line is printed for each row as soon as it is known."""
    module, function = ROWS[name]
    group: dict[str, Any] = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine.as_values() | {"processors": machine.processors},
        "rows": [],
    }
    with tempfile.TemporaryDirectory() as folder:
        for row in getattr(importlib.import_module(module), function)(machine, large):
            group["rows"].append(measure(row, Path(folder)))
            print(bench_page.render(name, group).splitlines()[-1], flush=True)
    return group


if __name__ == "__main__":
    main()
