"""What MkDocs and mkdocstrings call while `make docs` builds: mkdocs.yml names this file."""

from __future__ import annotations

import html
import re
import sys
from pathlib import Path
from typing import Any

import griffe
from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig

sys.path.insert(0, str(Path(__file__).resolve().parent))

from site_markup import docstring_markdown, field_description
from site_reference import page_name, rooms

FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)


class Docstrings(griffe.Extension):
    """Makes Markdown of every docstring before mkdocstrings reads it."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the docstring of one module, class, function or attribute."""
        if obj.docstring is not None:
            obj.docstring.value = docstring_markdown(obj.docstring.value)

    def on_attribute(self, *, attr: griffe.Attribute, **_: Any) -> None:
        """A field of a pydantic model says what it is in its ``description``."""
        said = field_description(str(attr.value or ""))
        if said and attr.docstring is None:
            attr.docstring = griffe.Docstring(said, parent=attr)
            attr.value = None  # Field(...), of which the rest is in Settings of docs/methods.md


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Name the pages of the API reference in the navigation."""
    pages = [{room.removeprefix("gluon_hash."): f"api/{page_name(room)}"} for room in rooms()]
    next(section for section in config.nav or [] if "Python" in section)["Python"] = pages
    return config


def on_page_content(content: str, **_: Any) -> str:
    """Formulas as MathML, which browsers draw without a script."""

    def drawn(match: re.Match[str]) -> str:
        formula = html.unescape(match[2]).strip()
        if match[1] == "span":
            return str(convert(formula))
        return f'<div class="formula">{convert(formula, display="block")}</div>'

    return FORMULA.sub(drawn, content)
