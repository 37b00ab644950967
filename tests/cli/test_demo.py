"""The demo's last part, on a small run: every file that it promises, and the classes of what was
found; the lines that its training has to beat."""

import numpy as np

from gluon_hash.hierarchy import Hierarchy
from gluon_hash.records import RecordFile
from gluon_hash.retrieval import CodeTable
from tools import demo


def test_what_was_found_is_named_and_everything_is_drawn(
    trained, prepared, run, tmp_path, monkeypatch, capsys
):
    for name in ("run", "query.npz", "database.npz"):
        (tmp_path / name).symlink_to(trained / name)
    (tmp_path / "data").symlink_to(prepared)
    printed, named = {}, []

    def in_process(*arguments):
        code, out, err = run(*arguments)
        assert code == 0, err
        printed[arguments[:2]] = out
        return out

    monkeypatch.setattr(demo, "gluon_hash", in_process)
    monkeypatch.setattr(demo, "name_found", lambda *arguments: named.append(arguments))
    demo.deploy_and_draw(tmp_path, prepared / "train.rec")
    for name in (
        "query.png",
        "tsne.png",
        "grid.png",
        "curves.png",
        "hierarchy.png",
        "export/hashnet.manifest.json",
    ):
        assert (tmp_path / name).exists(), name
    monkeypatch.undo()
    (arguments,) = named
    ids = arguments[-1]
    assert len(ids) == 10 and all(str(item) in printed["index", "search"].split() for item in ids)
    demo.name_found(*arguments)
    records, names = (
        RecordFile(prepared / "train.rec"),
        Hierarchy.load(prepared / "hierarchy.tsv").class_names[0],
    )
    label = dict(zip(records.ids.tolist(), records.level_labels[:, 0].tolist()))
    assert ", ".join(names[label[item]] for item in ids) in capsys.readouterr().out


def test_untrained_codes_are_of_the_network_before_training(prepared, trained, tmp_path):
    records = prepared / "query.rec"
    demo.untrained_codes(trained / "run", records, tmp_path / "untrained.npz")
    untrained = CodeTable.load(tmp_path / "untrained.npz")
    learned = CodeTable.load(trained / "query.npz")
    assert untrained.num_bits == learned.num_bits and len(untrained) == 54
    assert (untrained.codes != learned.codes).any()
    demo.random_codes(tmp_path / "untrained.npz", tmp_path / "random.npz", seed=3)
    drawn = CodeTable.load(tmp_path / "random.npz")
    np.testing.assert_array_equal(drawn.level_labels, untrained.level_labels)
    assert drawn.codes.shape == untrained.codes.shape and (drawn.codes != untrained.codes).any()
