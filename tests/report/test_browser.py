"""The page in a browser: it asks nothing of the network, keys and pointer work, a phone fits."""

import time

import pytest
from chromium import Chromium, find_chromium

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="no Chromium")


@pytest.fixture
def page(told):
    return told[0]


def chosen(browser):
    """The number of the point that is shown, -1 if none is."""
    return browser.evaluate(
        "[...document.querySelectorAll('#points circle')]"
        ".findIndex((circle) => circle.classList.contains('on'))"
    )


def becomes(browser, number):
    """Whether the point is chosen soon: a browser hands the mouse on with its next frame."""
    deadline = time.monotonic() + 5
    while chosen(browser) != number and time.monotonic() < deadline:
        time.sleep(0.02)
    return chosen(browser) == number


def middle_of(browser, number):
    return browser.evaluate(
        f"(() => {{ const c = document.querySelectorAll('#points circle')[{number}];"
        "c.scrollIntoView({block: 'center', behavior: 'instant'});"
        "const b = c.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()"
    )


def test_the_page_works_by_key_and_pointer_and_asks_nothing(page):
    with Chromium() as browser:
        browser.open(page, 1280, 900)
        assert chosen(browser) == -1
        browser.evaluate("document.getElementById('points').focus()")
        assert chosen(browser) == 0
        seen = {0}
        for key in ("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp", "ArrowRight"):
            browser.press(key)
            seen.add(chosen(browser))
        assert len(seen) > 2
        text = browser.evaluate("document.getElementById('point').textContent")
        assert all(name in text for name in ("breed", "species", "kind"))
        assert browser.evaluate("!!document.querySelector('#point .pic')")
        last = browser.evaluate("document.querySelectorAll('#points circle').length") - 1
        browser.move(*middle_of(browser, last))  # the last is above all others
        assert becomes(browser, last)
        browser.press("Home")
        assert becomes(browser, 0)
        browser.click(*middle_of(browser, last))
        assert becomes(browser, last)
        before = browser.evaluate("document.querySelector('#points circle').getAttribute('fill')")
        browser.evaluate("document.querySelectorAll('#levels input')[0].click()")
        after = browser.evaluate("document.querySelector('#points circle').getAttribute('fill')")
        assert before != after
        assert browser.messages == []
        assert browser.asked == [page.resolve().as_uri()]


@pytest.mark.parametrize("width, mobile", [(1280, False), (375, True), (320, True)])
def test_nothing_is_wider_than_the_window(page, width, mobile):
    with Chromium() as browser:
        browser.open(page, width, 800, mobile=mobile)
        assert browser.evaluate("document.documentElement.scrollWidth") <= width
        small = browser.evaluate(
            "[...document.querySelectorAll('nav a, button, fieldset label')]"
            ".map((e) => e.getBoundingClientRect().height).filter((h) => h && h < 34).length"
        )
        assert small == 0  # can be hit with a finger


def test_dark_is_dark_and_the_button_changes_it(page):
    colour = "getComputedStyle(document.body).backgroundColor"
    with Chromium() as browser:
        browser.open(page, 800, 600, dark=True)
        dark = browser.evaluate(colour)
        browser.evaluate("document.getElementById('theme').click()")
        light = browser.evaluate(colour)
        browser.open(page, 800, 600)
        assert browser.evaluate(colour) == light != dark
        ink = "getComputedStyle(document.querySelector('figure svg text')).fill"
        assert browser.evaluate(ink) == "rgb(28, 28, 31)"
        browser.open(page, 800, 600, dark=True)
        assert browser.evaluate(ink) == "rgb(236, 236, 240)"
