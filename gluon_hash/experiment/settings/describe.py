"""What a configuration may say, as Markdown tables made from the models' own fields."""

from __future__ import annotations

import json
import types
from collections.abc import Iterable, Sequence
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gluon_hash.experiment.settings.config import Config
from gluon_hash.methods.table import DEFAULT, METHODS

__all__ = ["configuration_table", "methods_table"]

LOSS = "loss"  # the section whose keys are those of its method
NAME = "name"
WORDS = {bool: "true or false", int: "whole number", float: "number", str: "text"}
MANY = {int: "whole numbers", float: "numbers", str: "texts"}
BOUNDS = {
    Ge: ("ge", ">="),
    Gt: ("gt", ">"),
    Le: ("le", "<="),
    Lt: ("lt", "<"),
}


def methods_table() -> str:
    """Every setting of every method, in the order of METHODS: what it may be, default, meaning.

    Examples
    --------
    >>> " ".join(methods_table().split()[:11])
    '| method | setting | value | default | meaning |'
    """
    rows = []
    for name, method in METHODS.items():
        settings = {key: field for key, field in method.model_fields.items() if key != NAME}
        rows += [
            [f"`{name}`", f"`{key}`", *_cells(field, f"{name}.{key}")]
            for key, field in settings.items()
        ] or [[f"`{name}`", "none", "", "", ""]]
    return _table(["method", "setting", "value", "default", "meaning"], rows)


def configuration_table() -> str:
    """Every key of a configuration, section by section: what it may be, default, meaning.

    Of the section ``loss`` only ``name`` is listed; its other keys are in ``methods_table``.
    """
    columns = ["key", "value", "default", "meaning"]
    parts = []
    for section, field in Config.model_fields.items():
        if section == LOSS:
            title, rows = "The method and its numbers.", [_loss_row()]
        else:
            model = field.annotation
            assert isinstance(model, type) and issubclass(model, BaseModel)
            title = (model.__doc__ or "").splitlines()[0]
            rows = [
                [f"`{section}.{key}`", *_cells(value, f"{section}.{key}")]
                for key, value in model.model_fields.items()
            ]
        parts.append(f"## {section}\n\n{title}\n\n{_table(columns, rows)}")
    return "\n\n".join(parts)


def _loss_row() -> list[str]:
    meaning = Config.model_fields[LOSS].description or ""
    return [f"`{LOSS}.{NAME}`", "name of a method", f"`{DEFAULT}`", _escaped(meaning)]


def _cells(field: FieldInfo, key: str) -> list[str]:
    """Value, default and meaning of a field."""
    default = "required" if field.is_required() else f"`{_text(field.get_default())}`"
    if not field.description:
        raise ValueError(f"{key}: its field has no description")
    return [_values(field.annotation, field.metadata), default, _escaped(field.description)]


def _values(annotation: Any, bounds: Sequence[Any] = ()) -> str:
    """What a value of this type and within these bounds is, in words.

    >>> _values(Literal["a", "b"]), _values(list[int]), _values(float | None, [Gt(0), Le(0.5)])
    ('`a` or `b`', 'list of whole numbers', 'number > 0, <= 0.5 or null')
    """
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return _either(inner)
    if origin in (Union, types.UnionType):
        return " or ".join(
            "null" if each is type(None) else _values(each, bounds) for each in inner
        )
    if origin is tuple and inner[-1] is not Ellipsis:
        return f"list of {len(inner)} {MANY[inner[0]]}"
    if origin in (list, tuple):
        return f"list of {MANY[inner[0]]}"
    return f"{WORDS[annotation]} {', '.join(map(_bound, bounds))}".strip()


def _either(names: Iterable[str]) -> str:
    """Names as "`a`, `b` or `c`"."""
    *most, last = (f"`{name}`" for name in names)
    return f"{', '.join(most)} or {last}" if most else last


def _bound(bound: Ge | Gt | Le | Lt) -> str:
    """A bound of a field, such as ">= 1"."""
    attribute, sign = BOUNDS[type(bound)]
    return f"{sign} {getattr(bound, attribute)}"


def _text(value: Any) -> str:
    """A default as YAML has it."""
    return value if isinstance(value, str) else json.dumps(value)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table whose columns, but the last, are as wide as their widest cell."""
    rows = [columns, *rows]
    widths = [max(len(row[k]) for row in rows) for k in range(len(columns) - 1)]
    lines = [
        "| "
        + " | ".join([f"{cell:{width}}" for cell, width in zip(row, widths)] + [row[-1]])
        + " |"
        for row in rows
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|---|"
    return "\n".join([lines[0], rule, *lines[1:]])
