"""Index folders whose files lie, checksums renewed: FAISS 1.8 would read beyond its memory."""

import json
import struct

import faiss
import numpy as np
import pytest

from gluon_hash.errors import DataError
from gluon_hash.files import sha256
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.retrieval import HammingIndex
from gluon_hash.retrieval.index.kinds import Flat, Hnsw, Ivf, MultiHash

COUNT, NUM_BITS, WIDTH = 60, 21, 3
KINDS = [Flat(), MultiHash(2, 5), Hnsw(4, 16), Ivf(4, 2)]
HEADER = 4 + 4 + 4 + 8 + 1 + 4  # letters, d, code_size, ntotal, is_trained, metric


def codes_of(rng):
    bits = rng.randint(0, 2, (COUNT, NUM_BITS))
    return np.packbits(bits, axis=1, bitorder="little")


@pytest.fixture
def saved(rng, tmp_path):
    """Writes an index of a kind, changes a file of it, and renews the checksums."""

    def save(kind, change=None, file="codes.faissbinary"):
        folder = tmp_path / f"{kind.name}-{len(list(tmp_path.iterdir()))}"
        tree = Hierarchy(("fine",), (("a", "b"),), ())
        index = HammingIndex(NUM_BITS, kind, tree)
        names = np.array([f"{number}.png" for number in range(COUNT)])
        labels = np.arange(COUNT, dtype=np.int32)[:, None] % 2
        index.add(codes_of(rng), np.arange(COUNT) * 3, names, labels)
        if kind.name != "flat":
            index.delete(np.array([3, 6]))
        index.save(folder)
        if change is not None:
            path = folder / file
            if isinstance(change, np.ndarray):
                np.save(path, change)
            else:
                path.write_bytes(change(path.read_bytes()))
            description = json.loads((folder / "index.json").read_text())
            description["sha256"][file] = sha256(path)
            (folder / "index.json").write_text(json.dumps(description))
        return folder

    return save


def put(position, layout, value):
    """Other bytes at ``position``."""

    def change(data):
        data = bytearray(data)
        struct.pack_into(layout, data, position, value)
        return bytes(data)

    return change


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_cut_and_every_wrong_header_is_refused(saved, kind):
    folder = saved(kind)
    path, description = folder / "codes.faissbinary", folder / "index.json"
    whole, values = path.read_bytes(), json.loads(description.read_text())
    codes_end = HEADER + HEADER + 8 + COUNT * WIDTH  # of a multihash: tables are not read
    cuts = range(0, codes_end if kind.name == "multihash" else len(whole), 7)
    wrong = [whole[:length] for length in cuts] + [whole + b"x"] * (kind.name != "multihash")
    for position, layout, value in (
        (0, "<4s", b"IBxx"),
        (4, "<i", 32),  # other lengths of codes
        (8, "<i", 4),
        (12, "<q", COUNT + 1),
        (12, "<q", -1),
        (12, "<q", 1 << 40),  # more than there is memory for what is counted of each
        (21, "<i", 9),  # the metric
    ):
        wrong.append(put(position, layout, value)(whole))
    for data in wrong:
        path.write_bytes(data)
        values["sha256"][path.name] = sha256(path)
        description.write_text(json.dumps(values))
        with pytest.raises(DataError, match="structure of FAISS.*; build the index again"):
            HammingIndex.load(folder)


def hnsw_parts(data):
    """Where an hnsw file's levels, links, entry point and widths begin."""
    position, places = HEADER, {}
    for name, size in (("chances", 8), ("ends", 4), ("levels", 4), ("offsets", 8), ("links", 4)):
        (length,) = struct.unpack_from("<Q", data, position)
        places[name] = position + 8
        position += 8 + length * size
    return {**places, "entry": position}


@pytest.mark.parametrize(
    "place, offset, value, message",
    [
        ("links", 0, COUNT, "a link: expected -1 to 59"),
        ("links", 4, -2, "a link: expected -1 to 59"),
        ("levels", 0, 0, "layers of a code: expected 1 to"),
        ("levels", 4, 1 << 20, "layers of a code: expected 1 to"),
        ("offsets", 8, 1 << 30, "the links of its codes do not follow"),
        ("ends", 4, -8, "the slots of its layers do not follow"),
        ("entry", 0, COUNT, "its search begins at code 60"),
        ("entry", 4, 40, "its search begins at code .* on layer 40"),
        ("entry", 8, -1, "it was built with widths"),
        ("entry", 16, 1 << 30, "it was built with widths"),
        ("chances", 0, -1, "chances that are not probabilities"),
    ],
)
def test_links_that_lead_astray_are_refused(saved, place, offset, value, message):
    kind = Hnsw(4, 16)

    def change(data):
        layout = "<d" if place == "chances" else "<i"
        return put(hnsw_parts(data)[place] + offset, layout, value)(data)

    with pytest.raises(DataError, match=message):
        HammingIndex.load(saved(kind, change))


def test_a_link_to_a_code_that_is_not_on_its_layer_is_refused(saved):
    def change(data):
        places = hnsw_parts(data)
        levels = np.frombuffer(data, "<i4", COUNT, places["levels"])
        offsets = np.frombuffer(data, "<u8", COUNT + 1, places["offsets"])
        high, low = int(np.argmax(levels)), int(np.argmin(levels))
        assert levels[high] > 1 == levels[low]
        ends = np.frombuffer(data, "<i4", 2, places["ends"])
        slot = int(offsets[high]) + int(ends[1])  # its first link of layer 1
        return put(places["links"] + 4 * slot, "<i", low)(data)

    with pytest.raises(DataError, match="a link of layer 1 leads to a code that is not on it"):
        HammingIndex.load(saved(Hnsw(4, 16), change))


IVF_LISTS = HEADER + 16  # where its quantizer begins
IVF_MAP = IVF_LISTS + HEADER + 8 + 4 * WIDTH


@pytest.mark.parametrize(
    "change, message",
    [
        (put(HEADER, "<Q", 5), "it looks into 2 of 5 lists"),
        (put(HEADER + 8, "<Q", 9), "it looks into 9 of 4 lists"),
        (put(IVF_MAP, "<B", 2), "it has a map"),
        (put(IVF_MAP + 9, "<4s", b"ilxx"), "expected b'ilar'"),
        (put(IVF_MAP + 13, "<Q", 1 << 60), "it has 1152921504606846976 lists"),
        (put(IVF_MAP + 29, "<4s", b"nope"), "expected b'full'"),
        (put(IVF_MAP + 41, "<Q", 1 << 61), "left"),
        (lambda data: data[:-8] + struct.pack("<q", COUNT), "the position of a code"),
        (lambda data: data[:-8] + data[-16:-8], "a code is in no list, or in two"),
    ],
)
@pytest.mark.parametrize("memory_mapped", [False, True])
def test_lists_that_lie_are_refused(saved, change, message, memory_mapped):
    with pytest.raises(DataError, match=message):
        HammingIndex.load(saved(Ivf(4, 2), change), memory_mapped=memory_mapped)


@pytest.mark.parametrize(
    "file, array, message",
    [
        ("ids.npy", np.arange(COUNT + 1), r"expected int64 \(60\), got int64 \(61,\)"),
        ("ids.npy", np.zeros((COUNT, 2), int), r"expected int64 \(60\), got int64 \(60, 2\)"),
        ("ids.npy", np.arange(COUNT) * 1.0, r"expected int64 \(60\), got float64"),
        ("deleted.npy", np.array([COUNT]), "positions of codes: expected"),
        ("deleted.npy", np.array([-1]), "positions of codes: expected"),
        ("deleted.npy", np.array([0.5]), "positions of codes: expected"),
        ("deleted.npy", np.ones(COUNT, bool), "positions of codes: expected"),
    ],
)
def test_ids_and_deleted_fit_the_codes(saved, file, array, message):
    with pytest.raises(DataError, match=rf"{file}: .*{message}.*; build the index again"):
        HammingIndex.load(saved(Hnsw(4, 16), array, file))


def rewritten(**columns):
    def change(data):
        import io

        with np.load(io.BytesIO(data)) as stored:
            arrays = {**stored, **columns}
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        return buffer.getvalue()

    return change


@pytest.mark.parametrize(
    "columns, message",
    [
        ({"names": np.array(["a"])}, r"names: expected str \(60\)"),
        ({"names": np.arange(COUNT)}, r"names: expected str \(60\), got int64"),
        ({"level_labels": np.zeros(COUNT, np.int32)}, r"level_labels: expected int32 \(60, K\)"),
        ({"level_labels": np.zeros((COUNT, 1))}, r"level_labels: expected int32 .* got float64"),
        (
            {"level_labels": np.full((COUNT, 1), 2, np.int32)},
            "level_labels: not those of hierarchy.tsv",
        ),
        (
            {"level_labels": np.zeros((COUNT, 2), np.int32)},
            "level_labels: not those of hierarchy.tsv",
        ),
    ],
)
def test_names_and_labels_fit_the_codes(saved, columns, message):
    with pytest.raises(DataError, match=rf"items\.npz: {message}"):
        HammingIndex.load(saved(Flat(), rewritten(**columns), "items.npz"))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_an_index_that_is_read_answers_as_before(saved, rng, kind):
    folder = saved(kind)
    index = HammingIndex.load(folder)
    assert len(index) == (COUNT if kind.name == "flat" else COUNT - 2)
    again = HammingIndex.load(folder)
    again.add(codes_of(rng), 1000 + np.arange(COUNT))  # what was read can grow
    queries = codes_of(rng)[:5]
    np.testing.assert_array_equal(
        index.search(queries, 3, scan=True)[0],
        HammingIndex.load(folder).search(queries, 3, scan=True)[0],
    )
    assert len(again) == len(index) + COUNT


@pytest.mark.parametrize("kind", [Flat(), MultiHash(2, 5), Hnsw(4, 16)], ids=lambda kind: kind.name)
def test_an_empty_index_is_read(tmp_path, kind):
    HammingIndex(NUM_BITS, kind).save(tmp_path / "empty")
    assert len(HammingIndex.load(tmp_path / "empty")) == 0


def test_equal_codes_are_not_lost_by_saving_a_multihash(tmp_path):
    """FAISS packs how many codes a bucket has into as many bits as a position: 1024 into 10."""
    codes = np.zeros((1024, 2), np.uint8)
    index = HammingIndex(16, MultiHash(1, 16))
    index.add(codes, np.arange(1024))
    assert len(index.search_radius(codes[:1], 0).ids) == 1024
    index.save(tmp_path / "index")
    near = HammingIndex.load(tmp_path / "index").search_radius(codes[:1], 0)
    assert near.ids.tolist() == list(range(1024))
    theirs = faiss.read_index_binary(str(tmp_path / "index" / "codes.faissbinary"))
    theirs.nflip = 0
    assert not len(theirs.range_search(codes[:1], 1)[1])  # else the tables need not be made again
