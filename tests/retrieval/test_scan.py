"""The compiled scan against a slow twin and FAISS: any number of bits, ties, tiles, threads."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import faiss
import numpy as np
import pytest

from gluon_hash.retrieval import HammingIndex
from gluon_hash.retrieval.index import scan
from gluon_hash.retrieval.index.kinds import Flat, Hnsw, MultiHash, exact
from gluon_hash.retrieval.index.scan import loading, scanning
from gluon_hash.retrieval.index.zoom import Branch

NONE = np.empty(0, bool)
# elements of 8, 4, 2 and 1 bytes; pairs, triples; widened (5, 13); distances beyond a byte (32)
WIDTHS = [1, 2, 3, 5, 6, 8, 12, 13, 16, 24, 31, 32, 128]


def random_codes(rng, count, width):
    return rng.randint(0, 256, (count, width)).astype(np.uint8)


def few_codes(rng, count, width):
    """Two codes alone: nothing but ties and duplicates."""
    return np.repeat(rng.randint(0, 2, (count, 1)), width, axis=1).astype(np.uint8)


def ever_nearer(rng, count, width):
    """From all ones to all zeros: for a query of zeros each is as near as the last, or nearer."""
    ones = np.linspace(8 * width, 0, count)
    return np.packbits(np.arange(8 * width) < ones[:, None], axis=1)


def slow_distances(packed, queries):
    """(Q, N), from the bits one by one."""
    return np.array(
        [np.unpackbits(packed ^ query, axis=1).sum(axis=1) for query in queries], np.int64
    ).reshape(len(queries), len(packed))


@pytest.fixture
def small_pieces(monkeypatch):
    """Three threads, tiles of 3 queries and pieces of 700 codes, where there is enough of them."""
    monkeypatch.setattr(scanning, "MOST_QUERIES", 3)
    monkeypatch.setattr(scanning, "WORTH_A_THREAD", 1000)
    monkeypatch.setattr(scanning, "WIDENED", 700)
    monkeypatch.setattr(scanning.faiss, "omp_get_max_threads", lambda: 3)


@pytest.fixture
def always(monkeypatch):
    """The compiled scan for an index of any size."""
    monkeypatch.setattr(loading, "SMALL", 0)
    monkeypatch.setattr(loading, "LARGE", 0)
    monkeypatch.setattr(loading._Work, "alone", False)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("codes", [random_codes, few_codes, ever_nearer])
def test_a_scan_finds_what_a_slow_twin_finds(rng, small_pieces, codes, width):
    for count, num_queries in ((1, 2), (513, 1), (4700, 30)):
        packed = codes(rng, count, width)
        queries = packed[rng.randint(0, count, num_queries)].copy()
        queries[::2] = 0
        hidden = rng.rand(count) < 0.3
        hidden[rng.randint(count)] = False
        for gone in (NONE, hidden):
            distances = slow_distances(packed, queries)
            distances[:, np.flatnonzero(gone)] = 99999
            shown = count - int(gone.sum())
            order = np.argsort(distances, axis=1, kind="stable")
            for k in {1, min(10, shown), shown}:
                near, positions = scan.nearest(packed, queries, k, gone)
                np.testing.assert_array_equal(positions, order[:, :k])
                np.testing.assert_array_equal(
                    near, np.take_along_axis(distances, order[:, :k], axis=1)
                )
            radii = rng.randint(-1, 8 * width + 1, num_queries)
            found = scan.within(packed, queries, radii, gone)
            counts = scan.count_within(packed, queries, radii, gone)
            for query, radius in enumerate(radii):
                row = order[query][distances[query][order[query]] <= radius]
                part = slice(found[0][query], found[0][query + 1])
                np.testing.assert_array_equal(found[2][part], row)
                np.testing.assert_array_equal(found[1][part], distances[query][row])
                expected = np.bincount(distances[query][row], minlength=counts.shape[1])
                np.testing.assert_array_equal(counts[query], expected)


@pytest.mark.parametrize("num_bits", [48, 64, 1024])
def test_a_scan_answers_as_faiss_does(rng, num_bits):
    packed, queries = (random_codes(rng, n, num_bits // 8) for n in (5000, 70))
    plain = faiss.IndexBinaryFlat(num_bits)
    plain.use_heap = False
    plain.add(packed)
    for ours, theirs in zip(scan.nearest(packed, queries, 100, NONE), plain.search(queries, 100)):
        np.testing.assert_array_equal(ours, theirs)


def test_nothing_asked_and_nothing_there(rng):
    packed, nobody = random_codes(rng, 9, 8), np.empty((0, 8), np.uint8)
    distances, positions = scan.nearest(packed, nobody, 3, NONE)
    assert distances.shape == positions.shape == (0, 3)
    radii = np.array([64])
    assert scan.within(nobody, packed[:1], radii, NONE)[0].tolist() == [0, 0]
    assert scan.count_within(nobody, packed[:1], radii, NONE).sum() == 0
    assert scan.within(packed, nobody, radii[:0], NONE)[0].tolist() == [0]


@pytest.mark.parametrize("kind", [Flat(), MultiHash(2, 8), Hnsw()], ids=lambda kind: kind.name)
def test_an_index_answers_alike_by_the_scan_and_by_faiss(rng, kind, always, monkeypatch):
    """Whole, with deleted codes, in a branch: k, radius, counts."""
    index = HammingIndex(24, kind)
    labels = rng.randint(0, 3, (900, 2)).astype(np.int32)
    index.add(random_codes(rng, 900, 3), np.arange(900) + 5, level_labels=labels)
    index.delete(np.arange(40) + 5)
    queries = random_codes(rng, 6, 3)

    def answers():
        for within in (None, Branch(0, 1)):
            for asked in (queries, queries[:1]):
                if kind.name != "hnsw":  # of ties at the end a graph keeps any
                    yield from index.search(asked, 9, scan=True, within=within)
                yield from index.search_radius(asked, 9, scan=True, within=within)
                yield from index.count_by_distance(asked, np.full(len(asked), 12), within=within)

    scanned = list(answers())
    monkeypatch.setattr(exact, "_pays", lambda *_: False)
    by_faiss = list(answers())
    assert len(scanned) == len(by_faiss)
    for ours, theirs in zip(scanned, by_faiss):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)


def test_several_threads_may_search_at_once(rng, always):
    index = HammingIndex(64)
    index.add(random_codes(rng, 3000, 8), np.arange(3000))
    queries = random_codes(rng, 40, 8)
    alone = [index.search(query[None], 5) for query in queries]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda query: index.search(query[None], 5), queries))
    np.testing.assert_array_equal(np.array(together), np.array(alone))


def test_an_index_does_not_load_the_compiler_before_it_pays():
    """Neither importing it nor a small search; codes enough that somebody will ask again do."""
    code = (
        "import sys, numpy as np; from gluon_hash.retrieval import HammingIndex\n"
        "from gluon_hash.retrieval.index import scan; from gluon_hash.retrieval.index.scan import "
        "loading\n"
        "index = HammingIndex(64); index.add(np.zeros((40000, 8), np.uint8), np.arange(40000))\n"
        "index.search(np.zeros((1, 8), np.uint8), 2); print('numba' in sys.modules)\n"
        "print(scan.pays(1, loading.LARGE // 8, 8), scan.pays(1, 10**6, loading.MOST_BYTES + 1))\n"
        "scan.load_for_work_alone(); print(scan.pays(1, loading.LARGE // 8, 8))\n"
        "print(scan.pays(1, loading.LOADING // 8, 8))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout.split() == ["False", "True", "False", "False", "True"], run.stderr
