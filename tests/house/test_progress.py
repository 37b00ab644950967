"""What long work shows: on a terminal of any width a bar, elsewhere lines; nothing inside other
work."""

import io
import re
import sys

import pytest

from gluon_hash import progress


class Clock:
    """A clock that a test turns."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


class Terminal(io.StringIO):
    """A stderr that is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_a_line_comes_every_fifteen_seconds(clock, capsys):
    with progress.meter("encode", 100) as shown:
        for _ in range(4):
            clock.now += 5
            shown.say("loss 1.5", " (cubic 0.5)")
            shown.advance(10)
    # at 115 s: 30 of 100 done, 2 a second, 70 to go
    expected = "encode: 30/100 images, 2.0 images/s, 35 s left, loss 1.5 (cubic 0.5)\n"
    assert capsys.readouterr().err == expected


def test_items_count_as_much_as_their_size(clock, capsys):
    def batches():
        for size in (4, 4, 2):
            clock.now += 10
            yield "x" * size

    assert list(progress.track(batches(), "read", 10, size=len)) == ["xxxx", "xxxx", "xx"]
    assert "read: 8/10 images" in capsys.readouterr().err


def test_a_total_may_be_learned_on_the_way(clock, capsys):
    with progress.meter("epoch 1", 3) as shown:
        shown.expect(30)
        clock.now += 20
        shown.advance(10)
    assert "10/30 images, 0.5 images/s, 40 s left" in capsys.readouterr().err


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_a_bar_keeps_to_the_terminal(columns, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    with progress.meter("epoch 3/30", 48000) as shown:
        for _ in range(8):
            progress.time.sleep(0.03)
            shown._looked = 0.0
            shown.say("loss 1.2345", ", level 0 0.9, cubic 0.01")
            shown.advance(6000)
    said = terminal.getvalue()
    assert "epoch 3/30" in said and "images/s" in said
    if columns != 80:  # where the terms are cut off
        assert ("cubic 0.01" in said) == (columns > 80)
    drawn = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", said).replace("\r", "\n").split("\n")
    assert max(map(len, drawn)) <= columns


def test_work_inside_work_shows_nothing(clock, capsys):
    for _ in progress.track(range(2), "outer", 2, "parts"):
        clock.now += 20
        for _ in progress.track(range(2), "inner", 2):
            clock.now += 20
    said = capsys.readouterr().err
    assert "outer" in said and "inner" not in said


def test_work_that_fails_lets_the_next_be_shown(clock, capsys):
    with pytest.raises(ValueError), progress.meter("one", 2):
        raise ValueError
    with progress.meter("two", 2) as shown:
        clock.now += 20
        shown.advance()
    assert "two: 1/2" in capsys.readouterr().err


def test_the_muted_say_nothing(clock, capsys, monkeypatch):
    monkeypatch.setattr(progress, "_is_muted", True)
    for _ in progress.track(range(3), "read", 3):
        clock.now += 60
    assert capsys.readouterr().err == ""
