"""A report written for a test, and the figures that it draws."""

import warnings

import pytest
from report_cases import ABOUT, lines

from gluon_hash import plots
from gluon_hash.experiment.comparison.report import write_report


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Writes a report; its files, and the figures by their file's name."""

    def write(rows, curves=None, **about):
        figures = {}
        for draw in ("metrics_by_bits", "metrics_by_name", "retrieval_curves"):
            monkeypatch.setattr(
                plots,
                draw,
                lambda *given, draw=draw, real=getattr(plots, draw), **named: figures.setdefault(
                    draw, real(*given, **named)
                ),
            )
        with warnings.catch_warnings():
            warnings.simplefilter(
                "error"
            )  # matplotlib warns where axes collapse or a letter has no glyph
            write_report({"paper": rows}, {}, curves or lines(1), tmp_path, {**ABOUT, **about})
        monkeypatch.undo()
        return figures

    return write
