"""Index kinds: each does its work by itself, and a new one is a class and a line."""

import itertools
from dataclasses import dataclass

import numpy as np
import pytest
from reference import random_table as table

from gluon_hash.cli.app import main
from gluon_hash.retrieval import HammingIndex, codes
from gluon_hash.retrieval.index.kinds import KINDS, Flat, Hnsw, Ivf, Kind, MultiHash, kind_for
from gluon_hash.retrieval.index.kinds.base import WIDER

ALL = [Flat(), MultiHash(4, 4), Hnsw(16, 256), Ivf(4, 4)]


@dataclass(frozen=True)
class Backwards(Kind):
    """A kind from outside: every code is compared, in batches that the parameter asks for."""

    at_once: int = 7
    name = "backwards"

    def create(self, num_bits):
        return Flat().create(num_bits)

    def scanned(self, structure):
        return structure

    def codes_at_once(self, num_codes):
        return self.at_once


def distances_of(query, base):
    """Hamming distances, (Q, N), from the unpacked bits."""
    ours, theirs = (codes.unpack(each.codes, each.num_bits) for each in (query, base))
    return (ours[:, None] != theirs[None]).sum(axis=2)


def test_a_new_kind_is_a_class_and_a_line_in_the_table(rng, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(KINDS, "backwards", Backwards)
    base, query = table(rng, 40, 16, first_id=5), table(rng, 3, 16)
    base.save(tmp_path / "d.npz")
    with pytest.raises(SystemExit) as stop:
        main(f"index build {tmp_path}/d.npz --out {tmp_path}/index --kind backwards".split())
    assert not stop.value.code, capsys.readouterr().err
    index = HammingIndex.load(tmp_path / "index")
    assert index.kind == Backwards(7)
    index.delete(base.ids[:10])
    expected = np.sort(distances_of(query, base)[:, 10:], axis=1)[:, :5]
    np.testing.assert_array_equal(index.search(query.codes, 5)[0], expected)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
@pytest.mark.parametrize("shown", [1, 3, 40, 200])
def test_hidden_codes_are_not_found_and_the_rest_are(rng, kind, shown):
    """Few or many: a kind looks wider until k that are not hidden are found."""
    base, query = table(rng, 200, 16), table(rng, 5, 16)
    structure = kind.create(16)
    kind.learn(structure, base.codes)
    structure.add(base.codes)
    hidden = np.ones(200, bool)
    hidden[rng.permutation(200)[:shown]] = False
    k = min(shown, 9)
    distances, positions = kind.search(structure, query.codes, k, hidden, scan=True)
    expected = np.where(hidden, 99, distances_of(query, base))
    order = np.argsort(expected, axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(distances, np.take_along_axis(expected, order, axis=1))
    assert not hidden[positions].any()
    if kind.name in ("flat", "multihash"):  # of the last ties the others keep any
        np.testing.assert_array_equal(positions, order)
    np.testing.assert_array_equal(kind.codes(structure), base.codes)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
def test_more_queries_than_a_block_are_answered_each_by_itself(rng, kind):
    base = table(rng, 300, 16)
    structure, hidden = kind.create(16), np.zeros(300, bool)
    kind.learn(structure, base.codes)
    structure.add(base.codes)
    for count in (0, 1, 257):
        distances, _ = kind.search(structure, base.codes[:count], 2, hidden, scan=True)
        assert distances.shape == (count, 2) and (distances[:, 0] == 0).all()


def test_an_ivf_says_what_its_lists_do_not_hold():
    """One list of zeros, one of ones, one probe: of three nearest to zero it holds two."""
    zeros_and_ones = np.array([[0], [0], [255], [255], [255]], np.uint8)
    index = HammingIndex(8, Ivf(2, 1))
    index.add(zeros_and_ones, np.arange(5))
    distances, ids = index.search(zeros_and_ones[:1], 3)
    assert distances.tolist() == [[0, 0, -1]] and ids.tolist() == [[0, 1, -1]]
    index.delete(np.array([0]))
    assert index.search(zeros_and_ones[:1], 2)[1].tolist() == [[1, -1]]


def test_ties_in_a_flat_index_keep_the_order_of_adding_when_some_are_hidden():
    structure = Flat().create(8)
    structure.add(np.zeros((6, 1), np.uint8))
    hidden = np.array([True, False, True, False, False, False])
    found = Flat().search(structure, np.zeros((1, 1), np.uint8), 3, hidden, scan=False)
    assert found[1].tolist() == [[1, 3, 4]]
    near = Flat().within(structure, np.zeros((1, 1), np.uint8), 0, hidden, scan=False)
    assert near.positions.tolist() == [1, 3, 4, 5] and near.offsets.tolist() == [0, 4]


@pytest.mark.parametrize("kind, count", itertools.product(KINDS, (1, 3, 1000, 10**7)))
def test_chosen_parameters_make_an_index_of_any_size(kind, count):
    for num_bits in (1, 13, 64):
        kind_for(kind, num_bits, count).create(num_bits)


def test_a_kind_says_how_many_codes_it_wants_at_once():
    assert Ivf(4, 4).codes_at_once(10**6) == 10**6  # its lists are learnt from all of them
    assert Flat().codes_at_once(10**6) == 10**5 and Flat().codes_at_once(3) == 3
    assert WIDER > 1  # or a search for more candidates would not end


@pytest.mark.parametrize("kind, note", [("flat", False), ("hnsw", True), ("ivf", True)])
def test_building_says_when_a_flat_index_would_do(rng, tmp_path, capsys, kind, note):
    table(rng, 40, 16).save(tmp_path / "d.npz")
    with pytest.raises(SystemExit):
        main(f"index build {tmp_path}/d.npz --out {tmp_path}/index --kind {kind}".split())
    said = f"{kind}: a flat index of 40 codes answers as fast, and exactly"
    assert (said in capsys.readouterr().err) == note
