"""What a user reads when the machine fails: one line with a place and a remedy, never a traceback."""
import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.patches import Patch

from gluon_hash import files, plots
from gluon_hash.cli.app import main

ROOT = Path(__file__).parent.parent


def failing(monkeypatch, capsys, error):
    """Exit code and message when `check` ends with ``error``."""
    def fail(*_):
        raise error
    monkeypatch.setattr("gluon_hash.records.verify", fail)
    with pytest.raises(SystemExit) as stop:
        main(["check", "x.rec"])
    return stop.value.code, capsys.readouterr().err


def test_without_mxnet_a_command_that_needs_it_names_the_doctor():
    program = ("import sys\nsys.modules['mxnet'] = None\nfrom gluon_hash.cli.app import main\n"
               "main(['export', 'run', '--out', 'x'])")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1 and "`gluon-hash doctor` says what is wrong" in done.stderr
    assert "Traceback" not in done.stderr and done.stderr.count("\n") == 1


def test_an_error_of_mxnet_is_its_last_line(monkeypatch, capsys):
    lines = "Traceback (most recent call last):\n  File x.cc, line 38\nMXNetError: FileStream.Write incomplete"
    code, printed = failing(monkeypatch, capsys, RuntimeError(lines))
    assert code == 1
    assert printed == "gluon-hash: error: MXNetError: FileStream.Write incomplete; is the disk full?\n"


def test_a_full_disk_names_the_file(tmp_path):
    with pytest.raises(OSError, match=r"No space left on device: '.*out\.txt'"):
        with files.atomic_path(tmp_path / "out.txt"):
            raise OSError(errno.ENOSPC, "No space left on device")
    assert os.listdir(tmp_path) == []


def test_the_grid_explains_the_colours_of_its_frames(rng):
    image = rng.randint(0, 256, (4, 4, 3)).astype(np.uint8)
    figure = plots.retrieval_grid([image], [[image] * 3], np.array([[0, 1, 2]]), np.array([[2, 1, 0]]),
                                  ("fine", "coarse"), ["a"])
    legend = figure.legends[0]
    assert [text.get_text() for text in legend.get_texts()] == ["same fine", "same coarse", "no relative"]
    shown = [patch.get_facecolor() for patch in legend.get_patches() if isinstance(patch, Patch)]
    assert shown == [axes.spines["top"].get_edgecolor() for axes in figure.axes[1:]]
    assert plots.retrieval_grid([image], [[image]], np.array([[0]]), None, (), ["a"]).legends == []
