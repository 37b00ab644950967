"""A run folder and a comparison made by hand: a report needs no network that was trained."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from gluon_hash.experiment.cards.run_report import write_report
from gluon_hash.retrieval import curves, measure

sys.path.insert(0, str(Path(__file__).parent))

from made_up import NUM_BITS, write_images, write_run  # noqa: E402


@pytest.fixture
def make_run(rng):
    """Writes a run folder with codes."""
    return lambda folder, name="hpdh", root="nowhere": write_run(folder, rng, name, root)


@pytest.fixture(scope="session")
def told(tmp_path_factory):
    """A run with images, and its page, made once: (page, codes of the queries)."""
    folder, rng = tmp_path_factory.mktemp("told"), np.random.RandomState(7)
    query, database = write_run(folder / "run", rng, root=folder / "data")
    (folder / "data").mkdir()
    write_images(folder / "data" / "query.rec", query)
    write_images(folder / "data" / "train.rec", database)
    write_report(folder / "run", folder / "r.html")
    return folder / "r.html", query


@pytest.fixture
def comparison(make_run, tmp_path):
    """A folder as `gluon-hash compare` writes it, of two methods."""
    folder, rows, points = tmp_path / "compared", [], {}
    for name in ("hpdh", "dcwh"):
        query, database = make_run(folder / "runs" / f"{name},seed=24", name)
        summary = measure(query, database).summary(95.0)
        ends = summary["confidence"]
        metrics = {
            metric: {
                "mean": summary[metric],
                "std_over_seeds": None,
                "interval": ends[metric],
                "difference": None if name == "hpdh" else 0.25,
                "difference_interval": None if name == "hpdh" else [0.125, 0.5],
            }
            for metric in ends
            if metric.partition("@")[0] in ("map", "mahp", "mean_ndcg_released")
        }
        rows.append(
            {
                "name": name,
                "num_bits": NUM_BITS,
                "chosen": {},
                "num_seeds": 1,
                "runs": [f"{name},seed=24"],
                "metrics": metrics,
            }
        )
        points[f"{name}, {NUM_BITS} bits"] = curves(query, database).to_dict()
    about = {"configs": ["a.yaml"], "seeds": [24], "reference": "hpdh", "confidence": 95.0}
    (folder / "comparison.json").write_text(json.dumps({**about, "rows": rows}))
    (folder / "curves.json").write_text(json.dumps(points))
    return folder
