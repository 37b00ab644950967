"""The road, walked as a user would: every command end to end, and the errors a user meets."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gluon_hash.cli.app import COMMANDS
from gluon_hash.records import RecordFile
from gluon_hash.retrieval import CodeTable, FeatureTable, codes

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "configs" / "synthetic.yaml"


def test_training_writes_a_whole_run_folder(trained):
    names = {path.name for path in (trained / "run").iterdir()}
    assert {
        "run.yaml",
        "hierarchy.tsv",
        "log.jsonl",
        "last.ckpt",
        "best.ckpt",
        "versions.json",
    } <= names
    assert len((trained / "run" / "log.jsonl").read_text().splitlines()) == 6


def test_the_exported_network_gives_the_codes_of_the_run(trained, prepared, run, tmp_path):
    manifest = trained / "export" / "net.manifest.json"
    code, _, _ = run(
        "encode", manifest, "--records", prepared / "query.rec", "--out", tmp_path / "q.npz"
    )
    assert code == 0
    ours, theirs = CodeTable.load(trained / "query.npz"), CodeTable.load(tmp_path / "q.npz")
    np.testing.assert_array_equal(ours.codes, theirs.codes)
    described = json.loads(manifest.read_text())
    assert described["num_bits"] == 48 and described["level_names"] == ["figure", "form", "family"]
    assert len(described["class_names"][0]) == 27 and described["largest_difference"] < 1e-4


def test_predictor_refuses_changed_files(trained, run, tmp_path, prepared):
    import shutil

    shutil.copytree(trained / "export", tmp_path / "export")
    with open(tmp_path / "export" / "net-0000.params", "ab") as stream:
        stream.write(b"x")
    code, _, err = run(
        "encode",
        tmp_path / "export" / "net.manifest.json",
        "--records",
        prepared / "query.rec",
        "--out",
        tmp_path / "q.npz",
    )
    assert code == 2 and "changed or damaged" in err


def test_evaluate_prints_the_promised_keys(trained, prepared, run):
    code, out, _ = run(
        "evaluate",
        "--query",
        trained / "query.npz",
        "--database",
        trained / "database.npz",
        "--hierarchy",
        prepared / "hierarchy.tsv",
        "--ahp-at",
        "50",
        "--json",
    )
    result = json.loads(out)
    assert code == 0 and {
        "map",
        "map_level_1",
        "map_level_2",
        "mahp@50",
        "ndcg@100",
        "mean_ndcg_released@100",
        "map_tie_averaged",
        "precision_radius_2",
        "precision@100",
        "recall@100",
        "num_queries",
        "num_database",
        "seconds",
    } <= set(result)
    assert result["num_queries"] == 54 and result["num_database"] == 162


def test_search_finds_the_image_itself(trained, prepared, run, tmp_path):
    records = RecordFile(prepared / "train.rec")
    Image.fromarray(records.image(5)).save(tmp_path / "image.png")
    for model in (trained / "run", trained / "export" / "net.manifest.json"):
        code, out, _ = run(
            "index",
            "search",
            trained / "index",
            "--model",
            model,
            tmp_path / "image.png",
            "-k",
            3,
            "--json",
        )
        found = json.loads(out)
        assert code == 0 and found["distances"][0] == 0 and len(found["ids"]) == 3


def test_results_are_drawn_as_a_page_and_as_a_figure(trained, prepared, run, tmp_path):
    (tmp_path / "images").mkdir()
    records = RecordFile(prepared / "train.rec")
    for position in range(2):
        Image.fromarray(records.image(position)).save(tmp_path / "images" / f"{position}.png")
    search = [
        "index",
        "search",
        trained / "index",
        "--model",
        trained / "run",
        tmp_path / "images",
        "-k",
        4,
    ]
    for name in ("grid.html", "grid.png"):
        code, _, err = run(
            *search, "--grid", tmp_path / name, "--database-records", prepared / "train.rec"
        )
        assert code == 0, err
    page = (tmp_path / "grid.html").read_text()
    assert page.count("<img") == 2 * 5 and page.count("data:image/png;base64,") == 10
    assert np.asarray(Image.open(tmp_path / "grid.png").convert("L")).std() > 5
    code, out, err = run(
        *search[:6],
        "--radius",
        48,
        "--grid",
        tmp_path / "wide.png",
        "--database-records",
        prepared / "train.rec",
    )
    assert (
        code == 0
        and "the first 12 of up to 162 results" in err
        and out.startswith("query\n  bits  id\n")
    )
    width, height = Image.open(tmp_path / "wide.png").size
    assert width < 6 * height
    code, _, err = run(*search, "--grid", tmp_path / "grid2.png")
    assert code == 2 and "--grid needs --database-records" in err


def test_an_index_grows_shrinks_and_is_checked(trained, run, tmp_path):
    database, query = trained / "database.npz", trained / "query.npz"
    code, _, err = run(
        "index",
        "build",
        query,
        "--out",
        tmp_path / "small",
        "--kind",
        "multihash",
        "--hashes",
        2,
        "--hash-bits",
        8,
    )
    assert code == 0, err
    code, _, err = run(
        "index", "build", query, "--out", tmp_path / "bad", "--kind", "flat", "--probes", 2
    )
    assert code == 2 and "kind flat does not take num_probes" in err
    first = int(CodeTable.load(query).ids[0])
    assert run("index", "delete", tmp_path / "small", first, "--out", tmp_path / "smaller")[0] == 0
    code, out, _ = run(
        "index",
        "search",
        tmp_path / "smaller",
        "--codes",
        query,
        "--radius",
        48,
        "--scan",
        "--json",
    )
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and all(first not in row["ids"] and len(row["ids"]) == 53 for row in rows)
    code, _, err = run("index", "add", trained / "index", database, "--out", tmp_path / "more")
    assert code == 2 and "an id appears twice" in err
    code, out, _ = run("index", "check", tmp_path / "small", "--codes", database, "-k", 3, "--scan")
    assert code == 0 and "recall@3\t1.0" in out
    code, _, err = run("index", "search", tmp_path / "small", "--codes", query, "--radius", 40)
    assert code == 2 and "more work than comparing them all" in err


def test_codes_go_to_milvus_and_to_databases(trained, run, tmp_path):
    database, query = trained / "database.npz", trained / "query.npz"
    for expected in ("162 codes sent, 162 in codes", "0 codes sent, 162 in codes"):
        code, out, err = run("index", "build", database, "--url", tmp_path / "milvus.db")
        assert code == 0 and expected in out, err
    code, out, _ = run(
        "index", "search", "--url", tmp_path / "milvus.db", "--codes", query, "-k", 3, "--json"
    )
    _, exact, _ = run("index", "search", trained / "index", "--codes", query, "-k", 3, "--json")
    assert code == 0
    for ours, theirs in zip(out.splitlines(), exact.splitlines()):
        assert json.loads(ours)["distances"] == json.loads(theirs)["distances"]
    gone = CodeTable.load(database).ids[:2]
    code, out, err = run("index", "delete", *gone, "--url", tmp_path / "milvus.db")
    assert code == 0 and "160 codes in codes" in out, err
    code, _, err = run("index", "delete", *gone, "--url", tmp_path / "milvus.db")
    assert code == 2 and "2 ids are not in the index" in err
    code, out, err = run("index", "export", database, "--to", "pgvector", "--out", tmp_path / "pg")
    assert code == 0 and "162 codes of 48 bits" in out, err
    code, _, err = run("index", "search", "--codes", query)
    assert code == 2 and "name the index folder first" in err


def test_a_baseline_is_fitted_and_encodes(prepared, run, tmp_path):
    rng, labels = np.random.RandomState(0), RecordFile(prepared / "train.rec").level_labels
    features = (rng.randn(27, 40)[labels[:, 0]] + 2 * rng.randn(len(labels), 40)).astype(np.float16)
    FeatureTable(np.arange(len(labels)), features, labels, {}).save(tmp_path / "features.npz")
    fit = ["--features", tmp_path / "features.npz", "--bits", 16, "--out"]
    assert run("fit", "itq", *fit, tmp_path / "itq.npz")[0] == 0
    code, _, err = run(
        "encode",
        tmp_path / "itq.npz",
        "--records",
        tmp_path / "features.npz",
        "--out",
        tmp_path / "codes.npz",
    )
    assert code == 0, err
    scores = []
    for table in ("codes.npz", "features.npz"):
        code, out, _ = run(
            "evaluate", "--query", tmp_path / table, "--database", tmp_path / table, "--json"
        )
        scores.append(json.loads(out)["map"])
    assert 3 / 27 < scores[0] < scores[1]  # above a random ranking, below the real-valued one
    code, _, err = run("fit", "forest", *fit, tmp_path / "forest.npz")
    assert code == 2 and "expected one of lsh, pca" in err


def test_evaluate_knows_protocols_intervals_and_curves(trained, run, tmp_path):
    pair = ["evaluate", "--query", trained / "query.npz", "--database", trained / "database.npz"]
    code, out, _ = run(
        *pair, "--protocol", "csq", "--confidence", 95, "--curves", tmp_path / "ours.json", "--json"
    )
    result = json.loads(out)
    assert (
        code == 0 and result["protocol"]["divisor"] == "hits" and "map@162" in result["confidence"]
    )
    code, _, err = run("plot", "curves", tmp_path / "ours.json", "--out", tmp_path / "curves.png")
    assert code == 0, err
    code, out, _ = run(*pair, "--protocol", "hashnet")
    said = " ".join(out.split())
    assert (
        code == 0
        and "protocol hashnet (HashNet" in said
        and "map over the first 5000 items, divided by" in said
    )
    code, _, err = run(*pair, "--protocol", "mine")
    assert code == 2 and "expected one of standard, released" in err


def test_every_plot_is_drawn(trained, prepared, run, tmp_path):
    hierarchy = ("--hierarchy", prepared / "hierarchy.tsv")
    for arguments in (
        ["tsne", trained / "query.npz", *hierarchy],
        ["curves", trained / "run"],
        ["hierarchy", prepared / "hierarchy.tsv"],
        [
            "grid",
            "--query",
            trained / "query.npz",
            "--database",
            trained / "database.npz",
            "--query-records",
            prepared / "query.rec",
            "--database-records",
            prepared / "train.rec",
            *hierarchy,
            "-k",
            4,
            "--queries",
            2,
        ],
    ):
        out = tmp_path / f"{arguments[0]}.png"
        code, _, err = run("plot", *arguments, "--out", out)
        assert code == 0, err
        assert np.asarray(Image.open(out).convert("L")).std() > 5  # something is drawn


def test_resume_goes_on_and_nothing_is_overwritten(trained, prepared, run, tmp_path):
    common = [
        "train",
        CONFIG,
        "--set",
        f"data.root={prepared}",
        "--set",
        "training.batch_size=16",
        "--set",
        "centers.refresh=running",
    ]
    code, _, err = run(*common, "--out", trained / "run", "--set", "training.epochs=6")
    assert code == 2 and "exists already; go on with it by --resume" in err
    code, _, err = run(
        *common,
        "--out",
        trained / "run",
        "--resume",
        "--set",
        "optimizer.lr=0.5",
        "--set",
        "training.epochs=6",
    )
    assert code == 2 and "optimizer.lr" in err
    code, _, err = run(*common, "--out", tmp_path / "none", "--resume")
    assert code == 2 and "nothing to resume" in err
    shutil.copytree(prepared, tmp_path / "data")
    shutil.copytree(trained / "run", tmp_path / "run")
    (tmp_path / "run" / "run.yaml").write_text(
        (trained / "run" / "run.yaml").read_text().replace(str(prepared), str(tmp_path / "data"))
    )
    with open(tmp_path / "data" / "split.json", "a", encoding="utf-8") as stream:
        stream.write("\n")  # as if prepared anew
    common[3] = f"data.root={tmp_path}/data"
    code, _, err = run(
        *common,
        "--set",
        "training.epochs=7",
        "--set",
        "optimizer.lr=0.003",
        "--out",
        tmp_path / "run",
        "--resume",
    )
    assert code == 2 and "was trained on other training images" in err
    code, _, err = run(
        "encode",
        trained / "run",
        "--records",
        prepared / "query.rec",
        "--out",
        trained / "query.npz",
    )
    assert code == 2 and "exists already" in err


@pytest.mark.parametrize(
    "changes, message",
    [
        (["optimizer.lrr=1"], "did you mean 'lr'"),
        (["loss.inv_variances=[1, 0.5]"], "has 3 levels (figure, form, family), got 2 values"),
        (["training.batch_size=9999"], "lower training.batch_size"),
        (["net.backbone=resnet20"], "no backbone 'resnet20'"),
        (["net.weights=missing.params"], "no such file; `gluon-hash import-weights` makes it"),
    ],
)
def test_mistakes_are_found_before_anything_is_written(prepared, run, tmp_path, changes, message):
    words = [word for change in [f"data.root={prepared}", *changes] for word in ("--set", change)]
    code, _, err = run("train", CONFIG, "--out", tmp_path / "run", *words)
    assert code == 2 and message in err and "Traceback" not in err
    assert not (tmp_path / "run").exists()


def test_cached_features_train_a_complete_model(features, prepared, run, tmp_path):
    cached = features.parent / "f.npz"
    for arguments in (
        ["train", features, "--out", tmp_path / "run"],
        ["encode", tmp_path / "run", "--records", cached, "--out", tmp_path / "head.npz"],
        [
            "encode",
            tmp_path / "run",
            "--records",
            prepared / "train.rec",
            "--out",
            tmp_path / "net.npz",
        ],
        ["encode", tmp_path / "run", "--relaxed", "--records", cached, "--out", tmp_path / "u.npz"],
        ["export", tmp_path / "run", "--out", tmp_path / "e" / "net"],
    ):
        code, _, err = run(*arguments)
        assert code == 0, err
    head, net = (CodeTable.load(tmp_path / name) for name in ("head.npz", "net.npz"))
    differing = np.unpackbits(head.codes ^ net.codes).mean()
    assert differing < 0.01  # float16 features: a bit at the border may fall to the other side
    relaxed = FeatureTable.load(tmp_path / "u.npz")
    np.testing.assert_array_equal(codes.pack(relaxed.features.astype(np.float32)), head.codes)
    code, _, err = run(
        "train", features, "--out", tmp_path / "other", "--set", "transform.mean=[0, 0, 0]"
    )
    assert code == 2 and "made with transform_sha256" in err
    code, _, err = run(
        "encode",
        tmp_path / "run",
        "--relaxed",
        "--features",
        "--records",
        cached,
        "--out",
        tmp_path / "v.npz",
    )
    assert code == 2 and "give one of the two" in err


def test_collapsed_codes_are_named_before_t_sne_fails_on_them():
    from gluon_hash import plots

    with pytest.raises(ValueError, match="all 9 codes are the same"):
        plots.tsne(np.ones((9, 4), np.int8), np.zeros(9, int), ["a"], 0)


def test_check_and_rebuild(prepared, run):
    code, out, _ = run(
        "check",
        prepared / "query.rec",
        "--hierarchy",
        prepared / "hierarchy.tsv",
        "--rebuild-index",
    )
    assert code == 0 and "54 records, classes per level (27, 9, 3)" in out


def test_help_names_every_command_without_starting_mxnet():
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys\nfrom gluon_hash.cli.app import main\n"
            "try: main(['--help'])\nexcept SystemExit: pass\nassert 'mxnet' not in sys.modules",
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in COMMANDS)


def test_every_command_has_its_file_in_tools():
    for name in COMMANDS:
        assert (ROOT / "tools" / f"{name.replace('-', '_')}.py").exists()


def test_hierarchy_retrieval_and_plots_work_without_mxnet(trained, prepared):
    program = f"""
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in ('mxnet', 'gluoncv'):
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
import gluon_hash.hierarchy, gluon_hash.retrieval, gluon_hash.plots, gluon_hash.records
from gluon_hash.retrieval import CodeTable, HammingIndex
from gluon_hash.retrieval import codes
from gluon_hash.retrieval import evaluate
table = CodeTable.load({str(trained / "query.npz")!r})
assert evaluate(table, table)['map'] > 0
index = HammingIndex(table.num_bits)
index.add(table.codes, table.ids)
assert index.search(table.codes, 1)[0].max() == 0
h = gluon_hash.hierarchy.Hierarchy.load({str(prepared / "hierarchy.tsv")!r})
gluon_hash.plots.hierarchy_tree(h)
gluon_hash.plots.tsne(codes.unpack(table.codes, table.num_bits), table.level_labels[:, 2], h.class_names[2], 0)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
