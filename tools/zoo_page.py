"""docs/zoo.md: its table is of tools/zoo_models.py and of what lies in zoo/; no number is typed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import results_page
from _checkout import ROOT
from gluon_hash.deploy.zoo import ZooNetwork, networks
from gluon_hash.files import replace_text
from gluon_hash.plots import metric_label
from zoo_models import MODELS, ZooModel

__all__ = ["PAGE", "measured", "render", "update", "write_page"]

PAGE = ROOT / "docs" / "zoo.md"
BLOCK = re.compile(r"<!-- (made|measured) -->\n.*?<!-- /\1 -->", re.DOTALL)


def write_page(page: Path = PAGE) -> None:
    """Write the tables into the page."""
    replace_text(page, update(page.read_text(encoding="utf-8"), networks()))


def update(page: str, found: Sequence[ZooNetwork]) -> str:
    """The page with its tables as zoo_models.py and the networks have them."""
    own = {network.name: network for network in found}
    tables = {"made": render(MODELS, own), "measured": measured(found)}

    def block(match: re.Match[str]) -> str:
        return f"<!-- {match[1]} -->\n{tables[match[1]]}<!-- /{match[1]} -->"

    return BLOCK.sub(block, page)


def render(models: Sequence[ZooModel], found: Mapping[str, ZooNetwork]) -> str:
    """A row for each network that is declared: what it is, what it costs, whether it is there."""
    rows = []
    for model in models:
        network = found.get(model.name)
        if network is None:
            state, recipe = "not trained here yet", model.recipe.partition(", {epochs}")[0]
        else:
            state = f"comes along, {network.num_bytes / 1e6:.1f} MB"
            recipe = network.about.recipe.partition("; ")[0]
        rows.append([f"`{model.name}`", recipe, f"`{model.config}`", model.cost, state])
    columns = ["name", "what it is", "configuration", "cost", "state"]
    return results_page.render({"columns": columns, "rows": rows})


def measured(found: Sequence[ZooNetwork]) -> str:
    """A row for each metric of a network that comes along, a column for each search."""
    rows: list[list[Any]] = []
    for network in found:
        searched = list(network.about.metrics.values())
        rows += [
            [f"`{network.name}`", " / ".join(map(metric_label, names)), *map(_cell, ranges)]
            for names, ranges in zip(
                (dict.fromkeys(row) for row in zip(*(each.values for each in searched))),
                zip(*(each.values.values() for each in searched)),
            )
        ]
    columns = ["name", "metric", "database = training images", "unseen images"]
    return results_page.render({"columns": columns, "rows": rows})


def _cell(values: tuple[float, float, float]) -> dict[str, Any]:
    mean, low, high = values
    return {"mean": mean, "interval": [low, high]}
