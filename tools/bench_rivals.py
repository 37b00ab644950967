"""What runs in an environment of its own for `make bench`: lines of JSON in, lines of JSON out.

Nothing here imports gluon_hash. The functions that are loaded are in bench_rival_*.py (and, in our
own environment, in bench_own.py): each takes inputs and returns the work, which is then called.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, TextIO

import numpy as np

Inputs = Mapping[str, np.ndarray]
Work = Callable[[], object]


def load(name: str, path: str) -> Work:
    """The work that MODULE.FUNCTION makes of the arrays in a file."""
    module, _, function = name.partition(".")
    with np.load(path) as file:
        inputs = {key: file[key] for key in file.files}
    return getattr(importlib.import_module(module), function)(inputs)


def seconds(work: Work, calls: int) -> list[float]:
    """Of each of so many calls."""
    taken = []
    for _ in range(calls):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return taken


def answer(question: dict[str, Any], works: list[Work]) -> dict[str, Any]:
    """Do what a line asks for; ``works`` holds what was loaded last."""
    if "load" in question:
        works[:] = [load(question["load"], question["inputs"])]
    elif "call" in question:
        return {"seconds": seconds(works[0], question["call"])}
    else:
        works.clear()
    return {}


def serve(questions: TextIO, answers: TextIO) -> None:
    """Until no more come."""
    works: list[Work] = []
    for line in questions:
        try:
            said = answer(json.loads(line), works)
        except Exception as error:  # whatever a library raises is an answer too
            said = {"error": f"{type(error).__name__}: {error}"[:500]}
        print(json.dumps(said), file=answers, flush=True)


if __name__ == "__main__" and len(sys.argv) == 3:  # WORK INPUTS.npz: once, to be measured whole
    load(*sys.argv[1:])()
elif __name__ == "__main__":
    own = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is not an answer
    serve(sys.stdin, own)
