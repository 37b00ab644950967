"""`index`, walked as a user would: build, search, add, delete, check, hand over."""

import json

import numpy as np
import pytest
from PIL import Image

from gluon_hash.records import RecordFile
from gluon_hash.retrieval import CodeTable


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
        and out.startswith("query\n  bits  sharing  ")
    )
    width, height = Image.open(tmp_path / "wide.png").size
    assert width < 6 * height
    code, _, err = run(*search, "--grid", tmp_path / "grid2.png")
    assert code == 2 and "are not where the index says" in err and "--database-records" in err


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
    pytest.importorskip("pymilvus")
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
