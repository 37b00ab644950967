"""The figures of a comparison: lines told apart, names beside the panels, what the title says."""

import json

import numpy as np
import pytest
from report_cases import LONG, METRICS, curve, lines, row

from gluon_hash import plots
from gluon_hash.plots.lines import line_style, wrap_name


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
    assert [axes.get_title() for axes in figure.axes] == ["mAP", "mAHP@2500", "mean nDCG@100"]
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
