"""A comparison: train or reuse every network, choose on held-out images, measure all alike."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gluon_hash.engine import mx
from gluon_hash.experiment.comparison.checks import check_entries, check_reference
from gluon_hash.experiment.comparison.grid import (
    Entry,
    make_entries,
    parse_seeds,
    parse_values,
)
from gluon_hash.experiment.comparison.leaders import leaders
from gluon_hash.experiment.comparison.measure import (
    Encoders,
    codes_of,
    forget_what_is_stale,
    measure_run,
)
from gluon_hash.experiment.comparison.report import write_report
from gluon_hash.experiment.comparison.summary import Row, RowSummary, summarize
from gluon_hash.experiment.comparison.work import Work
from gluon_hash.hierarchy.unseen import PAPER, UNSEEN, check_protocols
from gluon_hash.leftovers import sweep
from gluon_hash.locks import LOCK, locked
from gluon_hash.retrieval import Curves, curves
from gluon_hash.training.callbacks import Callback

__all__ = ["compare"]

RUNS = "runs"
MARK = ".comparison"  # in runs/; older comparisons have an empty lock file there


def compare(
    configs: Sequence[Path],
    out: str | os.PathLike[str],
    contexts: list[mx.Context] | None = None,
    *,
    changes: Sequence[str] = (),
    vary: Sequence[str] = (),
    choose: Sequence[str] = (),
    seeds: str | None = None,
    reference: str | None = None,
    confidence: float = 95.0,
    protocols: Sequence[str] = (PAPER,),
    callbacks: Sequence[Callback] = (),
) -> list[RowSummary]:
    """Train what is not trained yet, measure what is not measured yet, write tables and figures.

    Parameters
    ----------
    configs : sequence of Path
        YAML files, or names of packaged ones.
    out : path-like
        Receives comparison.md, .csv, .json, .png, curves.png and .json, and a run folder for every
        network in ``runs/``. An interrupted comparison goes on where it was.
    contexts : list of Context, optional
        Default: the CPU.
    changes : sequence of str
        "section.key=value" for all.
    vary, choose : sequence of str
        "section.key=[a, b]": a line for each combination of the first; for each line, what is best
        on held-out images, with the first seed, of the second.
    seeds : str, optional
        "24,25"; default: the one of each configuration.
    reference : str, optional
        Name of the line that the others are held against; default: the first.
    confidence : float
        Percent of the bootstrap intervals over queries.
    protocols : sequence of str
        What is searched in what, side by side: some of
        gluon_hash.hierarchy.unseen.PROTOCOLS_OF_DATA. For unseen-classes every line is trained a
        second time, without the classes that unseen_classes.txt in its data.root names.
    callbacks : sequence of Callback
        Hear of every training.

    Returns
    -------
    list of RowSummary
        As gluon_hash.experiment.comparison.summary.summarize; the lines of the first protocol,
        then those of the others.

    Raises
    ------
    ValueError
        If an option is malformed, ``out`` holds something else or another comparison runs there, a
        configuration is wrong, its data are missing, or a run folder is of something else; found
        before anything is trained. If every line diverged.
    """
    contexts = contexts or [mx.cpu()]
    out, numbers = Path(out), None if seeds is None else parse_seeds(seeds)
    check_protocols(protocols)
    varied, candidates = parse_values(vary, "vary"), parse_values(choose, "choose")
    entries = make_entries(configs, changes, varied, candidates, numbers, protocols)
    names = dict.fromkeys(entry.name for entry in entries)
    reference = next(iter(names)) if reference is None else reference
    if reference not in names:
        raise ValueError(f"reference: expected one of {', '.join(names)}, got {reference!r}")
    if not 0 < confidence < 100:
        raise ValueError(f"confidence: expected a percentage in (0, 100), got {confidence:g}")
    _check_folder(out)
    check_entries(entries, out / RUNS)
    with _at_work(out):
        rows, drawn, diverged = _lines(
            entries, Work(entries, out / RUNS, contexts, callbacks), contexts
        )
        check_reference(rows, reference, diverged)
        records = {
            search: summarize(own, reference=reference, percent=confidence)
            for search, own in rows.items()
        }
        led = {search: leaders(own, percent=confidence) for search, own in rows.items()}
        write_report(
            records,
            led,
            drawn,
            out,
            {
                "configs": [str(path) for path in configs],
                "changes": list(changes),
                "vary": list(vary),
                "choose": list(choose),
                "seeds": _seeds(entries),
                "reference": reference,
                "confidence": confidence,
                **_protocols(protocols),
                "hierarchical": _hierarchical(entries),
                "diverged": diverged,
                "protocol": next(iter(rows.values()))[0].measured[0].protocol.to_dict(),
            },
        )
    return [row for own in records.values() for row in own]


def _check_folder(out: Path) -> None:
    """ValueError if there is something at ``out`` that is not a comparison."""
    empty = not out.exists() or out.is_dir() and not any(out.iterdir())
    if not empty and not any((out / RUNS / mark).exists() for mark in (MARK, LOCK)):
        raise ValueError(
            f"{out} exists and is not a comparison: it has no {RUNS}/{MARK}; name another folder"
        )


def _protocols(names: Sequence[str]) -> dict[str, list[str]]:
    """What is saved of them; nothing of the paper's alone, as older comparisons have it."""
    return {} if list(names) == [PAPER] else {"protocols": list(names)}


def _hierarchical(entries: Sequence[Entry]) -> list[str]:
    """Names of the lines whose method uses the hierarchy, for the figures."""
    return list(
        dict.fromkeys(entry.name for entry in entries if entry.config.loss.uses_hierarchy())
    )


def _seeds(entries: Sequence[Entry]) -> list[int]:
    """In the order in which they were named."""
    return list(
        dict.fromkeys(
            candidate.config.training.seed for entry in entries for candidate in entry.candidates[0]
        )
    )


@contextmanager
def _at_work(out: Path) -> Iterator[None]:
    """Only one comparison at a time works in a folder; ValueError if there is another."""
    (out / RUNS).mkdir(parents=True, exist_ok=True)
    with locked(out / RUNS, "a comparison"):
        (out / RUNS / MARK).touch()
        for folder in (out, out / RUNS):
            sweep(folder)
        yield


def _lines(
    entries: Sequence[Entry], work: Work, contexts: list[mx.Context]
) -> tuple[dict[str, list[Row]], dict[str, Curves], list[str]]:
    """Rows by what is searched, one a distance; curves (Hamming, first seed); what diverged."""
    rows: dict[str, list[Row]] = {}
    drawn, diverged, encoders = {}, [], Encoders(contexts)
    for entry in entries:
        num_bits = entry.config.net.num_bits
        chosen = work.choose(entry)
        folders = [folder for folder in map(work.trained, chosen) if folder is not None]
        if not chosen or len(folders) < len(chosen):
            without = ", without the unseen classes" if UNSEEN in entry.protocols else ""
            diverged.append(f"{entry.name}, {num_bits} bits{without}")
            continue
        for folder in folders:
            forget_what_is_stale(folder)
        for distance in dict.fromkeys((*entry.config.loss.distances, "hamming")):
            name = entry.name if distance == "hamming" else f"{entry.name}, {distance}"
            for protocol in entry.protocols:
                measured = [measure_run(run, distance, encoders, protocol) for run in folders]
                for search in measured[0]:
                    own = [values[search] for values in measured]
                    runs = [folder.name for folder in folders]
                    row = Row(name, num_bits, chosen[0].chosen, own, runs, search)
                    rows.setdefault(search, []).append(row)
        label = f"{entry.name}, {num_bits} bits"
        if label not in drawn:
            drawn[label] = curves(*codes_of(folders[0], encoders))
    return rows, drawn, diverged
