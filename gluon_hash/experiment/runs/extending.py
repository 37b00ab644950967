"""New classes for a trained run: its parameters and its codewords stay, so do the codes."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gluon_hash import doctor
from gluon_hash.arrays import evenly
from gluon_hash.deploy.encode import run_net
from gluon_hash.engine import gluon, mx, nd
from gluon_hash.errors import DataError
from gluon_hash.experiment.data.features import load_features, recorded_weights
from gluon_hash.experiment.data.inputs import ALL_CLASSES, HIERARCHY, SPLIT
from gluon_hash.experiment.data.loaders import evaluation_loader
from gluon_hash.experiment.objects import build_decoder, layers_for, new_net, trained_part
from gluon_hash.experiment.runs.file_names import EXTENDED
from gluon_hash.experiment.runs.run_folder import (
    BACKBONE,
    CODEWORDS,
    CONFIG,
    INPUTS,
    VERSIONS,
    Run,
    load_run,
)
from gluon_hash.files import atomic_folder, atomic_write_json, sha256
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.hierarchy.extended import extended
from gluon_hash.hierarchy.unseen import relabelled
from gluon_hash.methods import BinaryTargets, Codewords
from gluon_hash.methods.memory.extended import extended_targets
from gluon_hash.methods.new_classes import fit_new_classes
from gluon_hash.nets import HashingNet
from gluon_hash.progress import log
from gluon_hash.records import RecordFile
from gluon_hash.records.loaders import EvalLoader, FeatureEvalLoader
from gluon_hash.training.checkpoint import PARAMETERS
from gluon_hash.training.reading import STATE, VERSION, read_state
from gluon_hash.training.saving import BEST

__all__ = ["Extension", "extend"]

OLD_IMAGES = 100  # of each old class, which the new ones are told from
DECAY = 5e-4  # of the new weights, where the run's is not a term of the loss: adamw
COPIED = (CONFIG, BACKBONE, INPUTS, SPLIT)


@dataclass(frozen=True)
class Extension:
    """What a run learned beside what it knew.

    Parameters
    ----------
    hierarchy : Hierarchy
        The old classes, and the new ones behind them.
    images : dict
        Name of a new class -> how many images it was learned from.
    """

    hierarchy: Hierarchy
    images: dict[str, int]


def extend(
    run: str | os.PathLike[str],
    records: str | os.PathLike[str],
    out: str | os.PathLike[str],
    hierarchy: str | os.PathLike[str] | None = None,
    *,
    images_per_class: int | None = None,
    contexts: list[mx.Context] | None = None,
) -> Extension:
    """Write a run folder that knows more classes, and codes all that were known as before.

    The weights of the new classes in the last layer are fitted
    (gluon_hash.methods.new_classes), and codewords found for them
    (gluon_hash.methods.memory.extended); all else is kept. Codes that the run made, of images of
    the old classes, are searched together with those that the new one makes.

    Parameters
    ----------
    run : path-like
        A run folder of a method that trains a classifier: expected_codeword.
    records : path-like
        Images (.rec) or cached features (.npz), labelled: of the new classes, and of some of the
        old ones, of which up to 100 each are read.
    out : path-like
        The new run folder; must not exist.
    hierarchy : path-like, optional
        Of the labels; default: hierarchy.tsv beside the records.
    images_per_class : int, optional
        Of a new class; default: all.
    contexts : list of Context, optional
        Default: the CPU.

    Raises
    ------
    DataError
        If a file is damaged; there is no new class; a class has other parents than before; images
        of new classes or of old ones are missing.
    ValueError
        If the method has no classifier or no binary codewords, the head is soft trees, or ``out``
        exists.
    """
    contexts = contexts or [mx.cpu()]
    old, path = load_run(run, contexts), Path(hierarchy or Path(records).with_name(HIERARCHY))
    _check_method(run, old)
    of_records = Hierarchy.load(path)
    tree = extended(old.hierarchy, of_records, path)
    loader, fine = _chosen(old, records, of_records, tree, images_per_class)
    last = list(old.net.head)[-2]
    weight, bias = (each.data(contexts[0]).asnumpy() for each in (last.weight, last.bias))
    hidden = run_net(_before(old.net, last, loader), loader, contexts, "read the images")[0]
    count = tree.num_classes[0] - len(weight)
    optimizer = old.config.optimizer
    decay = DECAY if optimizer.name == "adamw" else optimizer.weight_decay
    added = fit_new_classes(hidden, fine, weight, bias, count, decay)
    rows = [np.concatenate(each) for each in zip((weight, bias), added)]
    made = {name: int((fine == tree.class_names[0].index(name)).sum()) for name in _new(old, tree)}
    with atomic_folder(out) as temporary:
        _write(old, temporary, tree, rows, contexts)
        if (old.path / ALL_CLASSES).exists() or of_records != tree:
            of_records.save(temporary / ALL_CLASSES)
        fields = {"run": old.path.name, "fingerprint": old.fingerprint, "images": made}
        atomic_write_json(temporary / EXTENDED, {"version": 1, **fields})
    _say_numbers(old, of_records)
    return Extension(tree, made)


def _check_method(run: str | os.PathLike[str], old: Run) -> None:
    """ValueError unless the run's method and head can learn a class."""
    name = old.config.loss.name
    if old.config.loss.outputs != "logits":
        raise ValueError(
            f"{run}: a run of {name} has no classifier that could learn a class; "
            "train with --method expected_codeword, or train again with all classes"
        )
    if old.config.net.head == "soft_trees":
        raise ValueError(
            f"{run}: its last layer is of soft trees, which have no weights of a class; expected "
            "net.head linear or mlp; train again with all classes"
        )
    if (np.abs(list(old.net.head)[-1].codewords.data().asnumpy()) != 1).any():
        raise ValueError(
            f"{run}: expected codewords of -1 and +1, beside which one of a new class is placed; "
            f"{name} has others: train with --method expected_codeword, or again with all classes"
        )


def _new(old: Run, tree: Hierarchy) -> tuple[str, ...]:
    return tree.class_names[0][old.hierarchy.num_classes[0] :]


def _chosen(
    old: Run,
    records: str | os.PathLike[str],
    of_records: Hierarchy,
    tree: Hierarchy,
    images_per_class: int | None,
) -> tuple[EvalLoader | FeatureEvalLoader, np.ndarray]:
    """The images that are read, in their order, and their finest classes in ``tree``."""
    weights = recorded_weights(old.path)
    whole = evaluation_loader(old.config, records, weights_sha256=weights)
    labels = _labels(old, records, weights)
    of_records.check_partial_labels(labels, records)
    fine = relabelled(labels, of_records, tree)[:, 0]
    known, chosen = old.hierarchy.num_classes[0], []
    for label in range(tree.num_classes[0]):
        most = OLD_IMAGES if label < known else images_per_class
        own = np.flatnonzero(fine == label)
        chosen.append(own if most is None else own[evenly(len(own), most)])
        if label >= known and not len(chosen[-1]):
            name = tree.class_names[0][label]
            raise DataError(f"has no image of the new class {name!r}", path=records)
    if not sum(map(len, chosen[:known])):
        raise DataError(
            "has no image of a class that the run knows: without them all images would be taken "
            "for new classes; prepare some of the old images together with the new ones",
            path=records,
        )
    rows = np.sort(np.concatenate(chosen))
    return whole.part(rows), fine[rows]


def _labels(old: Run, records: str | os.PathLike[str], weights: str | None) -> np.ndarray:
    if Path(records).suffix == ".npz":
        return load_features(old.config, records, weights).level_labels
    return RecordFile(records).level_labels


def _before(
    net: HashingNet, last: gluon.Block, loader: EvalLoader | FeatureEvalLoader
) -> gluon.HybridBlock:
    """What comes before the last layer: input of the loader -> what that layer reads."""
    layers = list(net.head)
    return layers_for(loader, net, *layers[: layers.index(last)], gluon.nn.Flatten())


def _write(
    old: Run,
    folder: Path,
    tree: Hierarchy,
    rows: list[np.ndarray],
    contexts: list[mx.Context],
) -> None:
    """All of the new run folder that comes of the old one; ``rows``: weight and bias."""
    for name in COPIED:
        if (old.path / name).exists():
            shutil.copyfile(old.path / name, folder / name)
    tree.save(folder / HIERARCHY)
    atomic_write_json(folder / VERSIONS, doctor.version_report())
    _codewords(old, tree, contexts).save_parameters(str(folder / CODEWORDS))
    kept, net = old.net._collect_params_with_prefix(), new_net(old.config, tree)
    layer = f"head.{len(net.head) - 1}."
    grown = dict(zip((f"{layer}weight", f"{layer}bias"), rows))
    for name, parameter in net._collect_params_with_prefix().items():
        value = grown.get(name)
        value = kept[name].data(contexts[0]).asnumpy() if value is None else value
        parameter.shape = value.shape
        parameter.initialize(ctx=[mx.cpu()])
        parameter.set_data(nd.array(value, dtype=value.dtype))
    (folder / BEST).mkdir()
    parameters = folder / BEST / PARAMETERS
    trained_part(old.config, net)[0].save_parameters(str(parameters))
    state = replace(read_state(old.path / BEST), sha256={PARAMETERS: sha256(parameters)})
    atomic_write_json(folder / BEST / STATE, {"version": VERSION, **state.to_dict()})


def _codewords(old: Run, tree: Hierarchy, contexts: list[mx.Context]) -> gluon.Block:
    decoder = list(old.net.head)[-1]
    targets, thresholds = (
        each.data(contexts[0]).asnumpy() for each in (decoder.codewords, decoder.thresholds)
    )
    rng = np.random.RandomState(old.config.training.seed)
    known = np.arange(len(targets))
    method = old.config.loss
    nested = (method.nested if isinstance(method, BinaryTargets) else None) or ()
    placed = extended_targets(targets, known, tree.parents, tree.num_classes, rng, nested)
    made = build_decoder(old.config, tree, Codewords(placed, thresholds), [mx.cpu()])
    assert made is not None  # extend has looked
    return made


def _say_numbers(old: Run, of_records: Hierarchy) -> None:
    """Warn where labels of old codes and of new ones would be numbers of different classes."""
    every = old.path / ALL_CLASSES
    before = Hierarchy.load(every) if every.exists() else old.hierarchy
    for theirs, ours in zip(before.class_names, of_records.class_names):
        if ours[: len(theirs)] != theirs:
            log(
                "warning: classes have other numbers in these records than in those that the run "
                "was trained on: search is as before, but labels of old codes and new ones do not "
                "compare in `evaluate`"
            )
            return
