"""Colours: told apart by readers with every kind of colour vision, by lightness, and all different.

The simulation of colour vision is that of Machado, Oliveira and Fernandes 2009, severity 1.
"""

import itertools

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from gluon_hash.plots.grids import frame_styles
from gluon_hash.plots.palette import COOL, LINES, WARM, class_colours, level_colours

VISIONS = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = TO_XYZ.sum(axis=1)


def lab(colour, vision="normal"):
    """CIELAB of a colour as someone with this vision sees it."""
    value = np.array(to_rgb(colour))
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.asarray(VISIONS[vision]) @ linear, 0, 1)
    ratio = TO_XYZ @ seen / WHITE
    root = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = root
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def closest(colours, vision):
    seen = [lab(colour, vision) for colour in colours]
    return min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2))


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("num_levels", range(1, 6))
def test_levels_of_matches_are_told_apart(vision, num_levels):
    colours = level_colours(num_levels)
    assert len(colours) == num_levels + 1 == len(set(colours))
    assert closest(colours, vision) > 15  # 2.3 is a difference that is just noticed


@pytest.mark.parametrize("num_levels", [2, 5, 8])
def test_a_match_is_lighter_the_coarser_it_is(num_levels):
    lightness = [lab(colour)[0] for colour in level_colours(num_levels)[:-1]]
    assert (np.diff(lightness) > 3).all()


def test_frames_are_told_without_any_colour():
    for num_levels in (1, 2, 5):
        styles = frame_styles(num_levels)
        assert styles[0]["linewidth"] > styles[1]["linewidth"]
        assert styles[-1]["linestyle"] != styles[0]["linestyle"]


@pytest.mark.parametrize("vision", ["normal", "protanopia", "deuteranopia"])
def test_lines_and_families_are_told_apart(vision):
    assert closest(LINES[:6], vision) > 9
    assert closest([COOL[0], WARM[0]], vision) > 40


def test_classes_have_the_hue_of_their_group_in_different_shades():
    groups = np.repeat(np.arange(20), 5)
    colours = class_colours(groups)
    assert len(set(colours)) == 100
    for group in range(20):
        shades = [lab(colour)[0] for colour in np.array(colours)[groups == group]]
        assert (np.diff(shades) > 3).all()
    assert class_colours(np.arange(4)) == list(LINES[:4])
    assert len(set(class_colours(np.arange(27)))) == 27
