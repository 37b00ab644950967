"""A comparison: train or reuse every network, choose on held-out images, measure all alike."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gluon_hash.engine import mx
from gluon_hash.errors import DivergedError
from gluon_hash.experiment.comparison.checks import check_entries
from gluon_hash.experiment.comparison.grid import (
    Candidate,
    Entry,
    make_entries,
    parse_seeds,
    parse_values,
)
from gluon_hash.experiment.comparison.measure import codes_of, forget_what_is_stale, measure_run
from gluon_hash.experiment.comparison.report import write_report
from gluon_hash.experiment.comparison.summary import Row, RowSummary, summarize
from gluon_hash.experiment.run_folder import BACKBONE
from gluon_hash.experiment.run_training import train
from gluon_hash.files import atomic_write_json, sha256
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

    Returns
    -------
    list of RowSummary
        As gluon_hash.experiment.comparison.summary.summarize.

    Raises
    ------
    ValueError
        If an option is malformed, ``out`` holds something else or another comparison runs there, a
        configuration is wrong, its data are missing, or a run folder is of something else; found
        before anything is trained. If every line diverged.
    """
    contexts = contexts or [mx.cpu()]
    out, numbers = Path(out), None if seeds is None else parse_seeds(seeds)
    entries = make_entries(
        configs, changes, parse_values(vary, "vary"), parse_values(choose, "choose"), numbers
    )
    names = dict.fromkeys(entry.name for entry in entries)
    reference = next(iter(names)) if reference is None else reference
    if reference not in names:
        raise ValueError(f"reference: expected one of {', '.join(names)}, got {reference!r}")
    if not 0 < confidence < 100:
        raise ValueError(f"confidence: expected a percentage in (0, 100), got {confidence:g}")
    empty = not out.exists() or out.is_dir() and not any(out.iterdir())
    if not empty and not any((out / RUNS / mark).exists() for mark in (MARK, LOCK)):
        raise ValueError(
            f"{out} exists and is not a comparison: it has no {RUNS}/{MARK}; name another folder"
        )
    check_entries(entries, out / RUNS)
    with _at_work(out):
        rows, drawn, diverged = _lines(entries, _Work(entries, out / RUNS, contexts), contexts)
        if reference not in {row.name for row in rows}:
            raise ValueError(
                f"diverged: {'; '.join(diverged)}; without {reference!r} there is nothing to hold "
                "the "
                "others against; lower optimizer.lr or set optimizer.clip_gradient_norm"
            )
        records = summarize(rows, reference=reference, percent=confidence)
        write_report(
            records,
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
                "diverged": diverged,
                "protocol": rows[0].measured[0].protocol.to_dict(),
            },
        )
    return records


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
) -> tuple[list[Row], dict[str, Curves], list[str]]:
    """A row for each way of searching, curves (Hamming, of the first seed), and what diverged."""
    rows, drawn, diverged = [], {}, []
    for entry in entries:
        num_bits = entry.config.net.num_bits
        chosen = work.choose(entry)
        folders = [folder for folder in map(work.trained, chosen) if folder is not None]
        if not chosen or len(folders) < len(chosen):
            diverged.append(f"{entry.name}, {num_bits} bits")
            continue
        for folder in folders:
            forget_what_is_stale(folder)
        for distance in dict.fromkeys((entry.config.loss.distance, "hamming")):
            name = entry.name if distance == "hamming" else f"{entry.name}, {distance}"
            measured = [measure_run(folder, distance, contexts) for folder in folders]
            rows.append(
                Row(name, num_bits, chosen[0].chosen, measured, [folder.name for folder in folders])
            )
        drawn[f"{entry.name}, {num_bits} bits"] = curves(*codes_of(folders[0], contexts))
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
