"""What a comparison would take, without doing it; nothing is written."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from gluon_hash.engine import mx
from gluon_hash.experiment.comparison.checks import check_entries
from gluon_hash.experiment.comparison.compare import RUNS
from gluon_hash.experiment.comparison.grid import make_entries, parse_seeds, parse_values
from gluon_hash.experiment.comparison.work import Work
from gluon_hash.experiment.runs.estimate import Estimate, estimate
from gluon_hash.experiment.settings.config import Config
from gluon_hash.hierarchy.unseen import PAPER, check_protocols
from gluon_hash.progress import duration, log
from gluon_hash.resources import free_disk, in_bytes

__all__ = ["dry_run"]

SECONDS = 3.0  # of steps that are tried, of each kind


def dry_run(
    configs: Sequence[Path],
    out: str | os.PathLike[str],
    contexts: list[mx.Context],
    *,
    changes: Sequence[str] = (),
    vary: Sequence[str] = (),
    choose: Sequence[str] = (),
    seeds: str | None = None,
    protocols: Sequence[str] = (PAPER,),
) -> list[str]:
    """What gluon_hash.compare would take with these arguments, in lines for a person.

    Networks that differ in seed, learning rate or epochs alone take steps of one length.

    Raises
    ------
    ValueError
        What the comparison would find wrong before anything is trained.
    """
    out = Path(out)
    check_protocols(protocols)
    varied, candidates = parse_values(vary, "vary"), parse_values(choose, "choose")
    numbers = None if seeds is None else parse_seeds(seeds)
    entries = make_entries(configs, changes, varied, candidates, numbers, protocols)
    check_entries(entries, out / RUNS)
    to_train = [each.config for each in Work(entries, out / RUNS, contexts).to_train]
    if not to_train:
        return ["all networks are trained; what is not measured yet is left"]
    kinds: dict[str, Estimate] = {}
    for config in to_train:
        kind = _kind(config)
        if kind not in kinds:
            log(f"trying {config.loss.name}, {config.net.num_bits} bits")
            kinds[kind] = estimate(config, contexts, SECONDS)
    each = [(config.training.epochs, kinds[_kind(config)]) for config in to_train]
    steps = sum(epochs * found.num_batches for epochs, found in each)
    seconds = sum(epochs * found.epoch_seconds for epochs, found in each)
    kept = sum(found.kept for _, found in each)
    return [
        f"networks to train: {len(to_train)}, of {len(kinds)} kinds that were tried",
        f"steps: {steps:,}, in {sum(epochs for epochs, _ in each):,} epochs",
        f"time: about {duration(seconds)}, and some seconds to measure each network",
        f"memory: {in_bytes(max(found.memory for _, found in each))}, as seen here",
        f"disk: {in_bytes(kept)} for checkpoints, and the codes of all images for each network; "
        f"{in_bytes(free_disk(out))} are free there",
    ]


def _kind(config: Config) -> str:
    """What the length of a step depends on."""
    training = config.training
    values = [
        config.data.model_dump(),
        config.transform.model_dump(),
        config.net.model_dump(),
        config.loss.model_dump(),
        [config.optimizer.name, training.batch_size, training.precision, training.sampler],
    ]
    return json.dumps(values, sort_keys=True, default=str)
