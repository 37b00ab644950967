"""The Python of docs/start.md, as a user would paste it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "start.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.+?)```", TEXT, re.DOTALL)


def test_one_block_trains_and_one_needs_no_mxnet():
    assert ["gh.train" in block for block in BLOCKS] == [True, False]
    assert all(len([line for line in b.splitlines() if line.strip()]) <= 15 for b in BLOCKS)


@pytest.mark.once
@pytest.mark.mxnet
def test_what_trains_runs_and_leaves_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    exec(compile(BLOCKS[0], "docs/start.md", "exec"), {"__name__": "__main__"})
    assert 0 < float(capsys.readouterr().out) <= 1 and list(tmp_path.iterdir()) == []


def test_what_needs_no_mxnet_runs_in_a_process_of_its_own(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", BLOCKS[1]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    assert 0 < float(done.stdout) <= 1 and list(tmp_path.iterdir()) == []
