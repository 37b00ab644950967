"""A comparison: train or reuse every network, choose on held-out images, measure all alike."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gluon_hash.engine import mx
from gluon_hash.errors import DivergedError
from gluon_hash.experiment.comparison.checks import check_entries, check_reference
from gluon_hash.experiment.comparison.grid import (
    Candidate,
    Entry,
    make_entries,
    parse_seeds,
    parse_values,
)
from gluon_hash.experiment.comparison.leaders import leaders
from gluon_hash.experiment.comparison.measure import codes_of, forget_what_is_stale, measure_run
from gluon_hash.experiment.comparison.report import write_report
from gluon_hash.experiment.comparison.summary import Row, RowSummary, summarize
from gluon_hash.experiment.run_folder import BACKBONE
from gluon_hash.experiment.run_training import train
from gluon_hash.files import atomic_write_json, sha256
from gluon_hash.hierarchy.unseen import PAPER, UNSEEN, check_protocols
from gluon_hash.leftovers import sweep
from gluon_hash.locks import LOCK, locked
from gluon_hash.progress import log
from gluon_hash.retrieval import Curves, curves
from gluon_hash.training import read_state

__all__ = ["compare"]

RUNS, DIVERGED = "runs", "diverged.json"
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
        rows, drawn, diverged = _lines(entries, _Work(entries, out / RUNS, contexts), contexts)
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
    entries: Sequence[Entry], work: _Work, contexts: list[mx.Context]
) -> tuple[dict[str, list[Row]], dict[str, Curves], list[str]]:
    """Rows by what is searched, one a distance; curves (Hamming, first seed); what diverged."""
    rows: dict[str, list[Row]] = {}
    drawn, diverged = {}, []
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
        for distance in dict.fromkeys((entry.config.loss.distance, "hamming")):
            name = entry.name if distance == "hamming" else f"{entry.name}, {distance}"
            for protocol in entry.protocols:
                measured = [measure_run(run, distance, contexts, protocol) for run in folders]
                for search in measured[0]:
                    own = [values[search] for values in measured]
                    runs = [folder.name for folder in folders]
                    row = Row(name, num_bits, chosen[0].chosen, own, runs, search)
                    rows.setdefault(search, []).append(row)
        label = f"{entry.name}, {num_bits} bits"
        if label not in drawn:
            drawn[label] = curves(*codes_of(folders[0], contexts))
    return rows, drawn, diverged


class _Work:
    """Trains candidates, counts them, says how long the rest will take."""

    def __init__(self, entries: Sequence[Entry], runs: Path, contexts: list[mx.Context]) -> None:
        self._runs, self._contexts = runs, contexts
        self._backbones: dict[str, Path] = {}
        self._known: set[str] = (
            set()
        )  # folders that are finished: a look reads and hashes a whole checkpoint
        self._seconds = self._epochs = 0.0
        work = [candidate for entry in entries for candidate in self._networks(entry)]
        self._left = sum(
            candidate.config.training.epochs for candidate in work if not self._finished(candidate)
        )
        log(f"lines: {len(entries)}; networks: {len(work)}, with {self._left} epochs to train")

    def _networks(self, entry: Entry) -> Sequence[Candidate]:
        """Each candidate with the first seed, then the chosen one, if known, with the others."""
        firsts = [row[0] for row in entry.candidates]
        chosen = self.choose(entry) if all(map(self._finished, firsts)) else entry.candidates[0]
        return [*firsts, *chosen[1:]]

    def choose(self, entry: Entry) -> Sequence[Candidate]:
        """For every seed, what is best on held-out images with the first; none if all diverged."""
        if len(entry.candidates) == 1:
            return entry.candidates[0]
        values = [self._value(row[0]) for row in entry.candidates]
        best = max(
            ((value, -number) for number, value in enumerate(values) if value is not None),
            default=None,
        )
        return [] if best is None else entry.candidates[-best[1]]

    def trained(self, candidate: Candidate) -> Path | None:
        """The folder of a trained candidate; None if it diverged, which the folder remembers."""
        folder, config = self._runs / candidate.folder, candidate.config
        if (folder / DIVERGED).exists():
            return None
        if not self._finished(candidate):
            started = time.monotonic()
            try:
                train(config, folder, self._contexts, resume=folder.exists())
            except DivergedError as error:
                log(f"{candidate.folder}: {error}")
                atomic_write_json(folder / DIVERGED, {"error": str(error)})
                return None
            finally:
                self._share_backbone(folder)
                self._tell(candidate, time.monotonic() - started)
        return folder

    def _finished(self, candidate: Candidate) -> bool:
        folder, training = self._runs / candidate.folder, candidate.config.training
        last = folder / "last.ckpt"
        if candidate.folder not in self._known and (
            (folder / DIVERGED).exists()
            or last.exists()
            and read_state(last).progress.is_finished(training.epochs, training.early_stop_epochs)
        ):
            self._known.add(candidate.folder)
        return candidate.folder in self._known

    def _value(self, candidate: Candidate) -> float | None:
        """What the validation chose by; None if the training diverged."""
        folder = self.trained(candidate)
        return None if folder is None else read_state(folder / "best.ckpt").progress.best_value

    def _share_backbone(self, folder: Path) -> None:
        """One frozen backbone on the disk for all runs, by hard links where there are such."""
        own = folder / BACKBONE
        if not own.exists():
            return
        shared = self._backbones.setdefault(sha256(own), own)
        if shared is not own:
            link = own.with_suffix(".link")
            link.unlink(missing_ok=True)  # of a run that was killed
            try:
                os.link(shared, link)
            except OSError as error:
                log(f"{own}: kept as a copy ({error})")
                return
            os.replace(link, own)

    def _tell(self, candidate: Candidate, seconds: float) -> None:
        epochs = candidate.config.training.epochs
        self._seconds, self._epochs, self._left = (
            self._seconds + seconds,
            self._epochs + epochs,
            self._left - epochs,
        )
        minutes = self._seconds / self._epochs * self._left / 60
        log(f"{candidate.folder}: done; {self._left} epochs left, about {minutes:.0f} min")
