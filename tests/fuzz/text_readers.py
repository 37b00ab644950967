"""Hierarchies, lists, tables, configurations: the text files that people write."""

import json

import numpy as np
from harness import Reader
from mutations import mutate_bytes, mutate_json, mutate_json_lines, mutate_lines

from gluon_hash.datasets import label_tables
from gluon_hash.hierarchy import Hierarchy, readers
from gluon_hash.records import lists

TEXT = (mutate_bytes, mutate_bytes, mutate_lines)
JSON = (mutate_bytes, mutate_json, mutate_json)
TREE = [("husky", "dog", "animal"), ("poodle", "dog", "animal"), ("owl", "bird", "animal")]


def text(name, content):
    """Makes a file of a text."""

    def make(folder):
        (folder / name).write_text(content, encoding="utf-8")
        return folder / name

    return make


def make_hierarchy(folder):
    rows = [*TREE, ("oak", "tree", "plant")]
    tree = Hierarchy.from_table(rows, ("breed", "species", "kind"), {"kind": ["plant", "animal"]})
    tree.save(folder / "hierarchy.tsv")
    return folder / "hierarchy.tsv"


def make_list(folder):
    images = lists.ImageList(
        np.arange(5), np.array([[0, 0], [1, 0], [2, 1], [0, 0], [1, 0]], np.int32), list("abcde")
    )
    lists.write_list(folder / "train.lst", images)
    return folder / "train.lst"


def read_table(path):
    table = label_tables.read_table(path)
    tree = label_tables.hierarchy_of(table)
    return label_tables.classes_of(table, tree)


def read_config(path):
    from gluon_hash.experiment.settings.config_files import load_config

    return load_config(path)


def make_config(folder):
    from gluon_hash.experiment.settings.presets import packaged

    (folder / "mine.yaml").write_bytes(packaged("synthetic").read_bytes())
    return folder / "mine.yaml"


def make_reference(folder):
    lines = {"untrained": {"map": 0.1, "mahp": 0.2}, "itq": {"map": 0.3, "mahp": 0.4}}
    (folder / "reference.json").write_text(json.dumps(lines))
    return folder / "reference.json"


def read_reference(path):
    from gluon_hash.experiment.runs.reference import reference_lines

    return reference_lines(path.parent, None, None, None, 16, 1)


def make_index(folder):
    from gluon_hash.retrieval import HammingIndex

    index = HammingIndex(16)
    index.add(np.arange(12, dtype=np.uint8).reshape(6, 2), np.arange(6))
    index.save(folder / "index")
    return folder / "index" / "index.json"


def read_index(path):
    from gluon_hash.retrieval import HammingIndex

    return HammingIndex.load(path.parent)


def make_log(folder):
    epochs = [
        {"epoch": e, "loss": 2.0 / e, "loss_cubic": 0.1, "validation_map": 0.3, "empty_classes": []}
        for e in range(1, 5)
    ]
    (folder / "log.jsonl").write_text("".join(json.dumps(epoch) + "\n" for epoch in epochs))
    return folder / "log.jsonl"


def read_log(path):
    from gluon_hash.experiment.runs.run_log import read_epochs

    return read_epochs(path)


def make_curves(folder):
    ranks = {"ranks": [1, 2, 4], "precision_at": [1.0, 0.5, 0.5], "recall_at": [0.1, 0.1, 0.3]}
    radii = {"precision_within": [1.0, 0.5], "recall_within": [0.1, 0.3]}
    (folder / "curves.json").write_text(json.dumps({**ranks, **radii}))
    return folder / "curves.json"


def read_curves(path):
    from gluon_hash.retrieval.evaluation.curves import Curves

    return Curves.load(path)


READERS = [
    Reader("hierarchy.tsv", make_hierarchy, Hierarchy.load, TEXT),
    Reader(
        "label table",
        text("labels.tsv", "fine\tcoarse\nhusky\tdog\nowl\tbird\nräv\tfox\n"),
        readers.from_label_table,
        TEXT,
    ),
    Reader(
        "parent lines",
        text("hierarchy.txt", "5 2\n6 2\n7 3\n2 1\n3 1\n1 0\n8 3\n"),
        readers.from_parent_lines,
        TEXT,
    ),
    Reader(
        "WordNet lines",
        text("wordnet.is_a.txt", "n1 n2\nn1 n3\nn2 n4\nn2 n5\nn3 n6\nn3 n5\n"),
        lambda path: readers.first_parents(path, ["n4", "n5", "n6"]),
        TEXT,
    ),
    Reader(
        "id and name lines",
        text("classes.txt", "1 Common Eider\n2 Great  Auk\n30 Räv (adult)\n"),
        readers.read_pairs,
        TEXT,
    ),
    Reader("train.lst", make_list, lists.read_list, TEXT),
    Reader(
        "labels.csv",
        text("labels.csv", 'breed,kind,number\n"husky, old",dog,1\nowl,bird,2\nräv,fox,3\n'),
        read_table,
        TEXT,
    ),
    Reader("configuration", make_config, read_config, TEXT, needs=("mxnet",)),
    Reader("log.jsonl", make_log, read_log, (mutate_bytes, mutate_json_lines, mutate_json_lines)),
    Reader("reference.json", make_reference, read_reference, JSON, needs=("mxnet",)),
    Reader("index.json", make_index, read_index, JSON),
    Reader("curves.json", make_curves, read_curves, JSON),
]
