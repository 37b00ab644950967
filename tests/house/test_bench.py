"""`make bench`: what it measures, keeps and writes into docs/performance.md."""

import importlib
import json
import re
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
bench_page, bench_measuring, bench_peers = map(
    importlib.import_module, ("bench_page", "bench_measuring", "bench_peers")
)
PAGE = bench_page.PAGE.read_text(encoding="utf-8")
Row, Sample, Peer = bench_measuring.Row, bench_measuring.Sample, bench_measuring.Peer


def kept():
    return json.loads(bench_page.FILE.read_text())["groups"] if bench_page.FILE.exists() else {}


def test_the_page_is_what_the_file_says():
    assert bench_page.update(PAGE, kept()) == PAGE


def test_every_group_of_rows_has_its_place_on_the_page():
    groups = re.findall(r"^    \"([\w-]+)\": \(\"(\w+)\", \"(\w+)\"\),$", _source("bench"), re.M)
    assert bench_page.BLOCK.findall(PAGE) == [name for name, _, _ in groups] and groups
    for _, module, function in groups:
        assert f"\ndef {function}(machine: Machine, large: bool)" in _source(module)


def _source(module):
    return (ROOT / "tools" / f"{module}.py").read_text()


def test_every_peer_is_a_rival_with_an_environment():
    used = re.findall(
        r"Peer\(\s*\"(\w+)\", \"(\w+)\"",
        "".join(map(_source, ("bench_search", "bench_evaluation", "bench_images"))),
    )
    assert used
    for environment, work in used:
        assert environment in bench_peers.PEERS
        assert f"\ndef {work}(inputs: Inputs)" in _source("bench_rivals")


def test_a_row_is_measured_in_turn_with_its_rivals(tmp_path, monkeypatch):
    monkeypatch.setattr(bench_measuring, "SHORTEST", 0)
    monkeypatch.setattr(bench_measuring, "PEERS", tmp_path)  # no environment there
    calls = []
    row = Row(
        "a",
        "images",
        10,
        lambda: calls.append("ours"),
        {
            "slow": lambda: (calls.append("slow"), time.sleep(0.002)),
            "part": Sample(lambda: calls.append("part"), 2),
            "absent": Peer("torch", "torch_resnet50", {}),
        },
    )
    measured = bench_measuring.measure(row, tmp_path)
    assert calls[-15:] == ["ours", "slow", "part"] * 5
    assert measured["rivals"]["absent"] is None
    assert len(measured["rivals"]["slow"]["seconds"]) == 5
    assert measured["rivals"]["slow"]["least"] >= 0.002
    assert (measured["ours"]["amount"], measured["rivals"]["part"]["amount"]) == (10, 2)


def test_a_line_says_rates_ratios_and_the_limit():
    """10 in 0.01 s are 1,000 a second, half of the limit; 1 in 0.002 s are 500: twice as slow."""
    row = {
        "name": "a",
        "unit": "queries",
        "ours": {"amount": 10, "least": 0.01, "median": 0.0125},
        "rivals": {"b": {"amount": 1, "least": 0.002, "median": 0.002}, "c": None},
        "limit": {"by": "8 MB read", "rate": 2000},
    }
    machine = dict(commit="c", processor="P", processors=2, memory=2e10, clock=3e9)
    lines = bench_page.render("x", {"date": "1", "machine": machine, "rows": [row]}).splitlines()
    assert lines[-1] == (
        "| a | 1,000 (800) queries | b: 500 (500): 2.0; c: not installed "
        "| 8 MB read: 2,000 (50 %) |"
    )
    assert "commit c, 2 cores of P, memory read at 20 GB/s, 3.0 GHz" in lines[0]


def test_groups_that_are_not_measured_again_stay(tmp_path):
    bench_page.merge(tmp_path / "x.json", {"a": 1, "b": 2})
    assert bench_page.merge(tmp_path / "x.json", {"b": 3}) == {"a": 1, "b": 3}
    assert json.loads((tmp_path / "x.json").read_text())["groups"] == {"a": 1, "b": 3}


@pytest.mark.parametrize("name", ["bench_rivals"])
def test_rivals_import_nothing_of_ours(name):
    assert "gluon_hash" not in re.sub(r'""".*?"""', "", _source(name), flags=re.DOTALL)
