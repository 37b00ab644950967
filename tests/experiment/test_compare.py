"""`compare`: lines, candidates and seeds; choice on held-out images; reuse; one table; what is
wrong is found first."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from reference import random_table

from gluon_hash.errors import DataError
from gluon_hash.experiment import load_config
from gluon_hash.experiment.comparison.grid import make_entries, parse_seeds, parse_values
from gluon_hash.experiment.comparison.summary import Row, summarize
from gluon_hash.retrieval import Cutoffs, FeatureTable, Measured, measure


def test_trains_chooses_measures_and_reuses(features, run, tmp_path):
    out = tmp_path / "comparison"
    words = (
        "--vary loss.name=[dcwh,shdh] --vary net.num_bits=[12,16] "
        "--choose optimizer.lr=[1.0e+30,0.01] --seeds 1,2"
    )
    asked = ("compare", features, "--out", out, *words.split())
    code, printed, err = run(*asked)
    assert code == 0, err
    assert "lines: 4; networks: 12, with 24 epochs to train" in err and "0 epochs left" in err
    files = {f"comparison.{kind}" for kind in ("md", "csv", "json", "png")}
    assert {path.name for path in out.iterdir()} == files | {"runs", "curves.png", "curves.json"}
    assert printed.strip() == (out / "comparison.md").read_text().strip() and "lr 0.01" in printed
    result = json.loads((out / "comparison.json").read_text())
    assert [(row["name"], row["num_bits"]) for row in result["rows"]] == [
        ("dcwh", 12),
        ("dcwh", 16),
        ("shdh, weighted", 12),
        ("shdh", 12),
        ("shdh, weighted", 16),
        ("shdh", 16),
    ]
    assert all(
        row["chosen"] == {"optimizer.lr": 0.01} and row["num_seeds"] == 2 for row in result["rows"]
    )
    assert "1.9.1" in json.dumps(result["versions"]) and result["seeds"] == [1, 2]
    rows = len((out / "comparison.csv").read_text().splitlines())
    assert rows == 1 + sum(len(row["metrics"]) for row in result["rows"])
    assert result["rows"][0]["runs"] == [
        f"small,name=dcwh,num_bits=12,lr=0.01,seed={seed}" for seed in (1, 2)
    ]
    assert len({path.stat().st_ino for path in (out / "runs").glob("*/backbone.params")}) == 1

    kept = {path: path.stat().st_mtime_ns for path in (out / "runs").rglob("*.params")}
    one = out / "runs" / "small,name=dcwh,num_bits=12,lr=0.01,seed=2"
    for gone in (one / "last.ckpt", one / "best.ckpt"):  # as if interrupted in its first epoch
        shutil.rmtree(gone)
    (one / "log.jsonl").unlink()
    code, again, err = run(*asked)
    assert code == 0 and again == printed
    assert "lines: 4; networks: 12, with 2 epochs to train" in err
    assert {path: path.stat().st_mtime_ns for path in kept if one not in path.parents} == {
        path: when for path, when in kept.items() if one not in path.parents
    }


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--vary", "loss.name=dcwh"], "expected section.key=[value, value]"),
        (["--vary", "loss.nam=[dcwh]"], "did you mean 'name'?"),
        (["--seeds", "1,1"], "expected different whole numbers"),
        (["--reference", "csq"], "reference: expected one of small, got 'csq'"),
        (["--confidence", "0"], "expected a percentage"),
        (
            ["--vary", "optimizer.lr=[1,2]", "--choose", "optimizer.lr=[1,2]"],
            "optimizer.lr is named twice",
        ),
        (
            ["--vary", "net.num_bits=[24,12]", "--set", "loss.name=dqn"],
            "dqn keeps a byte for every 8 outputs, got 12",
        ),
        (["--choose", "loss.alpha=[1,2]"], "loss.alpha: no such key; hpdh has cubic_weight"),
        (["--choose", "loss.options=[{},{alpha: 1}]"], "loss.alpha: no such key; hpdh has"),
        (["--vary", "loss.name=[hpdh,csqq]"], "no method is called 'csqq'; did you mean csq"),
        (["--set", "data.query_features=null"], "data.query_features is not set"),
        (["--set", "data.query_features=nowhere.npz"], "nowhere.npz: no such file"),
        (
            ["--set", "net.weights=nowhere.params"],
            "nowhere.params: no such file; `gluon-hash import-weights` makes it",
        ),
        (["--vary", "loss.name=[csq"], "expected section.key=[value, value]"),
        (["--vary", "optimizer.lr=[2020-01-01]"], "expected section.key=[value, value]"),
        (
            ["--vary", "loss.name=[csq]", "--vary", "loss.name=[dcwh]"],
            "loss.name is named twice; give all",
        ),
        (["--vary", "optimizer.lr=[0.01,1.0e-2]"], "lr=0.01,seed=24 are the same network"),
        (["--vary", "training.seed=[1,2]"], "name the seeds as such"),
        (["--set", "training.seed=5", "--seeds", "6"], "seeds are named too"),
        (["--choose", "net.num_bits=[12,16]"], "net.num_bits must be the same for all candidates"),
        (["--choose", "loss.name=[hpdh,dcwh]"], "loss.name must be the same for all candidates"),
        (
            [
                "--choose",
                "optimizer.lr=[0.01,0.1]",
                "--set",
                "data.held_out=false",
                "--set",
                "training.monitor=loss",
            ],
            "no value on held-out images to choose by",
        ),
        (
            ["--vary", "loss.name=[dcwh,hpdh]", "--set", "loss.inv_variances=[1,1]"],
            "small,name=hpdh,seed=24: loss.inv_variances: the hierarchy has 3 levels",
        ),
        (
            ["--vary", "loss.name=[hpdh,csq]", "--set", "loss.inv_variances=[1,1,1]"],
            "loss.inv_variances=[1,1,1] (given as a change): loss.inv_variances: no such key; csq",
        ),
        (
            [
                "--vary",
                "training.sampler=[shuffled,classes]",
                "--set",
                "training.classes_per_batch=5",
            ],
            "small,sampler=classes,seed=24: sampler: expected",
        ),
        (["--vary", "training.batch_size=[32,4096]"], "small,batch_size=4096,seed=24: "),
        (
            ["--vary", "net.backbone=[cifar_resnet20_v1,cifar_resnet21]"],
            "small,backbone=cifar_resnet21,seed=24: ",
        ),
    ],
)
def test_mistakes_are_found_before_anything_is_trained(features, run, tmp_path, arguments, message):
    code, _, err = run("compare", features, "--out", tmp_path / "c", *arguments)
    assert code == 2 and message in err and "Traceback" not in err
    assert not (tmp_path / "c").exists()


def test_a_folder_of_something_else_is_left_alone(features, run, tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    (tmp_path / "runs").mkdir()  # of somebody's trainings
    for out in (tmp_path, tmp_path / "mine.txt"):
        code, _, err = run("compare", features, "--out", out)
        assert (
            code == 2
            and "is not a comparison" in err
            and (tmp_path / "mine.txt").read_text() == "keep"
        )


def test_lines_are_named_by_what_tells_them_apart(features):
    vary = parse_values(
        ["loss.name=[dcwh, hpdh]", "loss.level_weights=[null, [1, 0.25, 0]]"], "--vary"
    )
    entries = make_entries([features], [], vary, {}, [24])
    assert [entry.name for entry in entries] == [
        "dcwh level_weights=null",
        "dcwh level_weights=1_0.25_0",
        "hpdh level_weights=null",
        "hpdh level_weights=1_0.25_0",
    ]
    assert entries[3].config.loss.level_weights == (1, 0.25, 0)
    assert [entry.name for entry in make_entries([features], [], {}, {}, [24])] == ["small"]
    assert parse_seeds("24, 25") == [24, 25]


def two_measured(rng):
    database = random_table(rng, 60, 16, num_levels=2)
    return [
        measure(
            random_table(np.random.RandomState(seed), 20, 16, num_levels=2),
            database,
            cutoffs=Cutoffs(ahp=10),
        )
        for seed in (1, 2)
    ]


def test_differences_are_paired_by_query(rng):
    """A line that differs by a constant has that difference, with an interval of no width."""
    first, second = two_measured(rng)
    better = type(first)(first.names, first.values + 0.125, first.num_database, first.protocol, 0.0)
    plain, other = summarize(
        [Row("a", 16, {}, [first]), Row("b", 16, {}, [better])], reference="a", percent=95
    )
    assert plain.metrics["map"].difference is None and plain.metrics["map"].std_over_seeds is None
    assert other.metrics["map"].difference == pytest.approx(0.125)
    np.testing.assert_allclose(other.metrics["map"].difference_interval, [0.125, 0.125])
    both = summarize([Row("a", 16, {}, [first, second])], reference="a", percent=95)[0]
    value, means = both.metrics["map"], [one.summary()["map"] for one in (first, second)]
    assert value.mean == pytest.approx(np.mean(means))
    assert value.std_over_seeds == pytest.approx(abs(means[0] - means[1]) / np.sqrt(2))
    low, high = value.interval
    assert low < value.mean < high


def test_measured_values_are_kept_as_they_are(rng, tmp_path):
    first, _ = two_measured(rng)
    first.save(tmp_path / "m.npz")
    again = Measured.load(tmp_path / "m.npz")
    np.testing.assert_array_equal(again.values, first.values)
    assert again.names == first.names and again.protocol == first.protocol
    np.savez(
        tmp_path / "bad.npz",
        version=1,
        names=np.array(["a"]),
        values=np.zeros((2, 2)),
        num_database=1,
        protocol="{}",
        seconds=0.0,
    )
    with pytest.raises(DataError, match="a column for each of 1 metrics"):
        Measured.load(tmp_path / "bad.npz")


def test_a_reference_that_is_not_there_is_named(rng):
    first, _ = two_measured(rng)
    with pytest.raises(ValueError, match="expected one of a, got 'b'"):
        summarize([Row("a", 16, {}, [first])], reference="b", percent=95)


def test_seeds_of_different_queries_are_refused(rng):
    first, _ = two_measured(rng)
    shorter = type(first)(first.names, first.values[:5], first.num_database, first.protocol, 0.0)
    with pytest.raises(ValueError, match="one seed has 20 queries"):
        Row("a", 16, {}, [first, shorter])


def test_softmax_trains_on_images_without_fine_labels(features, run, tmp_path):
    """A third of the training images keep only their coarser labels; other methods and evaluate
    refuse them."""
    table = FeatureTable.load(features.parent / "f.npz")
    held_out = np.array(
        [
            int(line.split("\t")[0])
            for line in (Path(load_config(features).data.root) / "validation.lst")
            .read_text()
            .splitlines()
        ]
    )
    labels = table.level_labels.copy()
    labels[(table.ids % 3 == 0) & ~np.isin(table.ids, held_out), 0] = -1
    FeatureTable(table.ids, table.features, labels, table.provenance).save(tmp_path / "partial.npz")
    change = ("--set", f"data.features={tmp_path / 'partial.npz'}")
    code, _, err = run(
        "train", features, "--out", tmp_path / "dcwh", *change, "--set", "loss.name=dcwh"
    )
    assert (
        code == 2
        and "dcwh needs all; methods that do without: expected_codeword, softmax" in err
        and not (tmp_path / "dcwh").exists()
    )
    code, _, err = run(
        "train", features, "--out", tmp_path / "run", *change, "--set", "loss.name=softmax"
    )
    assert code == 0, err
    code, _, err = run(
        "encode",
        tmp_path / "run",
        "--records",
        tmp_path / "partial.npz",
        "--out",
        tmp_path / "d.npz",
    )
    code, _, err = run("evaluate", "--query", tmp_path / "d.npz", "--database", tmp_path / "d.npz")
    assert code == 2 and "a query image lacks a label (-1 at a level)" in err
