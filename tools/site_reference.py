"""The public names of the package, read from its sources without importing them.

A room is a package with ``__all__``; the API reference has a page for each.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

__all__ = ["home", "page_name", "public_names", "reference_page", "rooms"]

ROOT = Path(__file__).resolve().parent.parent
# commands, the ground floor and compiled kernels: used by name nowhere outside the package
LEFT_OUT = ("gluon_hash.cli", "gluon_hash.guard", "gluon_hash.retrieval.evaluation.kernels")


@cache
def rooms() -> tuple[str, ...]:
    """Packages that offer names, outermost first."""
    packages = sorted(
        ".".join(path.parent.relative_to(ROOT).parts)
        for path in (ROOT / "gluon_hash").rglob("__init__.py")
    )
    return tuple(name for name in packages if not name.startswith(LEFT_OUT) and public_names(name))


@cache
def _source(module: str) -> ast.Module | None:
    """The parsed source of a module or package; None: there is none."""
    base = ROOT.joinpath(*module.split("."))
    for path in (base / "__init__.py", base.with_suffix(".py")):
        if path.is_file():
            return ast.parse(path.read_text(encoding="utf-8"))
    return None


@cache
def public_names(module: str) -> tuple[str, ...]:
    """``__all__`` of a module; empty where it has none."""
    tree = _source(module)
    for node in tree.body if tree else ():
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return tuple(ast.literal_eval(node.value))
    return ()


@cache
def home(module: str, name: str) -> str:
    """Where ``module.name`` is defined, such as gluon_hash.losses.hpdh.HPDHLoss.

    >>> home("gluon_hash", "CodeTable"), home("gluon_hash.retrieval", "metrics")
    ('gluon_hash.retrieval.codes.tables.CodeTable', 'gluon_hash.retrieval.evaluation.metrics')
    """
    for origin, original in _imports(module, name):
        if origin == f"{module}.{name}":
            return origin  # a module, handed out lazily
        if _source(f"{origin}.{original}"):
            return f"{origin}.{original}"  # a module
        return home(origin, original)
    return f"{module}.{name}"


def _imports(module: str, name: str) -> Iterator[tuple[str, str]]:
    """The module and name that ``name`` is imported from, also lazily (gluon_hash.lazy)."""
    tree = _source(module)
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if name == (alias.asname or alias.name) and module != node.module:
                    yield node.module, alias.name
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "on_demand":
            try:
                homes = ast.literal_eval(node.args[1])
            except ValueError:  # put together of other names, which TYPE_CHECKING imports
                continue
            if homes.get(name, module) != module:
                yield homes[name], name


def page_name(room: str) -> str:
    """The page of a room in api/: gluon_hash.losses -> losses.md."""
    return (room.removeprefix("gluon_hash.").replace(".", "-")) + ".md"


@cache
def _owner(target: str) -> str | None:
    """The room whose page describes an object: the innermost around it of those that offer it."""
    offering = [
        room for room in rooms() if target in (home(room, name) for name in public_names(room))
    ]
    if target in rooms():
        return None  # it has a page of its own
    around = [room for room in offering if target.startswith(room + ".")]
    return max(around, key=len) if around else offering[0]


def _public(target: str) -> str:
    """The name under which the owner offers an object: gluon_hash.losses.HPDHLoss."""
    owner = str(_owner(target))
    return next(f"{owner}.{name}" for name in public_names(owner) if home(owner, name) == target)


def reference_page(room: str) -> str:
    """The Markdown of a room's page: its docstring, then an entry of each public name."""
    alone = "    options: {members: false, show_root_heading: false, show_root_toc_entry: false}"
    parts = [f"# {room}", f"::: {room}\n{alone}"]
    for name in public_names(room):
        target = home(room, name)
        if _owner(target) == room:
            parts += [f'<a id="{room}.{name}"></a>', f"::: {target}"]
            continue
        parts.append(f"## {name} {{ #{room}.{name} }}")
        place, anchor = page_name(target), target
        if target not in rooms():
            anchor = _public(target)
            place = f"{page_name(str(_owner(target)))}#{anchor}"
        parts.append(f"See [`{anchor}`]({place}).")
    return "\n\n".join(parts) + "\n"
