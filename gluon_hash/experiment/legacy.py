"""Configurations written before 2026-11-25, with ``loss.options`` and a section ``centers``, read as they are written now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gluon_hash.methods.table import DEFAULT, class_of

__all__ = ["CENTERS", "modernize"]

# key of the section centers -> key of the section loss
CENTERS = {
    "initial": "initial_centers",
    "refresh": "center_refresh",
    "keep_initial_epochs": "keep_initial_epochs",
}
GENERAL = ("inv_variances", "level_weights", "cubic_weight", "vertex_weight")


def modernize(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The sections of a configuration as they are written now, and what to write for each old key.

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
        The same object's content, untouched where nothing is old.
    advice : list of str
        Such as "loss.options: write its values into loss itself"; empty if nothing is old.
    """
    loss, centers = values.get("loss", {}), values.get("centers")
    if not isinstance(loss, Mapping) or ("options" not in loss and centers is None):
        return dict(values), []
    loss, advice = dict(loss), []
    settings = set(class_of(loss.get("name", DEFAULT)).model_fields)
    if "options" in loss:
        options = loss.pop("options") or {}
        if not isinstance(options, Mapping):
            raise ValueError(f"loss.options: expected names and numbers, got {options!r}")
        for name in set(GENERAL) & set(loss) - settings:  # a full dump holds those of every method
            del loss[name]
        loss.update(options)
        advice += [f"loss.options.{name}: write loss.{name}" for name in options]
    for name, value in (centers or {}).items():
        if name not in CENTERS:
            raise ValueError(f"centers.{name}: no such key; there were {', '.join(CENTERS)}")
        if CENTERS[name] in settings:
            loss[CENTERS[name]] = value
            advice.append(f"centers.{name}: write loss.{CENTERS[name]}")
        else:
            advice.append(
                f"centers.{name}: leave it out, {loss.get('name', DEFAULT)} has no centers"
            )
    kept = {name: value for name, value in values.items() if name not in ("loss", "centers")}
    return {**kept, "loss": loss}, advice
