"""The whole road in minutes, from preparing data to plots: `make demo` runs it."""

from __future__ import annotations

import argparse
import re
import shlex
import time
from pathlib import Path

from _checkout import ROOT, gluon_hash

SHOWN = ("map", "mahp@", "ndcg@", "mean_ndcg", "precision@", "precision_radius")


def prepare(source: str | None, data: Path) -> Path:
    """Prepare the built-in images, or a subset of CIFAR-100; return the configuration."""
    if source is None:
        gluon_hash("prepare", "synthetic", "--out", data)
        return ROOT / "configs" / "synthetic.yaml"
    gluon_hash(
        "prepare",
        "cifar100",
        "--source",
        source,
        "--out",
        data,
        "--limit",
        150,
        "--allow-duplicates",
    )
    return ROOT / "configs" / "cifar100_resnet20_48.yaml"


def untrained_codes(run_folder: Path, records: Path, out: Path) -> None:
    """Encode with the run's network as it was before training: what the training has to beat."""
    from gluon_hash import engine, experiment
    from gluon_hash.deploy.encode import encode_codes

    run = experiment.load_run(run_folder)
    net = experiment.build_net(run.config, run.hierarchy)
    encode_codes(
        net, experiment.evaluation_loader(run.config, records), engine.contexts("cpu")
    ).save(out)


def random_codes(like: Path, out: Path, seed: int) -> None:
    """Write random codes with the ids and labels of ``like``: a random ranking."""
    import numpy as np

    from gluon_hash.retrieval import CodeTable, codes

    table = CodeTable.load(like)
    bits = np.random.RandomState(seed).randint(0, 2, (len(table.ids), table.num_bits)) * 2 - 1
    CodeTable(table.ids, codes.pack(bits), table.level_labels, table.num_bits).save(out)


def measure(out: Path, database_rec: Path) -> None:
    """Encode query and database three ways and print the three side by side."""
    from rich.console import Console
    from rich.table import Table

    from gluon_hash.hierarchy import Hierarchy
    from gluon_hash.retrieval import CodeTable
    from gluon_hash.retrieval import measure as measured

    for split, records in (("query", out / "data" / "query.rec"), ("database", database_rec)):
        gluon_hash("encode", out / "run", "--records", records, "--out", out / f"{split}.npz")
        untrained_codes(out / "run", records, out / f"untrained_{split}.npz")
        random_codes(out / f"{split}.npz", out / f"random_{split}.npz", seed=len(split))
    gluon_hash(
        "evaluate",
        "--query",
        out / "query.npz",
        "--database",
        out / "database.npz",
        "--hierarchy",
        out / "data" / "hierarchy.tsv",
    )
    level_names = Hierarchy.load(out / "data" / "hierarchy.tsv").level_names
    names = ("random_", "untrained_", "")
    results = [
        measured(
            *(CodeTable.load(out / f"{name}{split}.npz") for split in ("query", "database"))
        ).summary()
        for name in names
    ]
    table = Table(
        "metric",
        "random ranking",
        "untrained network",
        "trained network",
        title=f"{results[0]['num_queries']:.0f} queries, "
        f"{results[0]['num_database']:.0f} in the database; 1 is perfect",
    )
    for metric in results[0]:
        if metric.startswith(SHOWN) and not metric.startswith("map_tie"):
            level = int(metric.rpartition("_")[2]) if metric.startswith("map_level") else 0
            meaning = f" (same {level_names[level]})" if metric.startswith("map") else ""
            table.add_row(metric + meaning, *(f"{result[metric]:.3f}" for result in results))
    print()
    Console(width=100).print(table)


def name_found(out: Path, database_rec: Path, ids: list) -> None:
    """Say of which class the query image is, and of which the images that were found."""
    from gluon_hash.hierarchy import Hierarchy
    from gluon_hash.records import RecordFile

    names = Hierarchy.load(out / "data" / "hierarchy.tsv").class_names[0]
    database = RecordFile(database_rec)
    label = dict(zip(database.ids.tolist(), database.level_labels[:, 0].tolist()))
    query = RecordFile(out / "data" / "query.rec").level_labels[0, 0]
    print(
        f"(distance in bits, id in the database.) The query is: {names[query]}. Found, nearest "
        "first: "
        f"{', '.join(names[label[item]] for item in ids)}."
    )


def deploy_and_draw(out: Path, database_rec: Path) -> None:
    """Export, index, search for one query image, draw the codes and what was retrieved."""
    from PIL import Image

    from gluon_hash.records import RecordFile

    gluon_hash("export", out / "run", "--out", out / "export" / "hashnet")
    manifest = out / "export" / "hashnet.manifest.json"
    query_rec = out / "data" / "query.rec"
    gluon_hash("verify", manifest, "--records", query_rec, "--against", out / "run")
    gluon_hash("index", "build", out / "database.npz", "--out", out / "index")
    Image.fromarray(RecordFile(out / "data" / "query.rec").image(0)).save(out / "query.png")
    found = gluon_hash(
        "index", "search", out / "index", "--model", manifest, out / "query.png", "-k", 10
    )
    name_found(
        out,
        database_rec,
        [int(item) for item in re.findall(r"^ *\d+ +\d+ +(\d+)", found, re.MULTILINE)],
    )
    hierarchy = ("--hierarchy", out / "data" / "hierarchy.tsv")
    gluon_hash("plot", "tsne", out / "query.npz", *hierarchy, "--out", out / "tsne.png")
    gluon_hash(
        "plot",
        "grid",
        "--query",
        out / "query.npz",
        "--database",
        out / "database.npz",
        "--query-records",
        out / "data" / "query.rec",
        "--database-records",
        database_rec,
        *hierarchy,
        "--out",
        out / "grid.png",
    )
    gluon_hash("plot", "curves", out / "run", "--out", out / "curves.png")
    gluon_hash("plot", "hierarchy", out / "data" / "hierarchy.tsv", "--out", out / "hierarchy.png")


def main() -> None:
    """Parse, then walk the road."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--source", help="CIFAR-100 archive or folder; default: the built-in synthetic images"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("demo"), help="new folder for everything (default: demo)"
    )
    options = parser.parse_args()
    out = options.out / ("synthetic" if options.source is None else "cifar100")
    if out.exists():
        parser.error(
            f"{out} exists already; remove it or name another folder with --out (make demo OUT=...)"
        )
    out.mkdir(parents=True)
    started = time.monotonic()
    config = prepare(options.source, out / "data")
    gluon_hash("train", config, "--out", out / "run", "--set", f"data.root={out / 'data'}")
    database = out / "data" / "database.rec"
    database_rec = database if database.exists() else out / "data" / "train.rec"
    measure(out, database_rec)
    deploy_and_draw(out, database_rec)
    served = ("--index", out / "index", "--records", database_rec)
    model = ("--model", out / "export" / "hashnet.manifest.json")
    print(
        f"\nDone in {(time.monotonic() - started) / 60:.1f} minutes. In {out}: grid.png (queries, "
        "what was found), "
        "tsne.png (the codes in two dimensions),\ncurves.png (training), hierarchy.png (the "
        "classes), export/ (the "
        "network for deployment), index/, run/, and the codes (*.npz). To search it in a browser "
        "(pip install 'gluon_hash[serve]'):\n"
        f"gluon-hash serve {shlex.join(map(str, (*model, *served)))}"
    )


if __name__ == "__main__":
    main()
