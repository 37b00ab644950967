"""The lines of a comparison: configurations times varied values, and what is chosen for each."""

from __future__ import annotations

import hashlib
import itertools
import json
import operator
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gluon_hash.experiment.data.inputs import resolve
from gluon_hash.experiment.settings.config import Config
from gluon_hash.experiment.settings.config_files import load_config
from gluon_hash.guard.yaml_text import parse_yaml
from gluon_hash.hierarchy.unseen import PAPER, UNSEEN, UNSEEN_CLASSES

__all__ = ["Candidate", "Entry", "in_short", "make_entries", "parse_seeds", "parse_values"]

Changes = Mapping[str, Any]  # "section.key" -> value
SEED = "training.seed"
LONGEST_FOLDER = 200  # of a name before the protocol's, in characters; file systems allow 255


@dataclass(frozen=True)
class Candidate:
    """A configuration to train, what tells it from its siblings, and the name of its folder."""

    config: Config
    chosen: Changes
    folder: str


@dataclass(frozen=True)
class Entry:
    """One line: its name, and its candidates by seed; what its networks are measured by."""

    name: str
    candidates: Sequence[Sequence[Candidate]]  # [number of the choice][number of the seed]
    protocols: Sequence[str] = (PAPER,)

    @property
    def config(self) -> Config:
        """Of the first candidate; method, data and bits are those of all."""
        return self.candidates[0][0].config


def parse_values(texts: Sequence[str], option: str) -> dict[str, list[Any]]:
    """Changes "section.key=[a, b]" as {"section.key": [a, b]}; ValueError if it is not a list."""
    values_of: dict[str, list[Any]] = {}
    for text in texts:
        key, _, value = text.partition("=")
        key, values = key.strip(), _values(value)
        if not values or key.count(".") != 1:
            raise ValueError(
                f"{option} {text!r}: expected section.key=[value, value], such as "
                "optimizer.lr=[0.01,0.03]"
            )
        if key in values_of:
            raise ValueError(f"{option}: {key} is named twice; give all of its values in one list")
        if key == SEED:
            raise ValueError(f"{option} {text!r}: name the seeds as such, seeds 24,25,26")
        values_of[key] = values
    return values_of


def _values(text: str) -> list[Any]:
    """A YAML list of what JSON can hold; empty if it is none."""
    try:
        values = parse_yaml(text)
        json.dumps(values)
    except (TypeError, ValueError):
        return []
    return values if isinstance(values, list) else []


def parse_seeds(text: str) -> list[int]:
    """The numbers of "24,25" as [24, 25]; ValueError for other text and a seed named twice."""
    words = [word.strip() for word in text.split(",")]
    if not all(re.fullmatch("[0-9]+", word) for word in words) or len(set(map(int, words))) < len(
        words
    ):
        raise ValueError(f"seeds {text!r}: expected different whole numbers, such as 24,25,26")
    return [int(word) for word in words]


def make_entries(
    configs: Sequence[Path],
    changes: Sequence[str],
    vary: Mapping[str, list[Any]],
    choose: Mapping[str, list[Any]],
    seeds: Sequence[int] | None,
    protocols: Sequence[str] = (PAPER,),
) -> list[Entry]:
    """Every configuration with every combination of the varied values.

    What is measured on unseen classes is trained without them: an entry of its own.

    Parameters
    ----------
    configs : sequence of Path
        YAML files, of different names.
    changes : sequence of str
        "section.key=value" for all.
    vary, choose : mapping from "section.key" to values
        A line for each combination of the first; candidates of a line for each of the second.
    seeds : sequence of int, optional
        Default: the one of each configuration.
    protocols : sequence of str
        Some of gluon_hash.hierarchy.unseen.PROTOCOLS_OF_DATA.

    Raises
    ------
    ValueError
        If two files have one name, a key is both varied and chosen, two networks have one
        configuration, or what is chosen is not chosen on held-out images among networks of one
        kind.
    DataError
        If a configuration is wrong; found before anything is trained.
    """
    stems = [path.stem for path in configs]
    twice = [name for name in stems if stems.count(name) > 1] or sorted(set(vary) & set(choose))
    if twice:
        raise ValueError(
            f"{twice[0]} is named twice; the lines of a comparison need different keys, and files "
            "of "
            "different names"
        )
    if seeds is not None and any(change.partition("=")[0].strip() == SEED for change in changes):
        raise ValueError("training.seed is changed, and seeds are named too; give one of the two")
    numbers: Sequence[int | None] = [None] if seeds is None else seeds
    entries = []
    for path, varied in itertools.product(configs, _combinations(vary)):
        candidates = [
            [_candidate(path, changes, varied, chosen, seed) for seed in numbers]
            for chosen in _combinations(choose)
        ]
        name = _name(path, varied, len(configs) > 1)
        entries += _by_training(Entry(name, candidates, protocols))
        _check_choice(entries[-1])
    _check_different(entries)
    return entries


def _combinations(grid: Mapping[str, list[Any]]) -> Iterator[dict[str, Any]]:
    return (dict(zip(grid, values)) for values in itertools.product(*grid.values()))


def _candidate(
    path: Path, changes: Sequence[str], varied: Changes, chosen: Changes, seed: int | None
) -> Candidate:
    own = {**varied, **chosen}
    values = own if seed is None else {**own, SEED: seed}
    config = resolve(
        load_config(
            path, [*changes, *(f"{key}={json.dumps(value)}" for key, value in values.items())]
        )
    )
    folder = ",".join([path.stem, *in_short(own), f"seed={config.training.seed}"])
    if len(folder) > LONGEST_FOLDER:
        folder = (
            folder[: LONGEST_FOLDER - 9] + "," + hashlib.sha256(folder.encode()).hexdigest()[:8]
        )
    return Candidate(config, chosen, folder)


def _by_training(entry: Entry) -> list[Entry]:
    """The entry as its protocols train it: on all classes, and without the unseen ones."""
    if UNSEEN not in entry.protocols:
        return [entry]
    seen = [protocol for protocol in entry.protocols if protocol != UNSEEN]
    every = [[_on_all(each) for each in row] for row in entry.candidates]
    without = [[_without_unseen(each) for each in row] for row in entry.candidates]
    entries = [Entry(entry.name, every, seen)] if seen else []
    return [*entries, Entry(entry.name, without, (UNSEEN,))]


def _on_all(candidate: Candidate) -> Candidate:
    return Candidate(_leaving(candidate.config, None), candidate.chosen, candidate.folder)


def _without_unseen(candidate: Candidate) -> Candidate:
    data = candidate.config.data
    file = data.unseen_classes or str(Path(data.root) / UNSEEN_CLASSES)
    folder = f"{candidate.folder},{UNSEEN}"
    return Candidate(_leaving(candidate.config, file), candidate.chosen, folder)


def _leaving(config: Config, unseen_classes: str | None) -> Config:
    data = config.data.model_copy(update={"unseen_classes": unseen_classes})
    return config.model_copy(update={"data": data})


def _check_choice(entry: Entry) -> None:
    """ValueError unless one value on the same held-out images tells the candidates apart."""
    if len(entry.candidates) == 1:
        return
    configs = [row[0].config for row in entry.candidates]
    if any(config.training.monitor == "loss" for config in configs):
        raise ValueError(
            f"choose: {entry.name} has no value on held-out images to choose by; set "
            "data.held_out to "
            "true and training.monitor to map or mahp"
        )
    for name in ("data", "net.num_bits", "loss.name", "training.monitor"):
        of = operator.attrgetter(name)
        if any(of(config) != of(configs[0]) for config in configs):
            raise ValueError(
                f"choose: {name} must be the same for all candidates of a line; vary it instead"
            )


def _check_different(entries: Sequence[Entry]) -> None:
    """ValueError if two networks have one configuration, or one folder."""
    folders: dict[str, str] = {}
    for candidate in itertools.chain.from_iterable(
        row for entry in entries for row in entry.candidates
    ):
        for what in (candidate.config.model_dump_json(), candidate.folder):
            if what in folders:
                raise ValueError(
                    f"{folders[what]} and {candidate.folder} are the same network; leave one of "
                    "them out"
                )
            folders[what] = candidate.folder


def _name(path: Path, varied: Changes, with_file: bool) -> str:
    words = [path.stem] if with_file or not set(varied) - {"net.num_bits"} else []
    shown = {key: value for key, value in varied.items() if key != "net.num_bits"}
    return " ".join(
        [
            *words,
            *(
                str(value) if key == "loss.name" else word
                for (key, value), word in zip(shown.items(), in_short(shown))
            ),
        ]
    )


def in_short(values: Changes) -> list[str]:
    """The part lr=0.01 of a name, for each; with the section where two keys end alike."""
    ends = [key.partition(".")[2] for key in values]
    return [
        (end if ends.count(end) == 1 else key)
        + "="
        + re.sub(r"[^\w.\-+]+", "_", _compact(value)).strip("_")
        for (key, value), end in zip(values.items(), ends)
    ]


def _compact(value: Any) -> str:
    return json.dumps(value).replace('"', "").replace(" ", "")
