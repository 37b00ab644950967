"""Speed here, beside what a user would pick instead, and the machine's limit: `make bench`.

Prints a line for each row and, with --json FILE, keeps it there, so that an interrupted bench goes
on where it was: rows that were measured at this commit are not measured again. --page writes the
tables of docs/performance.md from the file.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent)]

import bench_kept
import bench_machine
import bench_page
from bench_measuring import FULL, QUICK, Bench, Effort, Row, Size, each_once, measure
from bench_processes import PEERS, Absent, Processes
from gluon_hash import environment

# group: the file and the function that makes its rows of a Size
ROWS = {
    "search": ("bench_search", "search_rows"),
    "kinds": ("bench_search", "kind_rows"),
    "search-growth": ("bench_search", "growth_rows"),
    "evaluation": ("bench_evaluation", "evaluation_rows"),
    "evaluation-growth": ("bench_evaluation", "evaluation_growth_rows"),
    "encoding": ("bench_encoding", "encoding_rows"),
    "training": ("bench_training", "training_rows"),
    "features": ("bench_training", "feature_rows"),
    "records": ("bench_records", "record_rows"),
    "prepare": ("bench_commands", "prepare_rows"),
    "plots": ("bench_plots", "plot_rows"),
    "memory": ("bench_commands", "memory_rows"),
    "start": ("bench_commands", "start_rows"),
}
BUSY = 0.5  # of the load average: other processes


class Wanted(NamedTuple):
    """A row that is to be measured, with its group."""

    group: str
    row: Row


def main(words: Sequence[str] | None = None) -> int:
    """Parse, plan, measure, keep; 1 if a row could not be measured."""
    options = parse(words)
    environment.set_threads()
    size = Size(options.quick, options.large)
    names = options.rows.split(",")
    wanted = [Wanted(name, row) for name in names for row in rows_of(name, size)]
    if options.archive is None:
        wanted = [each for each in wanted if not each.row.needs_archive]
    kept = {} if options.json is None else bench_kept.read(options.json)
    if kept and not options.again:
        commit = bench_machine.commit()
        wanted = [
            each
            for each in wanted
            if not bench_kept.is_kept(kept, each.group, each.row.name, commit)
        ]
    say_plan(wanted, kept, options)
    try:
        return measure_all(wanted, kept, options) if wanted else 0
    finally:  # what was measured before an interruption has its place on the page too
        if options.page:
            page = bench_page.PAGE.read_text(encoding="utf-8")
            page = bench_page.update(page, bench_kept.read(options.json))
            bench_page.PAGE.write_text(page, encoding="utf-8")


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    """Of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--rows", default=",".join(ROWS), help="groups, with commas [default: %(default)s]")
    add("--quick", action="store_true", help="every row at a small size: does it run?")
    add("--large", action="store_true", help="also 10,000,000 codes (3 GB, 10 more minutes)")
    add("--again", action="store_true", help="also what was measured at this commit")
    add("--archive", type=Path, metavar="FILE", help="cifar-100-binary.tar.gz or .tar.xz")
    add("--json", type=Path, metavar="FILE", help="keep the numbers there")
    add("--page", action="store_true", help="write the tables of docs/performance.md from there")
    options = parser.parse_args(words)
    if unknown := set(options.rows.split(",")) - set(ROWS):
        parser.error(f"--rows: expected some of {', '.join(ROWS)}, got {', '.join(unknown)}")
    if options.page and options.json is None:
        parser.error("--page: the numbers are those of --json FILE")
    if options.archive is not None and not options.archive.exists():
        parser.error(f"--archive: there is no {options.archive}")
    return options


def rows_of(group: str, size: Size) -> list[Row]:
    """The rows of a group."""
    module, function = ROWS[group]
    return each_once(getattr(importlib.import_module(module), function)(size))


def say_plan(
    wanted: Sequence[Wanted], kept: Mapping[str, Any], options: argparse.Namespace
) -> None:
    """What will be measured, how long it takes, and what is missing."""
    seconds = sum(expected(each, kept, options.quick) for each in wanted)
    say(f"{len(wanted)} rows, about {in_words(seconds)}")
    if kept and not options.again:
        say("rows that were measured at this commit are kept; AGAIN=1 measures them again")
    from bench_peers import PEERS as KNOWN

    absent = [name for name in KNOWN if not (PEERS / name / ".installed").exists()]
    if absent:
        say(
            f"no environment, so no number: {', '.join(absent)}; "
            f'`make bench-peers NAMES="{" ".join(absent)}"` makes them'
        )
    if options.archive is None and "prepare" in options.rows.split(","):
        say("left out: prepare cifar100; ARCHIVE=cifar-100-binary.tar.gz measures it")
    if hasattr(os, "getloadavg") and os.getloadavg()[0] > BUSY and not options.quick:
        say(f"warning: the machine has other work to do (load {os.getloadavg()[0]:.1f})")


def expected(each: Wanted, kept: Mapping[str, Any], quick: bool) -> float:
    """Seconds that a row took the last time, or is said to take."""
    if quick:
        return 2.0
    known = kept.get("groups", {}).get(each.group, {}).get(each.row.name)
    return each.row.seconds if known is None else known["took"]


def measure_all(
    wanted: Sequence[Wanted], kept: Mapping[str, Any], options: argparse.Namespace
) -> int:
    """Row after row, each kept as soon as it is known."""
    machine = bench_machine.look()
    about, effort, problems = machine.as_values(), QUICK if options.quick else FULL, []
    run = f"{time.strftime('%Y-%m-%d')}, commit {about['commit']}"
    started, planned, past = time.perf_counter(), 0.0, 0.0
    times = [expected(each, kept, options.quick) for each in wanted]
    planned = sum(times)
    every = Size(options.quick, large=True)  # what the file may hold
    groups = dict.fromkeys(group for group, _ in wanted)
    names = {group: [row.name for row in rows_of(group, every)] for group in groups}
    with ready(machine, options.archive) as (bench, processes):
        for number, each in enumerate(wanted):
            left = (planned - past) * pace(time.perf_counter() - started, past)
            say(
                f"[{number + 1}/{len(wanted)}, {in_words(left)} left] {each.group}: {each.row.name}"
            )
            past += times[number]
            if number and wanted[number - 1].group != each.group:
                processes.close()
            try:
                row = measured(each.row, bench, processes, effort)
            except Unmeasured as error:
                problems.append(f"not measured: {each.group}: {each.row.name}: {error}")
                say(problems[-1])
                continue
            for name, rival in row["rivals"].items():
                if "failed" in rival:
                    say(f"{name} failed: {rival['failed']}")
            print(bench_page.line(row), flush=True)
            if options.json is not None:
                bench_kept.keep(options.json, each.group, row, run, about, names[each.group])
    say(f"{len(wanted) - len(problems)} rows in {in_words(time.perf_counter() - started)}")
    for problem in problems:
        say(problem)
    return int(bool(problems))


class Unmeasured(Exception):
    """Ours could not be measured."""


def measured(row: Row, bench: Bench, processes: Processes, effort: Effort) -> dict[str, Any]:
    """As bench_measuring.measure; Unmeasured whatever goes wrong, so that other rows go on."""
    try:
        return measure(row, bench, processes, effort)
    except Absent as error:
        raise Unmeasured(f"no environment {error}: make bench-peers NAMES={error}") from error
    except Exception as error:
        raise Unmeasured(f"{type(error).__name__}: {error}") from error


@contextmanager
def ready(
    machine: bench_machine.Machine, archive: Path | None
) -> Iterator[tuple[Bench, Processes]]:
    """A folder and processes, which are gone afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="gluon_hash.bench.") as name,
        Processes(Path(name)) as processes,
    ):
        yield Bench(machine, Path(name), archive), processes


def pace(taken: float, past: float) -> float:
    """How much longer rows take than was said, once some have been measured."""
    return 1.0 if past < 30 else taken / past


def in_words(seconds: float) -> str:
    """Minutes, or seconds."""
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"


def say(text: str) -> None:
    """For who waits."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        say("interrupted; with --json the rows above are kept, and the next call goes on")
        sys.exit(130)
