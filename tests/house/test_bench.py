"""`make bench`: what it measures, keeps and writes into docs/performance.md."""

import importlib
import json
import re
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
TOOLS = ROOT / "tools"
sys.path.insert(0, str(TOOLS))
bench, bench_kept, bench_machine, bench_measuring, bench_page, bench_peers, bench_processes = map(
    importlib.import_module,
    ("bench", "bench_kept", "bench_machine", "bench_measuring", "bench_page", "bench_peers")
    + ("bench_processes",),
)
PAGE = bench_page.PAGE.read_text(encoding="utf-8")
Bench, Effort, Here, Row, Works = (
    getattr(bench_measuring, name) for name in ("Bench", "Effort", "Here", "Row", "Works")
)
Command, Failed, Peer = (getattr(bench_processes, name) for name in ("Command", "Failed", "Peer"))
MACHINE = bench_machine.Machine(2e10, 3e9, 32 << 20, 2, 8e10)
ABOUT = {"processors": 2, "processor": "P", "memory": 2e10, "clock": 3e9, "products": 8e10}


def source(module):
    return (TOOLS / f"{module}.py").read_text(encoding="utf-8")


def sources():
    return "".join(source(path.stem) for path in sorted(TOOLS.glob("bench*.py")))


def test_the_page_is_what_the_file_says():
    assert bench_page.update(PAGE, bench_kept.read()) == PAGE


def test_every_group_of_rows_has_its_place_on_the_page():
    groups = bench_page.BLOCK.findall(PAGE)
    assert sorted(groups) == sorted([*bench.ROWS, "behind"])
    for module, function in bench.ROWS.values():
        assert f"\ndef {function}(size: Size) -> Iterator[Row]:" in source(module)


def test_every_peer_is_a_rival_with_an_environment():
    used = re.findall(r"Peer\(\s*\"(\w+)\",\s*f?\"(?:\{RIVALS\}|(\w+))\.(\w+)\"", sources())
    assert len(used) > 10
    for environment, module, work in used:
        assert environment in bench_peers.PEERS or environment == "ours"
        assert f"\ndef {work}(inputs: Inputs)" in source(module or "bench_rival_nets")
    environments = {environment for environment, _, _ in used} - {"ours"}
    assert environments == set(bench_peers.PEERS) == set(bench_processes.DISTRIBUTIONS)


@pytest.mark.parametrize("path", sorted(TOOLS.glob("bench_rival*.py")), ids=lambda path: path.stem)
def test_rivals_import_nothing_of_ours(path):
    assert "gluon_hash" not in re.sub(r'""".*?"""', "", source(path.stem), flags=re.DOTALL)


def measured(works, tmp_path, amount=10, **effort):
    row = Row("a", lambda bench: works, amount=amount, unit="images", behind="why")
    with bench_processes.Processes(tmp_path) as processes:
        return bench_measuring.measure(row, Bench(MACHINE, tmp_path), processes, Effort(**effort))


def test_a_row_is_measured_in_turn_with_its_rivals(tmp_path, monkeypatch):
    monkeypatch.setattr(bench_processes, "PEERS", tmp_path)  # no environment there
    calls = []
    works = Works(
        Here(lambda: calls.append("ours")),
        {
            "slow": Here(lambda: (calls.append("slow"), time.sleep(0.002))),
            "part": Here(lambda: calls.append("part"), amount=2),
            "absent": Peer("torch", "bench_rival_nets.torch_training"),
        },
        limit=bench_machine.Limit("8 MB", 0.5),
    )
    row = measured(works, tmp_path, shortest=0)
    assert calls[-15:] == ["ours", "slow", "part"] * 5
    assert row["rivals"]["absent"] == {"absent": "torch"}
    assert len(row["rivals"]["slow"]["values"]) == 5
    assert row["rivals"]["slow"]["least"] >= 0.002
    assert (row["ours"]["amount"], row["rivals"]["part"]["amount"]) == (10, 2)
    assert row["limit"] == {"by": "8 MB", "least": 0.5}


@pytest.mark.parametrize("budget, turns", [(0.1, 3), (0.001, 1), (10, 5)])
def test_slow_work_has_as_many_turns_as_its_budget_holds(tmp_path, monkeypatch, budget, turns):
    """0.03 s a call: three are 0.09 s; there is always one, and never more than five."""

    class Clock:
        now = 0.0

        def perf_counter(self):
            return self.now

        def pass_by(self):
            self.now += 0.03

    clock = Clock()
    monkeypatch.setattr(bench_measuring, "time", clock)
    works = Works(Here(lambda: None), {"slow": Here(clock.pass_by, warm=False)})
    slow = measured(works, tmp_path, shortest=0, budget=budget)["rivals"]["slow"]
    assert slow["values"] == pytest.approx([0.03] * turns)


def test_a_rival_that_fails_leaves_the_others_their_turns(tmp_path):
    peer = Peer("ours", "bench_rival_codes.faiss_flat", {"k": 3})  # without a database
    works = Works(Here(lambda: None), {"broken": peer, "works": Here(lambda: None)})
    row = measured(works, tmp_path, shortest=0)
    assert "KeyError" in row["rivals"]["broken"]["failed"]
    assert len(row["rivals"]["works"]["values"]) == 5


def test_a_peer_stays_between_its_turns_and_prints_what_it_likes(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(
        "def work(inputs):\n"
        "    assert inputs['a'].tolist() == [1, 2] and str(inputs['b']) == 'x'\n"
        "    print('noise')\n"
        "    return lambda: print('more')\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with bench_processes.Processes(tmp_path) as processes:
        call = processes.start(Peer("ours", "mine.work", {"a": [1, 2], "b": "x"}))
        assert len(call(3)) == 3 and min(call(2)) >= 0
        with pytest.raises(Failed, match="no attribute 'other'"):
            processes.start(Peer("ours", "mine.other", {}))
        assert len(call(1)) == 1  # the process goes on, and what it held before
        processes.forget()
        with pytest.raises(Failed, match="IndexError"):
            call(1)
    assert not list(tmp_path.glob("*.npz"))  # the inputs that were handed over


def test_a_command_is_measured_whole():
    """Sleep is seconds; a list of 10 million pointers is 80 MB; this process does not count."""
    sleeping = Command(lambda folder: ("-c", "import time; time.sleep(0.2)"))
    assert 0.2 <= sleeping.start()(1)[0] < 20
    peaks = [
        Command(lambda folder, text=text: ("-S", "-c", text), memory=True).start()(1)[0]
        for text in ("pass", "[None] * 10**7")
    ]
    assert peaks[0] < 60 and 70 < peaks[1] - peaks[0] < 100
    with pytest.raises(Failed, match="ended with 3"):
        Command(lambda folder: ("-c", "raise SystemExit(3)")).start()(1)


def test_limits_by_hand():
    """1,000 x 10^6 words at 8 a cycle, 3 GHz, two processors; 80 MB at 20 GB/s; 8 in a byte's
    place of 64 bits are one word."""
    assert MACHINE.scan(1000, 10**6, 8).least == pytest.approx(1e9 / (8 * 3e9 * 2))
    assert MACHINE.scan(1, 10**7, 8) == bench_machine.Limit("80 MB read once", 0.004)
    assert MACHINE.scan(1, 10**6, 2).least == MACHINE.scan(1, 10**6, 8).least
    assert MACHINE.multiplying(8e10).least == 1
    assert MACHINE.multiplying(8e10, "bfloat16").least == 0.5
    assert MACHINE.reading(2e10).least == 1


def test_the_machine_is_kept_with_its_numbers():
    about = bench_machine.Machine(1.2345e10, 3e9, 32 << 20, 2, 8e10).as_values()
    assert (about["memory"], about["processors"], about["cache"]) == (1.23e10, 2, 32 << 20)
    assert isinstance(about["processors"], int) and about["commit"]


def ours(least, amount=10, turns=5):
    return {"amount": amount, "values": [least] * turns, "least": least, "median": 1.25 * least}


def row_of(**changes):
    row = {
        "name": "a",
        "unit": "queries",
        "note": "",
        "behind": "Because.",
        "took": 1.5,
        "ours": ours(0.01),
        "rivals": {"b": ours(0.002, amount=1), "c": {"absent": "c"}, "d": {"failed": "why"}},
        "floors": {},
        "limit": {"by": "8 MB read once", "least": 0.005},
        "run": "2026-01-01, commit c",
    }
    return {**row, **changes}


def test_a_line_says_rates_ratios_and_the_limit():
    """10 in 0.01 s are 1,000 a second, half of the limit; 1 in 0.002 s are 500: twice as slow."""
    shown = bench_page.render("x", {"a": row_of()}, {"2026-01-01, commit c": ABOUT}).splitlines()
    assert shown[-1] == (
        "| a | 1,000 queries/s (800) | b: 500, 2.0; c: not installed; d: failed "
        "| 8 MB read once: 50 % |"
    )
    assert shown[0] == (
        "`make bench ROWS=x`: 2026-01-01, commit c, 2 cores of P, 20 GB/s, 3.0 GHz, "
        "80 billion multiply-adds/s."
    )


def test_seconds_and_megabytes_are_shown_as_they_are():
    """3 s of ours beside 1.5 s and 6 s: half as fast, and twice; the floor of 0.3 s is a tenth."""
    rivals = {"slow": ours(6.0, 1, 1), "fast": ours(1.5, 1, 2)}
    row = row_of(unit="s", ours=ours(3.0, 1), rivals=rivals, floors={"f": ours(0.3, 1)}, limit=None)
    assert bench_page.line(row) == (
        "| a | 3 s (3.75) | fast: 1.5 (2 turns), **0.50**; slow: 6 (one turn), 2.0 | f: 10 % |"
    )


def test_growth_says_what_each_takes():
    assert "| 1 ms |" in bench_page.line(row_of(), grows=True)


def test_what_is_behind_is_listed_with_its_reason():
    fast = {"b": {**ours(0.005), "version": "1.2+cpu"}}
    groups = {
        "x": {"a": row_of(), "e": row_of(name="e", rivals=fast)},
        "y": {"n": row_of(rivals={})},
    }
    assert bench_page.behind(groups) == (
        "Of 2 rows with a rival, 1 are behind the best of them:\n\n"
        "- x: e: 0.50 of b 1.2. Because.\n"
    )
    assert bench_page.behind({"x": {"a": row_of()}}) == "No rival is ahead in any of 1 rows.\n"


def test_rows_are_kept_at_once_and_not_measured_again(tmp_path):
    path, about = tmp_path / "x.json", {**ABOUT, "commit": "c"}
    for name in ("b", "a", "gone"):
        bench_kept.keep(path, "x", row_of(name=name), "day 1, commit c", about, ["a", "b", "gone"])
    newer = {**about, "commit": "d"}
    bench_kept.keep(path, "x", row_of(name="b"), "day 2, commit d", newer, ["a", "b"])
    kept = bench_kept.read(path)
    assert list(kept["groups"]["x"]) == ["a", "b"]  # in the order of the rows; one is no more
    assert list(kept["runs"]) == ["day 1, commit c", "day 2, commit d"]
    assert bench_kept.is_kept(kept, "x", "b", "d") and not bench_kept.is_kept(kept, "x", "a", "d")
    assert json.loads(path.read_text())["version"] == 1


@pytest.mark.once
def test_quick_measures_rows_and_keeps_them(tmp_path, monkeypatch, capsys):
    """A group from the start to the file; the second time there is nothing to do."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(bench_machine, "commit", lambda: "c")
    path = tmp_path / "kept.json"
    words = ["--quick", "--rows", "search-growth", "--json", str(path)]
    assert bench.main(words) == 0
    said, rows = capsys.readouterr(), bench_kept.read(path)["groups"]["search-growth"]
    assert len(said.out.splitlines()) == len(rows) >= 5
    assert f"{len(rows)} rows, about" in said.err and f"[{len(rows)}/{len(rows)}," in said.err
    for row in rows.values():
        assert row["ours"]["least"] > 0 and row["limit"]["least"] > 0
        assert all(rival["least"] > 0 for rival in row["rivals"].values())
    assert bench.main(words) == 0
    said = capsys.readouterr()
    assert not said.out and "0 rows" in said.err


def test_a_row_that_breaks_is_named_and_the_others_go_on(tmp_path, monkeypatch, capsys):
    def broken(about):
        raise ValueError("no such thing")

    rows = [Row("bad", broken), Row("good", lambda about: Works(Here(lambda: None)))]
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(bench, "rows_of", lambda group, size: rows if group == "start" else [])
    monkeypatch.setattr(bench_machine, "look", lambda: MACHINE)
    assert bench.main(["--quick", "--rows", "start"]) == 1
    said = capsys.readouterr()
    assert "not measured: start: bad: ValueError: no such thing" in said.err
    assert said.out.startswith("| good |")


def test_wrong_use_is_said():
    with pytest.raises(SystemExit):
        bench.parse(["--rows", "serach"])
    with pytest.raises(SystemExit):
        bench.parse(["--page"])
