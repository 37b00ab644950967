"""Protocols of data: trained with and without classes, measured side by side, prepared."""

import json
from pathlib import Path

import numpy as np
import pytest

from gluon_hash.engine import mx
from gluon_hash.experiment import load_config, train
from gluon_hash.experiment.comparison.leaders import leaders
from gluon_hash.experiment.comparison.summary import Row
from gluon_hash.experiment.data.loaders import build_data
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.hierarchy.unseen import draw_unseen, write_unseen
from gluon_hash.records import read_list
from gluon_hash.retrieval import CodeTable, Cutoffs, FeatureTable, Measured, evaluate
from gluon_hash.retrieval.evaluation.protocols import get_protocol


@pytest.fixture
def unseen(prepared, tmp_path):
    """Five of the 27 classes, and a file that names them."""
    hierarchy = Hierarchy.load(prepared / "hierarchy.tsv")
    classes = draw_unseen(hierarchy, 3)
    write_unseen(tmp_path / "unseen.txt", hierarchy, classes)
    return classes, tmp_path / "unseen.txt", hierarchy


def test_three_protocols_side_by_side(features, unseen, run, tmp_path):
    """One training without the classes beside the usual one; `evaluate` gives the same numbers."""
    classes, file, hierarchy = unseen
    out = tmp_path / "c"
    words = "--vary loss.name=[csq,dcwh] --set training.epochs=1"
    words += " --protocols paper,unseen-images,unseen-classes"
    comparison = ["compare", features, "--out", out, "--set", f"data.unseen_classes={file}"]
    code, printed, err = run(*comparison, *words.split())
    assert code == 0, err
    assert "lines: 4; networks: 4, with 4 epochs to train" in err
    result = json.loads((out / "comparison.json").read_text())
    assert list(result["searches"]) == ["unseen-images", "unseen-classes", "unseen-relatives"]
    every = {"paper": result["rows"], **result["searches"]}
    assert all([row["name"] for row in rows] == ["csq", "dcwh"] for rows in every.values())
    assert [row["search"] for rows in every.values() for row in rows] == [
        name for name in every for _ in range(2)
    ]
    folders = {name: out / "runs" / rows[0]["runs"][0] for name, rows in every.items()}
    assert folders["paper"] == folders["unseen-images"] != folders["unseen-classes"]
    own = Hierarchy.load(folders["unseen-classes"] / "hierarchy.tsv")
    names = hierarchy.class_names[0]
    assert set(names) - set(own.class_names[0]) == {names[c] for c in classes}
    assert printed.count("## ") == 4 and "csq leads" in printed or "dcwh leads" in printed
    heads = [line for line in printed.splitlines() if line.startswith("| method")]
    assert "| map_level_1 | mahp@53 |" in heads[3] and "| map | mahp@" in heads[2]
    assert (out / "comparison.csv").read_text().splitlines()[1].endswith(",paper")
    for name, protocols in (
        ("paper", "paper,unseen-images"),
        ("unseen-classes", "unseen-classes"),
    ):
        files = [folders[name] / f"{side}.npz" for side in ("query", "database")]
        asked = ["evaluate", "--query", files[0], "--database", files[1], "--json"]
        tree = Path(load_config(features).data.root) / "hierarchy.tsv"
        asked += ["--protocol", protocols, "--hierarchy", tree]
        code, text, err = run(*asked, "--unseen-classes", file)
        assert code == 0, err
        for search, values in json.loads(text).items():
            mean = every[search][0]["metrics"]["map"]["mean"]
            assert values["map"] == pytest.approx(mean, abs=1e-12)
    code, again, err = run(*comparison, *words.split())
    assert code == 0 and again == printed and "0 epochs to train" in err


def test_images_of_unseen_classes_are_never_trained_on(features, unseen):
    """Neither for features nor for records; labels are those of the classes that are left."""
    classes, file, hierarchy = unseen
    changes = [f"data.unseen_classes={file}"]
    for more in ([], ["data.features=null", "data.query_features=null", "net.standardize=false"]):
        config = load_config(features, [*changes, *more])
        data = build_data(config, hierarchy)
        whole = build_data(load_config(features, more), hierarchy)
        listed = read_list(Path(config.data.root) / "train.lst", 3)
        label = dict(zip(listed.ids.tolist(), listed.level_labels[:, 0].tolist()))
        left = {label[i] for i in [*data.ids.tolist(), *data.held_out.ids.tolist()]}
        assert left == set(range(27)) - set(classes.tolist())
        assert set(data.ids) | set(data.held_out.ids) == {i for i in label if label[i] in left}
        assert len(whole.ids) + len(whole.held_out.ids) == len(label)
        name = {c: hierarchy.class_names[0][c] for c in range(27)}
        for batch in data.train.epoch(0):
            for i, fine in zip(batch.id, batch.level_labels.asnumpy()[:, 0]):
                assert data.hierarchy.class_names[0][int(fine)] == name[label[i]]


def test_another_tree_is_trained_and_the_first_is_measured(features, unseen, run, tmp_path):
    """The 27 classes straight under 3 families: two levels are trained, three are measured."""
    classes, file, hierarchy = unseen
    flat, tree = hierarchy.take_levels([0, 2]), tmp_path / "flat.tsv"
    flat.save(tree)
    change = f"data.tree={tree}"
    data = build_data(load_config(features, [change]), hierarchy)
    assert data.hierarchy == flat
    table = FeatureTable.load(load_config(features).data.features)
    fine = dict(zip(table.ids.tolist(), table.level_labels[:, 0].tolist()))
    batch = next(iter(data.train.epoch(0)))
    labels = batch.level_labels.asnumpy().astype(int).tolist()
    assert labels == [flat.ancestors[fine[i]].tolist() for i in batch.id]
    both = build_data(load_config(features, [change, f"data.unseen_classes={file}"]), hierarchy)
    assert both.hierarchy.num_classes == (22, 3)
    out = tmp_path / "c"
    words = f"--set training.epochs=1 --set {change} --set loss.inv_variances=[1,0.5]"
    words += f" --set data.unseen_classes={file} --protocols paper,unseen-classes"
    code, _, err = run("compare", features, "--out", out, *words.split())
    assert code == 0, err
    result = json.loads((out / "comparison.json").read_text())
    assert "map_level_2" in result["rows"][0]["metrics"]
    code, _, err = run("report", out, "--out", tmp_path / "r.html")
    assert code == 0, err


@pytest.mark.parametrize(
    "names, message",
    [
        (lambda names: names[::-1], "in their order: another order"),
        (lambda names: ["axolotl", *names[1:]], "2 differ, such as 'axolotl'"),
    ],
)
def test_a_tree_of_other_classes_is_refused(features, unseen, run, tmp_path, names, message):
    rows = [(name, "all") for name in names(list(unseen[2].class_names[0]))]
    Hierarchy.from_table(rows, ("fine", "all")).save(tmp_path / "t.tsv")
    change = ["--set", f"data.tree={tmp_path / 't.tsv'}", "--set", "loss.inv_variances=[1,1]"]
    code, _, err = run("train", features, "--out", tmp_path / "run", *change)
    assert code == 2 and message in err and not (tmp_path / "run").exists()


def test_held_out_images_are_searched_in_training_images_too(features, tmp_path):
    """The last epoch's codes, measured here, have the value of the log; it may choose."""
    changes = ["training.monitor=map_database", "loss.name=dcwh", "training.epochs=2"]
    config = load_config(features, changes)
    run = train(config, tmp_path / "run", [mx.cpu()])
    logged = [
        json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()
    ]
    state = json.loads((tmp_path / "run" / "best.ckpt" / "state.json").read_text())
    assert state["best_value"] == max(line["validation_map_database"] for line in logged)
    table = FeatureTable.load(config.data.features)
    data = build_data(config, Hierarchy.load(Path(config.data.root) / "hierarchy.tsv"))
    held, kept = data.held_out.ids, data.trained_on.ids
    labels = dict(zip(table.ids.tolist(), table.level_labels[:, 0].tolist()))
    assert sorted(labels[i] for i in held) == sorted(labels[i] for i in kept)
    assert set(kept) <= set(data.ids) and not set(kept) & set(held)
    relaxed = run.net.head(mx.nd.array(table.features.astype(np.float32))).asnumpy() >= 0

    def codes(ids):
        rows = np.flatnonzero(np.isin(table.ids, ids))
        packed = np.packbits(relaxed[rows], axis=1, bitorder="little")
        return CodeTable(table.ids[rows], packed, table.level_labels[rows], 12)

    expected = evaluate(codes(held), codes(kept), cutoffs=Cutoffs(ahp=len(kept)))["map"]
    assert expected == pytest.approx(state["best_value"], abs=1e-9)


def rows(rng, means, spread=0.1, count=200):
    """Lines whose queries differ from a common value by noise around a mean."""
    common = rng.rand(count)
    made = []
    for place, mean in enumerate(means):
        values = (common + mean + spread * rng.randn(count))[:, None]
        measured = Measured(("map",), values, 10, get_protocol("standard"), 0.0)
        made.append(Row(f"m{place}", 48, {}, [measured]))
    return made


def test_who_leads_and_who_is_level(rng):
    """The spread of a difference of two means is .1 * sqrt(2 / 200) = .01: .002 is level, .2 not;
    of equal lines the others are as good but by chance."""
    led = leaders(rows(rng, [0.0, 0.3, 0.302, 0.1]), percent=95)[0]
    assert {led.name, *led.level} == {"m1", "m2"} and led.num_lines == 4
    alone = leaders(rows(rng, [0.0, 0.5]), percent=95)[0]
    assert alone.name == "m1" and alone.level == [] and "leads, alone" in alone.in_words()
    assert leaders(rows(rng, [0.0]), percent=95) == []


def test_the_more_lines_the_wider(rng):
    """Of 30 equal lines the best beats the worst in a plain interval, not in that of all pairs."""
    wrong = plain = 0
    for _ in range(20):
        made = rows(rng, [0.0] * 30)
        led = leaders(made, percent=95)[0]
        wrong += len(led.level) < 29
        values = {row.name: row.measured[0].values[:, 0] for row in made}
        worst = min(values, key=lambda name: values[name].mean())
        difference = values[led.name] - values[worst]
        plain += difference.mean() > 1.96 * difference.std() / np.sqrt(len(difference))
    assert plain > 15 and wrong <= 4
