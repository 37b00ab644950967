"""What the tests of reports share: a tree with difficult names, codes that follow it, images."""

import json

import numpy as np
import yaml

from gluon_hash.hierarchy import Hierarchy
from gluon_hash.retrieval import CodeTable, codes

TREE = Hierarchy.from_table(
    [
        ("husky", "dog", "animal"),
        ("<b>poodle</b>", "dog", "animal"),
        ("siamese", "cat", "animal"),
        ("oak", "tree", "plant"),
        ("pine_tree", "tree", "plant"),
        ("</script>", "flower", "plant"),
    ],
    ("breed", "species", "kind"),
)
NUM_BITS = 16


def code_table(rng, per_class, first_id):
    """Codes of classes whose relatives are near, with noise; the last two images share a code."""
    fine = np.repeat(np.arange(6), per_class)
    kind, species = TREE.ancestors[:, 2], TREE.ancestors[:, 1]
    pattern = np.stack(
        [(kind[fine] >> 0) & 1] * 6
        + [(species[fine] >> b) & 1 for b in range(2)] * 2
        + [(fine >> b) & 1 for b in range(3)] * 2,
        axis=1,
    )
    bits = pattern ^ (rng.rand(*pattern.shape) < 0.08)
    bits[-1] = bits[-2]
    ids = first_id + np.arange(len(fine))
    return CodeTable(ids, codes.pack(bits * 2 - 1), TREE.level_labels(fine), NUM_BITS)


def write_images(path, table):
    """An image for each code: the grey of its class."""
    from gluon_hash.records import write_records
    from gluon_hash.records.pack import encode_png

    entries = [
        (int(number), labels, encode_png(np.full((12, 16, 3), 40 * labels[0] + 20, np.uint8)))
        for number, labels in zip(table.ids, table.level_labels)
    ]
    write_records(path, entries, len(entries))


def write_run(folder, rng, name="hpdh", root="nowhere"):
    """A run folder with codes; ``name`` is that of its method."""
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
