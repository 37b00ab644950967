"""The page in a browser: it asks nothing of the network, keys and pointer work, a phone fits."""

import time

import pytest
from browser import Browser, is_there

pytestmark = pytest.mark.skipif(not is_there(), reason="no Chromium with chromedriver")


@pytest.fixture
def page(told):
    return told[0].resolve().as_uri()


@pytest.fixture(scope="module")
def browser():
    with Browser() as window:
        yield window


def show(browser, page, width, height, **how):
    browser.emulate(width, height, **how)
    browser.open(page)


def value(browser, expression):
    return browser.run(f"return {expression}")


def chosen(browser):
    """The number of the point that is shown, -1 if none is."""
    return value(
        browser,
        "[...document.querySelectorAll('#points circle')]"
        ".findIndex((circle) => circle.classList.contains('on'))",
    )


def becomes(browser, number):
    """Whether the point is chosen soon: a browser hands the mouse on with its next frame."""
    deadline = time.monotonic() + 5
    while chosen(browser) != number and time.monotonic() < deadline:
        time.sleep(0.02)
    return chosen(browser) == number


def middle_of(browser, number):
    return value(
        browser,
        f"(() => {{ const c = document.querySelectorAll('#points circle')[{number}];"
        "c.scrollIntoView({block: 'center', behavior: 'instant'});"
        "const b = c.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()",
    )


def test_the_page_works_by_key_and_pointer_and_asks_nothing(browser, page):
    show(browser, page, 1280, 900)
    assert chosen(browser) == -1
    value(browser, "document.getElementById('points').focus()")
    assert chosen(browser) == 0
    seen = {0}
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp", "ArrowRight"):
        browser.press(key)
        seen.add(chosen(browser))
    assert len(seen) > 2
    text = value(browser, "document.getElementById('point').textContent")
    assert all(name in text for name in ("breed", "species", "kind"))
    assert value(browser, "!!document.querySelector('#point .pic')")
    last = value(browser, "document.querySelectorAll('#points circle').length") - 1
    browser.point(*middle_of(browser, last))  # the last is above all others
    assert becomes(browser, last)
    browser.press("Home")
    assert becomes(browser, 0)
    browser.point(*middle_of(browser, last), click=True)
    assert becomes(browser, last)
    before = value(browser, "document.querySelector('#points circle').getAttribute('fill')")
    value(browser, "document.querySelectorAll('#levels input')[0].click()")
    after = value(browser, "document.querySelector('#points circle').getAttribute('fill')")
    assert before != after
    assert browser.log() == []
    assert browser.requests() == [page]


@pytest.mark.parametrize("width, mobile", [(1280, False), (375, True), (320, True)])
def test_nothing_is_wider_than_the_window(browser, page, width, mobile):
    show(browser, page, width, 800, mobile=mobile)
    assert value(browser, "document.documentElement.scrollWidth") <= width
    small = value(
        browser,
        "[...document.querySelectorAll('nav a, button, fieldset label')]"
        ".map((e) => e.getBoundingClientRect().height).filter((h) => h && h < 34).length",
    )
    assert small == 0  # can be hit with a finger


def test_dark_is_dark_and_the_button_changes_it(browser, page):
    colour = "getComputedStyle(document.body).backgroundColor"
    show(browser, page, 800, 600, dark=True)
    dark = value(browser, colour)
    value(browser, "document.getElementById('theme').click()")
    light = value(browser, colour)
    show(browser, page, 800, 600)
    assert value(browser, colour) == light != dark
    ink = "getComputedStyle(document.querySelector('figure svg text')).fill"
    assert value(browser, ink) == "rgb(28, 28, 31)"
    show(browser, page, 800, 600, dark=True)
    assert value(browser, ink) == "rgb(236, 236, 240)"
