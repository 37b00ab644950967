"""Configurations written before 2026-11-25, with ``loss.options`` and ``centers``, as of today."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gluon_hash.methods.table import DEFAULT, class_of

__all__ = ["CENTERS", "modernize", "without_options"]

# key of the section centers -> key of the section loss
CENTERS = {
    "initial": "initial_centers",
    "refresh": "center_refresh",
    "keep_initial_epochs": "keep_initial_epochs",
}
# keys that the section loss had whatever the method
GENERAL = ("inv_variances", "level_weights", "cubic_weight", "vertex_weight")


def modernize(values: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """The sections of a configuration as they are written now, and what to change in the old form.

    Before, the settings of HPDH stood in ``loss`` and ``centers`` whatever the method, and those of
    the other methods in ``loss.options``. What the method does not have was ignored, and is left
    out here.

    Parameters
    ----------
    values : mapping
        Section -> its values, as YAML has them.

    Returns
    -------
    values : dict
        The same content, untouched where nothing is old.
    advice : str
        What to write, such as "write loss.gamma for loss.options.gamma"; empty if nothing is old.

    Raises
    ------
    ValueError
        If ``loss.options`` or ``centers`` is not a section, or holds a key that there never was.
    """
    loss = values.get("loss") or {}
    if not isinstance(loss, Mapping) or ("options" not in loss and "centers" not in values):
        return dict(values), ""
    name = loss.get("name", DEFAULT)
    settings = class_of(name).model_fields
    options, centers = _section(loss, "options", "loss.options"), _section(values, "centers")
    unknown = [key for key in centers if key not in CENTERS]
    if unknown:
        raise ValueError(f"centers.{unknown[0]}: no such key; there were {', '.join(CENTERS)}")
    kept = {
        key: value
        for key, value in loss.items()
        if key != "options" and (key in settings or key not in GENERAL)
    }
    moved = {CENTERS[key]: value for key, value in centers.items() if CENTERS[key] in settings}
    renamed = {f"loss.options.{key}": f"loss.{key}" for key in options}
    renamed |= {f"centers.{key}": f"loss.{CENTERS[key]}" for key in centers}
    dropped = [f"loss.{key}" for key in loss if key in GENERAL and key not in settings]
    dropped += [old for old, new in renamed.items() if old.startswith("centers.") and not moved]
    write = [f"{new} for {old}" for old, new in renamed.items() if old not in dropped]
    advice = [f"write {', '.join(write)}"] if write else []
    advice += [f"leave out {', '.join(dropped)}, which {name} lacks"] if dropped else []
    others = {key: value for key, value in values.items() if key not in ("loss", "centers")}
    now = {**others, "loss": {**kept, **options, **moved}}
    return now, "; ".join(advice) or "leave out what is empty: loss.options, centers"


def without_options(loss: Mapping[str, Any]) -> dict[str, Any]:
    """The section ``loss`` without what ``loss.options`` held, which a change of it replaced."""
    return {
        key: value for key, value in loss.items() if key in ("name", *GENERAL, *CENTERS.values())
    }


def _section(values: Mapping[str, Any], key: str, name: str | None = None) -> Mapping[str, Any]:
    """A section that may be absent or empty; ValueError if it holds something else."""
    section = values.get(key) or {}
    if not isinstance(section, Mapping):
        raise ValueError(f"{name or key}: expected names and values, got {section!r}")
    return section
