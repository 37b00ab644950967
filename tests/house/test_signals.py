"""Where a handler's error would be swallowed: destructors, and callbacks of weak references."""

import subprocess
import sys
import weakref
from pathlib import Path

import pytest

from gluon_hash.signals import is_swallowed

ROOT = Path(__file__).parents[2]
# an import takes a lock whose callback Python calls when it dies
IMPORTS = """
import sys
from gluon_hash.signals import is_swallowed
seen = []
def look(frame, event, argument):
    if event == "call" and frame.f_code.co_name == "cb":
        seen.append(is_swallowed(frame))
sys.setprofile(look)
import colorsys
sys.setprofile(None)
print(seen)
"""


class Thing:
    def __init__(self, ends):
        self.ends = ends

    def __del__(self):
        self.ends.append(is_swallowed(sys._getframe()))


def seen_when(act):
    """What is_swallowed says of the functions that Python calls in ``act``."""
    seen = []

    def look(frame, event, argument):
        if event == "call":
            seen.append((frame.f_code.co_name, is_swallowed(frame)))

    sys.setprofile(look)
    try:
        act()
    finally:
        sys.setprofile(None)
    return seen


def test_a_destructor_swallows():
    ends = []
    Thing(ends)
    assert ends == [True] and not is_swallowed(sys._getframe())


@pytest.mark.parametrize("kind", [weakref.WeakValueDictionary, weakref.WeakKeyDictionary])
def test_a_dictionary_of_weak_references_swallows(kind):
    class Plain:
        pass

    one, other = Plain(), Plain()
    held = kind({one: other})

    def forget():
        nonlocal one, other
        one = other = None

    assert ("remove", True) in seen_when(forget) and ("forget", False) in seen_when(forget)
    assert not held


def test_an_import_swallows_when_its_lock_is_given_back():
    command = [sys.executable, "-c", IMPORTS]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert set(ended.stdout.strip()[1:-1].split(", ")) == {"True"}
