"""The files of a comparison: what the table, the numbers and the figures say, and that no older
answer is lost."""

import csv
import json
import warnings

import numpy as np
import pytest

from gluon_hash import plots
from gluon_hash.experiment.comparison.report import write_report
from gluon_hash.experiment.comparison.summary import MetricSummary, RowSummary
from gluon_hash.plots.lines import line_style, wrap_name
from gluon_hash.retrieval import Curves

ABOUT = {
    "configs": ["a.yaml"],
    "changes": [],
    "vary": ["loss.name=[dcwh,hpdh]"],
    "choose": [],
    "seeds": [24, 25, 26],
    "reference": "dcwh",
    "confidence": 95.0,
}
METRICS = ("map", "mahp@2500", "mean_ndcg_released@100")
# 88 characters
LONG = "options=quantization_weight_0.1_cubic_weight_10_vertex_weight_0.1 level_weights=1_0.25_0 n="


def row(name, num_bits=48, mean=0.5, difference=None, chosen=(), runs=(), metrics=METRICS):
    value = MetricSummary(
        mean=mean,
        std_over_seeds=0.01,
        interval=(mean - 0.02, mean + 0.02),
        difference=difference,
        difference_interval=None if difference is None else (difference - 0.01, difference + 0.01),
    )
    values = {metric: value for metric in (*metrics, "map_level_1")}
    return RowSummary(name, num_bits, dict(chosen), 3, list(runs), values)


def curve(place=0):
    return Curves(
        np.array([1, 10, 100]),
        np.array([0.9, 0.5, 0.1 + place / 100]),
        np.array([0.1, 0.5, 1.0]),
        np.array([0.9, 0.2]),
        np.array([0.3, 1.0]),
    )


def lines(count):
    return {f"m{place}, 48 bits": curve(place) for place in range(count)}


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Writes a report; its files, and the figures by their file's name."""

    def write(rows, curves=None, **about):
        figures = {}
        for draw in ("metrics_by_bits", "metrics_by_name", "retrieval_curves"):
            monkeypatch.setattr(
                plots,
                draw,
                lambda *given, draw=draw, real=getattr(plots, draw): figures.setdefault(
                    draw, real(*given)
                ),
            )
        with warnings.catch_warnings():
            warnings.simplefilter(
                "error"
            )  # matplotlib warns where axes collapse or a letter has no glyph
            write_report(rows, curves or lines(1), tmp_path, {**ABOUT, **about})
        monkeypatch.undo()
        return figures

    return write


def drawn(figure):
    """(colour, marker, dash) of every line with a bar in the first panel."""
    return [
        (box[0].get_color(), box[0].get_marker(), box[0].get_linestyle())
        for box in figure.axes[0].containers
    ]


def all_inside(figure):
    """Whether nothing but the panels is where they are, and everything is on the figure."""
    figure.draw_without_rendering()
    shown = figure.bbox.extents
    parts = [axes.get_tightbbox().extents for axes in figure.axes]
    legends = [legend.get_window_extent().extents for legend in figure.legends]
    inside = all(
        (part[:2] >= shown[:2] - 1).all() and (part[2:] <= shown[2:] + 1).all()
        for part in parts + legends
    )
    return inside and all(
        axes.get_window_extent().x1 <= legend[0] for axes in figure.axes for legend in legends
    )


def test_24_lines_are_told_apart_and_named_beside_the_panels(written):
    names = [f"method {place}" for place in range(24)]
    figure = written(
        [
            row(name, bits, 0.1 + 0.01 * place)
            for place, name in enumerate(names)
            for bits in (16, 32, 48, 64, 128)
        ]
    )["metrics_by_bits"]
    assert len(set(drawn(figure))) == 24
    assert [text.get_text() for text in figure.legends[0].get_texts()] == names
    assert [axes.get_title() for axes in figure.axes] == list(METRICS)
    assert all_inside(figure)
    small = plots.metrics_by_bits([row("a", bits) for bits in (16, 32)], METRICS, "")
    assert (figure.get_size_inches() > small.get_size_inches()).all()


def test_bars_at_equal_bits_stand_beside_each_other(written):
    figure = written([row(name, bits) for name in "abc" for bits in (16, 32, 128)])[
        "metrics_by_bits"
    ]
    places = np.array([box[0].get_xdata(orig=False) for box in figure.axes[0].containers])
    np.testing.assert_allclose(places.mean(axis=0), [16, 32, 128])
    assert len(np.unique(places)) == 9 and np.abs(places - [16, 32, 128]).max() <= 0.02 * (128 - 16)
    assert list(figure.axes[0].get_xticks()) == [16, 32, 128]


@pytest.mark.parametrize("seeds, means", [([24, 25, 26], "mean of 3 seeds"), ([7], "seed 7")])
@pytest.mark.parametrize(
    "lengths, draw", [((48,), "metrics_by_name"), ((32, 48), "metrics_by_bits")]
)
def test_the_figure_says_what_its_bars_are(written, seeds, means, lengths, draw):
    figure = written([row("a", bits) for bits in lengths], seeds=seeds, confidence=90)[draw]
    assert figure.get_supxlabel() == f"bars: 90 % bootstrap interval over queries, {means}"


def test_one_length_gives_a_row_a_line_with_the_best_on_top(written):
    figure = written([row(f"m{place}", mean=0.1 + (place * 7 % 24) / 100) for place in range(24)])[
        "metrics_by_name"
    ]
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names[-1] == "m17" and names[0] == "m0" and len(names) == 24  # 17 * 7 % 24 = 23
    assert all_inside(figure) and figure.get_size_inches()[1] > 5


@pytest.mark.parametrize("lengths", [(48,), (32, 48)])
def test_long_names_leave_room_for_the_panels(written, lengths):
    names = [LONG + f"{place:2}" for place in range(3)]
    figures = written(
        [row(name, bits) for name in names for bits in lengths],
        {f"{name}, 48 bits": curve() for name in names},
    )
    for figure in figures.values():
        assert all_inside(figure)
        assert (
            min(axes.get_window_extent().width for axes in figure.axes) > 250
        )  # of 340 or more, at 100 a inch
    texts = (
        figures["metrics_by_bits"].legends[0].get_texts()
        if len(lengths) > 1
        else figures["metrics_by_name"].axes[0].get_yticklabels()
    )
    assert [text.get_text().count("\n") for text in texts] == [2, 2, 2]


def test_lines_differ_up_to_360_and_by_colour_and_dash_up_to_40():
    styles = [line_style(place) for place in range(360)]
    assert len({tuple(style.values()) for style in styles}) == 360
    assert len({(style["color"], style["linestyle"]) for style in styles[:40]}) == 40


@pytest.mark.parametrize(
    "name, wrapped",
    [
        ("dcwh", "dcwh"),
        ("x" * 40, "x" * 38 + "\nxx"),
        ("a_" * 20, "a_" * 19 + "\na_"),
        ("$a$", r"\$a\$"),
        ("_a", " _a"),
        ("b" * 20 + " " + "c" * 20, "b" * 20 + "\n" + "c" * 20),
    ],
)
def test_names_are_wrapped_where_a_word_ends(name, wrapped):
    assert wrap_name(name) == wrapped


def test_all_curves_are_numbers_and_twelve_are_drawn(written, tmp_path):
    figure = written([row("m0")], lines(28))["retrieval_curves"]
    assert (
        figure.get_suptitle()
        == "12 of 28 lines; all are in curves.json; first seed, Hamming distance"
    )
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(lines(12))
    assert all(axes.get_legend() is None and len(axes.get_lines()) == 12 for axes in figure.axes)
    saved = json.loads((tmp_path / "curves.json").read_text())
    assert saved == {name: one.to_dict() for name, one in lines(28).items()}
    assert (
        len(
            {
                (line.get_color(), line.get_marker(), line.get_linestyle())
                for line in figure.axes[0].lines
            }
        )
        == 12
    )
    assert plots.retrieval_curves(saved).get_suptitle() == ""  # what is saved is what is drawn


def test_when_all_curves_are_drawn_the_title_counts_none(written):
    assert (
        written([row("m0")], lines(12))["retrieval_curves"].get_suptitle()
        == "first seed, Hamming distance"
    )


def test_the_legend_of_training_curves_covers_no_panel():
    runs = {
        f"run {place}": [{"epoch": epoch, "loss": 1.0, "validation_map": 0.1} for epoch in (1, 2)]
        for place in range(15)
    }
    del (
        runs["run 3"][0]["validation_map"],
        runs["run 3"][1]["validation_map"],
    )  # is named all the same
    figure = plots.training_curves(runs)
    assert sorted(text.get_text() for text in figure.legends[0].get_texts()) == sorted(
        runs
    ) and all_inside(figure)
    assert plots.training_curves({"one": runs["run 1"]}).legends == []


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
