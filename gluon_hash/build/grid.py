"""The lines of a comparison: configurations times varied values, each with what is chosen on held-out images."""
from __future__ import annotations

import itertools
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, Mapping, Sequence

import yaml

from gluon_hash.config import Config, load_config

__all__ = ["Candidate", "Entry", "make_entries", "parse_seeds", "parse_values"]

Changes = Mapping[str, Any]  # "section.key" -> value


@dataclass(frozen=True)
class Candidate:
    """A configuration to train, the values that tell it from its siblings, and its folder's name."""

    config: Config
    chosen: Changes
    folder: str


@dataclass(frozen=True)
class Entry:
    """One line: its name, and its candidates by seed."""

    name: str
    candidates: Sequence[Sequence[Candidate]]  # [number of the choice][number of the seed]

    @property
    def config(self) -> Config:
        """Of the first candidate; name, data and bits are those of all."""
        return self.candidates[0][0].config


def parse_values(texts: Sequence[str], option: str) -> dict[str, list[Any]]:
    """"section.key=[a, b]", the values as YAML -> {"section.key": [a, b]}; ValueError if one is no list."""
    found: dict[str, list[Any]] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        values = yaml.safe_load(value) if equals else None
        if not isinstance(values, list) or not values or key.strip().count(".") != 1:
            raise ValueError(f"{option} {text!r}: expected section.key=[value, value], such as "
                             "optimizer.lr=[0.01,0.03]")
        found[key.strip()] = values
    return found


def parse_seeds(text: str) -> list[int]:
    """"24,25" -> [24, 25]; ValueError if that is not what it is, or one stands twice."""
    words = text.split(",")
    if not all(word.strip().isdigit() for word in words) or len(set(map(int, words))) < len(words):
        raise ValueError(f"--seeds {text!r}: expected different whole numbers, such as 24,25,26")
    return [int(word) for word in words]


def make_entries(configs: Sequence[Path], changes: Sequence[str], vary: Mapping[str, list[Any]],
                 choose: Mapping[str, list[Any]], seeds: Sequence[int]) -> list[Entry]:
    """Every configuration with every combination of the varied values.

    Parameters
    ----------
    configs : sequence of Path
        YAML files, of different names.
    changes : sequence of str
        "section.key=value" for all.
    vary, choose : mapping from "section.key" to values
        A line for each combination of the first; candidates of a line for each of the second.
    seeds : sequence of int

    Raises
    ------
    ValueError
        If two files have one name, or a key is both varied and chosen.
    DataError
        If a configuration is wrong; found before anything is trained.
    """
    stems = [path.stem for path in configs]
    twice = [name for name in stems if stems.count(name) > 1] or sorted(set(vary) & set(choose))
    if twice:
        raise ValueError(f"{twice[0]} is named twice; the lines of a comparison need different names and keys")
    entries = []
    for path, varied in itertools.product(configs, _combinations(vary)):
        candidates = [[_candidate(path, changes, varied, chosen, seed) for seed in seeds]
                      for chosen in _combinations(choose)]
        entries.append(Entry(_name(path, varied, len(configs) > 1), candidates))
    return entries


def _combinations(grid: Mapping[str, list[Any]]) -> Iterator[dict[str, Any]]:
    return (dict(zip(grid, values)) for values in itertools.product(*grid.values()))


def _candidate(path: Path, changes: Sequence[str], varied: Changes, chosen: Changes, seed: int) -> Candidate:
    own = {**varied, **chosen, "training.seed": seed}
    config = load_config(path, [*changes, *(f"{key}={json.dumps(value)}" for key, value in own.items())])
    return Candidate(config, chosen, ",".join([path.stem, *(_short(key, value) for key, value in own.items())]))


def _name(path: Path, varied: Changes, with_file: bool) -> str:
    words = [path.stem] if with_file or not set(varied) - {"net.num_bits"} else []
    for key, value in varied.items():
        if key == "loss.name":
            words.append(str(value))
        elif key != "net.num_bits":
            words.append(_short(key, value))
    return " ".join(words)


def _short(key: str, value: Any) -> str:
    """lr=0.01: what a folder's name and a line's name can hold."""
    text = json.dumps(value).replace('"', "").replace(" ", "")
    return key.partition(".")[2] + "=" + re.sub(r"[^\w.\-+]+", "_", text).strip("_")
