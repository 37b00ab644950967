"""Run folders: train one, load one, encode with one."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gluon_hash import doctor, engine
from gluon_hash.deploy import Predictor
from gluon_hash.deploy.encode import encode_codes, encode_features, run_net
from gluon_hash.engine import gluon, mx
from gluon_hash.errors import DataError
from gluon_hash.experiment.config import Config, dump_config, load_config
from gluon_hash.experiment.data import Data, build_data, evaluation_loader, features_of
from gluon_hash.experiment.inputs import (
    HIERARCHY,
    SPLIT,
    check_inputs,
    check_unchanged,
    fingerprint,
    training_inputs,
)
from gluon_hash.experiment.objects import (
    build_net,
    build_optimizer,
    build_schedule,
    build_transform,
    new_net,
    trained_part,
)
from gluon_hash.files import atomic_folder, atomic_write_json, atomic_write_text
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.methods.parts import Task
from gluon_hash.methods.table import build_parts, method_levels, unread_settings
from gluon_hash.nets import HashingNet, load_backbone, save_backbone
from gluon_hash.progress import log
from gluon_hash.records import ImageTransform, RecordFile, decode_image
from gluon_hash.records.loaders import EvalLoader
from gluon_hash.retrieval import CodeTable, FeatureTable, codes, leave_one_out
from gluon_hash.training import HashTrainer, fit, read_state

__all__ = [
    "BACKBONE",
    "CONFIG",
    "Run",
    "check_same",
    "encode_images",
    "encode_model",
    "encode_model_features",
    "encode_relaxed",
    "encode_run",
    "load_run",
    "train",
]

FilePath = str | os.PathLike[str]
CONFIG, INPUTS, BACKBONE, VERSIONS = "run.yaml", "inputs.json", "backbone.params", "versions.json"
VALIDATION_AHP_AT = 100


@dataclass(frozen=True)
class Run:
    """A trained network and what is needed to use it: the content of a run folder.

    path : Path; config : Config; net : HashingNet, on the contexts it was loaded to;
    transform : ImageTransform; hierarchy : Hierarchy of the data; epoch : the epoch that is kept,
    from 1.
    """

    path: Path
    config: Config
    net: HashingNet
    transform: ImageTransform
    hierarchy: Hierarchy
    epoch: int


def train(config: Config, out: FilePath, contexts: list[mx.Context], *, resume: bool) -> Run:
    """Train what ``config`` says into the run folder ``out``.

    Parameters
    ----------
    config : Config
    out : path-like
        Must not exist; with ``resume`` it must, with the same configuration.
    contexts : list of Context
    resume : bool
        Go on after the last whole epoch.

    Raises
    ------
    DataError
        If data, weights or hierarchy do not fit the configuration; found before the first batch.
    ValueError
        If the folder exists, or differs from the configuration on resume.
    DivergedError
        If the loss is NaN or infinite.
    """
    out = Path(out)
    check_inputs(training_inputs(config))
    _check_folder(config, out, resume)
    engine.seed_everything(config.training.seed)
    hierarchy = Hierarchy.load(Path(config.data.root) / HIERARCHY)
    data = build_data(config, hierarchy)
    net = build_net(config, contexts)
    if data.statistics is not None:
        net.head[0].set_statistics(*data.statistics)
    trained, frozen = trained_part(config, net)
    trainer = _trainer(config, method_levels(config, hierarchy), data, trained, frozen, contexts)
    if resume:
        atomic_write_text(out / CONFIG, dump_config(config))  # it may ask for more epochs
    else:
        _start_folder(config, out, hierarchy, net)
    log(
        f"{out}: {config.training.epochs} epochs of {len(data.train)} batches of "
        f"{config.training.batch_size} "
        f"({data.sampler}), {config.loss.name}, {config.net.num_bits} bits"
    )
    unread = unread_settings(config)
    if unread:
        log(f"{out}: {config.loss.name} does not read {', '.join(unread)}")
    fit(
        trainer,
        out,
        config.training.epochs,
        config.training.seed,
        validate=_validation(trained, frozen, data.held_out, contexts),
        monitor=config.training.monitor,
        early_stop_epochs=config.training.early_stop_epochs,
    )
    return load_run(out, contexts)


def load_run(path: FilePath, contexts: list[mx.Context] | None = None) -> Run:
    """Load a run folder: the network of its best epoch.

    Raises
    ------
    DataError
        If the folder is no run, or a file of it is damaged.
    """
    path = Path(path)
    if not (path / CONFIG).exists():
        raise DataError(
            f"no run folder: it has no {CONFIG}; `gluon-hash train` makes one", path=path
        )
    config = load_config(path / CONFIG)
    state = read_state(path / "best.ckpt")
    net = new_net(config)
    net.initialize(ctx=contexts or [mx.cpu()])
    trained, _ = trained_part(config, net)
    if trained is not net:
        load_backbone(net.features, path / BACKBONE, contexts)
    trained.load_parameters(str(path / "best.ckpt" / "net.params"), ctx=contexts or [mx.cpu()])
    return Run(
        path,
        config,
        net,
        build_transform(config),
        Hierarchy.load(path / HIERARCHY),
        state["best_epoch"],
    )


def encode_model(
    model: FilePath, records: FilePath, contexts: list[mx.Context], batch_size: int
) -> CodeTable:
    """Codes of a .rec file by a run folder or an exported network (its manifest).

    With a run folder, ``records`` may also be cached features (.npz), which go through its head
    alone.
    """
    if str(model).endswith(".json"):
        predictor = Predictor.load(model, contexts[0])
        loader = EvalLoader(RecordFile(records), predictor.transform, batch_size)
        return encode_codes(predictor.block, loader, contexts[:1], f"encode {Path(records).name}")
    return encode_run(load_run(model, contexts), records, contexts, batch_size)


def encode_run(
    run: Run, records: FilePath, contexts: list[mx.Context], batch_size: int
) -> CodeTable:
    """Codes of a .rec file, or of cached features (.npz), by a run's network, loaded to
    ``contexts``."""
    return encode_codes(
        *_net_and_loader(run, records, batch_size), contexts, f"encode {Path(records).name}"
    )


def encode_relaxed(
    run: Run, records: FilePath, contexts: list[mx.Context], batch_size: int
) -> FeatureTable:
    """As encode_run: the network's outputs before the sign, as features of num_bits columns."""
    return encode_features(
        *_net_and_loader(run, records, batch_size),
        contexts,
        {"run": run.path.name, "records": Path(records).name},
    )


def encode_images(model: FilePath, images: Sequence[FilePath]) -> np.ndarray:
    """Packed codes, uint8 (N, ceil(num_bits / 8)), of image files by a run folder or an exported
    network."""
    if str(model).endswith(".json"):
        return Predictor.load(model).encode(images)
    run = load_run(model)
    pixels = np.stack(
        [run.transform.evaluate(decode_image(Path(image).read_bytes())) for image in images]
    )
    return codes.pack(run.net(mx.nd.array(run.transform.normalize(pixels))).asnumpy())


def encode_model_features(
    model: FilePath, records: FilePath, contexts: list[mx.Context], batch_size: int
) -> FeatureTable:
    """Pooled features of a .rec file by the pretrained backbone of a configuration (a YAML
    file)."""
    if not str(model).endswith((".yaml", ".yml")):
        raise ValueError(
            f"{model}: --features takes a configuration (.yaml) whose net.weights is set"
        )
    return features_of(load_config(model), records, contexts, batch_size)


def _net_and_loader(run: Run, records: FilePath, batch_size: int) -> tuple[gluon.HybridBlock, Any]:
    net = run.net.head if str(records).endswith(".npz") else run.net
    return net, evaluation_loader(run.config, records, batch_size)


def _trainer(
    config: Config,
    levels: Hierarchy,
    data: Data,
    trained: gluon.HybridBlock,
    frozen: gluon.HybridBlock | None,
    contexts: list[mx.Context],
) -> HashTrainer:
    def encode() -> tuple[np.ndarray, np.ndarray]:
        relaxed, _, labels = run_net(
            _in_order(frozen, trained), data.refresh, contexts, "refresh centers"
        )
        return relaxed, labels[:, 0]

    parts = build_parts(Task(config, levels, data.ids, contexts, encode))
    if parts.head is not None:
        parts.head.initialize(ctx=contexts)
    return HashTrainer(
        trained,
        parts.loss,
        data.train,
        build_optimizer(config, trained, parts.head),
        config.optimizer.lr,
        build_schedule(config),
        parts.memory,
        contexts,
        frozen=frozen,
        head=parts.head,
        clip_gradient_norm=config.optimizer.clip_gradient_norm,
    )


def _validation(
    trained: gluon.HybridBlock,
    frozen: gluon.HybridBlock | None,
    held_out: Any,
    contexts: list[mx.Context],
) -> Callable[[], dict[str, float]] | None:
    """map and mahp of the held-out images among themselves, each query left out of its own
    ranking."""
    if held_out is None:
        return None

    def validate() -> dict[str, float]:
        table = encode_codes(_in_order(frozen, trained), held_out, contexts, "validate")
        at = min(VALIDATION_AHP_AT, len(table) - 1)
        result = leave_one_out(table, ahp_at=at)
        return {"map": result["map"], "mahp": result[f"mahp@{at}"]}

    return validate


def _in_order(frozen: gluon.HybridBlock | None, trained: gluon.HybridBlock) -> gluon.HybridBlock:
    if frozen is None:
        return trained
    both = gluon.nn.HybridSequential()
    both.add(frozen, trained)
    return both


def _check_folder(config: Config, out: Path, resume: bool) -> None:
    if not resume:
        if out.exists():
            raise ValueError(
                f"{out} exists already; go on with it by --resume, or name another folder with "
                "--out"
            )
        return
    if not (out / CONFIG).exists():
        raise ValueError(f"{out}: nothing to resume, there is no {CONFIG}; train without --resume")
    check_same(config, out, "only training.epochs may change on --resume", but=("training.epochs",))


def check_same(config: Config, folder: Path, remedy: str, but: Sequence[str] = ()) -> None:
    """Whether the run in ``folder`` is of this configuration (some keys aside) and of the data that
    are there now.

    Raises
    ------
    ValueError
        If a value differs, with ``remedy``.
    DataError
        If the data or weights do, or a file of the folder is missing.
    """
    if not (folder / CONFIG).exists() or not (folder / INPUTS).exists():
        raise DataError(
            f"no run folder of this version: it lacks {CONFIG} or {INPUTS}; move it away",
            path=folder,
        )
    saved = load_config(folder / CONFIG).model_dump()
    for section, values in config.model_dump().items():
        for key, value in values.items():
            if saved[section][key] != value and f"{section}.{key}" not in (
                *but,
                "data.decode_threads",
            ):
                raise ValueError(
                    f"{folder}: the run has {section}.{key} = {saved[section][key]!r}, the "
                    "configuration "
                    f"{value!r}; {remedy}"
                )
    recorded = json.loads((folder / INPUTS).read_text(encoding="utf-8"))
    check_unchanged(recorded["sha256"], training_inputs(config), folder)


def _start_folder(config: Config, out: Path, hierarchy: Hierarchy, net: HashingNet) -> None:
    """The run folder as it is before the first epoch, whole or not at all."""
    with atomic_folder(out) as temporary:
        atomic_write_text(temporary / CONFIG, dump_config(config))
        hierarchy.save(temporary / HIERARCHY)
        atomic_write_json(temporary / VERSIONS, doctor.version_report())
        atomic_write_json(
            temporary / INPUTS, {"version": 1, "sha256": fingerprint(training_inputs(config))}
        )
        if trained_part(config, net)[0] is not net:
            save_backbone(net.features, temporary / BACKBONE)
        if (Path(config.data.root) / SPLIT).exists():
            shutil.copyfile(Path(config.data.root) / SPLIT, temporary / SPLIT)
