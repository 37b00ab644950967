"""What `--dry-run` says: what a training would take, or first the features that it needs."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from gluon_hash.engine import mx
from gluon_hash.experiment.data.caching import to_compute
from gluon_hash.experiment.data.features import batch_size_for, pretrained_backbone
from gluon_hash.experiment.data.inputs import resolve
from gluon_hash.experiment.objects import build_transform
from gluon_hash.experiment.runs.estimate import estimate, seconds_an_image
from gluon_hash.experiment.runs.run_checks import check_is_run, check_new, check_resumable
from gluon_hash.experiment.settings.config import Config
from gluon_hash.progress import duration
from gluon_hash.records import RecordFile, read_list
from gluon_hash.records.loaders import EvalLoader
from gluon_hash.resources import in_bytes, peak_memory
from gluon_hash.training import read_state

__all__ = ["FeatureEstimate", "dry_run", "estimate_features"]


@dataclass(frozen=True)
class FeatureEstimate:
    """What it takes to compute the features of a frozen backbone once.

    Parameters
    ----------
    num_images : int
    seconds : float
    num_bytes : int
        On the disk.
    num_steps : int
        Of the training that follows, which cannot be tried before the features are there.
    """

    num_images: int
    seconds: float
    num_bytes: int
    num_steps: int

    def lines(self) -> list[str]:
        """As a person reads it."""
        return [
            f"features: {self.num_images:,} images are encoded once, about "
            f"{duration(self.seconds)}; {in_bytes(self.num_bytes)} on the disk",
            f"steps: {self.num_steps:,}, of the head alone on those features, short beside that; "
            "ask again once they are there",
            f"memory: {in_bytes(peak_memory())}, as seen here",
        ]


def dry_run(
    config: Config, out: str | os.PathLike[str], contexts: list[mx.Context], *, resume: bool = False
) -> list[str]:
    """What gluon_hash.experiment.train would take with these arguments, in lines for a person.

    Raises
    ------
    DataError, ValueError
        What the training would find wrong before its first batch.
    """
    out = Path(out)
    done = 0
    if resume:
        check_is_run(out)
        check_resumable(resolve(config), out)
        done = read_state(out / "last.ckpt").progress.epochs_done
    else:
        check_new(out)
    features = estimate_features(config, contexts, out)
    if features is not None:
        return features.lines()
    found = estimate(config, contexts)
    left = replace(found, epochs=max(found.epochs - done, 0))
    return left.lines(out)


def estimate_features(
    config: Config, contexts: list[mx.Context], beside: str | os.PathLike[str] | None = None
) -> FeatureEstimate | None:
    """What the features take that a training computes first; None if there is nothing to compute.

    Parameters
    ----------
    config : Config
    contexts : list of Context
    beside : path-like, optional
        The run folder, as cache_features takes it.
    """
    missing = to_compute(config, beside)
    if not missing:
        return None
    backbone = pretrained_backbone(config, contexts)
    records = [RecordFile(path) for path in missing]
    batch_size = batch_size_for(config.transform.crop)
    loader = EvalLoader(
        records[0], build_transform(config), batch_size, num_threads=config.data.decode_threads
    )
    num_images = sum(map(len, records))
    train = read_list(Path(config.data.root) / "train.lst")
    training = config.training
    num_steps = training.epochs * (len(train.ids) // training.batch_size)
    seconds = num_images * seconds_an_image(backbone, loader, contexts)
    return FeatureEstimate(
        num_images, seconds, 2 * num_images * backbone.num_features, num_steps
    )  # float16
