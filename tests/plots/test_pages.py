"""Pages and grids of results: what stands under a picture, missing pictures, escaped text."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from gluon_hash import plots


@pytest.fixture
def pictures(rng):
    return [rng.randint(0, 256, (8, 8, 3)).astype(np.uint8) for _ in range(3)]


def embedded(page):
    """The images of a page, decoded."""
    return [
        (kind, np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))))
        for kind, data in re.findall(r'src="data:image/(\w+);base64,([^"]+)"', page)
    ]


def test_a_page_holds_pictures_captions_and_notes(pictures):
    page = plots.retrieval_page(
        [pictures[0]],
        ["<b>query</b>.jpg"],
        [[pictures[1], None]],
        [[3, 5]],
        [[7, 9]],
        captions=[[["bird, finch", "a&b/1.jpg"], []]],
        notes=["finch: 7 of 10\nanimal: 4 of 8"],
    )
    images = embedded(page)
    assert [kind for kind, _ in images] == ["png", "png"]
    for (_, shown), expected in zip(images, pictures):
        np.testing.assert_array_equal(shown, expected)
    assert "&lt;b&gt;query" in page and "<b>query" not in page and "a&amp;b/1.jpg" in page
    assert "3 bits<br>id 7<br>bird, finch" in page and "5 bits<br>id 9</figcaption>" in page
    assert page.count("no image") == 1 and 'class="note">animal: 4 of 8<' in page


def test_without_captions_a_page_has_distance_and_id(pictures):
    page = plots.retrieval_page([pictures[0]], ["q"], [[pictures[1]]], [[0]], [[1]], title="Birds")
    assert "<title>Birds</title>" in page and "0 bits<br>id 1</figcaption>" in page


def test_a_large_picture_becomes_a_jpeg(rng):
    large = np.full((200, 300, 3), 120, np.uint8)
    ((kind, shown),) = embedded(plots.retrieval_page([large], ["q"], [[]], [[]], [[]]))
    assert kind == "jpeg" and shown.shape == large.shape and abs(int(shown[9, 9, 0]) - 120) < 4


def test_a_grid_shows_captions_and_says_where_there_is_no_picture(pictures):
    figure = plots.retrieval_grid(
        [None, pictures[0]],
        [[pictures[1]], [None, pictures[2]]],
        np.array([[1, 0], [2, 3]]),
        None,
        (),
        ["a", "b"],
        captions=[["finch"], ["owl", "wren"]],
    )
    axes = np.array(figure.axes).reshape(2, 3)
    assert [[(ax.get_title(), ax.get_xlabel()) for ax in row] for row in axes] == [
        [("query", "a"), ("1 bit", "finch"), ("", "")],
        [("query", "b"), ("2 bits", "owl"), ("3 bits", "wren")],
    ]
    missing = [[[text.get_text() for text in ax.texts] for ax in row] for row in axes]
    assert missing == [[["no image"], [], []], [[], ["no image"], []]]
    assert not axes[0, 2].axison


def test_one_bit_is_one_bit_on_a_page(pictures):
    page = plots.retrieval_page([None], ["a"], [[None, None]], [[1, 2]], [[7, 8]])
    assert ">1 bit<br>id 7" in page and ">2 bits<br>id 8" in page
