"""What a user reads when the machine fails: one line with a place and a remedy, no traceback."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import typer
from matplotlib.patches import Patch

from gluon_hash import files, plots
from gluon_hash.cli.app import COMMANDS, main
from gluon_hash.cli.application import application

ROOT = Path(__file__).parents[2]


def failing(monkeypatch, capsys, error):
    """Exit code and message when `check` ends with ``error``."""

    def fail(*_):
        raise error

    monkeypatch.setattr("gluon_hash.records.check.check_records", fail)
    with pytest.raises(SystemExit) as stop:
        main(["check", "x.rec"])
    return stop.value.code, capsys.readouterr().err


def test_a_broken_package_names_the_doctor():
    program = (
        "import sys\nsys.modules['PIL'] = None\nfrom gluon_hash.cli.app import main\n"
        "main(['check', 'x.rec'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1 and "`gluon-hash doctor` says what is wrong" in done.stderr
    assert "Traceback" not in done.stderr and done.stderr.count("\n") == 1


def test_an_error_of_mxnet_is_its_last_line(monkeypatch, capsys):
    reason = "MXNetError: FileStream.Write incomplete"
    lines = f"Traceback (most recent call last):\n  File x.cc, line 38\n{reason}"
    code, printed = failing(monkeypatch, capsys, RuntimeError(lines))
    assert (code, printed) == (1, f"gluon-hash: error: {reason}; is the disk full?\n")


@pytest.mark.parametrize(
    "error, code, said",
    [
        (NotADirectoryError(errno.ENOTDIR, "x", "a/b"), 2, "a/b: a part of this path is a file"),
        (IsADirectoryError(errno.EISDIR, "x", "a"), 2, "a: expected a file, this is a folder"),
        (FileExistsError(errno.EEXIST, "x", "a"), 2, "a: exists already; name another output"),
        (FileNotFoundError(errno.ENOENT, "x", b"a"), 2, "a: no such file or folder; check the"),
        (FileNotFoundError("no font of this name"), 2, "no font of this name"),
        (PermissionError(errno.EACCES, "x", "a"), 1, "a: you may not read or write this"),
        (OSError(errno.ENOSPC, "x", "a"), 1, "a: the disk is full; make room"),
        (OSError(errno.EIO, "Input/output error", "a"), 1, "a: Input/output error"),
        (UnicodeDecodeError("utf-8", b"\xd7", 0, 1, "x"), 2, "a file that should hold utf-8 text"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_an_error_about_a_file_names_it_and_says_what_to_do(monkeypatch, capsys, error, code, said):
    """A wrong path is wrong use, a failing disk a failure."""
    ended, printed = failing(monkeypatch, capsys, error)
    assert ended == code and printed.startswith(f"gluon-hash: error: {said}")
    assert printed.count("\n") == 1 and "Errno" not in printed


@pytest.mark.parametrize("words, code", [(["config", "list"], 141), (["--help"], 1)])
def test_a_reader_that_goes_away_is_no_error(words, code):
    """As `| head` does; 141 is what a shell says of SIGPIPE, 1 is rich's answer, without a word."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "gluon_hash", *words]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    os.close(writing)
    assert done.returncode == code and done.stderr == ""


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_an_output_below_a_file_is_one_line(trained, run, tmp_path, place):
    (tmp_path / "file").write_text("mine")
    code, _, err = run("index", "build", trained / "query.npz", "--out", tmp_path / place)
    assert code == 2 and err.count("\n") == 1 and str(tmp_path / "file") in err
    assert (tmp_path / "file").read_text() == "mine"


def test_an_interrupted_command_says_how_it_goes_on(monkeypatch, capsys):
    said = "gluon-hash: interrupted; call the same command again (train: with --resume)\n"
    assert failing(monkeypatch, capsys, KeyboardInterrupt()) == (130, said)
    monkeypatch.setenv("GLUON_HASH_DEBUG", "1")
    code, printed = failing(monkeypatch, capsys, KeyboardInterrupt())
    assert code == 130 and printed.startswith("Traceback") and printed.endswith(said)


def test_a_signal_while_the_command_is_loaded_is_an_interrupt_too():
    program = (
        "import signal, sys\nfrom gluon_hash.cli import app, application\n"
        "application.importlib.import_module = lambda name: "
        "signal.raise_signal(signal.SIGINT)\napp.main(['check'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 130 and done.stderr.startswith("gluon-hash: interrupted; ")


def helps():
    """The words of each command that lead to its help, and the texts that should be in it."""
    for name in COMMANDS:
        waiting = [((name,), typer.main.get_command(application(COMMANDS, name)).commands[name])]
        for words, command in waiting:
            waiting += [
                ((*words, part), below) for part, below in getattr(command, "commands", {}).items()
            ]
            yield (
                words,
                [command.help, *(getattr(option, "help", None) for option in command.params)],
            )


@pytest.mark.parametrize(
    "words, texts", helps(), ids=lambda value: "-".join(value) if type(value) is tuple else ""
)
def test_nothing_of_a_help_text_is_lost(words, texts, monkeypatch, run):
    monkeypatch.setenv("COLUMNS", "600")  # a table
    monkeypatch.setattr("typer.rich_utils.MAX_WIDTH", 600)  # no line is broken
    code, printed, _ = run(*words, "--help")
    shown = " ".join(printed.replace("│", " ").split())
    for text in filter(None, texts):
        assert " ".join(text.replace("`", "").split()) in shown  # of Markdown, only code is marked


def test_brackets_and_defaults_are_shown_once(run):
    def shown(*words):
        return " ".join(run(*words, "--help")[1].replace("│", " ").split())

    assert "loss.name=[dcwh,hpdh]" in shown("compare") and "SECTION.KEY=[A,B]" in shown("compare")
    assert (
        shown("compare").count("[default: the first]") == 1
        and shown("compare").count("[default: 95.0]") == 1
    )
    assert shown("evaluate").count("[default: standard]") == 1
    assert shown("index", "search").count("[default: 10]") == 1


def test_a_full_disk_names_the_file(tmp_path):
    with pytest.raises(OSError, match=r"No space left on device: '.*out\.txt'"):
        with files.atomic_path(tmp_path / "out.txt"):
            raise OSError(errno.ENOSPC, "No space left on device")
    assert os.listdir(tmp_path) == []


def test_the_grid_explains_the_colours_of_its_frames(rng):
    image = rng.randint(0, 256, (4, 4, 3)).astype(np.uint8)
    figure = plots.retrieval_grid(
        [image],
        [[image] * 3],
        np.array([[0, 1, 2]]),
        np.array([[2, 1, 0]]),
        ("fine", "coarse"),
        ["a"],
    )
    legend = figure.legends[0]
    assert [text.get_text() for text in legend.get_texts()] == [
        "same fine",
        "same coarse",
        "no relative",
    ]
    shown = [patch.get_edgecolor() for patch in legend.get_patches() if isinstance(patch, Patch)]
    assert shown == [axes.spines["top"].get_edgecolor() for axes in figure.axes[1:]]
    assert plots.retrieval_grid([image], [[image]], np.array([[0]]), None, (), ["a"]).legends == []
