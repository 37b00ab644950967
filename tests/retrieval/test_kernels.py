"""Compiled kernels: where they are, and when what is kept of them is compiled again."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gluon_hash.retrieval.evaluation.kernels import compiled, loops

ROOT = Path(__file__).parents[2]
EVALUATION = ROOT / "gluon_hash" / "retrieval" / "evaluation"


def test_everything_compiled_is_in_the_folder_whose_changes_are_noticed():
    texts = {path: path.read_text() for path in sorted((ROOT / "gluon_hash").rglob("*.py"))}
    decorated = {path for path, text in texts.items() if re.search(r"@(inner|kept|folded)\b", text)}
    assert decorated and {path.parent for path in decorated} == {EVALUATION / "kernels"}
    assert [path.name for path, text in texts.items() if "njit" in text] == ["compiled.py"]


@pytest.mark.parametrize("kernel", [loops.measure_all, loops.measure_all_given, loops.count_all])
def test_what_is_kept_depends_on_the_text_of_every_kernel(kernel):
    assert compiled.SOURCES in [cell.cell_contents for cell in kernel.py_func.__closure__]


def test_the_digest_changes_with_any_file(tmp_path):
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text("1")
    first = compiled.digest_of(tmp_path)
    (tmp_path / "b.py").write_text("2")
    assert compiled.digest_of(tmp_path) != first
    (tmp_path / "b.py").write_text("1")
    assert compiled.digest_of(tmp_path) == first


CALLED = """
from gluon_hash.retrieval.evaluation.kernels.compiled import inner
@inner
def value():
    return {}
"""
CALLER = """
from pathlib import Path
import called
from gluon_hash.retrieval.evaluation.kernels.compiled import digest_of, kept
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
            [sys.executable, "-W", "ignore", "caller.py"],
            cwd=tmp_path,
            env={"PYTHONPATH": f"{ROOT}:{tmp_path}", "NUMBA_CACHE_DIR": str(tmp_path / "kept")},
            capture_output=True,
            text=True,
            check=True,
        )
        answers.append(tuple(map(int, process.stdout.split())))
    assert answers == [(1, 0), (1, 1), (2, 0)]  # the second is read from the disk, the third is not


@pytest.mark.parametrize("has_folder", [True, False])
def test_without_a_folder_to_write_to_kernels_are_compiled_all_the_same(
    monkeypatch, tmp_path, has_folder
):
    """As in a container whose installation is read-only and whose user has no home."""
    asked = []

    def njit(function, *, cache, **options):
        asked.append((cache, compiled.numba.config.CACHE_DIR))
        if len(asked) == 1:
            raise RuntimeError("cannot cache function")
        return function

    monkeypatch.setattr(compiled, "njit", njit)
    monkeypatch.setattr(compiled.numba.config, "CACHE_DIR", "")
    folder = tmp_path if has_folder else None
    monkeypatch.setattr(compiled.environment, "cache_folder", lambda: folder)
    assert compiled.kept(abs) is abs
    assert asked == [(True, ""), (has_folder, str(tmp_path) if has_folder else "")]
