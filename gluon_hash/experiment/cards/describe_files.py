"""What a file or folder of ours is: a model, codes, features, an index, data, a comparison."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from gluon_hash.deploy.manifest import Manifest
from gluon_hash.deploy.model_names import could_be_meant, manifest_path, zoo_folder
from gluon_hash.deploy.zoo import About
from gluon_hash.errors import DataError
from gluon_hash.experiment.cards.card import Card, Section
from gluon_hash.experiment.cards.model_cards import baseline_card, card_path, export_card, run_card
from gluon_hash.experiment.cards.run_files import COMPARED, CONFIG, read_comparison
from gluon_hash.experiment.cards.zoo_cards import zoo_card
from gluon_hash.guard import as_schema, load_json
from gluon_hash.guard.numpy_files import open_npz
from gluon_hash.plots import count_bits, line_label, metric_label
from gluon_hash.report.comparison_part import headline
from gluon_hash.retrieval import CodeTable, FeatureTable

__all__ = ["describe"]

INDEX, SPLIT, HIERARCHY = "index.json", "split.json", "hierarchy.tsv"
KINDS = (
    "a run folder, an export (NAME.manifest.json), a baseline, codes or features (.npz), an "
    "index, prepared data or a comparison"
)


def describe(path: str | os.PathLike[str]) -> Card:
    """The card of what is at a path.

    Parameters
    ----------
    path : path-like
        A run folder, an export, a name of the zoo, a fitted baseline, codes or features, an index
        folder, prepared data, or a comparison's folder.

    Raises
    ------
    DataError
        If it is none of these, or damaged.
    """
    path = Path(path)
    exported = manifest_path(path)
    if path.suffix == ".npz":
        return _arrays(path)
    if exported.suffix == ".json" and exported.exists() and not path.is_dir():
        return _export(exported)
    for name, card in (
        (CONFIG, run_card),
        (COMPARED, _comparison),
        (INDEX, _index),
        (SPLIT, _prepared),
    ):
        if (path / name).exists():
            return card(path)
    there = "" if path.exists() else "; there is nothing at this path"
    raise DataError(f"expected {KINDS}{there}{could_be_meant(path)}", path=path)


def _export(path: Path) -> Card:
    card = export_card(path, Manifest.load(path))
    if path.is_relative_to(zoo_folder()):
        card = zoo_card(card, About.load(path))
    beside = card_path(path)
    if not beside.exists():
        return card
    more = Section("More", [("", f"How it was made and what it reached: {beside}")])
    return Card(card.title, [*card.sections, more])


def _arrays(path: Path) -> Card:
    with open_npz(path) as file:
        names = set(file.names)
    if "features" in names:
        return _features(path)
    return baseline_card(path) if "kind" in names else _codes(path)


def _codes(path: Path) -> Card:
    table = CodeTable.load(path)
    different = len(np.unique(table.codes, axis=0))
    facts = [
        ("codes", f"{len(table):,} of {count_bits(table.num_bits)}, {different:,} different"),
        *_labels(table.level_labels),
        ("ids", _range(table.ids)),
        ("names", f"such as {table.names[0]}" if table.names is not None and len(table) else ""),
        ("model", table.model or "not known"),
    ]
    return Card(f"{path.name}: codes", [Section("What", [fact for fact in facts if fact[1]])])


def _features(path: Path) -> Card:
    table = FeatureTable.load(path)
    facts = [
        (
            "features",
            f"{table.features.shape[0]:,} images, {table.features.shape[1]:,} numbers each "
            f"({table.features.dtype})",
        ),
        *_labels(table.level_labels),
        ("ids", _range(table.ids)),
        *(
            (name.replace("_", " "), str(value))
            for name, value in table.provenance.items()
            if not isinstance(value, dict)
        ),
    ]
    return Card(f"{path.name}: features", [Section("What", [fact for fact in facts if fact[1]])])


def _labels(level_labels: np.ndarray) -> list[tuple[str, str]]:
    counts = [str(len(np.unique(column[column >= 0]))) for column in level_labels.T]
    if not counts:
        return [("classes", "no labels")]
    return [("classes", f"{', '.join(counts)} (by level, the finest first)")]


def _range(ids: np.ndarray) -> str:
    return f"{ids.min()} to {ids.max()}" if len(ids) else ""


def _index(folder: Path) -> Card:
    about = as_schema(load_json(folder / INDEX), dict[str, Any], folder / INDEX)
    parameters = about.get("parameters") or {}
    digests = about.get("sha256") or {}
    facts = [
        ("codes", f"{about.get('count'):,} of {count_bits(int(about.get('num_bits', 0)))}")
        if isinstance(about.get("count"), int)
        else ("codes", ""),
        ("kind", str(about.get("kind", ""))),
        *((str(name), str(value)) for name, value in parameters.items()),
        ("model", str(about.get("model") or "not known")),
    ]
    files = [(str(name), f"SHA-256 {digest}") for name, digest in digests.items()]
    what = Section("What", [fact for fact in facts if fact[1]])
    return Card(f"{folder.resolve().name}: an index", [what, Section("Files", files)])


def _prepared(folder: Path) -> Card:
    split = as_schema(load_json(folder / SPLIT), dict[str, Any], folder / SPLIT)
    levels, splits = split.get("levels") or {}, split.get("splits") or {}
    facts = [("recipe", str(split.get("recipe", "")))]
    if isinstance(levels, dict):
        facts.append(("classes", ", ".join(f"{count} {name}" for name, count in levels.items())))
    if isinstance(splits, dict):
        for name, part in splits.items():
            if isinstance(part, dict):
                facts.append((str(name), f"{part.get('images')} images in {part.get('file')}"))
    facts += [
        ("seed", str(split.get("seed", ""))),
        ("written by", f"gluon_hash {split.get('gluon_hash')}"),
    ]
    return Card(
        f"{folder.resolve().name}: prepared data",
        [Section("What", [fact for fact in facts if fact[1]])],
    )


def _comparison(folder: Path) -> Card:
    rows, about = read_comparison(folder)
    metrics = headline(rows) or list(rows[0].metrics)[:1]
    lines = [
        (
            f"{line_label(row.name)}, {count_bits(row.num_bits)}",
            ", ".join(f"{metric_label(name)} {row.metrics[name].mean:.3f}" for name in metrics),
        )
        for row in rows
    ]
    asked = [("reference", str(about.get("reference", ""))), ("seeds", str(about.get("seeds", "")))]
    return Card(
        f"{folder.resolve().name}: a comparison",
        [Section("Lines", lines), Section("Asked for", [fact for fact in asked if fact[1]])],
    )
