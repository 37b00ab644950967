"""The command line: finds the command's file, and turns a user's mistake into one clear line."""

from __future__ import annotations

import errno
import os
import sys

from gluon_hash import environment
from gluon_hash.cli import ends
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
    "extend": ("extend", "Teach a trained run new classes; codes made before stay valid."),
    "fit": ("fit", "Fit a classical baseline on cached features."),
    "encode": ("encode", "Write the codes (or features) of a record file."),
    "merge": ("merge", "Put the parts of codes that `encode --shard` wrote together."),
    "cut": ("cut", "Keep the first bits of codes whose prefixes are codes too (loss.nested)."),
    "evaluate": ("evaluate", "Measure query codes against database codes."),
    "compare": (
        "compare",
        "Train or reuse several networks, measure all, one table and one figure.",
    ),
    "export": ("export", "Write symbol JSON, parameters and manifest for deployment."),
    "verify": ("verify", "Run every exported form over the same images and compare."),
    "index": ("index", "Index codes or a folder of images, search the index."),
    "serve": ("serve", "Answer searches over HTTP, with a page; index and model in one service."),
    "plot": ("plot", "Draw codes, curves, retrieved images, the hierarchy."),
    "report": ("report", "Write a run or a comparison as one page, with figures and images."),
    "runs": ("runs", "List the runs in a folder, with their state and metrics."),
    "zoo": ("zoo", "List the networks that come along; MODEL may be one of their names."),
    "info": ("info", "Say what a file or folder is; of a model, its card."),
}
FAILED, WRONG_USE = 1, 2
BAD_NAME = (errno.ENAMETOOLONG, errno.ELOOP)
BAD_PATH = (FileNotFoundError, NotADirectoryError, IsADirectoryError, FileExistsError)
# in place of "[Errno 2] No such file or directory: 'x'"
SAID = {
    errno.ENOENT: "no such file or folder; check the path",
    errno.ENOTDIR: "a part of this path is a file, not a folder; name another",
    errno.EISDIR: "expected a file, this is a folder",
    errno.ENAMETOOLONG: "this name is too long; name another",
    errno.ELOOP: "links that lead in a circle; name what they should lead to",
    errno.EEXIST: "exists already; name another output or remove it first",
    errno.EACCES: "you may not read or write this; name another place or ask its owner",
    errno.EPERM: "this is not permitted here; name another place or ask its owner",
    errno.EROFS: "this place is read-only; name another",
    errno.ENOSPC: "the disk is full; make room",
    errno.EDQUOT: "your quota is used up; make room",
    errno.EFBIG: "a file may not be as large here; see `ulimit -f`, or name another place",
}


def main(arguments: list | None = None) -> None:
    """Run the command line and leave with its exit code.

    0: done; 1: failed; 2: wrong use, bad input, or a package that is not installed; 130:
    interrupted; 141: the reader of stdout went away (`| head`); 143: ended by SIGTERM.

    With GLUON_HASH_DEBUG=1 in the environment, the traceback of an error is shown too.

    Parameters
    ----------
    arguments : list of str, optional
        By default those of the process, which answers signals in our way to its end.
    """
    ends.listen()
    ends.open_standard_streams()
    try:
        _answered(sys.argv[1:] if arguments is None else arguments)
    finally:
        if arguments is None:
            ends.finish()
        else:
            ends.stop_listening()


def _answered(arguments: list) -> None:
    """Call the command; whatever stops it becomes one line and an exit code."""
    try:
        try:
            _call(arguments)
        finally:
            _flush()
    except BrokenPipeError:
        ends.leave_pipe()
    except KeyboardInterrupt as error:  # before the command is called, or after it
        ends.leave_interrupted(error)
    except Exception as error:
        if ends.heard():  # what a library made of the interrupt
            ends.leave_interrupted(error)
        _leave(error, *_judged(error))


def _call(arguments: list) -> None:
    called = next((argument for argument in arguments if not argument.startswith("-")), None)
    environment.set_threads()
    environment.set_caches()
    from gluon_hash.cli.application import application  # typer takes its time: signals come first

    application(COMMANDS, called)(args=arguments, prog_name="gluon-hash")


def _judged(error: Exception) -> tuple[int, str]:
    """The exit code of an error, and what is added to it; an error in the program is raised."""
    if (
        # DataError is a ValueError; a number that does not fit in 64 bits is an OverflowError
        isinstance(error, (ValueError, OverflowError, MissingPackageError, *BAD_PATH))
        or isinstance(error, OSError)
        and error.errno in BAD_NAME
    ):
        return WRONG_USE, ""
    if isinstance(error, (OSError, MemoryError, RuntimeError)):
        return FAILED, ""
    if isinstance(error, ImportError):
        return FAILED, "; `gluon-hash doctor` says what is wrong with the installation"
    raise error


def _flush() -> None:
    """Write what is still held back; a full disk behind stdout is an error with its name."""
    if sys.stdout is None:  # closed by the caller
        return
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        ends.close_stdout()
        raise type(error)(error.errno, error.strerror, "stdout") from error


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
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:  # files are named: it was print
        return f"stdout: {SAID[errno.ENOSPC]}"
    if isinstance(error, UnicodeDecodeError):
        return f"a file that should hold {error.encoding} text is a binary file, or of another kind"
    if isinstance(error, OverflowError):
        return f"a number is too large ({error})"
    return str(error).strip() or type(error).__name__
