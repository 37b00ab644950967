"""What each line of a table is trained with: chosen on held-out images, one setting after another.

Every line of a table with ``choose`` is given the same search: short trainings for each value of
its first setting, then for each value of the second with the best of the first. The first values
are those that stand beside the method otherwise (its paper's, or ours where it has none). The best
is what ranks the held-out images best among themselves (``training.monitor``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from _checkout import ROOT
from gluon_hash import engine
from gluon_hash.experiment.comparison.checks import check_entries
from gluon_hash.experiment.comparison.grid import Candidate, Entry, in_short, parse_values
from gluon_hash.experiment.comparison.work import Work
from gluon_hash.experiment.data.inputs import resolve
from gluon_hash.experiment.settings.config_files import load_config
from gluon_hash.progress import log
from results_tables import Table

__all__ = ["as_settings", "candidates", "choose", "in_words"]


def choose(table: Table, runs: Path) -> dict[str, dict[str, Any]]:
    """For each line, "section.key" -> the value that was chosen.

    Parameters
    ----------
    table : Table
    runs : Path
        Folder of the searches' run folders; what is there is reused.
    """
    runs.mkdir(parents=True, exist_ok=True)
    asked = {name: parse_values(texts, "choose") for name, texts in table.choose.items()}
    chosen = {name: {key: own[key][0] for key in own} for name, own in asked.items()}
    for position in range(max(map(len, asked.values()), default=0)):
        entries = [
            Entry(name, [[each] for each in candidates(table, name, chosen[name], key, own[key])])
            for name, own in asked.items()
            for key in list(own)[position : position + 1]
        ]
        check_entries(entries, runs)
        work = Work(entries, runs, engine.contexts("cpu"))
        for entry in entries:
            best = work.choose(entry)
            if best:
                chosen[entry.name] = dict(best[0].chosen)
            else:
                log(f"{entry.name}: every training diverged; it keeps {chosen[entry.name]}")
    return chosen


def candidates(
    table: Table, name: str, chosen: Mapping[str, Any], key: str, values: list[Any]
) -> list[Candidate]:
    """A line with each value of ``key`` and what was chosen for its other settings."""
    found = []
    for value in values:
        own = {**chosen, key: value}
        settings = [*table.settings, *table.lines[name], *table.search, *as_settings(own)]
        config = resolve(load_config(ROOT / table.config, settings))
        found.append(Candidate(config, own, ",".join([name, *in_short(own)])))
    return found


def as_settings(values: Mapping[str, Any]) -> list[str]:
    """Of values by "section.key": texts "section.key=value", each value as YAML."""
    return [f"{key}={json.dumps(value)}" for key, value in values.items()]


def in_words(chosen: Mapping[str, Any]) -> str:
    """What was chosen for a line: "lr 0.01, gamma 20"."""
    return ", ".join(f"{key.partition('.')[2]} {value}" for key, value in chosen.items())
