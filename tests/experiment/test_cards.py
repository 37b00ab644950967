"""Cards and lists of runs: what each thing is, in 40 columns too; what is damaged says so."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from gluon_hash.errors import DataError
from gluon_hash.experiment.cards.card import Card, Section
from gluon_hash.experiment.cards.describe_files import describe
from gluon_hash.experiment.cards.run_list import find_runs, summarize_run
from gluon_hash.files import sha256
from gluon_hash.locks import locked
from gluon_hash.retrieval import CodeTable, FeatureTable, HammingIndex, measure

LABELS = (np.arange(12)[:, None] // np.array([[2, 6]])).astype(np.int32)  # 6 classes in 2
TABLE = CodeTable(
    5 + np.arange(12), (np.arange(12)[:, None] % 4).astype(np.uint8), LABELS, 8, model="abc"
)


def made_run(folder, *, done=2, epochs=3, best=1, **training):
    """A run folder as a training leaves it, without its arrays."""
    folder.mkdir(parents=True)
    sections = {
        "data": {"root": "prepared/x", "held_out": True},
        "net": {"num_bits": 8, "backbone": "resnet18_v1", "head": "linear"},
        "loss": {"name": "csq"},
        "optimizer": {"name": "sgd", "lr": 0.1, "schedule": "cosine", "weight_decay": 0.0},
        "training": {"epochs": epochs, "monitor": "map", "batch_size": 4, "seed": 1, **training},
    }
    (folder / "run.yaml").write_text(json.dumps(sections))  # JSON is YAML
    lines = [{"epoch": n, "loss": 1.0 / n, "validation_map": 0.5 / n} for n in range(1, done + 1)]
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for name in ("best.ckpt", "last.ckpt"):
        (folder / name).mkdir()
        state = {"best_epoch": best, "epochs_without_better": done - best, "sha256": {"a": "12"}}
        (folder / name / "state.json").write_text(json.dumps(state))
    return folder


def test_the_state_of_a_run_is_seen_in_its_files(tmp_path):
    assert summarize_run(made_run(tmp_path / "a", done=3)).state == "finished"
    assert summarize_run(made_run(tmp_path / "b")).state == "interrupted"
    early = made_run(tmp_path / "c", early_stop_epochs=1)
    assert summarize_run(early).state == "stopped early"
    assert summarize_run(made_run(tmp_path / "d", done=0)).state == "not begun"
    (tmp_path / "b" / "diverged.json").write_text("{}")
    assert summarize_run(tmp_path / "b").state == "diverged"
    with locked(tmp_path / "a", "a training"):
        assert summarize_run(tmp_path / "a").state == "training"
    assert summarize_run(tmp_path / "a").state == "finished"
    (tmp_path / "c" / "log.jsonl").write_text("{")
    broken = summarize_run(tmp_path / "c")
    assert broken.state == "damaged" and "log.jsonl:1" in broken.note


def test_a_run_says_what_the_kept_epoch_reached(tmp_path):
    summary = summarize_run(made_run(tmp_path / "a", best=2))
    assert (summary.best_epoch, summary.monitor, summary.value) == (2, "map", 0.25)
    assert (summary.epochs_done, summary.epochs, summary.method) == (2, 3, "csq")
    assert summary.measured is None


def test_runs_are_found_below_and_not_inside_each_other(tmp_path):
    for name in ("one", "cmp/runs/two", ".hidden/three"):
        made_run(tmp_path / name)
    made_run(tmp_path / "one" / "inside")
    found = [path.relative_to(tmp_path).as_posix() for path in find_runs(tmp_path)]
    assert found == ["cmp/runs/two", "one"]
    assert find_runs(tmp_path / "one") == [tmp_path / "one"]
    with pytest.raises(DataError, match="no such folder"):
        find_runs(tmp_path / "none")


def test_the_command_lists_them(tmp_path, run, monkeypatch):
    made_run(tmp_path / "one")
    made_run(tmp_path / "two", done=3)
    for columns in ("50", "120"):
        monkeypatch.setenv("COLUMNS", columns)
        code, out, _ = run("runs", tmp_path)
        assert code == 0 and max(map(len, out.splitlines())) <= int(columns)
        assert "one" in out and "interrupted" in out and "finished" in out and "0.500" in out
    code, out, _ = run("runs", tmp_path, "--json")
    assert [json.loads(line)["state"] for line in out.splitlines()] == ["interrupted", "finished"]
    (tmp_path / "empty").mkdir()
    code, out, err = run("runs", tmp_path / "empty")
    assert code == 0 and not out and "no run folders" in err


def test_the_card_of_a_run_has_its_metrics_with_intervals(tmp_path):
    folder = made_run(tmp_path / "a")
    card = describe(folder).markdown()
    assert "**mAP**: 0.5000" in card and "was not measured on queries yet" in card
    assert "best.ckpt/a**: SHA-256 12" in card and "CSQ" in card and "prepared/x" in card
    measured = measure(TABLE, TABLE)
    measured.save(folder / "measured_hamming.npz")
    low, high = measured.summary(95.0)["confidence"]["map"]
    value = measured.summary()["map"]
    card = describe(folder).markdown()
    assert f"**mAP**: {value:.4f} \\[{low:.4f}, {high:.4f}]" in card
    assert "12 queries, 12 in the database" in card and "not measured" not in card


def test_what_arrays_and_indexes_are(tmp_path):
    TABLE.save(tmp_path / "codes.npz")
    text = describe(tmp_path / "codes.npz").text(200)
    assert "12 of 8 bits, 4 different" in text and "classes: 6, 2" in text
    assert "ids: 5 to 16" in text and "model: abc" in text
    features = FeatureTable(TABLE.ids, np.zeros((12, 3), np.float32), LABELS, {"backbone": "clip"})
    features.save(tmp_path / "features.npz")
    text = describe(tmp_path / "features.npz").text(200)
    assert "12 images, 3 numbers each (float32)" in text and "backbone: clip" in text
    index = HammingIndex(8)
    index.add(TABLE.codes, TABLE.ids)
    index.save(tmp_path / "index")
    text = describe(tmp_path / "index").text(200)
    assert "codes: 12 of 8 bits" in text and "kind: flat" in text


def test_what_is_nothing_of_ours_is_said(tmp_path):
    (tmp_path / "folder").mkdir()
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    for name, words in (("folder", "expected a run folder"), ("none", "nothing at this path")):
        with pytest.raises(DataError, match=words):
            describe(tmp_path / name)
    with pytest.raises(DataError):
        describe(tmp_path / "other.npz")


@pytest.mark.parametrize("width", [20, 40, 60])
def test_text_keeps_to_the_terminal(width):
    sentence = "Images of other classes get codes as well, and may be near each other or not."
    text = Card("a title", [Section("Data", [("images", "12"), ("", sentence)])]).text(width)
    assert max(map(len, text.splitlines())) <= width
    assert " ".join(text.split()).endswith(sentence)


def test_markdown_is_not_taken_for_marks():
    card = Card("a", [Section("b", [("c", "inv_variances *all* [1] <x>"), ("", "two\nlines")])])
    assert "inv\\_variances \\*all\\* \\[1] \\<x>" in card.markdown()
    assert "- two lines\n" in card.markdown()


@pytest.mark.mxnet
def test_an_export_has_a_card(trained, tmp_path, run):
    export = trained / "export"
    manifest, card = export / "net.manifest.json", (export / "net.card.md").read_text()
    for part in ("## Using it", "## How it was made", "## Limits", "## Files", "HPDH", "48 bits"):
        assert part in card
    assert sha256(export / "net-0000.params") in card
    code, out, _ = run("info", export / "net")
    assert code == 0 and "net.card.md" in out and sha256(export / "net-symbol.json") in out
    assert run("info", manifest)[1] == out
    assert run("info", manifest, "--markdown")[1].startswith("# net: an exported network\n")
    assert json.loads(run("info", manifest, "--json")[1])["title"] == "net: an exported network"
    shutil.copy(export / "net.card.md", tmp_path / "x.card.md")
    code, _, err = run("export", trained / "run", "--out", tmp_path / "x")
    assert code == 2 and "x.card.md exists already" in err
    assert [path.name for path in Path(tmp_path).iterdir()] == ["x.card.md"]


@pytest.mark.mxnet
def test_a_baseline_has_a_card(tmp_path, run):
    from gluon_hash.experiment.models.exporting import export_model
    from gluon_hash.retrieval.baselines import fit

    fit("itq", np.random.RandomState(0).randn(60, 10).astype(np.float32), None, 8, seed=1).save(
        tmp_path / "itq.npz"
    )
    text = describe(tmp_path / "itq.npz").text(200)
    assert "method: ITQ" in text and "reads: 10 features an image" in text and "8 bits" in text
    export_model(tmp_path / "itq.npz", tmp_path / "out" / "itq")
    assert "itq: an exported network" in (tmp_path / "out" / "itq.card.md").read_text()
