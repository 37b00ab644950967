"""Reads thousands of damaged files, in a process of its own, and says what came out.

    python tests/fuzz/harness.py [ROOM ...] [--count 10000] [--seed 24] [--reader NAME]

A room is a file ROOM_readers.py beside this one with a list READERS. What a reader may do with a
damaged file: read it, or raise DataError, ValueError or OSError with the name of the file. Anything
else is a finding: another exception, an error without the name, more than 1 GB, more than 5 seconds
of the processor, a crash. --keep FOLDER writes the files of findings; such a file belongs into
tests/fuzz/cases/READER/ with the repair (READER as in FOLDER), from where every run reads it first.
"""

import argparse
import contextlib
import faulthandler
import importlib
import importlib.util
import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
CASES = HERE / "cases"
SECONDS, MEMORY = 5, 1 << 30
STUCK_SECONDS = 60  # without an end, whatever it waits for
GOOD = ("read", "refused")
SHOWN = 3  # findings of a kind
LONGEST_MESSAGE = 300
Mutator = Callable[[bytes, random.Random], bytes]


@dataclass(frozen=True)
class Reader:
    """A kind of file.

    name: what the kind is called. make: writes a good file (and what it needs beside it) into an
    empty folder and returns its path; that file is mutated. read: reads the file at that path.
    mutators: of mutations.py, or others like them. needs: packages without which it is left out.
    """

    name: str
    make: Callable[[Path], Path]
    read: Callable[[Path], object]
    mutators: tuple[Mutator, ...]
    needs: tuple[str, ...] = ()


@dataclass
class Outcome:
    """How often each thing happened to the files of one reader, and every finding."""

    counts: Counter = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)


class TooLongError(BaseException):
    """A file is read for too long; not an Exception, which a reader may catch."""


def folder_name(reader_name):
    """Where the cases of a reader are: "features, .npy" in features_.npy."""
    return re.sub(r"[^\w.]+", "_", reader_name)


def rooms():
    return sorted(path.stem.removesuffix("_readers") for path in HERE.glob("*_readers.py"))


def readers_of(room):
    """The readers of a room by name, but those that need what is not installed."""
    readers = importlib.import_module(f"{room}_readers").READERS
    there = importlib.util.find_spec
    return {r.name: r for r in readers if all(there(package) for package in r.needs)}


def run(room, count, seed=24, only=None, keep=None):
    """Every reader of a room: name -> Outcome. After a crash the next process goes on behind it."""
    outcomes: dict[str, Outcome] = {}
    with tempfile.TemporaryDirectory(prefix="gluon_hash.fuzz.") as folder:
        state, first = Path(folder) / "state", None
        while True:
            command = [sys.executable, __file__, room, f"--count={count}", f"--seed={seed}"]
            command += [f"--state={state}", *([f"--reader={only}"] if only else [])]
            command += [f"--keep={keep}"] if keep else []
            command += [f"--first={first}"] if first else []
            state.write_text("null")
            child = subprocess.run(command, capture_output=True, text=True, errors="replace")
            for line in child.stdout.splitlines():
                name, what = json.loads(line)
                outcome = outcomes.setdefault(name, Outcome())
                if isinstance(what, str):
                    outcome.findings.append(what)
                else:
                    outcome.counts.update(what)
            if not child.returncode:
                return outcomes
            reached = json.loads(state.read_text())
            if reached is None:
                raise RuntimeError(f"{room} did not start:\n{child.stderr}")
            name, number, counts = reached
            kind = "hang" if "Timeout" in child.stderr else "crash"
            outcome = outcomes.setdefault(name, Outcome())
            outcome.counts.update({**counts, kind: 1})
            outcome.findings.append(f"{kind} at {number}: {child.stderr[-600:]}")
            first = f"{name}:{number + 1}"


def serve(room, options):
    """What a child process does: a line of JSON for each finding and for each reader's counts."""
    signal.signal(signal.SIGPROF, _too_long)
    printed, sys.stdout = sys.stdout, sys.stderr
    first_name, _, first = (options.first or ":").rpartition(":")
    waiting = bool(first_name)
    for name, reader in readers_of(room).items():
        waiting = waiting and name != first_name
        if waiting or options.reader not in (None, name):
            continue
        start = int(first) if name == first_name else None
        with tempfile.TemporaryDirectory(prefix="gluon_hash.fuzz.") as folder:
            _serve_reader(reader, Path(folder), options, start, printed)


def _serve_reader(reader, folder, options, start, printed):
    def say(what):
        print(json.dumps([reader.name, what]), file=printed, flush=True)

    path = reader.make(folder)
    reader.read(path)  # the good one; what it imports is imported now
    good = path.read_bytes()
    cases = sorted((CASES / folder_name(reader.name)).glob("*"))
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, hard))
    counts: Counter = Counter()
    state = os.open(options.state, os.O_WRONLY)
    armed = 0.0
    for number in range(-len(cases) if start is None else start, options.count):
        rng = random.Random(f"{options.seed}/{reader.name}/{number}")
        data = cases[number].read_bytes() if number < 0 else rng.choice(reader.mutators)(good, rng)
        path.write_bytes(data)
        os.ftruncate(state, os.pwrite(state, json.dumps([reader.name, number, counts]).encode(), 0))
        if time.monotonic() - armed > 1:
            faulthandler.dump_traceback_later(STUCK_SECONDS, exit=True)
            armed = time.monotonic()
        kind, message = _outcome(reader, path)
        counts[kind] += 1
        if kind not in GOOD:
            where = cases[number].name if number < 0 else number
            say(f"{kind} at {where}: {message[:LONGEST_MESSAGE]}")
            if options.keep:
                kept = Path(options.keep) / folder_name(reader.name) / f"{kind}-{number}"
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_bytes(data)
    faulthandler.cancel_dump_traceback_later()
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    say(counts)


def _outcome(reader, path):
    """What happens when a file is read: a kind, and what is to be said of it."""
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        with contextlib.redirect_stderr(None), contextlib.redirect_stdout(None):
            reader.read(path)
    except TooLongError:
        return "slow", f"more than {SECONDS} seconds"
    except MemoryError as error:
        return "memory", repr(error)
    except (ValueError, OSError) as error:  # a DataError is a ValueError
        if _comes_from_memory(error):
            return "memory", str(error)
        if getattr(error, "path", None) or getattr(error, "filename", None):
            return "refused", ""
        named = path.name in str(error) or path.parent.name in str(error)
        return ("refused", "") if named else ("unnamed", repr(error))
    except Exception as error:
        return type(error).__name__, f"{error!r} from {_where(error)}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return "read", ""


def _comes_from_memory(error):
    while error is not None and not isinstance(error, MemoryError):
        error = error.__cause__
    return error is not None


def _where(error):
    """The innermost line of ours that an exception went through."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    lines = [line for _, line in traceback.walk_tb(error.__traceback__)]
    ours = [i for i, frame in enumerate(frames) if "gluon_hash" in frame.f_code.co_filename]
    at = ours[-1] if ours else -1
    return f"{Path(frames[at].f_code.co_filename).name}:{lines[at]}"


def _too_long(*_):
    raise TooLongError


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("rooms", nargs="*", help=f"default: {' '.join(rooms())}")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=24)
    parser.add_argument("--reader")
    parser.add_argument("--keep", help="a folder for the files of findings")
    parser.add_argument("--first", help=argparse.SUPPRESS)
    parser.add_argument("--state", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.state:
        serve(options.rooms[0], options)
        return 0
    total: Counter = Counter()
    for room in options.rooms or rooms():
        for name, outcome in run(
            room, options.count, options.seed, options.reader, options.keep
        ).items():
            counts = ", ".join(f"{kind} {count}" for kind, count in outcome.counts.most_common())
            print(f"{room} {name}: {counts}", flush=True)
            shown: Counter = Counter()
            for finding in outcome.findings:
                shown[finding.partition(" ")[0]] += 1
                if shown[finding.partition(" ")[0]] <= SHOWN:
                    print(f"    {finding}")
            total.update(outcome.counts)
    bad = sum(count for kind, count in total.items() if kind not in GOOD)
    print(
        f"{sum(total.values())} files: {total['read']} read, {total['refused']} refused, {bad} else"
    )
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
