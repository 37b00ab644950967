"""Compiled kernels: where they are, when they are compiled again; the table of the metrics."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from reference import random_table

from gluon_hash import arrays, compiling
from gluon_hash.retrieval import PROTOCOLS, Cutoffs, Measured, measure
from gluon_hash.retrieval.evaluation.kernels import compiled, loops, sorting, table
from gluon_hash.retrieval.evaluation.kernels.table import METRICS

ROOT = Path(__file__).parents[2]
EVALUATION = ROOT / "gluon_hash" / "retrieval" / "evaluation"
SCAN = ROOT / "gluon_hash" / "retrieval" / "index" / "scan"  # its digest goes into its closures


def test_everything_compiled_is_in_folders_whose_changes_are_noticed():
    texts = {path: path.read_text() for path in sorted((ROOT / "gluon_hash").rglob("*.py"))}
    decorated = {path for path, text in texts.items() if re.search(r"@(inner|kept|folded)\b", text)}
    decorated.remove(ROOT / "gluon_hash" / "records" / "kernels.py")  # calls no other file
    assert decorated and {path.parent for path in decorated} == {EVALUATION / "kernels", SCAN}
    assert [path.name for path, text in texts.items() if "njit" in text] == ["compiling.py"]


@pytest.mark.parametrize("kernel", [loops.measure_all, loops.measure_all_given])
def test_what_is_kept_depends_on_the_text_of_every_kernel(kernel):
    assert compiled.SOURCES in [cell.cell_contents for cell in kernel.py_func.__closure__]


def test_the_digest_changes_with_any_file(tmp_path):
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text("1")
    first = compiling.digest_of(tmp_path)
    (tmp_path / "b.py").write_text("2")
    assert compiling.digest_of(tmp_path) != first
    (tmp_path / "b.py").write_text("1")
    assert compiling.digest_of(tmp_path) == first


CALLED = """
from gluon_hash.compiling import inner
@inner
def value():
    return {}
"""
CALLER = """
from pathlib import Path
import called
from gluon_hash.compiling import digest_of, kept
def make(sources):
    def total():
        assert sources >= 0
        return called.value()
    return kept(total)
total = make(digest_of(Path(__file__).parent))
print(total(), sum(total.stats.cache_hits.values()))
"""


def test_a_change_in_the_file_of_a_called_kernel_is_noticed(tmp_path):
    (tmp_path / "caller.py").write_text(CALLER)
    answers = []
    for value in (1, 1, 2):
        (tmp_path / "called.py").write_text(CALLED.format(value))
        process = subprocess.run(
            [sys.executable, "-B", "-W", "ignore", "caller.py"],  # -B: a .pyc looks at seconds
            cwd=tmp_path,
            env={"PYTHONPATH": f"{ROOT}:{tmp_path}", "NUMBA_CACHE_DIR": str(tmp_path / "kept")},
            capture_output=True,
            text=True,
            check=True,
        )
        answers.append(tuple(map(int, process.stdout.split())))
    assert answers == [(1, 0), (1, 1), (2, 0)]  # the second is read from the disk, the third is not


@pytest.mark.parametrize("at_a_terminal", [True, False])
def test_who_waits_for_the_first_compiling_at_a_terminal_is_told_once(
    monkeypatch, tmp_path, capsys, at_a_terminal
):
    def half(value):
        return value // 2

    def third(value):
        return value // 3

    compiling._say.cache_clear()
    monkeypatch.setattr(compiling.numba.config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(compiling.environment, "compiled_folder", lambda: tmp_path)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: at_a_terminal, raising=False)
    assert (compiling.kept(half)(6), compiling.kept(third)(6)) == (3, 2)
    said = f"compiling for this processor takes some seconds; once: kept in {tmp_path}\n"
    assert capsys.readouterr().err == (said if at_a_terminal else "")
    assert (compiling.kept(half)(8), compiling.kept(third)(6)) == (4, 2)  # read from the disk
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("has_folder", [True, False])
def test_without_a_folder_to_write_to_kernels_are_compiled_all_the_same(
    monkeypatch, tmp_path, has_folder
):
    """As in a container whose installation is read-only and whose user has no home."""
    asked = []

    def njit(function, *, cache, **options):
        asked.append((cache, compiling.numba.config.CACHE_DIR))
        if len(asked) == 1:
            raise RuntimeError("cannot cache function")
        return function

    monkeypatch.setattr(compiling, "njit", njit)
    monkeypatch.setattr(compiling.numba.config, "CACHE_DIR", "")
    folder = tmp_path if has_folder else None
    monkeypatch.setattr(compiling.environment, "cache_folder", lambda: folder)
    assert compiling.kept(abs) is abs
    assert asked == [(True, ""), (has_folder, str(tmp_path) if has_folder else "")]


@pytest.mark.parametrize("protocol", sorted(PROTOCOLS))
@pytest.mark.parametrize("num_levels", [1, 3])
def test_a_measurement_of_this_version_misses_nothing_and_an_older_one_does(
    rng, protocol, num_levels
):
    side = random_table(rng, 12, 9, num_levels)
    measured = measure(side, side, protocol=protocol, cutoffs=Cutoffs(map=7, ahp=5))
    assert measured.is_complete() and len(set(measured.names)) == len(measured.names)
    for name in measured.names:
        kept = [other for other in measured.names if other != name]
        older = Measured(
            tuple(kept),
            np.zeros((12, len(kept))),
            measured.num_database,
            measured.protocol,
            measured.seconds,
        )
        optional = "_radius_" in name or re.search(r"_level_\d", name)
        assert older.is_complete() == bool(optional), name


@pytest.mark.parametrize("num_steps", [1, 4, 5, 6, 25, 26, 31])
def test_every_metric_of_the_table_is_filled_however_many_there_are(monkeypatch, num_steps):
    monkeypatch.setattr(table, "folded", lambda function: function)
    taken = []
    steps = [lambda ranking, wanted, row, i=i: taken.append(i) for i in range(num_steps)]
    table._in_turn(steps)(None, None, None)
    assert taken == list(range(num_steps))


@pytest.mark.parametrize(
    ("ascending", "last"), [([], 3), ([2, 2, 5], 1), ([2, 2, 5], 2), ([2, 2, 5], 4), ([2, 5], 5)]
)
def test_what_is_at_most_a_number_is_counted_as_numpy_does(ascending, last):
    numbers = np.array(ascending, np.int32)
    counted = sorting.count_up_to.py_func(numbers, last)
    assert counted == np.searchsorted(numbers, last, side="right")


def test_every_metric_is_described_in_the_documentation():
    """A name of the table appears in docs/retrieval.md without its cut-off and level."""
    text = (ROOT / "docs" / "retrieval.md").read_text()
    for metric in METRICS:
        stem = re.split(r"[@{]", metric.name)[0].rstrip("_")
        assert f"`{stem}" in text, metric.name


def test_every_protocol_is_described_in_the_documentation():
    text = (ROOT / "docs" / "retrieval.md").read_text()
    assert [name for name in PROTOCOLS if f"| `{name}` |" not in text] == []


def test_a_file_of_an_older_version_loads(rng, tmp_path):
    """With a rule that is no longer one (headline), and without those that came later."""
    measured = measure(random_table(rng, 5, 9), random_table(rng, 20, 9, first_id=50))
    rules = {"headline": "map", **measured.protocol.to_dict()}
    for name in ("prints_first", "query_has_relevance"):
        rules.pop(name)
    arrays.save_arrays(
        tmp_path / "m.npz",
        names=np.array(measured.names[:6]),
        values=measured.values[:, :6],
        protocol=np.array(json.dumps(rules)),
        num_database=np.array(20),
        seconds=np.array(0.1),
    )
    again = Measured.load(tmp_path / "m.npz")
    assert again.protocol.name == "standard" and not again.is_complete()
    np.testing.assert_array_equal(again.values, measured.values[:, :6])


def test_a_kernel_that_cannot_be_kept_computes_all_the_same(tmp_path):
    """The disk is full where compiled kernels are kept."""
    program = (
        "import resource\nfrom gluon_hash import compiling\n"
        "def doubled(value):\n    return 2 * value\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "print(compiling.kept(doubled)(21))\n"
    )
    (tmp_path / "full.py").write_text(program)
    process = subprocess.run(
        [sys.executable, tmp_path / "full.py"],
        env={"PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(tmp_path / "kept")},
        capture_output=True,
        text=True,
    )
    assert (process.returncode, process.stdout) == (0, "42\n"), process.stderr
