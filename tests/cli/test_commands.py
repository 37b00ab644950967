"""What all commands share: help, a file in tools/, rooms that need no MXNet; and `check`."""

import subprocess
import sys
from pathlib import Path

import pytest

from gluon_hash.cli.app import COMMANDS

ROOT = Path(__file__).parents[2]


def test_check_and_rebuild(prepared, run):
    code, out, _ = run(
        "check",
        prepared / "query.rec",
        "--hierarchy",
        prepared / "hierarchy.tsv",
        "--rebuild-index",
    )
    assert code == 0 and "54 records, classes per level (27, 9, 3)" in out


def test_help_names_every_command_without_starting_mxnet():
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys\nfrom gluon_hash.cli.app import main\n"
            "try: main(['--help'])\nexcept SystemExit: pass\nassert 'mxnet' not in sys.modules",
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in COMMANDS)


def test_every_command_has_its_file_in_tools():
    for name in COMMANDS:
        assert (ROOT / "tools" / f"{name.replace('-', '_')}.py").exists()


def test_hierarchy_retrieval_and_plots_work_without_mxnet(trained, prepared):
    program = f"""
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in ('mxnet', 'gluoncv'):
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
import gluon_hash.hierarchy, gluon_hash.retrieval, gluon_hash.plots, gluon_hash.records
from gluon_hash.retrieval import CodeTable, HammingIndex
from gluon_hash.retrieval import codes
from gluon_hash.retrieval import evaluate
table = CodeTable.load({str(trained / "query.npz")!r})
assert evaluate(table, table)['map'] > 0
index = HammingIndex(table.num_bits)
index.add(table.codes, table.ids)
assert index.search(table.codes, 1)[0].max() == 0
h = gluon_hash.hierarchy.Hierarchy.load({str(prepared / "hierarchy.tsv")!r})
gluon_hash.plots.hierarchy_tree(h)
unpacked = codes.unpack(table.codes, table.num_bits)
gluon_hash.plots.tsne(unpacked, table.level_labels[:, 2], h.class_names[2], 0)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("columns", ["60", "80", "120"])
@pytest.mark.parametrize("command", ["", "train", "prepare folder", "index search", "runs"])
def test_help_fits_the_terminal_and_cuts_no_word_off(command, columns, run, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    code, out, _ = run(*command.split(), "--help")
    assert code == 0 and "…" not in out
    assert max(map(len, out.splitlines())) <= int(columns)
