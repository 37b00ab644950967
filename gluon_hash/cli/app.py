"""The command line: finds the command's file, and turns a user's mistake into one clear line."""

from __future__ import annotations

import errno
import importlib
import os
import sys
import traceback
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from gluon_hash import __version__, environment
from gluon_hash.errors import MissingPackageError

__all__ = ["COMMANDS", "main"]

# command -> (file in this folder, one line of help). A file is imported only when its command is
# called, so that --help does not wait for MXNet. It holds `command`, a function, or, for a command
# with parts (`index build`, `index search`), `app`, a typer.Typer.
COMMANDS = {
    "prepare": (
        "prepare",
        "Turn a data set into records, lists, a hierarchy and a split manifest.",
    ),
    "check": ("check", "List all that is wrong with record files; repair them into a new one."),
    "doctor": (
        "doctor",
        "Print versions, devices, threads and libraries, and what is wrong with them.",
    ),
    "import-weights": ("import_weights", "Convert pretrained ResNet weights of other frameworks."),
    "config": ("config", "List and print the configurations that come along."),
    "train": ("train", "Train a hash network from a YAML configuration."),
    "fit": ("fit", "Fit a classical baseline on cached features."),
    "encode": ("encode", "Write the codes (or features) of a record file."),
    "evaluate": ("evaluate", "Measure query codes against database codes."),
    "compare": (
        "compare",
        "Train or reuse several networks, measure all, one table and one figure.",
    ),
    "export": ("export", "Write symbol JSON, parameters and manifest for deployment."),
    "index": ("index", "Index codes or a folder of images, search the index."),
    "plot": ("plot", "Draw codes, curves, retrieved images, the hierarchy."),
}
FAILED, WRONG_USE = 1, 2
INTERRUPTED, PIPE_CLOSED = 130, 141  # what a shell says of SIGINT and SIGPIPE
BAD_PATH = (FileNotFoundError, NotADirectoryError, IsADirectoryError, FileExistsError)
# in place of "[Errno 2] No such file or directory: 'x'"
SAID = {
    errno.ENOENT: "no such file or folder; check the path",
    errno.ENOTDIR: "a part of this path is a file, not a folder; name another",
    errno.EISDIR: "expected a file, this is a folder",
    errno.EEXIST: "exists already; name another output or remove it first",
    errno.EACCES: "you may not read or write this; name another place or ask its owner",
    errno.EPERM: "this is not permitted here; name another place or ask its owner",
    errno.EROFS: "this place is read-only; name another",
    errno.ENOSPC: "the disk is full; make room",
}


class _Commands(TyperGroup):
    """The commands; Ctrl-C and a closed pipe are answered here, before typer answers them."""

    def invoke(self, ctx: Any) -> Any:
        """Call the command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            _leave_interrupted(error)
        except BrokenPipeError:
            _leave_pipe()


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
    """The application in which the command that is called is real; the others are their help."""
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
    """Run the command line and leave with its exit code.

    0: done; 1: failed; 2: wrong use, bad input, or a package that is not installed; 130:
    interrupted; 141: the reader of stdout went away (`| head`).

    With GLUON_HASH_DEBUG=1 in the environment, the traceback of an error is shown too.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    called = next((argument for argument in arguments if not argument.startswith("-")), None)
    environment.set_threads()
    environment.set_caches()
    try:
        try:
            _application(called)(args=arguments, prog_name="gluon-hash")
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        _leave_pipe()
    except (ValueError, MissingPackageError, *BAD_PATH) as error:  # DataError is a ValueError
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


def _leave_pipe() -> NoReturn:
    """Nobody reads what is printed: go quietly, also when Python flushes stdout at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(PIPE_CLOSED) from None


def _leave(error: BaseException, code: int, remedy: str = "") -> None:
    if os.environ.get("GLUON_HASH_DEBUG"):
        raise error
    message = _message(error)
    if message.startswith("Traceback"):  # MXNet's errors: lines of C++, the reason last
        message = message.splitlines()[-1]
    if "FileStream.Write incomplete" in message:
        remedy = "; is the disk full?"
    print(f"gluon-hash: error: {message}{remedy}", file=sys.stderr)
    raise SystemExit(code)


def _message(error: BaseException) -> str:
    """What the error says; of one about a file the file first, then what is wrong with it."""
    if isinstance(error, OSError) and error.filename is not None:
        said = SAID.get(error.errno or 0, f"{error.strerror}")
        name = error.filename
        return f"{os.fsdecode(name) if isinstance(name, bytes) else name}: {said}"
    if isinstance(error, UnicodeDecodeError):
        return f"a file that should hold {error.encoding} text is a binary file, or of another kind"
    return str(error).strip() or type(error).__name__
