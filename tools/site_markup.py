"""Text for the documentation site: docstrings, notebooks and links as its Markdown has them.

The standard library alone; tools/site_hooks.py calls this while `make docs` builds.
"""

from __future__ import annotations

import ast
import base64
import posixpath
import re
from collections.abc import Callable, Mapping
from typing import Any

__all__ = [
    "docstring_markdown",
    "field_description",
    "notebook_markdown",
    "notebook_pictures",
    "relink",
    "table_code",
]

LINK = re.compile(r"(!?)\[((?:[^\[\]]|!?\[[^\[\]]*\])*)\]\(([^)\s]+)\)")
DIRECTIVE = re.compile(r"^( *)\.\. math:: *(.*)$")
ROLE = re.compile(r":(\w+):`~?([^`]+)`")
INPUTS = re.compile(r"^(Inputs|Outputs):$")
FENCE = re.compile(r"^ *```")


def docstring_markdown(text: str) -> str:
    r"""A docstring with its formulas, roles, doctests and Gluon's Inputs written as Markdown.

    >>> docstring_markdown("The loss :math:`l_i` of :class:`HPDHLoss`.")
    'The loss $l_i$ of `HPDHLoss`.'
    >>> print(docstring_markdown("Inputs:\n    - **code**: float."))
    Inputs
    ------
    - **code**: float.
    """
    lines = _sections(_directives(text.splitlines()))
    return "\n".join(_examples([ROLE.sub(_role, line) for line in lines]))


def _role(match: re.Match[str]) -> str:
    """``:math:`` as a formula, every other role as code."""
    return f"${match[2]}$" if match[1] == "math" else f"`{match[2]}`"


def _directives(lines: list[str]) -> list[str]:
    """``.. math::`` and the lines indented below it, as a displayed formula."""
    made: list[str] = []
    rest = list(lines)
    while rest:
        line = rest.pop(0)
        match = DIRECTIVE.match(line)
        if not match:
            made.append(line)
            continue
        indent, formula = match[1], [match[2]]
        while rest and (not rest[0].strip() or rest[0].startswith(indent + "  ")):
            formula.append(rest.pop(0).strip())
        joined = " ".join(part for part in formula if part)
        made += ["", f"{indent}$${joined}$$", ""]
    return made


def _sections(lines: list[str]) -> list[str]:
    """Gluon's ``Inputs:`` and ``Outputs:`` as sections of numpy's kind."""
    made: list[str] = []
    inside = False
    for line in lines:
        match = INPUTS.match(line)
        if match:
            made += [match[1], "-" * len(match[1])]
            inside = True
        else:
            inside = inside and (not line or line.startswith(" "))
            made.append(line[4:] if inside else line)
    return made


def _examples(lines: list[str]) -> list[str]:
    """Doctests, from ``>>>`` to the next empty line, as blocks of Python."""
    made: list[str] = []
    inside = fenced = False
    for line in lines:
        fenced ^= bool(FENCE.match(line))
        if not inside and not fenced and line.lstrip().startswith(">>> "):
            made += ["", "```pycon"]
            inside = True
        elif inside and not line.strip():
            made.append("```")
            inside = False
        made.append(line.strip() if inside else line)
    return [*made, "```"] if inside else made


def field_description(value: str) -> str:
    """What ``Field(..., description="...")`` of a pydantic model says; "" where it says nothing.

    >>> field_description("Field(0.1, ge=0, description='of the ' f'pull; {a.FAR:g} is far')")
    'of the pull; FAR is far'
    >>> field_description("other(0.1)")
    ''
    """
    if not value.startswith("Field("):
        return ""
    for node in ast.walk(ast.parse(value)):
        if isinstance(node, ast.keyword) and node.arg == "description":
            parts = node.value.values if isinstance(node.value, ast.JoinedStr) else [node.value]
            return "".join(
                str(part.value)
                if isinstance(part, ast.Constant)
                else ast.unparse(getattr(part, "value", part)).rpartition(".")[2]
                for part in parts
            )
    return ""


def table_code(text: str) -> str:
    r"""Markdown whose rows of tables say ``|`` in code, where code hosts want ``\|``.

    >>> print(table_code(r"| `a \| b` | c \| d |"))
    | `a | b` | c \| d |
    """

    def row(match: re.Match[str]) -> str:
        return re.sub(r"`[^`]+`", lambda code: code[0].replace(r"\|", "|"), match[0])

    return re.sub(r"^\|.*$", row, text, flags=re.MULTILINE)


def relink(text: str, change: Callable[[str], str | None]) -> str:
    """Markdown whose relative links go where ``change`` says; None leaves the words alone.

    Parameters
    ----------
    change : function of a path without its ``#anchor``
        The new path, or None for what is not in the site.

    >>> relink("[a](x.md#y), [b](../setup.py), [c](https://d.e)", {"x.md": "z.md"}.get)
    '[a](z.md#y), b, [c](https://d.e)'
    """

    def changed(match: re.Match[str]) -> str:
        picture, words, target = match.groups()
        path, hash_sign, anchor = target.partition("#")
        words = LINK.sub(changed, words)
        if not path or re.match(r"\w+:", path):
            return f"{picture}[{words}]({target})"
        new = change(path)
        return words if new is None else f"{picture}[{words}]({new}{hash_sign}{anchor})"

    parts = re.split(r"(^```.*?^```|`[^`\n]+`)", text, flags=re.MULTILINE | re.DOTALL)
    return "".join(
        part if index % 2 else LINK.sub(changed, part) for index, part in enumerate(parts)
    )


def notebook_markdown(notebook: Mapping[str, Any], stem: str) -> str:
    """A notebook's cells, in order, with what they printed and drew.

    Parameters
    ----------
    notebook : parsed .ipynb, format 4
    stem : str
        Pictures are ``STEM_CELL_OUTPUT.png`` (notebook_pictures).
    """
    blocks = []
    for cell_number, cell in enumerate(notebook["cells"]):
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            blocks.append(source)
            continue
        blocks.append(f"```python\n{source}\n```")
        for output_number, output in enumerate(cell["outputs"]):
            name = f"{stem}_{cell_number}_{output_number}.png"
            blocks.append(_output_markdown(output, name))
    return "\n\n".join(block for block in blocks if block) + "\n"


def _output_markdown(output: Mapping[str, Any], picture: str) -> str:
    """What a cell printed as a block of text, what it drew as a picture."""
    data = output.get("data", {})
    if "image/png" in data:
        return f"![what the cell above drew]({picture})"
    text = "".join(output.get("text", data.get("text/plain", ""))).rstrip()
    return f"```{{ .text .no-copy .output }}\n{text}\n```" if text else ""


def notebook_pictures(notebook: Mapping[str, Any], stem: str) -> dict[str, bytes]:
    """Name -> PNG of what the cells drew."""
    return {
        posixpath.join(f"{stem}_{cell_number}_{output_number}.png"): base64.b64decode(
            "".join(output["data"]["image/png"])
        )
        for cell_number, cell in enumerate(notebook["cells"])
        for output_number, output in enumerate(cell.get("outputs", []))
        if "image/png" in output.get("data", {})
    }
