"""Cards of models: a run folder, an exported network, a fitted baseline. Read without MXNet."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gluon_hash import __version__
from gluon_hash.deploy.manifest import Manifest
from gluon_hash.deploy.model_names import SUFFIX
from gluon_hash.errors import DataError
from gluon_hash.experiment.cards.card import Card, Section
from gluon_hash.experiment.cards.run_files import read_run
from gluon_hash.experiment.cards.run_list import RunSummary, summarize_run
from gluon_hash.experiment.runs.file_names import measured_name
from gluon_hash.files import atomic_write_text, sha256
from gluon_hash.guard import as_schema, load_json
from gluon_hash.plots import metric_label
from gluon_hash.plots.names import METHOD_LABELS
from gluon_hash.report import Trained
from gluon_hash.report.training_part import facts, version_pairs
from gluon_hash.retrieval import Measured
from gluon_hash.retrieval.baselines import KernelHash, LinearHash, load_baseline

__all__ = ["CARD", "baseline_card", "card_path", "export_card", "run_card", "with_card"]

CARD = ".card.md"
CONFIDENCE = 95.0
MEASURED = {
    "hamming": "",
    "weighted": " (weighted segments)",
    "asymmetric": " (asymmetric)",
    "bilinear": " (class probabilities, compared by the tree)",
    "posterior": " (class probabilities, by cosine)",
}
SHOWN = ("map", "map_tie_averaged", "mahp", "ndcg", "mean_ndcg_released", "precision_radius")
STATE, INPUTS = Path("best.ckpt") / "state.json", "inputs.json"
CLOSED = (
    "It knows the classes that it was trained on. Images of others get codes as well, and may be "
    "near each other or not: `gluon-hash compare --protocols unseen-classes` measures it."
)
HELD_OUT = (
    "Held-out images were taken from the training set and chose the epoch, so their metrics are "
    "somewhat too good; those of queries are not."
)
NOT_MEASURED = (
    "It was not measured on queries yet: `gluon-hash compare` does so, or `gluon-hash encode` and "
    "`evaluate`."
)
SAME_SOURCE = "Queries and training images come from one collection; on other images expect less."


def run_card(folder: Path) -> Card:
    """What a run folder is.

    Raises
    ------
    DataError
        If a file of it is missing or damaged.
    """
    trained = read_run(folder)
    summary = summarize_run(folder)
    title = f"{folder.resolve().name}: a trained network ({summary.state})"
    return Card(title, [*_run_sections(folder, trained, summary), _files_of_run(folder, trained)])


def export_card(manifest_path: Path, manifest: Manifest, run: Path | None = None) -> Card:
    """What an exported network is; with the run folder that it comes from also how it was made.

    Parameters
    ----------
    manifest_path : Path
    manifest : Manifest
    run : Path, optional
    """
    name = manifest_path.name.removesuffix(SUFFIX)
    source = ", ".join(
        f"{key} {value}" for key, value in manifest.source.items() if key != "fingerprint"
    )
    use = [
        ("input", _input(manifest)),
        ("output", _output(manifest)),
        ("backbone", manifest.backbone),
        ("classes", _classes(manifest)),
        ("precision", manifest.precision),
        ("made from", source),
        ("fingerprint", str(manifest.source.get("fingerprint", ""))),
        (
            "largest difference of outputs from the network's",
            f"{manifest.largest_difference:.2g}",
        ),
        ("also runs", f"ONNX Runtime, with {manifest.onnx}" if manifest.onnx else ""),
    ]
    files = [(name, f"SHA-256 {digest}") for name, digest in manifest.sha256.items()]
    made = [] if run is None else _run_sections(run, read_run(run), summarize_run(run))
    sections = [
        Section("Using it", [(word, text) for word, text in use if text]),
        *made,
        Section("Files", files),
        Section("Exported with", version_pairs(manifest.versions)),
    ]
    return Card(f"{name}: an exported network", sections)


def baseline_card(path: Path) -> Card:
    """What a fitted baseline is; DataError if it is damaged."""
    fitted = load_baseline(path)
    facts = [("method", METHOD_LABELS.get(fitted.name, fitted.name))]
    if isinstance(fitted, (LinearHash, KernelHash)):
        inputs = fitted.weights.T if isinstance(fitted, LinearHash) else fitted.anchors
        reads = inputs.shape[1]
        facts += [
            ("reads", f"{reads} features an image"),
            ("code", f"{fitted.weights.shape[1]} bits"),
        ]
    else:
        facts += [
            ("reads", f"{fitted.num_features} features an image"),
            ("code", f"{len(fitted.centroids)} bytes of product quantisation, no Hamming codes"),
        ]
    facts.append(("file", f"SHA-256 {sha256(path)}"))
    limits = [("", "It is fitted to the features of one backbone, and means nothing on others.")]
    return Card(
        f"{path.name}: a fitted baseline", [Section("What", facts), Section("Limits", limits)]
    )


def card_path(manifest: str | os.PathLike[str]) -> Path:
    """The card of an export: NAME.card.md beside NAME.manifest.json."""
    path = Path(manifest)
    return path.with_name(path.name.removesuffix(SUFFIX) + CARD)


def with_card(manifest_path: Path, run: Path | None) -> Path:
    """Write the card of an export beside its manifest, whose path comes back.

    Parameters
    ----------
    manifest_path : Path
    run : Path or None
        The run folder that it comes from; a baseline has none.

    Raises
    ------
    ValueError
        If there is a file of that name.
    """
    card = export_card(manifest_path, Manifest.load(manifest_path), run)
    made = f"Written by gluon_hash {__version__}; `gluon-hash info` prints what it knows.\n"
    atomic_write_text(card_path(manifest_path), f"{card.markdown()}\n{made}")
    return manifest_path


def _run_sections(folder: Path, trained: Trained, summary: RunSummary) -> list[Section]:
    """How it was made, what it reached, where it ends."""
    measured = _measured(folder)
    limits = [
        CLOSED,
        *([HELD_OUT] if trained.section("data").get("held_out") else []),
        SAME_SOURCE if measured else NOT_MEASURED,
    ]
    return [
        Section("How it was made", facts(trained)),
        Section("Metrics on held-out images", _held_out(trained)),
        Section("Metrics of queries against the database", measured),
        Section("Limits", [("", text) for text in limits]),
    ]


def _held_out(trained: Trained) -> list[tuple[str, str]]:
    """Of the kept epoch, with what was to be beaten."""
    kept = [line for line in trained.epochs if line["epoch"] == trained.best_epoch]
    found = []
    for name, value in (kept[-1] if kept else {}).items():
        if not name.startswith("validation_") or not isinstance(value, float):
            continue
        metric = name.removeprefix("validation_")
        others = [
            f"{line} {values[metric]:.4f}"
            for line, values in trained.reference.items()
            if metric in values
        ]
        beaten = f" ({', '.join(others)})" if others else ""
        found.append((metric_label(metric), f"{value:.4f}{beaten}"))
    return found


def _measured(folder: Path) -> list[tuple[str, str]]:
    """What a comparison has measured, with intervals over queries."""
    found = []
    for distance, words in MEASURED.items():
        path = folder / measured_name(distance)
        if not path.exists():
            continue
        measured = Measured.load(path)
        summary = measured.summary(CONFIDENCE)
        for name in measured.names:
            if name.partition("@")[0] in SHOWN or name.startswith("precision_radius"):
                low, high = summary["confidence"][name]
                text = f"{summary[name]:.4f} [{low:.4f}, {high:.4f}]"
                found.append((metric_label(name) + words, text))
        count = f"{summary['num_queries']:,} queries, {summary['num_database']:,} in the database"
        rules = f"{count}; {CONFIDENCE:g} % bootstrap intervals over queries"
        found.append(("", f"{rules}; rules of {summary['protocol']['name']}{words}"))
    return found


def _files_of_run(folder: Path, trained: Trained) -> Section:
    """SHA-256 of the kept checkpoint and of what it was trained on; versions."""
    state = _object(folder / STATE).get("sha256")
    inputs = _object(folder / INPUTS)
    recorded = inputs.get("sha256", inputs.get("files"))
    digests = [
        (f"best.ckpt/{name}", f"SHA-256 {digest}")
        for name, digest in (state if isinstance(state, Mapping) else {}).items()
    ]
    digests += [
        (str(name), f"SHA-256 {value['sha256'] if isinstance(value, Mapping) else value}")
        for name, value in (recorded if isinstance(recorded, Mapping) else {}).items()
        if isinstance(value, str) or isinstance(value, Mapping) and "sha256" in value
    ]
    return Section("Files and versions", [*digests, *version_pairs(trained.versions)])


def _object(path: Path) -> dict[str, Any]:
    try:
        return as_schema(load_json(path), dict[str, Any], path) if path.exists() else {}
    except DataError:
        return {}


def _input(manifest: Manifest) -> str:
    if manifest.crop is None:
        return f"{manifest.input_shape[1]} features an image"
    pixels = {"planes": "scaled outside", "pixels": "scaled in the graph"}.get(manifest.input, "")
    return (
        f"RGB images: short side {manifest.resize or 'as it is'}, center {manifest.crop} x "
        f"{manifest.crop}; {pixels}"
    )


def _output(manifest: Manifest) -> str:
    if manifest.output == "packed":
        return f"codes of {manifest.num_bits} bits, packed"
    return f"{manifest.num_bits} numbers; the signs are the code"


def _classes(manifest: Manifest) -> str:
    counts = zip(manifest.class_names, manifest.level_names)
    return ", ".join(f"{len(names)} {level}" for names, level in counts)
