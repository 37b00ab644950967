"""A table of docs/results.md that needs no training of its own: the held-out images.

They choose the epoch, are never trained on, and stay in the database of the paper's protocol. What
does that do? The same codes are measured with them and without them in the database.
"""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from gluon_hash import doctor
from gluon_hash.records import read_list
from gluon_hash.retrieval import CodeTable, Cutoffs, Measured, measure
from gluon_hash.retrieval.evaluation import bootstrap

__all__ = ["held_out"]

WITH = ("held-out images in the database", "without them")
METRICS = ("map", "mahp", "mean_ndcg_released")  # mAHP at 2,500, nDCG at 100


def held_out(comparison: Path, validation: Path, names: tuple[str, ...]) -> dict[str, Any]:
    """Lines of a comparison, with and without the held-out images in the database.

    Parameters
    ----------
    comparison : Path
        Its folder; the codes of ``runs/NAME,seed=24`` are read.
    validation : Path
        validation.lst.
    names : tuple of str
        Lines; one that is not there is left out.

    Returns
    -------
    dict
        As docs/results.json holds a table.
    """
    started = time.monotonic()
    rows = []
    for name in names:
        folder = comparison / "runs" / f"{name},seed=24"
        if not (folder / "database.npz").exists():
            continue
        query, database = (CodeTable.load(folder / f"{side}.npz") for side in ("query", "database"))
        ids = read_list(validation, database.level_labels.shape[1]).ids
        fewer = database.take(np.flatnonzero(~np.isin(database.ids, ids)))
        whole, part = (measure(query, own, cutoffs=Cutoffs(ahp=2500)) for own in (database, fewer))
        values = [_columns(each) for each in (whole, part)]
        means = [each.mean(axis=0).tolist() for each in values]
        ends = bootstrap(values[1] - values[0], 95.0)
        difference = {"difference": means[1][0] - means[0][0], "interval": ends[0].tolist()}
        rows.append([name, {"means": means[0]}, {"means": means[1]}, difference])
    versions = doctor.version_report()
    return {
        "command": "make results ONLY=held_out    # from the codes of protocols_48",
        "commit": (versions["commit"] or "unknown")[:7],
        "date": str(date.today()),
        "machine": f"{versions['processors']} processor(s) of {versions['processor']}",
        "seconds": round(time.monotonic() - started),
        "columns": ["", *(f"{w}: {' / '.join(METRICS)}" for w in WITH), "mAP, paired"],
        "rows": rows,
    }


def _columns(measured: Measured) -> np.ndarray:
    """The metrics of every query: float64 (Q, 3)."""
    stems = {name.partition("@")[0]: name for name in measured.names}
    return np.stack([measured.column(stems[stem]) for stem in METRICS], axis=1)
