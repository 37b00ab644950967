"""How commands end: signals, two at once, disks that are full, what a killed one left."""

import errno
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from reference import random_table

from gluon_hash.leftovers import temporary_folder
from gluon_hash.retrieval import FeatureTable

ROOT = Path(__file__).parents[2]
LINE = "gluon-hash: {}; call the same command again (train: with --resume)\n"
# a command that is at work, with a file half written, in a thread too, until a signal comes
WORKS = """
import sys, threading, time
from concurrent.futures import ThreadPoolExecutor
from gluon_hash import files
from gluon_hash.cli import app
from gluon_hash.cli.outputs import writes

def __del__(array):
    time.sleep(0.5)

def doze():  # a signal between Python's look for one and a long sleep would wait for its end
    for _ in range(600):
        time.sleep(0.1)

@writes("out", doing="encode")
def command(out):
    with files.atomic_path(out) as temporary:
        temporary.write_text("half")
        print("at work", flush=True)
        {}

app._call = lambda arguments: command(out=sys.argv[1])
app.main()
"""
WAITS = {
    "asleep": "doze()",
    "in a join": "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    "        [t for t in threading.enumerate() if t.daemon][0].join()",
    "in a destructor": "type('Array', (), {'__del__': __del__})()\n        doze()",
    "swallowed": "try: doze()\n        except BaseException: raise ImportError('numpy')",
}


def worker(out, doing, **options):
    process = subprocess.Popen(
        [sys.executable, "-c", WORKS.format(WAITS[doing]), out],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        **options,
    )
    assert process.stdout.readline() == "at work\n"
    time.sleep(0.1)  # until it waits
    return process


@pytest.mark.parametrize("doing", WAITS)
@pytest.mark.parametrize(
    "number, code, said",
    [
        (signal.SIGINT, 130, "interrupted"),  # 128 + 2
        (signal.SIGTERM, 143, "ended by SIGTERM"),  # 128 + 15
        (signal.SIGHUP, 129, "ended by SIGHUP"),
    ],
)
def test_a_signal_ends_a_command_with_one_line_and_nothing_left(
    tmp_path, doing, number, code, said
):
    process = worker(tmp_path / "new" / "codes.npz", doing)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (code, LINE.format(said))
    assert os.listdir(tmp_path) == []


def test_twice_in_a_row_is_as_once(tmp_path):
    process = worker(tmp_path / "codes.npz", "asleep")
    for _ in range(3):
        process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, LINE.format("interrupted"))
    assert os.listdir(tmp_path) == []


def test_what_the_caller_ignores_stays_ignored(tmp_path):
    process = worker(
        tmp_path / "codes.npz",
        "asleep",
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),  # nohup
    )
    process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 143


def test_the_second_of_two_is_told_at_once_and_a_killed_one_holds_nobody_up(tmp_path, run):
    rng = np.random.RandomState(0)
    FeatureTable(
        np.arange(9), rng.randn(9, 4).astype(np.float32), np.zeros((9, 1), np.int32), {}
    ).save(tmp_path / "f.npz")
    out = tmp_path / "out" / "lsh.npz"
    fit = ("fit", "lsh", "--features", tmp_path / "f.npz", "--bits", 8, "--out", out)
    first = worker(out, "asleep")
    code, _, err = run(*fit)
    assert code == 2 and f"{out}: encode is at work here (process {first.pid});" in err
    first.kill()
    first.communicate()
    assert len(os.listdir(out.parent)) == 2  # its lock, and what it had half written
    code, _, err = run(*fit)
    assert code == 0 and "removed what a killed run had left: .lsh.gluon_hash-" in err
    assert os.listdir(out.parent) == ["lsh.npz"]
    code, _, err = run(*fit)
    assert code == 2 and f"{out} exists already" in err


@pytest.fixture
def tables(tmp_path):
    """Codes and features whose outputs have more than 4,096 bytes."""
    rng = np.random.RandomState(0)
    for name, count in (("d", 900), ("q", 60)):
        random_table(rng, count, 64).save(tmp_path / f"{name}.npz")
    labels = np.zeros((300, 1), np.int32)
    floats = rng.randn(300, 64).astype(np.float32)
    FeatureTable(np.arange(300), floats, labels, {}).save(tmp_path / "f.npz")
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        "index build d.npz --out new/out",
        "index export d.npz --to pgvector --out new/out",
        "fit itq --features f.npz --bits 32 --out new/out.npz",
        "evaluate --query q.npz --database d.npz --curves new/out.json --per-class new/b.csv",
        "plot curves c.json --out new/out.png",
        "plot curves c.json --out new/out.pdf",
        "prepare synthetic --train-per-class 2 --query-per-class 1 --out new/out",
    ],
)
def test_a_disk_that_is_full_is_one_line_with_the_file_and_nothing_is_left(tables, words):
    """A limit on the size of a file stands in for a disk of one page."""
    command = [sys.executable, "-m", "gluon_hash"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    made = "evaluate --query q.npz --database d.npz --curves c.json".split()
    if "c.json" in words:
        subprocess.run(
            [*command, *made], cwd=tables, env=environment, check=True, capture_output=True
        )
    before = sorted(tables.rglob("*"))
    done = subprocess.run(
        [*command, *words.split()],
        cwd=tables,
        env=environment,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024)),
    )
    errors = [line for line in done.stderr.splitlines() if line.startswith("gluon-hash: error: ")]
    assert done.returncode == 1 and len(errors) == 1, done.stderr
    assert errors[0].startswith("gluon-hash: error: new/") and "ulimit -f" in errors[0]
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr
    assert sorted(tables.rglob("*")) == before


def test_a_full_stdout_is_named():
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "gluon_hash", "config", "list"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
    said = "gluon-hash: error: stdout: the disk is full; make room\n"
    assert (done.returncode, done.stderr) == (1, said)


def test_a_failed_evaluation_leaves_no_curves(tables, run, monkeypatch):
    monkeypatch.chdir(tables)
    code, _, err = run(
        *"evaluate --query q.npz --database d.npz --curves c.json --confidence 100".split()
    )
    assert code == 2 and "(0, 100)" in err and not (tables / "c.json").exists()

    def refuses(*_):
        raise OSError(errno.ENOSPC, "No space left on device", "b.csv")

    monkeypatch.setattr("gluon_hash.retrieval.evaluation.write_per_class", refuses)
    words = "evaluate --query q.npz --database d.npz --curves c.json --per-class b.csv"
    code, _, err = run(*words.split())
    assert code == 1 and err.endswith("b.csv: the disk is full; make room\n")
    assert not (tables / "c.json").exists()


def test_a_temporary_folder_of_a_living_run_is_left_alone(tmp_path, run):
    with temporary_folder(tmp_path / "data") as folder:
        words = ("prepare", "synthetic", "--train-per-class", 2, "--query-per-class", 1, "--out")
        assert run(*words, tmp_path / "data")[0] == 0
        assert folder.is_dir()
