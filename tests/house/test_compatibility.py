"""Names that MXNet needs and newer Pythons and NumPys lack: put back, others left alone."""

import subprocess
import sys

import numpy as np
import pytest

from gluon_hash import compatibility

# a stand-in for each generation of NumPy: the names that it has
OLD = {*compatibility.TYPES, *compatibility.CONSTANTS, *compatibility.FUNCTIONS, "msort"}
SINCE_1_24 = OLD - set(compatibility.TYPES)
SINCE_2_4 = {"bool"}


class FakeNumPy:
    """Has some of the names, and what takes the place of the lost ones."""

    def __init__(self, names):
        for name in ("all", "any", "cumprod", "isin", "prod", "round", "trapezoid", "vstack"):
            setattr(self, name, name)
        for name in names:
            setattr(self, name, f"own {name}")


@pytest.mark.parametrize("own", [OLD, SINCE_1_24, SINCE_2_4], ids=["1.23", "1.24", "2.4"])
def test_missing_names_come_back_and_others_stay(monkeypatch, own):
    fake = FakeNumPy(own)
    monkeypatch.setattr(compatibility, "np", fake)
    assert set(compatibility.restore_numpy_names()) == OLD - own
    assert all(hasattr(fake, name) for name in OLD)
    assert all(getattr(fake, name) == f"own {name}" for name in own)
    assert compatibility.restore_numpy_names() == []


def test_they_mean_what_they_meant(monkeypatch):
    fake = FakeNumPy([])
    monkeypatch.setattr(compatibility, "np", fake)
    compatibility.restore_numpy_names()
    assert (fake.bool, fake.object, fake.int, fake.str) == (bool, object, int, str)
    assert (fake.Inf, fake.NINF, fake.PZERO) == (np.inf, -np.inf, 0.0) and np.signbit(fake.NZERO)
    assert (fake.alltrue, fake.in1d, fake.trapz, fake.round_) == (
        "all",
        "isin",
        "trapezoid",
        "round",
    )
    fake.sort = np.sort
    np.testing.assert_array_equal(fake.msort(np.array([[3, 1], [2, 5]])), [[2, 1], [3, 5]])


@pytest.mark.parametrize("wanted", ["LooseVersion", "StrictVersion"])
def test_versions_compare_without_distutils(monkeypatch, wanted):
    monkeypatch.setattr(compatibility.sys, "version_info", (3, 12, 0))
    monkeypatch.delitem(sys.modules, "distutils.version", raising=False)
    compatibility.provide_distutils()
    version = getattr(sys.modules.pop("distutils.version"), wanted)
    assert version("1.9.1") < version("1.17") and version("1.26.4") >= version("1.15")


def test_the_distutils_of_python_is_left_alone():
    """In Python 3.11 it is there; a stand-in that somebody else made stays too."""
    program = (
        "import sys; from gluon_hash import compatibility\n"
        "if sys.version_info >= (3, 12): sys.modules['distutils.version'] = 'own'\n"
        "compatibility.provide_distutils()\n"
        "print(sys.modules.get('distutils.version', 'own'))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "own\n", done.stderr
