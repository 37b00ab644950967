"""The part of a report on the training: what was trained on what, with which versions, curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from gluon_hash import plots
from gluon_hash.plots.curves import training_metrics
from gluon_hash.report.contents import Trained
from gluon_hash.report.svg import inline_svg

__all__ = ["facts", "training_figures", "version_pairs", "versions_of"]


def facts(trained: Trained) -> list[tuple[str, str]]:
    """What was trained on what, as pairs of a word and what it is."""
    data, net, training = (trained.section(name) for name in ("data", "net", "training"))
    optimizer = trained.section("optimizer")
    held_out = "chosen on held-out images" if data.get("held_out") else ""
    kept = f"epoch {trained.best_epoch} of {len(trained.epochs)} kept" if trained.best_epoch else ""
    monitor = plots.metric_label(str(training.get("monitor", "")))
    rows = [
        ("run", trained.name),
        ("method", plots.method_label(trained.section("loss"))),
        ("settings", _settings(trained.section("loss"))),
        ("code", plots.count_bits(int(net.get("num_bits", 0)))),
        ("data", str(data.get("root", ""))),
        ("images", _images(trained.split)),
        ("classes", _classes(trained.split)),
        ("network", _network(net)),
        ("optimizer", _optimizer(optimizer)),
        (
            "training",
            f"{training.get('epochs')} epochs, batches of {training.get('batch_size')}, "
            f"seed {training.get('seed')}",
        ),
        ("epoch", ", ".join(filter(None, [kept, f"by {monitor}" if monitor else "", held_out]))),
    ]
    return [(name, text) for name, text in rows if text]


def versions_of(trained: Trained) -> list[tuple[str, str]]:
    """Versions of gluon_hash, Python and packages, the commit and the machine."""
    return version_pairs(trained.versions)


def version_pairs(versions: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The same of what versions.json, or a manifest, says."""
    packages = versions.get("packages")
    own = {key: value for key, value in versions.items() if key != "packages"}
    pairs = {**own, **(packages if isinstance(packages, Mapping) else {})}
    return [(name, str(value)) for name, value in pairs.items() if value is not None]


def training_figures(trained: Trained) -> list[Markup]:
    """A curve for the loss, each of its terms, and each metric on held-out images."""
    chosen = {} if trained.best_epoch is None else {trained.name: trained.best_epoch}
    figures = []
    for number, metric in enumerate(_drawn(trained)):
        figure = plots.training_curves(
            {trained.name: trained.epochs}, metrics=[metric], chosen=chosen, width=3.3
        )
        label = f"{plots.metric_label(metric)} by epoch; epoch {trained.best_epoch} was kept"
        figures.append(inline_svg(figure, f"train{number}", label))
    return figures


def _drawn(trained: Trained) -> list[str]:
    """What is drawn: of the two kinds of mAP, which ties hardly tell apart, the one watched."""
    names, monitor = training_metrics(trained.epochs), trained.section("training").get("monitor")
    twins = ["validation_map", "validation_map_tie_averaged"]
    left_out = twins[0] if monitor == "map_tie_averaged" else twins[1]
    return [name for name in names if name != left_out or not set(twins) <= set(names)]


def _settings(loss: Mapping[str, Any]) -> str:
    words = [
        f"{key.replace('_', ' ')} {_plain(value)}"
        for key, value in loss.items()
        if key not in ("name", "targets", "flipped") and value is not None
    ]
    return ", ".join(words)


def _plain(value: Any) -> str:
    """A value of a configuration as text.

    Examples
    --------
    >>> _plain([1.0, 0.5]), _plain(0.1), _plain("random")
    ('(1, 0.5)', '0.1', 'random')
    """
    if isinstance(value, (list, tuple)):
        return f"({', '.join(map(_plain, value))})"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _images(split: Mapping[str, Any]) -> str:
    """How many images each part of the data has, as split.json says."""
    parts = split.get("splits")
    if not isinstance(parts, Mapping):
        return ""
    counts = {
        name: part.get("images")
        for name, part in parts.items()
        if isinstance(part, Mapping) and not part.get("is_train")
    }
    said = [f"{count:,} {name}" for name, count in counts.items() if isinstance(count, int)]
    return ", ".join(said)


def _classes(split: Mapping[str, Any]) -> str:
    """How many classes each level has."""
    levels = split.get("levels")
    if not isinstance(levels, Mapping):
        return ""
    return ", ".join(f"{count} {name}" for name, count in levels.items())


def _network(net: Mapping[str, Any]) -> str:
    if net.get("num_features"):
        return f"{net.get('head')} head on {net['num_features']} features of the user's own"
    weights = f"weights {net['weights']}" if net.get("weights") else "from random weights"
    frozen = ", frozen: cached features" if net.get("frozen") else ""
    return f"{net.get('backbone')}{frozen}, {weights}, {net.get('head')} head"


def _optimizer(optimizer: Mapping[str, Any]) -> str:
    clip = optimizer.get("clip_gradient_norm")
    words = [
        str(optimizer.get("name", "")),
        f"learning rate {optimizer.get('lr')}",
        f"{optimizer.get('schedule')} schedule",
        f"weight decay {optimizer.get('weight_decay')}",
        *([f"gradient clipped to {clip:g}"] if isinstance(clip, (int, float)) else []),
    ]
    return ", ".join(words)
