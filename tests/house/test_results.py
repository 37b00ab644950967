"""docs/results.md and docs/results.json agree: each number comes from the file, and each table is
declared."""

import importlib
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
results_page, results_tables = map(importlib.import_module, ("results_page", "results_tables"))
TABLES, Table = results_tables.TABLES, results_tables.Table

# measured by commands of their own, which stand with them
BY_HAND = {"released_code", "with_hierarchy", "all_layers_64px", "speed", "within_class"}
PAGE = results_page.PAGE.read_text(encoding="utf-8")


def test_the_page_is_what_the_file_says():
    assert results_page.update(PAGE, results_page.read()) == PAGE


def test_no_number_is_typed():
    """Measured values have three digits behind the point; learning rates and shares have fewer."""
    assert not re.findall(r".*\.\d{3}.*", results_page.prose_of(PAGE))
    assert not re.findall(r"^\|.*\|$", results_page.prose_of(PAGE), re.MULTILINE)


def test_every_table_is_declared_and_in_order():
    names = [table.name for table in TABLES]
    on_page = results_page.names_in(PAGE)
    assert len(set(on_page)) == len(on_page) and set(on_page) == {*names, *BY_HAND}
    assert [name for name in on_page if name not in BY_HAND] == names
    assert set(results_page.read()) <= set(on_page)


def test_every_table_says_where_it_comes_from():
    for name, table in results_page.read().items():
        assert table["columns"] and table["rows"] and table["date"] and table["machine"], name
        assert {len(row) for row in table["rows"]} == {len(table["columns"])}, name
        assert table["commit"] or name == "released_code"
        assert table["command"] or name == "with_hierarchy"


@pytest.mark.mxnet
def test_every_line_is_a_configuration():
    pytest.importorskip("mxnet")
    from gluon_hash.experiment.comparison.grid import make_entries, parse_seeds, parse_values
    from gluon_hash.experiment.settings.config_files import load_config

    for table in TABLES:
        for settings in table.lines.values():
            load_config(ROOT / table.config, [*table.settings, *settings, *table.search])
        options = dict.fromkeys(("--vary", "--choose", "--seeds", "--reference", "--protocols"), ())
        for name, value in zip(table.options[::2], table.options[1::2]):
            options[name] = (*options[name], value)
        if not table.lines:
            seeds = parse_seeds(options["--seeds"][0]) if options["--seeds"] else None
            make_entries(
                [ROOT / table.config],
                table.settings,
                parse_values(options["--vary"], "--vary"),
                parse_values(options["--choose"], "--choose"),
                seeds,
            )


@pytest.mark.mxnet
def test_every_line_has_the_same_search_from_its_own_numbers():
    """Three rates, then three values of a number of which the first is what the line has anyway."""
    pytest.importorskip("mxnet")
    from gluon_hash.experiment.comparison.grid import parse_values
    from gluon_hash.experiment.settings.config_files import load_config

    searched = [table for table in TABLES if table.choose]
    assert {table.name for table in searched} == {
        "tuned_48",
        "tuned_mlp_48",
        "tuned_triplets_48",
    }
    for table in searched:
        assert list(table.choose) == list(table.lines)
        for name, settings in table.lines.items():
            (rate, rates), (key, values) = parse_values(table.choose[name], "choose").items()
            own = load_config(ROOT / table.config, [*table.settings, *settings])
            same = load_config(
                ROOT / table.config, [*table.settings, *settings, f"{key}={json.dumps(values[0])}"]
            )
            assert own == same, name
            assert (rate, sorted(rates)) == ("optimizer.lr", [0.001, 0.003, 0.01])
            assert len(values) == 3 and len(set(map(str, values))) == 3


@pytest.mark.parametrize(
    "cell, shown",
    [
        ("a", "a"),
        (None, ""),
        (1.0, "1.000"),
        ([0.1, 0.25, 1.0], ".100 / .250 / 1.000"),
        ({"mean": 0.3594, "std": 0.0012}, ".359 ± .001"),
        ({"mean": 0.25, "interval": [0.2, 0.3]}, ".250 [.200, .300]"),
        ({"difference": -0.1, "interval": [-0.2, 0.05]}, "-.100 [-.200, +.050]"),
        ({"means": [0.5, 0.25], "intervals": [[0, 1], [0, 1]]}, ".500 / .250"),
    ],
)
def test_cells(cell, shown):
    table = {"columns": ["", "x"], "rows": [["line", cell]]}
    assert f"| line | {shown} |" in results_page.render(table)


def test_what_is_missing_is_said_and_another_number_is_another_page():
    page = "a\n<!-- results: t -->\nold\n<!-- /results -->\nb\n"
    missing = results_page.update(page, {})
    assert "Not measured yet: `make results ONLY=t`." in missing and "old" not in missing
    table = {"columns": ["", "x"], "rows": [["line", 0.5]]}
    made = results_page.update(missing, {"t": table})
    assert "| line | .500 |" in made and made.startswith("a\n") and made.endswith("\nb\n")
    assert results_page.update(made, {"t": {**table, "rows": [["line", 0.501]]}}) != made


def test_what_is_written_is_read(tmp_path):
    tables = results_page.read()
    results_page.write(tables, tmp_path / "r.json")
    assert results_page.read(tmp_path / "r.json") == tables
    assert (tmp_path / "r.json").read_bytes() == results_page.FILE.read_bytes()


@pytest.mark.mxnet
def test_a_table_is_run_and_written(features, tmp_path, monkeypatch):
    """Lines with names of their own under two protocols: values as comparison.json has them."""
    results = importlib.import_module("results")
    lines = {"one": ("loss.name=csq",), "two": ("loss.name=csq", "optimizer.lr=0.02")}
    options = ("--reference", "one", "--protocols", "paper,unseen-images")
    table = Table("tiny", str(features), ("training.epochs=1",), lines, options)
    monkeypatch.chdir(tmp_path)
    for name in ("PAGE", "FILE"):
        monkeypatch.setattr(results_page, name, tmp_path / name)
    results_page.PAGE.write_text("<!-- results: tiny -->\n<!-- /results -->\n")
    results_page.write({}, results_page.FILE)
    made = results.run(table)
    kept = json.loads((tmp_path / "tiny/comparison/comparison.json").read_text())
    expected = [
        [row["name"], *(_means(rows[at]) for rows in (kept["rows"], *kept["searches"].values()))]
        for at, row in enumerate(kept["rows"])
    ]
    shown = [[row[0], *(cell["means"] for cell in row[1:])] for row in made["rows"]]
    assert shown == expected and [row[0] for row in shown] == ["one", "two"]
    assert made["seconds"] > 0 and made["seeds"] == [24] and len(made["notes"]) == 6
    before = json.loads((tmp_path / "tiny/seconds.json").read_text())
    results.write("tiny", made)
    assert (
        f"| one | {' / '.join(_short(v) for v in shown[0][1])} |" in results_page.PAGE.read_text()
    )
    stamps = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("last.ckpt/net.params")}
    again = results.run(table)
    assert again["rows"] == made["rows"] and again["seconds"] >= round(before)
    assert {p: p.stat().st_mtime_ns for p in stamps} == stamps and stamps


@pytest.mark.mxnet
def test_what_is_searched_is_chosen_on_held_out_images_and_trained(features, tmp_path, monkeypatch):
    """The best by the logs of the searches; rates first, then the number at the best rate."""
    results = importlib.import_module("results")
    monkeypatch.chdir(tmp_path)
    key = "loss.quantization_weight"
    table = Table(
        "tiny",
        str(features),
        ("training.epochs=2",),
        {"line": ("loss.name=csq",)},
        choose={"line": ("optimizer.lr=[0.02,1.0e-9]", f"{key}=[0.0001,2]")},
        search=("training.epochs=1",),
    )
    made = results.run(table)

    def best(folder):
        (line,) = (tmp_path / "tiny/search" / folder / "log.jsonl").read_text().splitlines()
        return json.loads(line)["validation_map"]

    rates = {lr: best(f"line,lr={lr},quantization_weight=0.0001") for lr in (0.02, 1e-09)}
    lr = max(rates, key=rates.get)
    numbers = {own: best(f"line,lr={lr},quantization_weight={own}") for own in (0.0001, 2)}
    number = max(numbers, key=numbers.get)
    assert len(set(rates.values())) == 2  # the rates differ, so the choice says something
    folders = [path for path in (tmp_path / "tiny/search").iterdir() if path.is_dir()]
    assert len(folders) == 3  # two rates, and the other number
    from gluon_hash.experiment.settings.config_files import load_config

    config = load_config(tmp_path / "tiny/lines/line.yaml")
    assert (config.optimizer.lr, config.loss.quantization_weight) == (lr, number)
    assert config.training.epochs == 2
    assert made["columns"][1] == "chosen"
    assert made["rows"][0][1] == f"lr {lr}, quantization_weight {number}"


def _means(row):
    stems = ("map", "mahp", "mean_ndcg_released")
    return [v["mean"] for name, v in row["metrics"].items() if name.partition("@")[0] in stems]


def _short(value):
    return f"{value:.3f}".replace("0.", ".", 1)


@pytest.mark.mxnet
def test_codes_without_the_held_out_images(rng, tmp_path):
    """Every third image is held out: it is gone from the second ranking, and the pairs say so."""
    pytest.importorskip("mxnet")
    from reference import random_table

    from gluon_hash.records import ImageList, write_list
    from gluon_hash.retrieval import evaluate

    folder = tmp_path / "runs" / "a,seed=24"
    folder.mkdir(parents=True)
    query, database = (random_table(rng, count, 16, num_levels=2) for count in (20, 90))
    query.save(folder / "query.npz")
    database.save(folder / "database.npz")
    held = database.take(np.arange(0, 90, 3))
    listed = ImageList(held.ids, held.level_labels, [str(i) for i in held.ids])
    write_list(tmp_path / "validation.lst", listed)
    derived = importlib.import_module("results_derived")
    made = derived.held_out(tmp_path, tmp_path / "validation.lst", ("a", "absent"))
    [[name, whole, part, difference]] = made["rows"]
    rest = database.take(np.flatnonzero(np.arange(90) % 3 > 0))
    expected = [evaluate(query, table)["map"] for table in (database, rest)]
    assert name == "a" and [whole["means"][0], part["means"][0]] == pytest.approx(expected)
    assert difference["difference"] == pytest.approx(expected[1] - expected[0])
    low, high = difference["interval"]
    assert low <= difference["difference"] <= high
