"""Do codes find near-duplicates among the images of a class? Queries: flipped database images.

    python tools/within_class.py RUN --data prepared/cifar100 --count 500

RUN is one of expected_codeword on cached features. Of evenly spread images of the database the
mirrored ones are queries; asked is the rank of the original, among the images of its class and
among all, ties averaged. Beside it: fine mAP of the queries of the data.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np

from gluon_hash.arrays import evenly
from gluon_hash.engine import nd
from gluon_hash.experiment import Run, load_run
from gluon_hash.experiment.objects import in_order
from gluon_hash.methods import Task
from gluon_hash.records import RecordFile
from gluon_hash.retrieval import CodeTable, FeatureTable, codes, measure
from gluon_hash.retrieval.baselines import LinearHash, fit

AT_A_TIME = 100
Signs = list[np.ndarray]  # +-1 of the database, the mirrored images, the queries of the data


def mirrored(run: Run, data: Path, rows: np.ndarray) -> np.ndarray:
    """Features of the mirrored images of some rows of train.rec."""
    records, transform = RecordFile(data / "train.rec"), run.transform
    blocks = []
    for block in np.array_split(rows, -(-len(rows) // AT_A_TIME)):
        pixels = [transform.evaluate(records.image(row)[:, ::-1]) for row in block]
        images = nd.array(transform.normalize(np.stack(pixels)))
        blocks.append(run.net.features(images).asnumpy())
    return np.concatenate(blocks)


def probabilities(run: Run, features: np.ndarray) -> np.ndarray:
    """Of the finest classes, by the run's classifier."""
    classifier = in_order(*list(run.net.head)[:-1])
    blocks = [classifier(nd.array(part)).softmax().asnumpy() for part in _parts(features)]
    return np.concatenate(blocks)


def codeword_signs(run: Run, posteriors: list[np.ndarray], num_bits: int) -> Signs:
    """Signs of the expected codewords of so many bits: the classifier does not depend on them."""
    task = Task(run.hierarchy, num_bits, np.empty(0), [], _nothing, run.config.training.seed)
    targets, thresholds = run.config.loss.codewords(task)
    return [_signs(p @ targets - thresholds) for p in posteriors]


def baseline_signs(name: str, features: list[np.ndarray], num_bits: int) -> Signs:
    """Signs of a baseline that is fitted on every fifth image of the database."""
    fitted = fit(name, features[0][::5], None, num_bits, seed=24)
    assert isinstance(fitted, LinearHash)  # of itq and lsh
    return [_signs(fitted.project(each)) for each in features]


def beside(*several: Signs) -> Signs:
    """The bits of one beside those of the other."""
    return [np.concatenate(each, axis=1) for each in zip(*several)]


def ranks(nearness: np.ndarray, rows: np.ndarray, fine: np.ndarray) -> list[np.ndarray]:
    """Ranks of the originals, ties averaged: among their class, among all; from 1."""
    found = []
    for allowed in (fine[None, :] == fine[rows][:, None], np.ones(nearness.shape, bool)):
        own = nearness[np.arange(len(rows)), rows][:, None]
        before = ((nearness > own) & allowed).sum(axis=1)
        ties = ((nearness == own) & allowed).sum(axis=1)  # itself among them
        found.append(np.stack([before, ties]))
    return found


def recall(found: np.ndarray, k: int) -> float:
    """How probable it is that the original is among the first k, ties in random order."""
    before, ties = found
    return float(np.clip((k - before) / ties, 0, 1).mean())


def line(name: str, found: list[np.ndarray], mean_ap: float | None) -> None:
    """A line of the table."""
    inside, anywhere = found
    middle = np.median(inside[0] + (inside[1] + 1) / 2)
    values = [recall(inside, 1), recall(inside, 10), recall(anywhere, 1), recall(anywhere, 10)]
    cells = " | ".join(f"{value:.3f}".lstrip("0") for value in values)
    shown = "" if mean_ap is None else f"{mean_ap:.3f}".lstrip("0")
    print(f"| {name} | {middle:.0f} | {cells} | {shown} |", flush=True)


@dataclass(frozen=True)
class Asked:
    """Tables of the data's features, and which rows of the database are mirrored."""

    query: FeatureTable
    database: FeatureTable
    rows: np.ndarray

    def line(self, name: str, nearness: np.ndarray, mean_ap: float | None = None) -> None:
        """A line of the table, by how near each mirrored image is to each of the database."""
        line(name, ranks(nearness, self.rows, self.database.level_labels[:, 0]), mean_ap)

    def coded(self, name: str, signs: Signs) -> None:
        """A line of codes, with the mAP of the queries."""
        tables = [
            CodeTable(table.ids, codes.pack(each), table.level_labels, each.shape[1])
            for table, each in ((self.query, signs[2]), (self.database, signs[0]))
        ]
        self.line(name, signs[1] @ signs[0].T, measure(*tables).summary()["map_tie_averaged"])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="prepared folder")
    parser.add_argument("--features", default="features_resnet50_v1_96px.npz")
    parser.add_argument("--query-features", default="features_query.npz")
    parser.add_argument("--count", type=int, default=500, help="mirrored images")
    arguments = parser.parse_args()
    run = load_run(arguments.run)
    names = (arguments.features, arguments.query_features)
    database, query = (FeatureTable.load(arguments.data / name) for name in names)
    rows = evenly(len(database), arguments.count)
    features = [database.features.astype(np.float32), mirrored(run, arguments.data, rows)]
    features.append(query.features.astype(np.float32))
    print("| ranked by | median rank in the class | recall@1 | @10 | recall@1, all | @10 | mAP |")
    print("|---|---|---|---|---|---|---|")
    lines(run, features, Asked(query, database, rows))


def lines(run: Run, features: list[np.ndarray], asked: Asked) -> None:
    """The lines of the table; features: of the database, the mirrored images and the queries."""
    posteriors = [probabilities(run, each) for each in features]
    bits = {n: codeword_signs(run, posteriors, n) for n in (48, 32, 24)}
    itq = {n: baseline_signs("itq", features, n) for n in (48, 24, 16)}
    both = beside(bits[32], itq[16])
    asked.coded("expected codeword, 48 bits", bits[48])
    asked.coded("expected codeword 32 bits + ITQ 16", both)
    asked.coded("expected codeword 24 bits + ITQ 24", beside(bits[24], itq[24]))
    first = np.repeat([64.0, 1.0], [32, 16]).astype(np.float32)
    asked.line("the 32 bits, equal ones by the 16 of ITQ", (both[1] * first) @ both[0].T)
    asked.coded("ITQ, 48 bits", itq[48])
    asked.coded("LSH, 48 bits", baseline_signs("lsh", features, 48))
    cosine = _unit(features[1]) @ _unit(features[0]).T
    for most in (100, 1000):
        kept = _kept(bits[48][1] @ bits[48][0].T, most)
        name = f"48 bits, the nearest {most} re-ranked by features"
        asked.line(name, np.where(kept, cosine, -2.0))
    asked.line("cosine of the features", cosine)


def _nothing() -> tuple[np.ndarray, np.ndarray]:
    return np.empty((0, 0)), np.empty(0)


def _kept(nearness: np.ndarray, most: int) -> np.ndarray:
    """Which are the nearest so many of each row, ties by position, as an index has them."""
    order = np.argsort(-nearness, axis=1, kind="stable")[:, :most]
    kept = np.zeros(nearness.shape, bool)
    np.put_along_axis(kept, order, True, axis=1)
    return kept


def _parts(features: np.ndarray) -> list[np.ndarray]:
    return np.array_split(features, -(-len(features) // 2000))


def _signs(relaxed: np.ndarray) -> np.ndarray:
    return np.where(relaxed >= 0, 1.0, -1.0).astype(np.float32)


def _unit(features: np.ndarray) -> np.ndarray:
    return features / np.linalg.norm(features, axis=1, keepdims=True)


if __name__ == "__main__":
    main()
