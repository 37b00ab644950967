"""What MXNet 1.9.1 and GluonCV look for in Python and NumPy, and newer ones no longer have.

MXNet was retired in 2023. It names types and functions that NumPy 1.24 and 2.0 to 2.4 took away,
and distutils, which Python 3.12 took away. They are put back where they are missing, with the
meaning that they had, before MXNet is first imported. They stay: both packages look some of them
up when their functions run. A name that NumPy has is never replaced.
"""

from __future__ import annotations

import sys
import types
import warnings

import numpy as np
from packaging.version import Version

__all__ = ["provide_distutils", "restore_numpy_names"]

# gone since NumPy 1.24: https://numpy.org/doc/stable/release/1.24.0-notes.html
TYPES = {"bool": bool, "object": object, "int": int, "float": float, "complex": complex, "str": str}
# gone since NumPy 2.0: https://numpy.org/doc/stable/numpy_2_0_migration_guide.html
CONSTANTS = {
    "Inf": np.inf,
    "NAN": np.nan,
    "NINF": -np.inf,
    "NZERO": -0.0,
    "NaN": np.nan,
    "PINF": np.inf,
    "PZERO": 0.0,
}
# gone since NumPy 2.0 to 2.4 -> what has taken the place; "" for the financial functions, which
# MXNet only lists: since NumPy 1.20 they do nothing but raise
FUNCTIONS = {
    "alltrue": "all",
    "cumproduct": "cumprod",
    "in1d": "isin",
    "mirr": "",
    "npv": "",
    "pmt": "",
    "ppmt": "",
    "product": "prod",
    "pv": "",
    "rate": "",
    "round_": "round",
    "row_stack": "vstack",
    "sometrue": "any",
    "trapz": "trapezoid",
}


def restore_numpy_names() -> list[str]:
    """Put back the names of NumPy that MXNet uses and this NumPy lacks; returns them.

    Examples
    --------
    >>> _ = restore_numpy_names()
    >>> restore_numpy_names()
    []
    """
    values = {**TYPES, **CONSTANTS, "msort": _msort}
    values |= {old: getattr(np, new, None) for old, new in FUNCTIONS.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # asking for a deprecated or lost name warns
        missing = [name for name in values if not hasattr(np, name)]
    for name in missing:
        setattr(np, name, values[name])
    return missing


def _msort(array: np.ndarray) -> np.ndarray:
    """What np.msort was: a copy, sorted along the first axis."""
    return np.sort(array, axis=0)


def provide_distutils() -> None:
    """From Python 3.12 on, a distutils.version with the two classes that MXNet and GluonCV compare.

    Setuptools below 80 would bring it too; this needs none. Nothing else of distutils is provided.
    """
    name = "distutils.version"
    if sys.version_info < (3, 12) or name in sys.modules:
        return
    module = types.ModuleType(name, "Version comparison, by packaging.version.")
    for wanted in ("LooseVersion", "StrictVersion"):
        setattr(module, wanted, Version)
    sys.modules[name] = module
