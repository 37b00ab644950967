"""Configurations as YAML files, with changes; an error names file, line and key, or the change."""

from __future__ import annotations

import difflib
import functools
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from gluon_hash.errors import DataError
from gluon_hash.experiment.settings.config import Config
from gluon_hash.experiment.settings.legacy import CENTERS, modernize, without_options
from gluon_hash.experiment.settings.presets import find
from gluon_hash.guard import read_text
from gluon_hash.guard.yaml_text import YamlError, load_yaml, parse_yaml
from gluon_hash.methods.table import (
    DEFAULT,
    METHODS,
    UnknownMethodError,
    class_of,
    method_from,
)
from gluon_hash.progress import log

__all__ = ["change_config", "dump_config", "load_config"]

GIVEN = "given as a change"
LONGEST_SHOWN = 200  # characters of a wrong value


def load_config(path: str | os.PathLike[str], changes: Sequence[str] = ()) -> Config:
    """Read a YAML configuration.

    Parameters
    ----------
    path : path-like
        The file; or the name of one that comes with gluon_hash (settings.presets).
    changes : sequence of str
        "section.key=value", the value as YAML; they win over the file. A change of ``loss.name``
        keeps the settings of the file that the new method has too; the others are left out, which
        is said.

    Returns
    -------
    Config

    Raises
    ------
    DataError
        With file and line: a key that does not exist (the nearest one is named), a value of the
        wrong type.
    ValueError
        With the change: the same of a change, or one that is malformed.
    """
    path = find(path)
    return _read(read_text(path), path, changes)


def change_config(config: Config, changes: Sequence[str]) -> Config:
    """A configuration with changes, as load_config takes them.

    Raises
    ------
    ValueError
        As load_config.
    """
    return _read(dump_config(config), "the configuration", changes) if changes else config


def _read(text: str, path: str | os.PathLike[str], changes: Sequence[str]) -> Config:
    """A configuration from the text of a file."""
    parsed = [_parse(change) for change in changes]
    try:
        values = _modern(_sections(text, path), path)
        changed = _apply(values, parsed, path)
        method = values.get("loss", {})
        if isinstance(method, Mapping):
            method = method_from(method)
        return Config(**{**values, "loss": method})
    except ValidationError as error:
        raise _clear(error, text, path, changed, values) from error
    except TypeError as error:  # a key that is not a string
        raise DataError(f"expected sections (data, net, ...): {error}", path=path) from error
    except UnknownMethodError as error:  # of the file; _apply names a change
        line = _line(text, ["loss", "name"])
        raise DataError(f"loss.name: {error}", path=path, line=line) from error


def dump_config(config: Config) -> str:
    """The resolved configuration as YAML, every default written out; load_config reads it back."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)


def _sections(text: str, path: str | os.PathLike[str]) -> dict[str, Any]:
    """The sections of a file; DataError, with the line, if it holds something else."""
    values = load_yaml(text, path)
    if not isinstance(values, dict):
        raise DataError(
            f"expected sections (data, net, ...), got {type(values).__name__}", path=path
        )
    return values


def _modern(values: dict[str, Any], path: str | os.PathLike[str]) -> dict[str, Any]:
    """The sections as they are written now; if they were written before, what to write is said."""
    try:
        values, advice = modernize(values)
    except UnknownMethodError:
        raise
    except ValueError as error:
        raise DataError(str(error), path=path) from error
    if advice:
        _say_once(f"{os.fspath(path)}: written before 2026-11-25; {advice}")
    return values


def _parse(change: str) -> tuple[str, str, Any, str]:
    """Section, key, value and the text of a change."""
    key, equals, text = change.partition("=")
    section, dot, name = key.strip().partition(".")
    if not (equals and dot and name):
        raise ValueError(
            f"{change!r} ({GIVEN}): expected section.key=value, such as optimizer.lr=0.01"
        )
    try:
        value = parse_yaml(text)
    except YamlError as error:
        raise ValueError(
            f"{change!r} ({GIVEN}): the value is not YAML ({error}); "
            "expected section.key=value, such as 'loss.inv_variances=[1, 0.5]'"
        ) from error
    return section, name, value, change


def _apply(
    values: dict[str, Any],
    parsed: Sequence[tuple[str, str, Any, str]],
    path: str | os.PathLike[str],
) -> dict[str, str]:
    """Put the changes into ``values``, the method's name before its settings.

    Returns the text of the change that set each "section.key".
    """
    changed = {}
    for section, name, value, text in sorted(parsed, key=lambda change: not _names_method(change)):
        if section == "centers" and name in CENTERS:
            _say_once(f"{text}: written as before 2026-11-25; write loss.{CENTERS[name]}")
            section, name = "loss", CENTERS[name]
        settings, before = {name: value}, values.get(section, {})
        if not isinstance(before, Mapping):
            raise ValueError(f"{text!r} ({GIVEN}): {section} is not a section in the file")
        if (section, name) == ("loss", "options") and isinstance(value, Mapping):
            _say_once(f"{text}: written as before 2026-11-25; write loss.NAME=VALUE for each")
            settings, before = dict(value), without_options(before)
        if (section, name) == ("loss", "name"):
            before = _shared_settings(before, value, text, path)
        values[section] = {**before, **settings}
        changed.update({f"{section}.{key}": text for key in settings})
    return changed


def _names_method(change: tuple[str, str, Any, str]) -> bool:
    return change[:2] == ("loss", "name")


def _shared_settings(
    loss: Mapping[str, Any], new_name: object, change: str, path: str | os.PathLike[str]
) -> dict[str, Any]:
    """The settings of ``loss`` that the method ``new_name`` has too; what is left out is said.

    A number that is the old method's own default is not taken over: methods have settings of one
    name whose defaults differ.
    """
    old_name = loss.get("name", DEFAULT)
    try:
        settings = class_of(new_name).model_fields
    except UnknownMethodError as error:
        raise ValueError(f"{change} ({GIVEN}): {error}") from error
    if new_name == old_name:
        return dict(loss)
    old_fields = METHODS[old_name].model_fields if old_name in METHODS else {}
    chosen = {
        name: value
        for name, value in loss.items()
        if name not in old_fields or value != old_fields[name].default
    }
    lost = [f"loss.{name}" for name in chosen if name not in settings]
    if lost:
        _say_once(
            f"{os.fspath(path)}: {new_name} does not have {', '.join(lost)} (of {old_name}): "
            "left out"
        )
    return {name: value for name, value in chosen.items() if name in settings}


def _clear(
    error: ValidationError,
    text: str,
    path: str | os.PathLike[str],
    changed: Mapping[str, str],
    values: Mapping[str, Any],
) -> ValueError:
    """One sentence for the first thing that pydantic found wrong, with file and line or change."""
    problem = error.errors()[0]
    location = [str(part) for part in problem["loc"]]
    model: type[BaseModel] = Config
    if error.title != Config.__name__:  # of the method
        location = ["loss", *location]
        model = METHODS[values["loss"].get("name", DEFAULT)]
    elif len(location) > 1:
        model = Config.model_fields[location[0]].annotation  # type: ignore[assignment]
    location = location[:2]  # what follows is a position in a list
    message, line = _explain(problem, location, model), _line(text, location)
    blamed = _blamed(changed, location, message, line)
    if blamed:
        return ValueError(f"{', '.join(blamed)} ({GIVEN}): {message}")
    return DataError(message, path=path, line=line)


def _blamed(
    changed: Mapping[str, str], location: Sequence[str], message: str, line: int | None
) -> list[str]:
    """The changes that an error comes from.

    They are of this key, of a section that the file lacks, or named in the sentence.
    """
    if len(location) > 1:
        return [text for key, text in changed.items() if key == ".".join(location[:2])]
    if location == ["loss"]:  # of the method's settings together: they are named without a section
        words = set(re.findall(r"\w+", message))
        return [text for key, text in changed.items() if key.partition(".")[2] in words]
    if location:
        return [
            text
            for key, text in changed.items()
            if line is None and key.partition(".")[0] == location[0]
        ]
    return [text for key, text in changed.items() if key in message]


def _explain(error: Any, location: Sequence[str], model: type[BaseModel]) -> str:
    """One sentence for what pydantic found wrong at ``location``, a key of ``model``."""
    name = ".".join(location)
    if error["type"] != "extra_forbidden":
        message = error["msg"].replace("Value error, ", "")
        if not location or ", got " in message:
            return f"{name}: {message}" if name else message
        return f"{name}: {message}, got {_shortened(repr(error['input']))}"
    near = difflib.get_close_matches(location[-1], model.model_fields, n=1)
    valid = [key for key in model.model_fields if not (location[0] == "loss" and key == "name")]
    hint = f"did you mean {near[0]!r}? " if near else ""
    whose = f"{model.model_fields['name'].default} has " if location[0] == "loss" else ""
    return f"{name}: no such key; {hint}{whose or 'valid keys here: '}{', '.join(valid) or 'none'}"


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def _line(text: str, location: Sequence[str]) -> int | None:
    """Line of the key at ``location``, counted from 1; None if the file does not have it."""
    node, line = yaml.compose(text), None
    for key in location:
        if not isinstance(node, yaml.MappingNode):
            return line
        pairs = [(name, value) for name, value in node.value if name.value == key]
        if not pairs:
            return line
        line, node = pairs[0][0].start_mark.line + 1, pairs[0][1]
    return line


@functools.cache  # a comparison reads one file many times
def _say_once(message: str) -> None:
    log(message)
