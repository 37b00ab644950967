"""What `gluon-hash extend` reaches: new classes from few images, codes of the old ones kept.

    python tools/new_classes_table.py RUN_WITHOUT RUN_WITH --data prepared/cifar100 --out extended

RUN_WITHOUT was trained without some classes (data.unseen_classes), RUN_WITH with all of them. The
database: codes of the old classes' images by RUN_WITHOUT, which stay, and of the new classes'
images, by each extended run. Queries: those of the new classes and those of the old ones.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np

from gluon_hash.experiment import load_model
from gluon_hash.experiment.runs.extending import extend
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.retrieval import CodeTable, FeatureTable, measure

METRICS = ("map", "mahp@2500", "mean_ndcg_released@100")


def codes(run: Path, features: str, rows: np.ndarray) -> CodeTable:
    """Codes of some rows of a file of features."""
    model = load_model(run)
    return model.encode_loader(model.loader(features).part(rows), "encode")


def joined(first: CodeTable, second: CodeTable) -> CodeTable:
    """Both tables as one, in the order of their ids."""
    ids = np.concatenate([first.ids, second.ids])
    order = np.argsort(ids, kind="stable")
    packed = np.concatenate([first.codes, second.codes])[order]
    labels = np.concatenate([first.level_labels, second.level_labels])[order]
    return CodeTable(ids[order], packed, labels, first.num_bits)


def row(name: str, queries: list[CodeTable], database: CodeTable) -> None:
    """Print the metrics of each kind of query."""
    cells = []
    for table in queries:
        found = measure(table, database).summary()
        cells.append(" / ".join(f"{found[metric]:.3f}".lstrip("0") for metric in METRICS))
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Extend with 10, 100 and 500 images a class, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("without", type=Path, help="run folder, trained without some classes")
    parser.add_argument("all", type=Path, help="run folder, trained with all")
    parser.add_argument("--data", type=Path, required=True, help="prepared folder")
    parser.add_argument("--features", default="features_resnet50_v1_96px.npz")
    parser.add_argument("--query-features", default="features_query.npz")
    parser.add_argument("--images", default="10,100,500", help="of each new class")
    parser.add_argument("--out", type=Path, required=True, help="folder for the extended runs")
    arguments = parser.parse_args()
    files = [str(arguments.data / name) for name in (arguments.query_features, arguments.features)]
    is_new = [_is_new(arguments.without, arguments.data, file) for file in files]
    new, old = (np.flatnonzero(is_new[1]), np.flatnonzero(~is_new[1]))
    kinds = [np.flatnonzero(is_new[0]), np.flatnonzero(~is_new[0])]
    print("| the network | queries of new classes | queries of old classes |\n|---|---|---|")

    def measured(name: str, run: Path, kept: CodeTable) -> None:
        queries = [codes(run, files[0], rows) for rows in kinds]
        row(name, queries, joined(kept, codes(run, files[1], new)))

    kept = codes(arguments.without, files[1], old)
    measured("as it was", arguments.without, kept)
    for count in map(int, arguments.images.split(",")):
        out = arguments.out / f"{count}"
        if not out.exists():
            hierarchy = arguments.data / "hierarchy.tsv"
            extend(arguments.without, files[1], out, hierarchy, images_per_class=count)
        measured(f"extended, {count} images of each new class", out, kept)
    measured("trained with all classes", arguments.all, codes(arguments.all, files[1], old))


def _is_new(run: Path, data: Path, features: str) -> np.ndarray:
    """Whether each image is of a class that the run does not know."""
    known = set(load_model(run).hierarchy.class_names[0])
    names = Hierarchy.load(data / "hierarchy.tsv").class_names[0]
    unknown = np.array([name not in known for name in names])
    return unknown[FeatureTable.load(features).level_labels[:, 0]]


if __name__ == "__main__":
    main()
