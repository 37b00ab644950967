"""Every option of every command with values that nobody means: what a process of its own says.

    python tests/cli/odd_values.py [--all] [--only WORDS]

Accepted are exit codes 0, 1 and 2, one line or typer's box on stderr, and no traceback; of a
command that fails nothing may be left. A finding is printed as a line of JSON.
"""

import argparse
import contextlib
import io
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

SECONDS, MEMORY = 20, 6 << 30
# {} is a new name in each case
VALUES = (
    "",
    "-1",
    "0",
    "1",
    str(10**30),
    "nan",
    "1e999",
    "a,b",
    "1,1",
    ".",
    "/dev/null",
    "/dev/full",
    "binary",
    "missing",
    "new\nline",
    "ö" * 300,
    "q.npz",
    "table.csv",
    "data/train.rec",
    "{}",
)
# what each command is given beside the option; without MXNet, and where nothing is trained
BASES = {
    "prepare cifar100": "--source missing --out {}",
    "prepare cifar10": "--source missing --out {}",
    "prepare nabirds": "--source missing --out {}",
    "prepare cub": "--source missing --out {}",
    "prepare sop": "--source missing --out {}",
    "prepare inaturalist": "--source missing --out {}",
    "prepare imagenet": "--source missing --tree missing --out {}",
    "prepare folder": "--source photos --out {}",
    "prepare csv": "--source table.csv --out {}",
    "prepare features": "f.npz --out {}",
    "prepare synthetic": "--out {} --train-per-class 2 --query-per-class 1",
    "check": "data/query.rec",
    "doctor": "",
    "import-weights": "missing.pth --arch resnet18_v1b --out {}",
    "config list": "",
    "config show": "synthetic",
    "train": "missing.yaml --out {}",
    "extend": "missing --records f.npz --out {}",
    "fit": "lsh --features f.npz --out {}.npz --bits 8",
    "encode": "lsh.npz --records f.npz --out {}.npz",
    "evaluate": "--query q.npz --database d.npz",
    "compare": "missing.yaml --out {}",
    "export": "missing --out {}",
    "verify": "missing",
    "index build": "d.npz --out {}",
    "index add": "index q.npz --out {}",
    "index delete": "index 3 --out {}",
    "index check": "index --codes q.npz",
    "index export": "d.npz --to pgvector --out {}",
    "index search": "index --codes q.npz",
    "plot tsne": "q.npz --hierarchy data/hierarchy.tsv --out {}.png --limit 5",
    "plot curves": "curves.json --out {}.png",
    "plot grid": "--query q.npz --database d.npz --query-records data/query.rec --database-records "
    "data/train.rec --hierarchy data/hierarchy.tsv --out {}.png --queries 1 -k 1",
    "plot hierarchy": "data/hierarchy.tsv --out {}.png",
}
# a download of 170 MB
LEFT_OUT = {("prepare cifar100", "--source"), ("prepare cifar10", "--source")}


class TooLongError(BaseException):
    """Not an Exception, which a command may catch."""


def make(folder):
    """Small files for every command, in ``folder``."""
    import numpy as np
    from PIL import Image

    from gluon_hash import datasets
    from gluon_hash.records import RecordFile
    from gluon_hash.retrieval import CodeTable, FeatureTable, HammingIndex, baselines, curves

    rng = np.random.RandomState(0)
    data = folder / "data"
    datasets.synthetic(train_per_class=2, query_per_class=1, side=16, seed=0).write(data)
    tables = []
    for name, file in (("q", "query"), ("d", "train")):
        records = RecordFile(data / f"{file}.rec")
        packed = rng.randint(0, 256, (len(records), 2)).astype(np.uint8)
        tables.append(CodeTable(records.ids, packed, records.level_labels, 16))
        tables[-1].save(folder / f"{name}.npz")
    index = HammingIndex(16)
    index.add(tables[1].codes, tables[1].ids, None, tables[1].level_labels)
    index.save(folder / "index")
    floats = rng.standard_normal((len(tables[1]), 20)).astype(np.float32)
    FeatureTable(tables[1].ids, floats, tables[1].level_labels, {}).save(folder / "f.npz")
    baselines.fit("lsh", floats, None, 8, seed=0).save(folder / "lsh.npz")
    (folder / "curves.json").write_text(json.dumps(curves(*tables).to_dict()))
    (folder / "binary").write_bytes(rng.bytes(3000))
    rows = ["path,fine,coarse"]
    for number in range(8):
        place = folder / "photos" / "ab"[number % 2] / f"{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.randint(0, 256, (20, 20, 3)).astype(np.uint8)).save(place)
        rows.append(f"{place.relative_to(folder)},{'ab'[number % 2]},x")
    (folder / "table.csv").write_text("\n".join(rows))


def options_of(words):
    """The options of a command, as they are written, and the number of its arguments."""
    import typer

    from gluon_hash.cli.app import COMMANDS
    from gluon_hash.cli.application import application

    command = typer.main.get_command(application(COMMANDS, words[0])).commands[words[0]]
    for word in words[1:]:
        command = command.commands[word]
    options = [p for p in command.params if p.param_type_name == "option" and p.name != "help"]
    return [p.opts[0] for p in options if not getattr(p, "is_flag", False)]


def cases(every):
    """(command, arguments): every value at every option and argument, or three of them at each."""
    for command, base in BASES.items():
        words = command.split()
        given = base.split()
        try:
            options = options_of(words)
        except ImportError:  # what is not installed is not tried
            continue
        places = [*options, *(n for n, word in enumerate(given) if is_argument(given, n))]
        for place in places:
            if (command, place) in LEFT_OUT:
                continue
            values = VALUES
            if not every:
                start = zlib.crc32(f"{command} {place}".encode())
                values = [VALUES[(start + step * 7) % len(VALUES)] for step in range(3)]
            for value in values:
                yield command, [*words, *with_value(given, place, value)]


def is_argument(given, number):
    """Whether a word of a base is an argument: neither an option nor the value of one."""
    return not given[number].startswith("-") and not (number and given[number - 1].startswith("-"))


def with_value(given, place, value):
    """The words with ``value`` at an option, or in place of the argument at a position."""
    if not isinstance(place, int):
        at = given.index(place) if place in given else len(given)
        return [*given[:at], place, value, *given[at + 2 :]]
    others = [*given[:place], *given[place + 1 :]]
    if value.startswith("-"):
        return [*others, "--", value]
    return [*given[:place], value, *given[place + 1 :]]


def listing():
    """Every path below the folder, with what tells that a file was changed."""
    found = {}
    for path in Path().rglob("*"):
        state = path.lstat()
        found[str(path)] = (state.st_size, state.st_mtime_ns) if path.is_file() else None
    return found


def judged(words, before):
    """What is wrong with how a command ends; None if nothing is."""
    from gluon_hash.cli.app import main

    out, err = io.StringIO(), io.StringIO()
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main(words)
        return "returned"
    except SystemExit as stop:
        code = stop.code or 0
    except TooLongError:
        return f"more than {SECONDS} s"
    except BaseException as error:
        return f"{type(error).__name__}: {str(error)[:200]}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    said = err.getvalue()
    ours = [line for line in said.splitlines() if line.startswith("gluon-hash: error: ")]
    if code not in (0, 1, 2):
        return f"exit {code}: {said[-200:]}"
    if "Traceback" in said or "Exception ignored" in said:
        return f"a traceback: {said[-300:]}"
    if code and len(ours) != 1 and "Error" not in said:
        return f"exit {code}, but it says {said[-200:]!r}"
    if code == 1 and "/dev/full" not in words:
        return f"exit 1 for a wrong value: {said[-200:]}"
    if code and "Errno" in said:
        return f"an errno: {said[-200:]}"
    now = listing()
    if code and now != before:
        return f"left or changed {sorted(set(now.items()) ^ set(before.items()))[:4]}"
    return None


def too_long(number, frame):
    raise TooLongError


def work(options):
    """What the child does: a line of JSON for each finding, and the number reached in a file."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGALRM, too_long)
    printed = os.fdopen(os.dup(1), "w")
    before = listing()
    chosen = [case for case in cases(options.all) if not options.only or options.only == case[0]]
    for number, (_, words) in enumerate(chosen):
        if number < options.first:
            continue
        Path(options.state).write_text(json.dumps([number, words]))
        name = f"new{number}"
        words = [word.replace("{}", name) for word in words]
        wrong = judged(words, before)
        if wrong is not None:
            print(json.dumps([words, wrong]), file=printed, flush=True)
        if listing() != before:
            for path in Path().glob("*"):
                if str(path) not in before:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
            before = listing()
    Path(options.state).write_text(json.dumps([len(chosen), None]))


def run(every, only=None):
    """The number of cases and the findings; after a crash the next process goes on behind it."""
    findings, first = [], 0
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder))
        with tempfile.NamedTemporaryFile("r+") as state:
            while True:
                command = [sys.executable, __file__, f"--state={state.name}", f"--first={first}"]
                command += ["--all"] if every else []
                command += [f"--only={only}"] if only else []
                done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
                findings += [json.loads(line) for line in done.stdout.splitlines()]
                number, words = json.loads(Path(state.name).read_text() or "[0, null]")
                if words is None:
                    if done.returncode:
                        raise RuntimeError(done.stderr)
                    return number, findings
                findings.append([words, f"crash {done.returncode}: {done.stderr[-300:]}"])
                first = number + 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--only")
    parser.add_argument("--state")
    parser.add_argument("--first", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.state:
        work(arguments)
    else:
        total, wrong = run(arguments.all, arguments.only)
        for finding in wrong:
            print(finding[1], " ".join(map(repr, finding[0]))[-300:])
        print(f"{total} cases, {len(wrong)} findings")
