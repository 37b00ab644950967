"""What a training has to beat, and what its course says: lines once, warnings at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gluon_hash.experiment.data.loaders import FeatureSample
from gluon_hash.files import atomic_write_json
from gluon_hash.guard import as_schema, load_json
from gluon_hash.progress import log
from gluon_hash.retrieval import CodeTable, codes
from gluon_hash.retrieval.baselines import LinearHash, fit

__all__ = ["REFERENCE", "reference_lines", "warnings_of"]

REFERENCE = "reference.json"
ITQ_IMAGES = 5000
FALLEN = 0.9  # of the best value: validation that ends below has fallen
TO_TRY = {"ssdh": "loss.name: ssdh", "csq": "loss.name: csq with targets: tree"}
Metrics = dict[str, float]
# file, rows, bits and seed -> what was fitted: a comparison trains many networks on the same images
_fitted: dict[tuple[tuple[str, int], bytes, int, int], LinearHash] = {}


def reference_lines(
    folder: Path,
    validate: Callable[[], Metrics],
    measure: Callable[[CodeTable], Metrics],
    sample: FeatureSample | None,
    num_bits: int,
    seed: int,
) -> dict[str, Metrics]:
    """The held-out metrics of the untrained network, and of ITQ on the same features.

    They are kept in the run folder as reference.json, and read from there when a training resumes.

    Parameters
    ----------
    folder : Path
        The run folder.
    validate : callable
        The metrics of the network as it is: untrained, when this is called first.
    measure : callable
        The metrics of the codes of the held-out images.
    sample : FeatureSample, optional
        Features of the training and the held-out images; without them there is no ITQ line.
    num_bits, seed : int

    Returns
    -------
    dict
        "untrained" and, with features, "itq" -> metric -> value.
    """
    path = folder / REFERENCE
    if path.exists():
        return as_schema(load_json(path), dict[str, Metrics], path)
    lines = {"untrained": validate()}
    if sample is not None and num_bits <= min(min(len(sample.train), ITQ_IMAGES), sample.width):
        packed = codes.pack(_itq(sample, num_bits, seed).project(sample.held_out))
        table = CodeTable(sample.held_out_ids, packed, sample.held_out_labels, num_bits)
        lines["itq"] = measure(table)
    atomic_write_json(path, lines)
    shown = "; ".join(f"{name}: {_shown(line)}" for name, line in lines.items())
    log(f"to beat on the held-out images: {shown}")
    return lines


def warnings_of(
    history: Sequence[Mapping[str, Any]],
    lines: Mapping[str, Metrics],
    monitor: str,
    method: str | None = None,
) -> list[str]:
    """What the course of a training says is wrong, each with what to do.

    Parameters
    ----------
    history : sequence of mapping
        The lines of log.jsonl.
    lines : mapping
        As reference_lines.
    monitor : str
        The value that chooses the best epoch: a metric of the held-out images.
    method : str, optional
        The name of the one that was trained, which is not the one to be tried next.

    Examples
    --------
    >>> history = [{"epoch": 1, "validation_map": 0.3}, {"epoch": 2, "validation_map": 0.2}]
    >>> for warning in warnings_of(history, {"itq": {"map": 0.36}}, "map"):
    ...     print(warning.partition(":")[0])
    validation map 0.3000 is below that of ITQ without training, 0.3600
    validation map fell from 0.3000 (epoch 1) to 0.2000
    """
    values = [epoch[f"validation_{monitor}"] for epoch in history]
    if not values:
        return []
    best = max(values)
    warnings = []
    meaning = {"untrained": "the untrained network", "itq": "ITQ without training"}
    beaten_by = {
        name: line[monitor] for name, line in lines.items() if line.get(monitor, best) > best
    }
    others = " or ".join(advice for name, advice in TO_TRY.items() if name != method)
    for name, value in beaten_by.items():
        warnings.append(
            f"validation {monitor} {best:.4f} is below that of {meaning[name]}, {value:.4f}: try "
            f"another method ({others}), another optimizer.lr or more epochs"
        )
    if values[-1] < FALLEN * best:
        warnings.append(
            f"validation {monitor} fell from {best:.4f} (epoch {1 + int(np.argmax(values))}) to "
            f"{values[-1]:.4f}: lower optimizer.lr, or train fewer epochs; the best epoch is kept"
        )
    return warnings


def _itq(sample: FeatureSample, num_bits: int, seed: int) -> LinearHash:
    """ITQ of some of the training images, fitted once for all trainings on them."""
    chosen = np.random.RandomState(seed).permutation(len(sample.train))[:ITQ_IMAGES]
    rows = sample.train[np.sort(chosen)]
    key = (sample.source, rows.tobytes(), num_bits, seed)
    if key not in _fitted:
        labels = np.zeros(len(rows), np.int64)  # ITQ does not read them
        fitted = fit("itq", sample.features[rows], labels, num_bits, seed=seed)
        assert isinstance(fitted, LinearHash)
        _fitted[key] = fitted
    return _fitted[key]


def _shown(line: Metrics) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in line.items())
