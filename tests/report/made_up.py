"""What the tests of reports share: a tree with difficult names, codes that follow it, images."""

import numpy as np

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
