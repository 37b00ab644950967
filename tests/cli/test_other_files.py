"""A file of another kind, or none, given to a command: one line that names it, exit code 2."""

import pytest

BINARY = b"\xd7\xce\x23\x0a" + bytes(range(256))


@pytest.mark.parametrize(
    "words, name",
    [
        pytest.param("train x.yaml --out run", "x.yaml", marks=pytest.mark.mxnet),
        pytest.param(
            "encode x.manifest.json --records x.rec --out c.npz",
            "x.manifest.json",
            marks=pytest.mark.mxnet,
        ),
        pytest.param(
            "import-weights model.json --arch resnet50_v1 --out w.params",
            "model.json",
            marks=pytest.mark.mxnet,
        ),
        ("plot curves x.json --out x.png", "x.json"),
        ("plot curves folder --out x.png", "log.jsonl"),
        ("plot hierarchy x.tsv --out x.png", "x.tsv"),
        ("index check folder --codes q.npz", "index.json"),
        ("evaluate --query x.rec --database x.rec", "x.rec"),
        ("config show nothing", "nothing"),
        ("evaluate --query none.npz --database none.npz", "none.npz"),
    ],
)
def test_it_is_named_in_one_line(run, tmp_path, monkeypatch, words, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    for file in ("x.yaml", "x.manifest.json", "model.json", "x.json", "x.tsv", "x.rec"):
        (tmp_path / file).write_bytes(BINARY)
    for file in ("log.jsonl", "index.json"):
        (tmp_path / "folder" / file).write_bytes(BINARY)
    before = sorted(tmp_path.rglob("*"))
    code, out, err = run(*words.split())
    assert code == 2 and not out and err.count("\n") == 1 and len(err) < 300
    assert f"{name}:" in err and "Errno" not in err and "codec" not in err
    assert sorted(tmp_path.rglob("*")) == before


def test_curves_that_are_no_json_are_named(run, tmp_path):
    (tmp_path / "x.json").write_text("{cut")
    code, _, err = run("plot", "curves", tmp_path / "x.json", "--out", tmp_path / "x.png")
    assert code == 2 and f"{tmp_path / 'x.json'}:1: not JSON" in err
