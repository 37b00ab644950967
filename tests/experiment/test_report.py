"""The files of a comparison: what table and numbers say, and that no older answer is lost."""

import csv
import json

import pytest
from report_cases import METRICS, row

from gluon_hash.cli import compare


def test_a_bar_in_a_name_does_not_end_a_cell(written, tmp_path):
    written(
        [row("a|b"), row("c", difference=0.1, chosen={"optimizer.lr": "1|2"})],
        reference="a|b",
        diverged=["d, 48 bits", "e"],
    )
    table, notes = (tmp_path / "comparison.md").read_text().split("\n\n", 1)
    cells = {line.replace("\\|", "").count("|") for line in table.splitlines()}
    assert cells == {1 + 3 + 2 * len(METRICS)}  # method, bits, chosen, values, differences
    assert "| a\\|b | 48 |" in table and "lr 1\\|2" in table and "map - a\\|b's" in table
    assert notes.endswith(
        "differences are paired by query. Ties by database position.\n\n"
        "Diverged, not in the table: d, 48 bits, e.\n"
    )


@pytest.mark.parametrize("rows", [[row("dcwh")], [row("dcwh", 16), row("dcwh", 32)]])
def test_without_another_line_there_are_no_differences(written, tmp_path, rows):
    written(rows)
    text = (tmp_path / "comparison.md").read_text()
    assert text.splitlines()[0] == "| method | bits | map | mahp@2500 | mean_ndcg_released@100 |"
    assert "paired" not in text and "Diverged" not in text
    assert (
        "Mean over seeds 24, 25, 26 ± standard deviation over them [95 % bootstrap interval over "
        "queries]." in text
    )


def test_folders_of_the_runs_are_in_the_json_alone(written, tmp_path):
    written([row("dcwh", runs=["run-a", "run-b"])], diverged=["hpdh"])
    saved = json.loads((tmp_path / "comparison.json").read_text())
    assert saved["rows"][0]["runs"] == ["run-a", "run-b"] and saved["diverged"] == ["hpdh"]
    assert (
        "run-a"
        not in (tmp_path / "comparison.md").read_text() + (tmp_path / "comparison.csv").read_text()
    )
    cells = list(csv.DictReader((tmp_path / "comparison.csv").read_text().splitlines()))
    assert [line["metric"] for line in cells] == [*METRICS, "map_level_1"]


def test_a_metric_that_one_line_lacks_is_in_the_csv_alone(written, tmp_path):
    written([row("dcwh"), row("other", difference=0.1, metrics=("map", "mahp@50"))])
    assert "mahp" not in (tmp_path / "comparison.md").read_text()
    assert {"mahp@50", "mahp@2500"} <= set(
        (tmp_path / "comparison.csv").read_text().replace("\n", ",").split(",")
    )


FILES = {
    "comparison.md",
    "comparison.csv",
    "comparison.json",
    "comparison.png",
    "curves.json",
    "curves.png",
}


def names_in(folder):
    return {path.name for path in folder.iterdir()}


def test_the_same_question_writes_the_same_files_again(written, tmp_path, capsys):
    for mean in (0.5, 0.6):
        written([row("dcwh", mean=mean)])
    assert names_in(tmp_path) == FILES and capsys.readouterr().err == ""
    assert "0.600" in (tmp_path / "comparison.md").read_text()


@pytest.mark.parametrize(
    "change",
    [
        {"configs": ["b.yaml"]},
        {"changes": ["optimizer.lr=1"]},
        {"vary": []},
        {"choose": ["optimizer.lr=[1,2]"]},
        {"seeds": [24]},
        {"reference": "hpdh"},
        {"confidence": 90.0},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_answer_to_another_question_is_kept(written, tmp_path, capsys, change):
    written([row("dcwh", mean=0.5)])
    (tmp_path / "runs").mkdir()
    before = {name: (tmp_path / name).read_bytes() for name in FILES}
    written([row("dcwh", mean=0.6)], **change)
    assert names_in(tmp_path) == FILES | {"runs"} | {name.replace(".", "-1.") for name in FILES}
    assert before == {name: (tmp_path / name.replace(".", "-1.")).read_bytes() for name in FILES}
    said = capsys.readouterr().err
    assert (
        f"asked for differently ({next(iter(change))}); kept as comparison-1.md, comparison-1.csv"
        in said
    )


def test_what_is_kept_takes_the_next_free_number(written, tmp_path, capsys):
    written([row("dcwh", mean=0.5)])
    (tmp_path / "curves-1.png").write_text("mine")
    (tmp_path / "curves.json").unlink()  # an older version wrote none
    written([row("dcwh", mean=0.6)], seeds=[24])
    assert (tmp_path / "curves-1.png").read_text() == "mine" and not (
        tmp_path / "curves-2.json"
    ).exists()
    assert (
        "0.500" in (tmp_path / "comparison-2.md").read_text()
        and not (tmp_path / "comparison-1.md").exists()
    )
    (tmp_path / "comparison.json").write_text("{")  # damaged: kept too
    written([row("dcwh", mean=0.7)], seeds=[24])
    assert (tmp_path / "comparison-1.md").exists() is False and "0.600" in (
        tmp_path / "comparison-3.md"
    ).read_text()
    assert "(unreadable)" in capsys.readouterr().err


def test_a_narrow_terminal_has_a_column_for_each_metric(written, tmp_path, monkeypatch, capsys):
    written([row("dcwh"), row("[b]hpdh[/b]", difference=0.1)])
    monkeypatch.setenv("COLUMNS", "80")
    compare._show(tmp_path)
    shown = capsys.readouterr().out.partition("\nMean over")[0].splitlines()
    assert max(map(len, shown)) <= 80
    assert any("[b]hpdh[/b]" in line for line in shown)  # a name is not rich's markup
    compared = [line for line in shown if line.count("+0.100") == len(METRICS)]
    assert len(compared) == 1 and "hpdh" not in compared[0]  # below its values
    assert shown[-1] == "Below with a sign: the difference from dcwh."
