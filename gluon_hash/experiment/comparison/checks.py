"""What can be found wrong with the networks of a comparison before the first of them is trained."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gluon_hash.engine import mx
from gluon_hash.experiment.comparison.grid import Candidate, Entry
from gluon_hash.experiment.comparison.summary import Row
from gluon_hash.experiment.data.fingerprints import fingerprint
from gluon_hash.experiment.data.inputs import (
    HIERARCHY,
    check_inputs,
    measuring_inputs,
    training_inputs,
)
from gluon_hash.experiment.data.loaders import build_data, evaluation_loader
from gluon_hash.experiment.data.trained_classes import trained_hierarchy
from gluon_hash.experiment.objects import build_net
from gluon_hash.experiment.runs.run_checks import check_same
from gluon_hash.experiment.settings.config import Config
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.methods import Task

__all__ = ["check_entries", "check_reference"]


def check_entries(entries: Sequence[Entry], runs: Path) -> None:
    """Files, networks, methods, data and the run folders that are there, of every candidate.

    Raises
    ------
    ValueError
        What is wrong, and with which candidate: a file is missing or damaged, a value does not fit
        the data, a folder in ``runs`` is of another configuration or of other data, or lines have
        different queries or databases.
    """
    candidates = [candidate for entry in entries for row in entry.candidates for candidate in row]
    seen: set[str] = set()
    for candidate in candidates:
        try:
            for check, depends_on in _CHECKS:
                key = check.__name__ + json.dumps(depends_on(candidate.config), sort_keys=True)
                if key not in seen:
                    check(candidate.config)
                    seen.add(key)
            if (runs / candidate.folder).exists():
                check_same(
                    candidate.config,
                    runs / candidate.folder,
                    "name another folder for the comparison, or move that one away",
                )
        except (ValueError, OSError) as error:
            raise ValueError(f"{candidate.folder}: {error}") from error
    _check_one_task(candidates)


def check_reference(
    rows: Mapping[str, Sequence[Row]], reference: str, diverged: Sequence[str]
) -> None:
    """ValueError unless the line that the others are held against was trained."""
    if not rows or any(reference not in {row.name for row in own} for own in rows.values()):
        raise ValueError(
            f"diverged: {'; '.join(diverged)}; without {reference!r} there is nothing to hold the "
            "others against; lower optimizer.lr or set optimizer.clip_gradient_norm"
        )


def _check_files(config: Config) -> None:
    if config.data.features is not None and config.data.query_features is None:
        raise ValueError(
            "data.query_features is not set: a comparison on cached features needs those of the "
            "queries "
            "(`gluon-hash encode CONFIG.yaml --features --records query.rec`)"
        )
    check_inputs({**training_inputs(config), **measuring_inputs(config)})


def _check_net(config: Config) -> None:
    every = Hierarchy.load(Path(config.data.root) / HIERARCHY)
    build_net(config, trained_hierarchy(config, every))


def _check_method(config: Config) -> None:
    every = Hierarchy.load(Path(config.data.root) / HIERARCHY)
    hierarchy = trained_hierarchy(config, every)
    nothing = (np.zeros((0, config.net.num_bits), np.float32), np.zeros(0, np.int64))
    classes = np.arange(hierarchy.num_classes[0])
    config.loss.build(
        Task(
            config.loss.levels_of(hierarchy),
            config.net.num_bits,
            np.zeros(1, np.int64),
            [mx.cpu()],
            lambda: nothing,
            config.training.seed,
            lambda: (np.eye(len(classes), dtype=np.float32), classes),  # an image of each
        )
    )


def _check_data(config: Config) -> None:
    build_data(config, Hierarchy.load(Path(config.data.root) / HIERARCHY))
    for path in measuring_inputs(config).values():
        evaluation_loader(config, path)


def _check_one_task(candidates: Sequence[Candidate]) -> None:
    """ValueError unless all have the same queries and the same database, which is another."""
    tasks: dict[tuple[str, ...], Candidate] = {}
    for candidate in candidates:
        files = measuring_inputs(candidate.config)
        query, database = files.values()
        digests = tuple(fingerprint(files).values())
        if query == database or (query.suffix == ".npz" and digests[0] == digests[1]):
            raise ValueError(
                f"{candidate.folder}: {query} is the database; name the features of the queries in "
                "data.query_features"
            )
        tasks.setdefault(digests, candidate)
    if len(tasks) > 1:
        first, other = list(tasks.values())[:2]
        raise ValueError(
            f"{first.folder} and {other.folder} have different queries or databases, so their "
            "values do not compare; give each its own comparison"
        )


def _data_part(config: Config) -> list[Any]:
    method, training = config.loss, config.training
    return [
        config.data.model_dump(),
        config.transform.model_dump(),
        config.net.model_dump(exclude={"num_bits"}),
        method.best_sampler(),
        method.missing_labels,
        training.sampler,
        training.classes_per_batch,
        training.batch_size,
    ]


# what is checked, and the part of the configuration that it depends on: equal parts are checked
# once
_CHECKS: list[tuple[Callable[[Config], Any], Callable[[Config], Any]]] = [
    (_check_files, lambda config: [config.data.model_dump(), config.net.weights]),
    (
        _check_net,
        lambda config: [
            config.data.root,
            config.data.tree,
            config.data.unseen_classes,
            config.net.model_dump(exclude={"num_bits"}),
            config.transform.model_dump(),
            config.loss.outputs,
        ],
    ),
    (
        _check_method,
        lambda config: [
            config.data.root,
            config.data.tree,
            config.data.unseen_classes,
            config.net.num_bits,
            config.loss.model_dump(),
        ],
    ),
    (_check_data, _data_part),
]
