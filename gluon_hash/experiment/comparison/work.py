"""The networks of a comparison: trained or reused, counted, with the time that is left."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from gluon_hash.engine import mx
from gluon_hash.errors import DivergedError
from gluon_hash.experiment.comparison.grid import Candidate, Entry
from gluon_hash.experiment.data.fingerprints import digest
from gluon_hash.experiment.runs.run_folder import BACKBONE
from gluon_hash.experiment.runs.run_training import train
from gluon_hash.experiment.settings.config import Config
from gluon_hash.files import atomic_write_json, sha256
from gluon_hash.progress import duration, log
from gluon_hash.training import read_state
from gluon_hash.training.callbacks import Callback

__all__ = ["Work"]

DIVERGED = "diverged.json"


class Work:
    """Trains candidates, counts them, says how long the rest will take.

    Parameters
    ----------
    entries : sequence of Entry
    runs : Path
        The folder of their run folders.
    contexts : list of Context
    callbacks : sequence of Callback
        Hear of every training.

    Attributes
    ----------
    to_train : list of Candidate
        What was not finished at the beginning.
    """

    def __init__(
        self,
        entries: Sequence[Entry],
        runs: Path,
        contexts: list[mx.Context],
        callbacks: Sequence[Callback] = (),
    ) -> None:
        self._runs, self._contexts, self._callbacks = runs, contexts, callbacks
        self._backbones: dict[tuple[str, str], Path] = {}
        # folders that are finished: a look reads and hashes a whole checkpoint
        self._known: set[str] = set()
        self._seconds = self._epochs = 0.0
        work = [candidate for entry in entries for candidate in self._networks(entry)]
        self.to_train = [candidate for candidate in work if not self._finished(candidate)]
        self._left = sum(candidate.config.training.epochs for candidate in self.to_train)
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
                train(
                    config,
                    folder,
                    self._contexts,
                    resume=folder.exists(),
                    callbacks=self._callbacks,
                    backbone=self._backbones.get(_backbone_of(config)),
                )
            except DivergedError as error:
                log(f"{candidate.folder}: {error}")
                atomic_write_json(folder / DIVERGED, {"error": str(error)})
                return None
            finally:
                self._share_backbone(config, folder)
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

    def _share_backbone(self, config: Config, folder: Path) -> None:
        """One frozen backbone on the disk for all runs, by hard links where there are such."""
        own = folder / BACKBONE
        if not own.exists() or config.net.weights is None:
            return
        shared = self._backbones.setdefault(_backbone_of(config), own)
        if not os.path.samefile(shared, own) and sha256(shared) == sha256(
            own
        ):  # a run gone on with
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
        left = duration(self._seconds / self._epochs * self._left)
        log(f"{candidate.folder}: done; {self._left} epochs left, about {left}")


def _backbone_of(config: Config) -> tuple[str, str]:
    """What decides on the values of a frozen backbone."""
    weights = config.net.weights
    return config.net.backbone, "" if weights is None else digest(weights)
