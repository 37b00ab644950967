"""The typer application: the command that is called is real, the others are their help."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Mapping
from typing import Any

import typer
from typer.core import TyperGroup

from gluon_hash import __version__
from gluon_hash.cli.ends import answered

__all__ = ["application"]

NARROW = 100  # columns of a terminal, below which the help of a command is plain text


class _Commands(TyperGroup):
    """The commands; a signal, or a pipe that is closed, has our answer and not typer's."""

    def make_context(self, *arguments: Any, **settings: Any) -> Any:
        """Read the arguments."""
        with answered():
            return super().make_context(*arguments, **settings)

    def invoke(self, ctx: Any) -> Any:
        """Call the command."""
        with answered():
            return super().invoke(ctx)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"gluon-hash {__version__}")
        raise typer.Exit()


def _root(
    version: bool | None = typer.Option(
        None, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Hierarchical deep hashing: learn, evaluate and serve binary codes for images."""


def application(commands: Mapping[str, tuple[str, str]], called: str | None) -> typer.Typer:
    """The application, in which only the file of the command that is called is imported.

    Parameters
    ----------
    commands : mapping from a name to (file in this folder, one line of help)
    called : str, optional
        The name in the arguments.
    """
    # the table of a command's options would cut long words off
    is_narrow = shutil.get_terminal_size().columns < NARROW
    application = typer.Typer(
        cls=_Commands,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None if is_narrow and called is not None else "markdown",
    )  # of "rich", [default: ...] would be a tag, not shown
    application.callback()(_root)
    for name, (module, summary) in commands.items():
        if name == called:
            file = importlib.import_module(f"gluon_hash.cli.{module}")
            if hasattr(file, "app"):
                application.add_typer(file.app, name=name, help=summary)
            else:
                application.command(name)(file.command)
        else:
            application.command(name, help=summary)(lambda: None)
    return application
