"""`cut`: the first bits of codes as a file, which the codes and the model of all bits search."""

import json

import numpy as np
import pytest

from gluon_hash.retrieval import CodeTable, codes

MODEL = "5f1b" * 16


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Codes of 20 bits in codes.npz; their values, {-1, +1}."""
    monkeypatch.chdir(tmp_path)
    binary = np.random.RandomState(0).randint(0, 2, (9, 20)) * 2 - 1
    names = np.array([f"{place}.jpg" for place in range(9)])
    labels = np.zeros((9, 1), np.int32)
    CodeTable(np.arange(9), codes.pack(binary), labels, 20, names, MODEL).save("codes.npz")
    return binary


def test_the_file_has_the_first_bits_and_all_else(kept, run):
    code, out, err = run("cut", "codes.npz", "--bits", 11, "--out", "cut.npz")
    assert (code, out) == (0, "cut.npz: 9 images, 11 of 20 bits\n"), err
    cut, whole = CodeTable.load("cut.npz"), CodeTable.load("codes.npz")
    assert (codes.unpack(cut.codes, 11) == kept[:, :11]).all()
    assert cut.num_bits == 11 and cut.model == MODEL
    assert (cut.ids == whole.ids).all() and (cut.names == whole.names).all()


def test_more_bits_than_there_are_is_one_clear_line(kept, run):
    code, _, err = run("cut", "codes.npz", "--bits", 21, "--out", "cut.npz")
    assert code == 2 and "codes.npz" in err
    assert "expected 1 to 20, the bits of the codes, got 21" in err


def test_an_index_of_first_bits_is_searched_with_all_of_the_same_model(kept, run):
    for arguments in (
        "cut codes.npz --bits 11 --out cut.npz",
        "index build cut.npz --out index",
        "index search index --codes codes.npz -k 9 --json",
    ):
        code, out, err = run(*arguments.split())
        assert code == 0, err
    assert "codes.npz: codes of 20 bits, cut to the 11 that the index has of them" in err
    distance = (kept[:, None, :11] != kept[None, :, :11]).sum(axis=2)
    for own, line in zip(distance, out.splitlines()):
        assert json.loads(line)["distances"] == sorted(own)


@pytest.mark.parametrize(
    "model, said", [(None, "codes of 20 bits, the index has 11"), ("ab" * 32, "of another model")]
)
def test_codes_of_another_model_are_not_cut(kept, run, model, said):
    run("cut", "codes.npz", "--bits", 11, "--out", "cut.npz")
    assert run("index", "build", "cut.npz", "--out", "index")[0] == 0
    whole = CodeTable.load("codes.npz")
    CodeTable(whole.ids, whole.codes, whole.level_labels, 20, model=model).save("other.npz")
    code, _, err = run("index", "search", "index", "--codes", "other.npz")
    assert code == 2 and said in err
