"""What a user gets wrong at evaluate and index: one clear line on stderr, exit code 2, nothing
written."""

import json

import numpy as np
import pytest
from reference import random_table as table

from gluon_hash.cli.app import main
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.retrieval import FeatureTable, HammingIndex
from gluon_hash.retrieval.index.kinds import KINDS, MultiHash


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Code files and indexes, good and bad."""
    folder, rng = tmp_path_factory.mktemp("bad"), np.random.RandomState(0)
    base, query = table(rng, 60, 16, first_id=100), table(rng, 5, 16)
    base.save(folder / "d.npz")
    query.save(folder / "q.npz")
    table(rng, 5, 24).save(folder / "q24.npz")
    table(rng, 5, 13).save(folder / "q13.npz")
    table(rng, 5, 16, num_levels=3).save(folder / "q3.npz")
    FeatureTable(query.ids, rng.randn(5, 4).astype(np.float16), query.level_labels, {}).save(
        folder / "f.npz"
    )
    np.savez(folder / "newer.npz", version=2)
    whole = (folder / "d.npz").read_bytes()
    (folder / "cut.npz").write_bytes(whole[: len(whole) // 2])
    Hierarchy.from_table([["a", "x"], ["b", "y"]], ["fine", "coarse"]).save(folder / "other.tsv")
    for name, kind in (("flat", None), ("multihash", MultiHash(2, 8))):
        index = HammingIndex(16, kind)
        index.add(base.codes, base.ids)
        for copy in (name, f"{name}_damaged", f"{name}_newer"):
            index.save(folder / copy)
    with open(folder / "flat_damaged" / "codes.faissbinary", "r+b") as stream:
        stream.seek(60)
        stream.write(b"\xff\x00\xff")
    path = folder / "flat_newer" / "index.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 2}))
    return folder


EVALUATE, SEARCH = "evaluate --query {} --database d.npz", "index search {} --codes q.npz"


@pytest.mark.parametrize(
    "command, message",
    [
        (
            EVALUATE.format("q24.npz"),
            "query codes have 24 bits, database codes 16; encode both with the same network",
        ),
        (EVALUATE.format("q3.npz"), "query labels have 3 levels, database labels 2"),
        (EVALUATE.format("q.npz --hierarchy other.tsv"), "labels"),
        (EVALUATE.format("f.npz"), "one of the two files holds codes, the other features"),
        (EVALUATE.format("cut.npz"), "cut.npz: not a readable .npz, or cut short"),
        (
            EVALUATE.format("newer.npz"),
            "newer.npz: expected version 1, got 2; use the gluon_hash that wrote it",
        ),
        (EVALUATE.format("missing.npz"), "missing.npz"),
        (EVALUATE.format("q.npz --confidence 100"), "expected a percentage in (0, 100), got 100.0"),
        (
            EVALUATE.format("q.npz --segments 8,9 --segment-weights 1,1"),
            "sum to the 16 bits of the codes, got [8, 9]",
        ),
        (
            EVALUATE.format("q.npz --segments 8,x --segment-weights 1,1"),
            "--segments: expected numbers separated by commas",
        ),
        (EVALUATE.format("q.npz --segments 8,8"), "segments and their weights go together"),
        (
            EVALUATE.format("q.npz --segments 8,8 --segment-weights 1,1 --curves out.json"),
            "leave out --segments",
        ),
        (EVALUATE.format("q.npz --rules barz"), "query id 0 is not in the database"),
        (
            "evaluate --query f.npz --database f.npz --segments 2,2 --segment-weights 1,1",
            "features have no segments",
        ),
        (
            "evaluate --query f.npz --database f.npz --curves out.json",
            "f.npz: expected the arrays num_bits, codes",
        ),
        (
            "evaluate --query f.npz --database f.npz --distance hamming",
            "expected one of cosine, l2, got 'hamming'",
        ),
        (SEARCH.format("flat -k 61"), "k must be from 1 to 60, the size of the index, got 61"),
        (SEARCH.format("flat --radius 17"), "the radius must be from 0 to 16 bits, got 17"),
        (
            SEARCH.format("multihash --radius 4"),
            "ask for a scan (scan=True, --scan) or use a flat index",
        ),
        (SEARCH.format("flat_damaged"), "codes.faissbinary: missing or damaged"),
        (
            SEARCH.format("flat_newer"),
            "expected index version 1, got 2; use the gluon_hash that wrote it",
        ),
        (
            SEARCH.format("nowhere"),
            "nowhere: no such folder; `gluon-hash index build` makes an index",
        ),
        (
            SEARCH.format("flat --memory-mapped"),
            "only an ivf index can be memory-mapped, this one is flat",
        ),
        ("index search flat --codes q24.npz", "q24.npz: codes of 24 bits, the index has 16"),
        ("index search flat", "name image files (with --model), or a code file with --codes"),
        ("index add flat q24.npz --out out", "codes of 24 bits, the index has 16"),
        ("index add flat d.npz --out out", "an id appears twice, or is in the index already"),
        ("index delete flat 7 --out out", "1 ids are not in the index, the first is 7"),
        ("index delete flat --out out", "expected ids, integers, after the index folder, got []"),
        (
            "index delete flat x --out out",
            "expected ids, integers, after the index folder, got ['x']",
        ),
        ("index delete flat 100", "name the result: --out INDEX for a folder, or --url for Milvus"),
        (
            "index check flat --codes q13.npz",
            "q13.npz: codes of 13 bits, the index has 16",
        ),  # as many bytes
        ("index build d.npz", "name the index: --out INDEX for a folder, or --url for Milvus"),
        (
            "index build d.npz --out out --kind tree",
            f"expected one of {', '.join(KINDS)}, got 'tree'",
        ),
        ("index build d.npz --out flat", "flat exists already"),
        (
            "index export d.npz --to oracle --out out",
            "expected one of pgvector, elasticsearch, opensearch, vespa, milvus",
        ),
        ("fit forest --features f.npz --out out.npz", "expected one of lsh, pca"),
        ("fit itq --features d.npz --out out.npz", "d.npz: expected the arrays features"),
        ("encode d.npz --records f.npz --out out.npz", "d.npz: expected the arrays kind"),
    ],
)
def test_mistakes_are_one_line_and_code_2(files, monkeypatch, capsys, command, message):
    monkeypatch.chdir(files)
    before = sorted(files.iterdir())
    with pytest.raises(SystemExit) as stop:
        main(command.split())
    printed = capsys.readouterr()
    assert stop.value.code == 2 and message in printed.err, printed.err
    assert (
        printed.err.startswith("gluon-hash: error: ")
        and printed.err.count("\n") == 1
        and not printed.out
    )
    assert sorted(files.iterdir()) == before


def test_a_multihash_scans_only_when_told(files, monkeypatch, capsys):
    monkeypatch.chdir(files)
    results = []
    for arguments in ("multihash --radius 4 --scan", "flat --radius 4"):
        with pytest.raises(SystemExit) as stop:
            main(SEARCH.format(arguments).split())
        assert not stop.value.code
        results.append(capsys.readouterr().out)
    assert results[0] == results[1] and len(results[0].splitlines()) > 5
