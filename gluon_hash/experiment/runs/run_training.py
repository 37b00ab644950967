"""Train what a configuration says into a run folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from gluon_hash.deploy.encode import encode_codes
from gluon_hash.engine import mx
from gluon_hash.experiment.data.inputs import (
    ALL_CLASSES,
    HIERARCHY,
    check_inputs,
    resolve,
    training_inputs,
)
from gluon_hash.experiment.data.loaders import Data
from gluon_hash.experiment.objects import behind_neck, trained_part
from gluon_hash.experiment.runs.assembly import Assembled, assemble
from gluon_hash.experiment.runs.reference import REFERENCE, reference_lines, warnings_of
from gluon_hash.experiment.runs.run_checks import (
    Differences,
    check_is_run,
    check_new,
    check_resumable,
    note,
)
from gluon_hash.experiment.runs.run_folder import (
    CODEWORDS,
    Run,
    background_of,
    load_run,
    owned,
    start_folder,
)
from gluon_hash.experiment.runs.run_log import read_epochs
from gluon_hash.experiment.runs.workers import check_alike, run_net_together
from gluon_hash.experiment.settings.config import Config
from gluon_hash.files import claimed
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.nets import load_params
from gluon_hash.progress import log
from gluon_hash.retrieval import CodeTable, Cutoffs, codes, leave_one_out, measure
from gluon_hash.retrieval.evaluation.health import code_health
from gluon_hash.training import fit
from gluon_hash.training.callbacks import Callback
from gluon_hash.training.precision import check_precision
from gluon_hash.training.saving import LOG
from gluon_hash.training.workers import ALONE, Workers

__all__ = ["train"]

VALIDATION_AHP_AT = 100
ONE_CODE_A_CLASS = 0.9  # of mAP: few different codes are then as it should be


def train(
    config: Config,
    out: str | os.PathLike[str],
    contexts: list[mx.Context],
    *,
    resume: bool = False,
    workers: Workers = ALONE,
    callbacks: Sequence[Callback] = (),
    backbone: Path | None = None,
) -> Run:
    """Train what ``config`` says into the run folder ``out``.

    Parameters
    ----------
    config : Config
    out : path-like
        Must not exist; with ``resume`` it must, with the same configuration but for epochs and
        learning rate (gluon_hash.experiment.runs.run_checks.CHANGEABLE).
    contexts : list of Context
    resume : bool
        Go on from the last checkpoint.
    workers : Workers, optional
        With whom it is trained (gluon_hash.training.workers); all see one disk, the first writes.
    callbacks : sequence of Callback
        Hear how it goes (gluon_hash.training.callbacks).
    backbone : Path, optional
        A file with the same frozen backbone, of another run: this run's is a hard link to it.

    Returns
    -------
    Run
        With the network of the best epoch.

    Raises
    ------
    DataError
        If data, weights or hierarchy do not fit the configuration; found before the first batch.
    ValueError
        If the folder exists, differs from the configuration on resume, or is being trained.
    DivergedError
        If the loss, weights or what is remembered are NaN or infinite.
    Terminated, KeyboardInterrupt
        After a signal, when what was done is saved.
    """
    out, config = Path(out), resolve(config)
    check_precision(config.training.precision, contexts)
    with ExitStack() as held, ExitStack() as claim:
        differences = Differences()
        with workers.first_before_others():
            check_inputs(training_inputs(config))
            background_of(Path(config.data.root))  # what is damaged is said before the training
            if workers.is_first:
                differences = _hold(held, claim, config, out, resume)
        made = assemble(config, contexts, workers)
        data = made.data
        if made.decoder is not None and resume:
            load_params(made.decoder, out / CODEWORDS, contexts)
        check_alike(workers, config, data.ids, made.trainer)
        if resume and workers.is_first:
            note(out, config, differences)
        elif workers.is_first:
            start_folder(config, out, data.hierarchy, made.net, made.decoder, backbone)
            _keep_other_tree(config, out)
            held.enter_context(owned(out))
            claim.close()  # killed from here on, it leaves no file beside the folder
        lines = _fit(config, out, made, workers, callbacks)
        is_whole = trained_part(config, made.net)[0] is made.net
        run = load_run(out, contexts, None if is_whole else made.net.features)
        if workers.is_first:
            _say_what_came_of_it(run, data, lines, contexts)
        return run


def _keep_other_tree(config: Config, out: Path) -> None:
    """Keep the tree of all classes, by which codes are labelled, where another one is trained."""
    if config.data.tree is not None or config.data.unseen_classes is not None:
        Hierarchy.load(Path(config.data.root) / HIERARCHY).save(out / ALL_CLASSES)


def _hold(
    held: ExitStack, claim: ExitStack, config: Config, out: Path, resume: bool
) -> Differences:
    """Hold the run folder, or its name; ValueError if it is not there, or there already."""
    if not resume:
        check_new(out)
        claim.enter_context(claimed(out, doing="a training"))
        return Differences()
    check_is_run(out)
    held.enter_context(owned(out))
    differences = check_resumable(config, out)
    background_of(out)
    Hierarchy.load(out / HIERARCHY)
    return differences


def _fit(
    config: Config,
    out: Path,
    made: Assembled,
    workers: Workers,
    callbacks: Sequence[Callback],
) -> dict[str, dict[str, float]]:
    """Train in the run folder, and return what was to be beaten."""
    training, validate, lines = config.training, None, {}
    data, trainer, net = made.data, made.trainer, made.whole
    log(
        f"{out}: {training.epochs} epochs of {len(data.train)} batches of "
        f"{training.batch_size} ({data.sampler}), {config.loss.name}, {config.net.num_bits} bits"
    )
    if data.held_out is not None:
        loaders, contexts = (data.held_out, data.trained_on), trainer.contexts

        def validate() -> dict[str, float]:
            tables = []
            for loader in loaders:
                relaxed, ids, labels = run_net_together(workers, net, loader, contexts, "validate")
                tables.append(CodeTable(ids, codes.pack(relaxed), labels, relaxed.shape[1]))
            return workers.of_first(_metrics(*tables) if workers.is_first else {})

        lines = _reference_lines(config, out, validate, data, workers)
    fit(
        trainer,
        out,
        training.epochs,
        training.seed,
        validate=validate,
        monitor=training.monitor,
        early_stop_epochs=training.early_stop_epochs,
        checkpoint_minutes=training.checkpoint_minutes,
        callbacks=callbacks,
        settings=config.model_dump(mode="json"),
    )
    return lines


def _reference_lines(
    config: Config,
    out: Path,
    validate: Callable[[], dict[str, float]],
    data: Data,
    workers: Workers,
) -> dict[str, dict[str, float]]:
    """What the training has to beat, which the first worker finds and keeps."""
    measured = workers.of_first((out / REFERENCE).exists())
    untrained = {} if measured else validate()
    if not workers.is_first:
        return {}
    seed = config.training.seed
    return reference_lines(out, lambda: untrained, _metrics, data.sample, config.net.num_bits, seed)


def _metrics(table: CodeTable, database: CodeTable | None = None) -> dict[str, float]:
    """Of the held-out images among themselves, and among training images where these are given.

    Among themselves, each query is left out of its own ranking.
    """
    at = min(VALIDATION_AHP_AT, len(table) - 1)
    result = leave_one_out(table, cutoffs=Cutoffs(ahp=at))
    metrics = {
        "map": result["map"],
        "map_tie_averaged": result["map_tie_averaged"],
        "mahp": result[f"mahp@{at}"],
    }
    if database is not None:
        at = min(VALIDATION_AHP_AT, len(database))
        result = measure(table, database, cutoffs=Cutoffs(ahp=at)).summary()
        metrics.update(map_database=result["map"], mahp_database=result[f"mahp@{at}"])
    return metrics


def _say_what_came_of_it(
    run: Run, data: Data, lines: dict[str, Any], contexts: list[mx.Context]
) -> None:
    """Warn of what the course of the training and the codes of the held-out images show."""
    if data.held_out is None:
        return
    net = run.net if run.config.data.features is None else run.net.head
    net = net if data.statistics is None else behind_neck(run.net)
    table = encode_codes(net, data.held_out, contexts, "codes of the held-out images")
    monitor, warnings = run.config.training.monitor, []
    if monitor != "loss":
        warnings += warnings_of(read_epochs(run.path / LOG), lines, monitor, run.config.loss.name)
    if _metrics(table)["map_tie_averaged"] < ONE_CODE_A_CLASS:
        warnings += code_health(table.codes, table.num_bits).warnings()
    for warning in warnings:
        log(f"warning: {warning}")
