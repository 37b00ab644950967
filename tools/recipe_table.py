"""The recommended recipe on several data sets, beside no training, ITQ and the paper's method.

    python tools/recipe_table.py NAME=PREPARED... --out DIR [--weights FILE.params]

prints a table: the mean over seeds of fine mAP (ties averaged) and mAHP. Trainings are kept in DIR
and reused; NAME=PREPARED may end in :images to train a network from scratch.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np

from gluon_hash import doctor
from gluon_hash.deploy.encode import encode_codes
from gluon_hash.engine import mx
from gluon_hash.experiment import Config, build_net, evaluation_loader, recommended, train
from gluon_hash.experiment.data.caching import cache_features
from gluon_hash.experiment.data.features import load_features, statistics
from gluon_hash.experiment.data.inputs import HIERARCHY, measuring_inputs
from gluon_hash.experiment.models.run_encoder import RunEncoder
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.methods import HPDH, Method
from gluon_hash.progress import log
from gluon_hash.retrieval import CodeTable, FeatureTable, codes, evaluate
from gluon_hash.retrieval.baselines import LinearHash, fit

CPU = [mx.cpu()]
COLUMNS = ("untrained", "ITQ", "recommended", "hpdh (the paper's)")
Values = dict[str, list[tuple[float, float]]]


def measured(query: CodeTable, database: CodeTable) -> tuple[float, float]:
    """Fine mAP over all orders of ties, and mAHP."""
    result = evaluate(query, database)
    mahp = next(value for name, value in result.items() if name.startswith("mahp@"))
    return result["map_tie_averaged"], mahp


def untrained(config: Config) -> tuple[float, float]:
    """The network before its first step."""
    mx.random.seed(config.training.seed)
    np.random.seed(config.training.seed)
    hierarchy = Hierarchy.load(Path(config.data.root) / HIERARCHY)
    net = build_net(config, hierarchy)
    files = list(measuring_inputs(config).values())
    if config.data.features is not None:
        features = load_features(config, files[1]).features
        net.head[0].set_statistics(*statistics(features, np.arange(len(features))))
    block = net if config.data.features is None else net.head
    query, database = (encode_codes(block, evaluation_loader(config, f), CPU) for f in files)
    return measured(query, database)


def itq(config: Config) -> tuple[float, float]:
    """ITQ on the same features."""
    query, database = (FeatureTable.load(path) for path in measuring_inputs(config).values())
    labels = np.zeros(len(database), np.int64)  # ITQ does not read them
    features = database.features.astype(np.float32)
    num_bits = min(config.net.num_bits, *features.shape)
    model = fit("itq", features, labels, num_bits, seed=config.training.seed)
    assert isinstance(model, LinearHash)
    packed = (codes.pack(model.project(table.features)) for table in (query, database))
    return measured(
        *(
            CodeTable(table.ids, own, table.level_labels, num_bits)
            for table, own in zip((query, database), packed)
        )
    )


def trained(config: Config, folder: Path) -> tuple[float, float]:
    """The network after training, in ``folder``."""
    if not folder.exists():
        train(config, folder, CPU)
    encoder = RunEncoder(folder)
    return measured(*map(encoder.encode_file, measuring_inputs(config).values()))


def row(name: str, prepared: Path, weights: Path | None, out: Path, seeds: list[int]) -> Values:
    """Every column of a data set, a pair of values for each seed."""
    values: Values = {column: [] for column in COLUMNS}
    for seed in seeds:
        methods: dict[str, Method | None] = {COLUMNS[2]: None, COLUMNS[3]: HPDH()}
        for column, method in methods.items():
            config = recommended(prepared, method, weights=weights, seed=seed)
            config = cache_features(config, CPU)
            short = "hpdh" if method else "recommended"
            values[column].append(trained(config, out / f"{name}_{short}_{seed}"))
        values[COLUMNS[0]].append(untrained(config))
        if config.data.features is not None:
            values[COLUMNS[1]].append(itq(config))
        log(f"{name}, seed {seed}: {json.dumps({k: v[-1] for k, v in values.items() if v})}")
    return values


def cell(pairs: list[tuple[float, float]]) -> str:
    """Means over seeds, with the standard deviation of mAP."""
    if not pairs:
        return ""
    means, spread = np.mean(pairs, axis=0), np.std([pair[0] for pair in pairs], ddof=1)
    return f"{means[0]:.3f} ± {spread:.3f} / {means[1]:.3f}".replace("0.", ".")


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="+", metavar="NAME=PREPARED[:images]")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--seeds", default="24,25,26")
    options = parser.parse_args()
    seeds = [int(seed) for seed in options.seeds.split(",")]
    lines: list[list[Any]] = [["data set", "classes per level", *COLUMNS]]
    for text in options.sets:
        name, _, place = text.partition("=")
        weights = None if place.endswith(":images") else options.weights
        prepared = Path(place.removesuffix(":images"))
        counts = Hierarchy.load(prepared / "hierarchy.tsv").num_classes
        found = row(name, prepared, weights, options.out, seeds)
        lines.append(
            [name, " / ".join(map(str, counts)), *(cell(found[column]) for column in COLUMNS)]
        )
    lines.insert(1, ["---"] * len(lines[0]))
    print("\n".join(f"| {' | '.join(line)} |" for line in lines))
    versions = doctor.version_report()
    print(
        f"commit {versions['commit']}, {versions['processor']}, {versions['processors']} processors"
    )


if __name__ == "__main__":
    main()
