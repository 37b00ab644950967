"""The readers of network_cases.py, where MXNet is installed; else there are none."""

import importlib.util

READERS: list = []
if importlib.util.find_spec("mxnet") is not None:
    from network_cases import READERS  # noqa: F401
