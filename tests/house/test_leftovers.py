"""What a killed run leaves is swept by the next; what is alive, or the user's, never is."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest

from gluon_hash import leftovers
from gluon_hash.leftovers import NAME, sweep, temporary_file, temporary_folder

WRITES = """
import sys, time
from pathlib import Path
from gluon_hash import leftovers
with getattr(leftovers, sys.argv[1])(sys.argv[2]) as temporary:
    (temporary / "in" if temporary.is_dir() else temporary).write_text("half")
    print(temporary, flush=True)
    time.sleep(60)
"""
KINDS = ["temporary_file", "temporary_folder"]


def writer(kind, path):
    process = subprocess.Popen(
        [sys.executable, "-c", WRITES, kind, path], stdout=subprocess.PIPE, text=True
    )
    name = os.path.basename(process.stdout.readline().strip())
    assert name
    return process, name


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_killed_process_left_is_swept_and_said(tmp_path, capsys, kind):
    process, name = writer(kind, tmp_path / "codes.npz")
    assert sweep(tmp_path) == [] and os.listdir(tmp_path) == [name]  # it is at work
    kill(process)
    assert sweep(tmp_path, "other.npz") == []  # another name's
    assert sweep(tmp_path, "codes.npz") == [name]
    assert os.listdir(tmp_path) == []
    said = f"{tmp_path}: removed what a killed run had left: {name}\n"
    assert capsys.readouterr().err == said


@pytest.mark.parametrize("kind", KINDS)
def test_what_this_process_writes_is_never_swept(tmp_path, kind):
    with getattr(leftovers, kind)(tmp_path / "out") as temporary:
        assert sweep(tmp_path) == [] and temporary.exists()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "name",
    [
        ".codes.npz",
        ".codes.abc12345.npz",
        "codes.gluon_hash-host-1-01234567.npz",  # not hidden
        ".codes.gluon_hash-host-1-0123456.npz",  # seven digits
        ".codes.gluon_hash-1-01234567.npz",
        ".gluon_hash-host-1-01234567",
    ],
)
def test_a_users_hidden_file_is_not_taken_for_ours(tmp_path, name):
    (tmp_path / name).write_text("mine")
    assert sweep(tmp_path) == [] and (tmp_path / name).read_text() == "mine"


def test_a_link_with_such_a_name_is_left_alone(tmp_path):
    (tmp_path / "mine").write_text("mine")
    name = f".x.gluon_hash-{leftovers._host()}-1-01234567"
    (tmp_path / name).symlink_to(tmp_path / "mine")
    assert sweep(tmp_path) == [] and (tmp_path / "mine").read_text() == "mine"


def test_of_another_machine_only_what_was_not_touched_for_a_day_is_swept(tmp_path):
    path = tmp_path / ".x.gluon_hash-elsewhere-1-01234567.npz"
    path.write_text("half")
    assert sweep(tmp_path) == []
    os.utime(path, (time.time() - 90_000,) * 2)  # a day has 86,400 seconds
    assert sweep(tmp_path) == [path.name]


def test_where_the_file_system_knows_no_locks_the_process_is_looked_for(tmp_path, monkeypatch):
    process, name = writer("temporary_file", tmp_path / "x")

    def unsupported(stream, operation):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", unsupported)
    assert sweep(tmp_path) == []
    kill(process)
    (tmp_path / ".y.gluon_hash-elsewhere-1-01234567").write_text("half")  # it may be alive there
    assert sweep(tmp_path) == [name]


@pytest.mark.parametrize("stem", ["a", "a.b", "ä" * 60, "x" * 240, "new\nline", "-", " "])
def test_any_name_gives_one_that_is_known_again(tmp_path, stem):
    with temporary_file(tmp_path / f"{stem}.npz") as file:
        assert file.suffix == ".npz" and file.parent == tmp_path
        assert NAME.fullmatch(file.name)
    with temporary_folder(tmp_path / stem) as folder:
        assert folder.is_dir() and NAME.fullmatch(folder.name)
    assert os.listdir(tmp_path) == []


def test_permissions_are_those_of_any_new_file(tmp_path):
    before = os.umask(0o027)
    try:
        with temporary_file(tmp_path / "x") as file, temporary_folder(tmp_path / "y") as folder:
            modes = [path.stat().st_mode & 0o777 for path in (file, folder)]
    finally:
        os.umask(before)
    assert modes == [0o640, 0o750]  # 0o666 and 0o777 without 0o027


def test_many_at_once_neither_lose_nor_leave_anything(tmp_path):
    """Each writes and sweeps 200 times; no temporary file vanishes under its writer."""
    script = (
        "import sys\nfrom gluon_hash.leftovers import sweep, temporary_file\n"
        "for _ in range(200):\n"
        "    with temporary_file(sys.argv[1] + '/x.txt') as file:\n"
        "        file.write_text('1')\n        swept = sweep(sys.argv[1])\n"
        "        assert not swept and file.exists(), swept\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", script, tmp_path]) for _ in range(3)]
    assert [process.wait(timeout=60) for process in processes] == [0] * 3
    assert os.listdir(tmp_path) == []


def test_a_name_says_who_made_it(tmp_path):
    with temporary_file(tmp_path / "codes.npz") as file:
        assert re.fullmatch(
            rf"\.codes\.gluon_hash-{leftovers._host()}-{os.getpid()}-[0-9a-f]{{8}}\.npz", file.name
        )
