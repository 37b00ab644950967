"""The command line: finds the command's file, and turns a user's mistake into one clear line."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from gluon_hash import __version__, environment

__all__ = ["COMMANDS", "main"]

# command -> (file in this folder, one line of help). A file is imported only when its command is
# called, so that --help does not wait for MXNet. It holds `command`, a function, or, for a command
# with parts (`index build`, `index search`), `app`, a typer.Typer.
COMMANDS = {
    "prepare": (
        "prepare",
        "Turn a data set into records, lists, a hierarchy and a split manifest.",
    ),
    "check": ("check", "Read every record of a .rec file and say what is wrong."),
    "doctor": (
        "doctor",
        "Print versions, devices, threads and libraries, and what is wrong with them.",
    ),
    "import-weights": ("import_weights", "Convert pretrained ResNet weights of other frameworks."),
    "train": ("train", "Train a hash network from a YAML configuration."),
    "fit": ("fit", "Fit a classical baseline on cached features."),
    "encode": ("encode", "Write the codes (or features) of a record file."),
    "evaluate": ("evaluate", "Measure query codes against database codes."),
    "compare": (
        "compare",
        "Train or reuse several networks, measure all, one table and one figure.",
    ),
    "export": ("export", "Write symbol JSON, parameters and manifest for deployment."),
    "index": ("index", "Build a Hamming index, search it."),
    "plot": ("plot", "Draw codes, curves, retrieved images, the hierarchy."),
}
FAILED, WRONG_USE, INTERRUPTED = 1, 2, 130
BAD_PATH = (FileNotFoundError, NotADirectoryError, IsADirectoryError, FileExistsError)


class _Commands(TyperGroup):
    """The commands; Ctrl-C is answered here, before typer turns it into an empty line."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            _leave_interrupted(error)


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


def _application(called: str | None) -> typer.Typer:
    """The application in which only the command that is called is real, the others are their
    help."""
    application = typer.Typer(
        cls=_Commands,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
    )  # of "rich", [default: ...] would be a tag, not shown
    application.callback()(_root)
    for name, (module, summary) in COMMANDS.items():
        if name == called:
            file = importlib.import_module(f"gluon_hash.cli.{module}")
            if hasattr(file, "app"):
                application.add_typer(file.app, name=name, help=summary)
            else:
                application.command(name)(file.command)
        else:
            application.command(name, help=summary)(lambda: None)
    return application


def main(arguments: list | None = None) -> None:
    """Run the command line and leave with 0 (done), 1 (failed), 2 (wrong use or bad input) or 130
    (interrupted).

    With GLUON_HASH_DEBUG=1 in the environment, the traceback of an error is shown too.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    called = next((argument for argument in arguments if not argument.startswith("-")), None)
    environment.set_threads()
    try:
        _application(called)(args=arguments, prog_name="gluon-hash")
    except (ValueError, *BAD_PATH) as error:  # DataError is a ValueError
        _leave(error, WRONG_USE)
    except (OSError, MemoryError, RuntimeError) as error:
        _leave(error, FAILED)
    except ImportError as error:
        _leave(error, FAILED, "; `gluon-hash doctor` says what is wrong with the installation")
    except KeyboardInterrupt as error:  # before the command is called, or after it
        _leave_interrupted(error)


def _leave_interrupted(error: KeyboardInterrupt) -> NoReturn:
    if os.environ.get("GLUON_HASH_DEBUG"):
        traceback.print_exception(type(error), error, error.__traceback__)
    print(
        "gluon-hash: interrupted; the same command (train: with --resume) goes on", file=sys.stderr
    )
    raise SystemExit(INTERRUPTED) from None


def _leave(error: BaseException, code: int, remedy: str = "") -> None:
    if os.environ.get("GLUON_HASH_DEBUG"):
        raise error
    message = str(error).strip() or type(error).__name__
    if message.startswith("Traceback"):  # MXNet's errors: lines of C++, the reason last
        message = message.splitlines()[-1]
    if "FileStream.Write incomplete" in message:
        remedy = "; is the disk full?"
    print(f"gluon-hash: error: {message}{remedy}", file=sys.stderr)
    raise SystemExit(code)
