"""Roles, and processes that are started together: how each of them may end."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gluon_hash import launch

WAIT = "import time; time.sleep(60)"


def started(tmp_path, worker, server=WAIT, num_workers=2):
    """The exit code of a start whose workers run one text and whose servers another."""
    program = f"""
import os, sys
from gluon_hash import launch
launch.stay_with_launcher()
role = os.environ["DMLC_ROLE"]
open(os.path.join({str(tmp_path)!r}, role + str(os.getpid())), "w").close()
if role == "worker":
    {worker}
else:
    {server}
"""
    return launch.start([sys.executable, "-c", program], num_workers, 1)


def is_running(pid):
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def pids(folder):
    return [int("".join(filter(str.isdigit, path.name))) for path in folder.glob("[sw]*[0-9]")]


def test_a_role_comes_with_all_that_belongs_to_it(monkeypatch):
    monkeypatch.delenv("DMLC_ROLE", raising=False)
    assert launch.role() is None
    monkeypatch.setenv("DMLC_ROLE", "worker")
    for name in launch.NEEDED:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match="DMLC_PS_ROOT_URI is missing"):
        launch.role()
    for name in launch.NEEDED:
        monkeypatch.setenv(name, "1")
    assert launch.role() == "worker"
    monkeypatch.setenv("DMLC_ROLE", "master")
    with pytest.raises(ValueError, match="DMLC_ROLE=master .* expected scheduler, server, worker"):
        launch.role()


def test_all_workers_done_is_done(tmp_path):
    assert started(tmp_path, "pass", server="pass") == 0
    assert len(pids(tmp_path)) == 4  # a scheduler, a server, two workers


@pytest.mark.parametrize(
    "worker, server, code, said",
    [
        ("os.kill(os.getpid(), 9)", WAIT, 1, "one of 2 workers .* was ended by SIGKILL"),
        (WAIT, "os.kill(os.getpid(), 6)", 1, "the (scheduler|server) was ended by SIGABRT"),
        ("sys.exit(143)", WAIT, 1, "one of 2 workers .* ended with exit code 143"),
        ("print('bad input', file=sys.stderr); sys.exit(2)", WAIT, 2, "bad input"),
        (
            "launch.keep_errors(); print('heard of by nobody', file=sys.stderr); sys.exit(2)",
            WAIT,
            2,
            "heard of by nobody",
        ),
    ],
)
def test_one_that_fails_ends_all_with_a_line(
    tmp_path, capfd, monkeypatch, worker, server, code, said
):
    monkeypatch.setattr(launch, "GRACE", 0.5)
    assert started(tmp_path, worker, server) == code
    shown = capfd.readouterr().err
    assert re.search(said, shown), shown
    assert not any(map(is_running, pids(tmp_path)))


@pytest.mark.parametrize("number, code", [(signal.SIGKILL, -9), (signal.SIGTERM, 143)])
def test_nothing_is_left_of_a_launcher_that_is_ended(tmp_path, number, code):
    """SIGKILL takes all along at once; SIGTERM is passed on, and the workers say how they end."""
    program = (
        "import sys, pathlib\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from gluon_hash.cli import ends\n"
        "from test_launch import started\n"
        "ends.listen()\n"
        f"sys.exit(started(pathlib.Path({str(tmp_path)!r}), {WAIT!r}, {WAIT!r}))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program])
    deadline = time.monotonic() + 60
    while len(pids(tmp_path)) < 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(pids(tmp_path)) == 4
    os.kill(process.pid, number)
    assert process.wait(30) == code
    while any(map(is_running, pids(tmp_path))) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(is_running, pids(tmp_path)))
