"""The page in headless Chromium: searching, filtering, keys, widths; what names may do to it."""

import numpy as np
import pytest

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

import browser
from served import Brightness, checkered, png, serving, small_service

from gluon_hash.hierarchy import Hierarchy
from gluon_hash.retrieval import HammingIndex, codes
from gluon_hash.serve import Collection, Limits, Service
from gluon_hash.serve.pictures import FilePictures

pytestmark = pytest.mark.skipif(not browser.is_there(), reason="no chromium and chromedriver")
NEAREST = "return document.querySelector('#status').innerText.startsWith('The nearest')"
FOCUSED = "return document.activeElement.dataset.id ?? document.activeElement.id"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    made, bits = small_service(folder)
    (folder / "query.png").write_bytes(png(checkered(bits[4])))
    (folder / "broken.png").write_bytes(b"no image")
    with serving(made) as client:
        yield f"http://127.0.0.1:{client.port}/", bits, folder


@pytest.fixture(scope="module")
def window():
    with browser.Browser(1100, 900) as opened:
        yield opened


@pytest.fixture
def page(service, window):
    """The page, freshly opened; at the end the console must be empty."""
    window.open("about:blank")
    window.log()
    window.open(service[0])
    window.wait("return document.querySelectorAll('.card').length === 40")
    yield window
    assert window.log() == []


def ids(page):
    return [
        int(item)
        for item in page.run(
            "return [...document.querySelectorAll('.card')].map(card => card.dataset.id)"
        )
    ]


def nearest(bits, row, count):
    """Ids of the nearest to a row, itself left out, ties by position."""
    order = np.argsort((bits != bits[row]).sum(axis=1), kind="stable")
    return [int(other) + 100 for other in order if other != row][:count]


def test_the_collection_is_browsed(page, service):
    assert page.text("#about") == "40 images, codes of 16 bits"
    assert ids(page) == list(range(100, 140))
    assert page.texts(".path-of-classes")[:3] == ["finch › bird", "owl › bird", "trout › fish"]
    assert page.texts(".file")[0] == "0 é.png"
    shown = "return [...document.querySelectorAll('.card img')].filter(i => i.naturalWidth).length"
    page.wait(f"{shown} > 5")


def test_an_image_of_the_collection_finds_its_relatives(page, service):
    page.click('.card[data-id="104"]')
    page.wait(NEAREST)
    expected = nearest(service[1], 4, 24)
    assert ids(page) == expected
    # 104 is an owl: owls are the same, finches birds too, trouts not related
    names = {0: "also bird", 1: "same owl", 2: "not related"}
    assert page.texts(".relation") == [names[(item - 100) % 3] for item in expected]
    frames = page.run(
        "return [...document.querySelectorAll('#results > li')].map(li => li.className)"
    )
    steps = {0: "step-1", 1: "step-0", 2: "step-none"}
    assert frames == [steps[(item - 100) % 3] for item in expected]
    bits = (service[1][4] != service[1][expected[0] - 100]).sum()
    assert page.text(".distance") == f"{bits} bit{'' if bits == 1 else 's'}"
    assert page.texts("#branches .chip") == ["owl", "bird"] or "of" in page.text("#branches")
    page.run("history.back()")
    page.wait("return document.querySelectorAll('.card').length === 40")


def test_a_dropped_image_is_searched_for_and_zooms_out(page, service):
    page.type("#file", str(service[2] / "query.png"))
    page.wait(NEAREST)
    assert page.text("#asked-name") == "query.png" and ids(page)[0] == 104
    assert page.text("#zoom-title") == "Most answers agree on"
    assert page.texts("#branches .chip")[-1].startswith("bird")
    page.run("[...document.querySelectorAll('#branches .chip')].at(-1).click()")
    page.wait_for_text("#where", "Zoom out")
    page.wait("return document.querySelector('#status').innerText.includes('of 27,')")
    assert all((item - 100) % 3 != 2 for item in ids(page))
    page.press("-")
    page.wait("return document.querySelector('#status').innerText.includes('of 40,')")


def test_what_is_not_an_image_is_said(page, service):
    page.type("#file", str(service[2] / "broken.png"))
    page.wait_for_text("#error", "broken.png: not a readable image (8 bytes)")
    messages = page.log()
    assert len(messages) == 1 and "422" in messages[0]  # the browser's own line
    page.click('.card[data-id="100"]')
    page.wait(NEAREST)
    assert page.run("return document.querySelector('#error').hidden")


def test_the_tree_filters_by_mouse_and_by_keys(page, service):
    page.run("document.querySelector('[data-text=\"fine=trout\"] .name').click()")
    page.wait("return document.querySelectorAll('.card').length === 13")
    assert page.text("#where").startswith("Everything") and "trout" in page.text("#where")
    page.press("-")
    page.wait("return decodeURIComponent(location.hash) === '#within=coarse=fish'")
    page.press("/")
    assert page.run(FOCUSED) == "find"
    page.press(*"owl", "Enter")
    page.wait("return document.querySelector('.card').dataset.id === '101'")
    assert all(item % 3 == 2 for item in ids(page))  # 101, 104, ..., the owls


def test_arrows_move_and_enter_searches(page):
    page.run("document.querySelector('.card').focus()")
    page.press("ArrowRight", "ArrowRight")
    assert page.run(FOCUSED) == "102"
    page.press("ArrowLeft", "ArrowDown")
    columns = page.run(
        "return getComputedStyle(document.querySelector('#results'))"
        ".gridTemplateColumns.split(' ').length"
    )
    assert page.run(FOCUSED) == str(101 + columns)
    page.press("Enter")
    page.wait(NEAREST)
    page.press("Escape")
    page.wait("return document.querySelectorAll('.card').length === 40")


def test_a_phone_is_wide_enough_and_dark_mode_is_dark(service):
    with browser.Browser(360, 740, phone=True, dark=True) as phone:
        phone.open(f"{service[0]}#id=104")
        phone.wait(NEAREST)
        assert phone.run("return document.documentElement.scrollWidth") == 360
        columns = "return getComputedStyle(document.querySelector('#results')).gridTemplateColumns"
        assert len(phone.run(columns).split()) == 3
        ground = phone.run("return getComputedStyle(document.body).backgroundColor")
        assert all(int(part) < 60 for part in ground[4:-1].split(","))
        assert phone.log() == []


def test_names_are_text_whatever_is_in_them(tmp_path, window):
    bad = "<img src=x onerror=document.title='gone'>"
    tree = Hierarchy.from_table([[bad, '"><script>alert(1)</script>']], ["fine", "<b>coarse</b>"])
    (tmp_path / f"{bad}.png").write_bytes(png(checkered([1] * 16)))
    index = HammingIndex(16, hierarchy=tree)
    packed = codes.pack(np.ones((2, 16)))
    names = np.array([f"{bad}.png", "&lt;.png"])
    index.add(packed, np.arange(2), names, np.zeros((2, 2), np.int32))
    pictures = FilePictures(tmp_path, inside=True, max_pixels=10**6)
    service = Service(Collection(index, pictures), Brightness(), Limits(drain=0.0))
    with serving(service) as client:
        window.open(f"http://127.0.0.1:{client.port}/#id=0")
        window.wait(NEAREST)
        assert window.text(".file") == "&lt;.png"
        assert window.text("#asked-name") == f"{bad}.png"
        assert window.text(".path-of-classes").startswith(bad)
        assert window.text(".relation") == f"same {bad}"
        assert bad in window.text("#tree")
        assert window.run("return document.querySelectorAll('script, b b').length") == 1
        assert "gone" != window.run("return document.title")
        messages = [line for line in window.log() if "404" not in line]
        assert messages == []
