"""A comparison: train or reuse every network, choose on held-out images, measure each the same way."""
from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, Sequence

import mxnet as mx

from gluon_hash.build.grid import Candidate, Entry, make_entries, parse_seeds, parse_values
from gluon_hash.build.methods import METHODS
from gluon_hash.build.report import write_report
from gluon_hash.build.run import BACKBONE, CONFIG, check_method, query_and_database, train
from gluon_hash.build.search import measure_run
from gluon_hash.config import Config, load_config
from gluon_hash.errors import DataError
from gluon_hash.files import atomic_write_json, sha256
from gluon_hash.progress import log
from gluon_hash.retrieval import Curves, curves
from gluon_hash.retrieval.comparison import Row, summarize
from gluon_hash.retrieval.tables import CodeTable
from gluon_hash.training import DivergedError, read_state

__all__ = ["compare"]

RUNS, DIVERGED = "runs", "diverged.json"


def compare(configs: Sequence[Path], out: str | os.PathLike[str], contexts: list[mx.Context], *,
            changes: Sequence[str] = (), vary: Sequence[str] = (), choose: Sequence[str] = (), seeds: str = "24",
            reference: str | None = None, confidence: float = 95.0) -> list[dict[str, Any]]:
    """Train what is not trained yet, measure what is not measured yet, write tables and figures.

    Parameters
    ----------
    configs : sequence of Path
        YAML files.
    out : path-like
        Receives comparison.md, .csv, .json, .png and curves.png, and a run folder for every network in ``runs/``. An
        interrupted comparison goes on where it was.
    contexts : list of Context
    changes : sequence of str
        "section.key=value" for all.
    vary, choose : sequence of str
        "section.key=[a, b]": a line for each combination of the first; for each line, what is best on held-out images,
        with the first seed, of the second.
    seeds : str
        "24,25".
    reference : str, optional
        Name of the line that the others are held against; default: the first.
    confidence : float
        Percent of the bootstrap intervals over queries.

    Returns
    -------
    list of dict
        As gluon_hash.retrieval.comparison.summarize.

    Raises
    ------
    ValueError
        If an option is malformed, ``out`` holds something else, or all candidates of a line diverged.
    DataError
        If a configuration is wrong or its data are missing; found before anything is trained.
    """
    out, numbers = Path(out), parse_seeds(seeds)
    entries = make_entries(configs, changes, parse_values(vary, "--vary"), parse_values(choose, "--choose"), numbers)
    names = dict.fromkeys(entry.name for entry in entries)
    reference = next(iter(names)) if reference is None else reference
    if reference not in names:
        raise ValueError(f"--reference: expected one of {', '.join(names)}, got {reference!r}")
    if not 0 < confidence < 100:
        raise ValueError(f"--confidence: expected a percentage in (0, 100), got {confidence:g}")
    if out.exists() and any(out.iterdir()) and not (out / RUNS).is_dir():
        raise ValueError(f"{out} exists and is no comparison: it has no {RUNS}/; name another folder with --out")
    for entry in entries:
        _check_data(entry.config)
        for row in entry.candidates:
            check_method(row[0].config)
    rows, drawn = _lines(entries, _Work(entries, out / RUNS, contexts), contexts)
    records = summarize(rows, reference=reference, percent=confidence)
    write_report(records, drawn, out, {
        "configs": [str(path) for path in configs], "changes": list(changes), "vary": list(vary),
        "choose": list(choose), "seeds": numbers, "reference": reference, "confidence": confidence,
        "protocol": rows[0].measured[0].protocol.to_dict()})
    return records


def _lines(entries: Sequence[Entry], work: _Work, contexts: list[mx.Context]) -> tuple[list[Row], dict[str, Curves]]:
    """The rows, one for each way of searching, and the curves by Hamming distance of the first seed."""
    rows, drawn = [], {}
    for entry in entries:
        chosen, num_bits = work.choose(entry), entry.config.net.num_bits
        folders = [work.trained(candidate) for candidate in chosen]
        for search in dict.fromkeys((METHODS[entry.config.loss.name].search, "hamming")):
            name = entry.name if search == "hamming" else f"{entry.name}, {search}"
            measured = [measure_run(folder, search, contexts) for folder in folders]
            rows.append(Row(name, num_bits, chosen[0].chosen, measured))
        query, database = (CodeTable.load(folders[0] / file) for file in ("query.npz", "database.npz"))
        drawn[f"{entry.name}, {num_bits} bits"] = curves(query, database)
    return rows, drawn


class _Work:
    """Trains candidates, counts them, says how long the rest will take."""

    def __init__(self, entries: Sequence[Entry], runs: Path, contexts: list[mx.Context]) -> None:
        self._runs, self._contexts = runs, contexts
        self._backbones: dict[str, Path] = {}
        firsts = [row[0] for entry in entries for row in entry.candidates]
        others = [one for entry in entries for one in entry.candidates[0][1:]]  # of the choice, whichever it is
        self._count = len(firsts) + len(others)
        self._done: set[str] = set()
        self._started = time.monotonic()
        epochs = sum(one.config.training.epochs for one in [*firsts, *others])
        there = sum((runs / one.folder / CONFIG).exists()
                    for entry in entries for row in entry.candidates for one in row)
        log(f"{len(entries)} lines, {self._count} networks ({epochs} epochs in all) to train or reuse; {there} have a "
            f"folder in {runs}")

    def choose(self, entry: Entry) -> Sequence[Candidate]:
        """The candidate, for every seed, that is best on held-out images with the first seed."""
        if len(entry.candidates) == 1:
            return entry.candidates[0]
        values = [self._value(row[0]) for row in entry.candidates]
        if all(value is None for value in values):
            raise ValueError(f"{entry.name}: every candidate diverged; add a lower optimizer.lr")
        lowest = entry.config.training.monitor == "loss"
        best = max((-value if lowest else value, -place) for place, value in enumerate(values) if value is not None)
        return entry.candidates[-best[1]]

    def trained(self, candidate: Candidate) -> Path:
        """The folder of a candidate whose training is done; DivergedError if its loss is not finite."""
        folder = self._runs / candidate.folder
        config = candidate.config
        finished = ((folder / "last.ckpt").exists()
                    and read_state(folder / "last.ckpt")["epochs_done"] >= config.training.epochs)
        if not finished or load_config(folder / CONFIG) != config:
            try:
                train(config, folder, self._contexts, resume=(folder / CONFIG).exists())
            finally:
                self._share_backbone(folder)
        self._tell(candidate.folder)
        return folder

    def _value(self, candidate: Candidate) -> float | None:
        """What the validation chose by; None if the training diverged, which is kept beside it."""
        folder = self._runs / candidate.folder
        if (folder / DIVERGED).exists():
            return None
        try:
            return read_state(self.trained(candidate) / "best.ckpt")["best_value"]
        except DivergedError as error:
            log(f"{candidate.folder}: {error}")
            atomic_write_json(folder / DIVERGED, {"error": str(error)})
            self._tell(candidate.folder)
            return None

    def _share_backbone(self, folder: Path) -> None:
        """One frozen backbone on the disk for all runs, as hard links, where the file system has them."""
        own = folder / BACKBONE
        if not own.exists():
            return
        first = self._backbones.setdefault(sha256(own), own)
        if first is not own:
            link = own.with_suffix(".link")
            try:
                os.link(first, link)
            except OSError as error:
                log(f"{own}: kept as a copy ({error})")
                return
            os.replace(link, own)

    def _tell(self, folder: str) -> None:
        if folder in self._done:
            return
        self._done.add(folder)
        left = self._count - len(self._done)
        minutes = (time.monotonic() - self._started) / len(self._done) * left / 60
        log(f"{folder}: done; {left} left, about {minutes:.0f} min")


def _check_data(config: Config) -> None:
    """DataError unless what training and measuring need is there."""
    if config.data.features is not None and config.data.query_features is None:
        raise ValueError("data.query_features is not set: a comparison on cached features needs those of the queries "
                         "(`gluon-hash encode CONFIG.yaml --features --records query.rec`)")
    for path in query_and_database(config):
        if not path.exists():
            raise DataError("missing; `gluon-hash prepare` writes records, `gluon-hash encode --features` features",
                            path=path)
