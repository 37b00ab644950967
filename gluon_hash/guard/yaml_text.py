"""YAML: its size, nesting and aliases are limited before anything is made of it."""

from __future__ import annotations

import os
from typing import Any

import yaml

from gluon_hash.errors import DataError

__all__ = ["YamlError", "load_yaml", "parse_yaml"]

LONGEST = 1 << 20  # characters; a configuration has about 2,000
DEEPEST = 40  # lists and sections inside each other
MOST_VALUES = 100_000  # with what an alias stands for counted each time


class YamlError(ValueError):
    """A text is not YAML that is read here; carries its line, counted from 1, where it is known."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


def load_yaml(text: str, path: str | os.PathLike[str]) -> Any:
    """What the text of a YAML file holds; DataError, with the line, in place of a YamlError."""
    try:
        return parse_yaml(text)
    except YamlError as error:
        raise DataError(f"not YAML: {error}", path=path, line=error.line) from error


def parse_yaml(text: str) -> Any:
    r"""What a YAML text holds: numbers, texts, dates, lists and dictionaries.

    Raises
    ------
    YamlError
        If it is not YAML, a key appears twice in one section, or it is too long, too deep, or would
        be too large with every alias written out.

    Examples
    --------
    >>> parse_yaml("data: {root: here}")
    {'data': {'root': 'here'}}
    >>> parse_yaml("a: &a [1, 2]\nb: [*a, *a]\na: 3")
    Traceback (most recent call last):
    ...
    gluon_hash.guard.yaml_text.YamlError: the key 'a' appears twice
    """
    if len(text) > LONGEST:
        raise YamlError(f"expected at most {LONGEST} characters, got {len(text)}")
    try:
        return yaml.load(text, Loader=_BoundedLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or error.context or "it is damaged"
        raise YamlError(problem, None if mark is None else mark.line + 1) from error
    except (yaml.YAMLError, ValueError, TypeError, ArithmeticError, LookupError) as error:
        raise YamlError(str(error)) from error  # 2024-13-45 is not a date


class _BoundedLoader(yaml.SafeLoader):
    """A loader that counts values and levels while it puts nodes together, before it makes any."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._sizes: dict[int, int] = {}  # id of a finished node -> values in it
        self._open = [0]  # values so far in each node that is being put together

    def compose_node(self, parent: Any, index: Any) -> Any:
        """The next node, or the one that an alias stands for."""
        event = self.peek_event()
        is_alias = isinstance(event, yaml.AliasEvent)
        if len(self._open) > DEEPEST:
            raise _error(f"lists and sections more than {DEEPEST} deep", event)
        self._open.append(1)
        node = super().compose_node(parent, index)
        size = self._open.pop()
        if is_alias:
            if id(node) not in self._sizes:
                raise _error("an alias inside of what it stands for", event)
            size = self._sizes[id(node)]
        elif isinstance(node, yaml.MappingNode):
            _check_keys(node)
        self._sizes[id(node)] = size
        self._open[-1] += size
        if self._open[-1] > MOST_VALUES:
            raise _error(f"more than {MOST_VALUES} values, with its aliases written out", event)
        return node


def _check_keys(node: yaml.MappingNode) -> None:
    seen: set[str] = set()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode):
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} appears twice", key.start_mark
                )
            seen.add(key.value)


def _error(problem: str, event: Any) -> yaml.MarkedYAMLError:
    return yaml.composer.ComposerError(None, None, problem, event.start_mark)
