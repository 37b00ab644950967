"""A run folder and a comparison made by hand: a report needs no network that was trained."""

import json
import sys
from pathlib import Path

import pytest
import yaml

from gluon_hash.retrieval import curves, measure

sys.path.insert(0, str(Path(__file__).parent))

from made_up import NUM_BITS, TREE, code_table  # noqa: E402


@pytest.fixture
def make_run(rng):
    """Writes a run folder with codes; ``name`` is that of its method."""

    def make(folder, name="hpdh", root="nowhere"):
        (folder / "best.ckpt").mkdir(parents=True)
        config = {
            "data": {"root": str(root), "held_out": True},
            "net": {"backbone": "resnet50_v1", "num_bits": NUM_BITS, "head": "linear"},
            "loss": {"name": name, "cubic_weight": 10.0, "level_weights": None},
            "optimizer": {"name": "adam", "lr": 0.003, "schedule": "cosine"},
            "training": {"epochs": 3, "batch_size": 8, "seed": 24, "monitor": "map"},
        }
        (folder / "run.yaml").write_text(yaml.safe_dump(config))
        TREE.save(folder / "hierarchy.tsv")
        log = [
            {"epoch": e, "loss": 2.0 / e, "loss_cubic": 1.0 / e, "validation_map": 0.2 * e}
            for e in (1, 2, 3)
        ]
        (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log))
        (folder / "best.ckpt" / "state.json").write_text('{"best_epoch": 2}')
        (folder / "versions.json").write_text('{"gluon_hash": "9.8.7", "packages": {"numpy": "1"}}')
        (folder / "reference.json").write_text('{"itq": {"map": 0.125}}')
        query, database = code_table(rng, 5, 1000), code_table(rng, 20, 0)
        query.save(folder / "query.npz")
        database.save(folder / "database.npz")
        return query, database

    return make


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
