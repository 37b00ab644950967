"""What a user reads when the machine fails: one line with a place and a remedy, never a
traceback."""

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
from gluon_hash.cli.app import COMMANDS, _application, main

ROOT = Path(__file__).parents[2]


def failing(monkeypatch, capsys, error):
    """Exit code and message when `check` ends with ``error``."""

    def fail(*_):
        raise error

    monkeypatch.setattr("gluon_hash.records.verify", fail)
    with pytest.raises(SystemExit) as stop:
        main(["check", "x.rec"])
    return stop.value.code, capsys.readouterr().err


def test_without_mxnet_a_command_that_needs_it_names_the_doctor():
    program = (
        "import sys\nsys.modules['mxnet'] = None\nfrom gluon_hash.cli.app import main\n"
        "main(['export', 'run', '--out', 'x'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1 and "`gluon-hash doctor` says what is wrong" in done.stderr
    assert "Traceback" not in done.stderr and done.stderr.count("\n") == 1


def test_an_error_of_mxnet_is_its_last_line(monkeypatch, capsys):
    lines = "Traceback (most recent call last):\n  File x.cc, line 38\nMXNetError: FileStream.Write incomplete"
    code, printed = failing(monkeypatch, capsys, RuntimeError(lines))
    assert code == 1
    assert (
        printed == "gluon-hash: error: MXNetError: FileStream.Write incomplete; is the disk full?\n"
    )


@pytest.mark.parametrize(
    "error, expected",
    [
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "a/b"), 2),
        (IsADirectoryError(errno.EISDIR, "Is a directory", "a"), 2),
        (FileExistsError(errno.EEXIST, "File exists", "a"), 2),
        (FileNotFoundError(errno.ENOENT, "No such file", "a"), 2),
        (PermissionError(errno.EACCES, "Denied", "a"), 1),
        (OSError(errno.ENOSPC, "No space left on device", "a"), 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_wrong_path_is_wrong_use_and_a_failing_disk_is_a_failure(
    monkeypatch, capsys, error, expected
):
    code, printed = failing(monkeypatch, capsys, error)
    assert code == expected and printed == f"gluon-hash: error: {error}\n"


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_an_output_below_a_file_is_one_line(trained, run, tmp_path, place):
    (tmp_path / "file").write_text("mine")
    code, _, err = run("index", "build", trained / "query.npz", "--out", tmp_path / place)
    assert code == 2 and err.count("\n") == 1 and str(tmp_path / "file") in err
    assert (tmp_path / "file").read_text() == "mine"


def test_an_interrupted_command_says_how_it_goes_on(monkeypatch, capsys):
    said = "gluon-hash: interrupted; the same command (train: with --resume) goes on\n"
    assert failing(monkeypatch, capsys, KeyboardInterrupt()) == (130, said)
    monkeypatch.setenv("GLUON_HASH_DEBUG", "1")
    code, printed = failing(monkeypatch, capsys, KeyboardInterrupt())
    assert code == 130 and printed.startswith("Traceback") and printed.endswith(said)


def test_a_signal_while_the_command_is_loaded_is_an_interrupt_too():
    program = (
        "import signal, sys\nfrom gluon_hash.cli import app\n"
        "app.importlib.import_module = lambda name: "
        "signal.raise_signal(signal.SIGINT)\napp.main(['check'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 130 and done.stderr.startswith("gluon-hash: interrupted; ")


def helps():
    """The words of each command that lead to its help, and the texts that should be in it."""
    for name in COMMANDS:
        waiting = [((name,), typer.main.get_command(_application(name)).commands[name])]
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
    shown = [patch.get_facecolor() for patch in legend.get_patches() if isinstance(patch, Patch)]
    assert shown == [axes.spines["top"].get_edgecolor() for axes in figure.axes[1:]]
    assert plots.retrieval_grid([image], [[image]], np.array([[0]]), None, (), ["a"]).legends == []
