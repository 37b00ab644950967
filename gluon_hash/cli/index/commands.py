"""The parts of `gluon-hash index` but search: build, add, delete, check, export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gluon_hash.cli.index.search import search
from gluon_hash.cli.index.sources import BuildByDefault
from gluon_hash.cli.outputs import writes

if TYPE_CHECKING:
    import numpy as np

app = typer.Typer(
    cls=BuildByDefault,
    no_args_is_help=True,
    help="Build a Hamming index, change it, check it, search it. "
    "`index SOURCE --out INDEX` builds.",
)

INDEX = typer.Argument(..., metavar="INDEX", help="Index folder.")
CODES = typer.Argument(..., metavar="codes.npz", help="Codes.")
SOURCE = typer.Argument(
    ..., metavar="codes.npz|FOLDER", help="Codes; or, with --model, a folder of images, any depth."
)
OUT = typer.Option(..., metavar="INDEX", help="Index folder to make; must not exist.")
URL = typer.Option(
    None,
    metavar="URL",
    help="Milvus: FILE.db runs Milvus Lite here, http://host:19530 is a server.",
)
COLLECTION = typer.Option(None, help="Milvus: the collection. [default: codes]")
MODEL = typer.Option(
    None, metavar="MODEL", help="Images: a run folder or an exported network, which encodes them."
)
LABELS = typer.Option(
    None,
    metavar="folders|TABLE",
    help="Images: classes from the folders, or from a text table of path and class at every level, "
    "finest first. [default: none]",
)
HIERARCHY = typer.Option(
    None, metavar="hierarchy.tsv", help="Names of the classes that labels stand for."
)
DEVICE = typer.Option(None, help="Images: cpu, gpu:0 or gpu:0,1. [default: cpu]")
BATCH_SIZE = typer.Option(None, min=1, help="Images encoded at a time. [default: 32]")


@app.command()
@writes("out", doing="index build")
def build(
    source: Path = SOURCE,
    out: Path | None = typer.Option(
        None, metavar="INDEX", help="Index folder to make; must not exist."
    ),
    model: Path | None = MODEL,
    labels: str | None = LABELS,
    hierarchy: Path | None = HIERARCHY,
    device: str | None = DEVICE,
    batch_size: int | None = BATCH_SIZE,
    url: str | None = URL,
    collection: str | None = COLLECTION,
    kind: str | None = typer.Option(
        None,
        help="flat (exact), multihash (exact within a radius), hnsw or ivf. [default: flat]",
    ),
    hashes: int | None = typer.Option(
        None, min=1, help="multihash: parts of the code. [default: by size]"
    ),
    hash_bits: int | None = typer.Option(
        None, min=1, help="multihash: bits of a part. [default: by size]"
    ),
    neighbors: int | None = typer.Option(None, min=2, help="hnsw: links of a code. [default: 32]"),
    search_width: int | None = typer.Option(
        None, min=1, help="hnsw: candidates kept. [default: 128]"
    ),
    lists: int | None = typer.Option(None, min=1, help="ivf: lists. [default: by size]"),
    probes: int | None = typer.Option(
        None, min=1, help="ivf: lists looked into. [default: a sixteenth]"
    ),
    parameters: list[str] | None = typer.Option(
        None, "--set", metavar="NAME=NUMBER", help="Any parameter of the kind, by its name."
    ),
) -> None:
    """Build an index over codes or a folder of images.

    It is a folder (--out), or a Milvus collection (--url), which goes on where it was.
    """
    from gluon_hash.cli.index import sources

    named = {
        "num_hashes": hashes,
        "bits_per_hash": hash_bits,
        "num_neighbors": neighbors,
        "search_width": search_width,
        "num_lists": lists,
        "num_probes": probes,
    }
    kind_options = sources.kind_parameters(named, parameters or [])
    read_from = sources.Source(source, model, labels, hierarchy, device, batch_size)
    if (out is None) == (url is None):
        raise ValueError("name the index: --out INDEX for a folder, or --url for Milvus")
    if url is not None:
        if kind is not None or any(value is not None for value in kind_options.values()):
            raise ValueError("--kind and its parameters are for --out; Milvus compares every code")
        sources.upload(read_from, url, collection)
    elif out is not None:
        if collection is not None:
            raise ValueError("--collection is for --url")
        sources.build_folder(read_from, out, kind or "flat", kind_options)


@app.command()
@writes("out", doing="index add")
def add(
    index: Path = INDEX,
    source: Path = SOURCE,
    out: Path = OUT,
    model: Path | None = MODEL,
    labels: str | None = LABELS,
    hierarchy: Path | None = HIERARCHY,
    device: str | None = DEVICE,
    batch_size: int | None = BATCH_SIZE,
) -> None:
    """Add codes or images to an index; the result is a new folder."""
    from gluon_hash.cli.index.sources import Source
    from gluon_hash.retrieval import HammingIndex

    read_from = Source(source, model, labels, hierarchy, device, batch_size)
    loaded = HammingIndex.load(index)
    table, tree = read_from.read(loaded)
    if tree is not None and loaded.items.hierarchy is None:
        loaded.name_classes(tree)
    loaded.add(table.codes, table.ids, table.names, table.level_labels)
    loaded.save(out)
    print(f"{out}: {len(loaded)} codes")


@app.command()
@writes("out", doing="index delete")
def delete(
    what: list[str] = typer.Argument(
        ..., metavar="INDEX ID...", help="Index folder (not with --url), ids."
    ),
    out: Path | None = typer.Option(
        None, metavar="INDEX", help="Index folder to make; must not exist."
    ),
    url: str | None = URL,
    collection: str | None = COLLECTION,
) -> None:
    """Take ids out of an index.

    The result is a new folder. With --url they go from the collection itself.
    """
    from gluon_hash.retrieval import HammingIndex

    if (out is None) == (url is None):
        raise ValueError("name the result: --out INDEX for a folder, or --url for Milvus")
    gone = _ids(what, "after the options") if url else _ids(what[1:], "after the index folder")
    if url is not None:
        from gluon_hash.retrieval.index.milvus import MilvusIndex

        remote = MilvusIndex(url, collection or "codes")
        remote.delete(gone)
        print(f"{url}: {len(remote)} codes in {collection or 'codes'}")
        remote.close()
    elif out is not None:
        if collection is not None:
            raise ValueError("--collection is for --url")
        loaded = HammingIndex.load(what[0])
        loaded.delete(gone)
        loaded.save(out)
        print(f"{out}: {len(loaded)} codes")


@app.command()
def check(
    index: Path = INDEX,
    codes: Path = typer.Option(..., metavar="q.npz", help="Codes to search for."),
    k: int = typer.Option(10, "-k", min=1, help="Results for each."),
    rerank: Path | None = typer.Option(
        None, metavar="features.npz", help="Re-rank by these features of the index's images too."
    ),
    query_features: Path | None = typer.Option(
        None, metavar="q.npz", help="--rerank: features of the queries."
    ),
    candidates: int | None = typer.Option(
        None, min=1, help="--rerank: nearest codes that are re-ranked. [default: 10 times -k]"
    ),
    distance: str | None = typer.Option(None, help="--rerank: cosine or l2. [default: cosine]"),
    scan: bool = typer.Option(
        False, "--scan", help="Multihash: compare all codes where its tables do not pay."
    ),
    limit: int = typer.Option(1000, min=1, help="Queries used at most."),
) -> None:
    """Verify the files, and measure recall and time against a scan, and against exact features."""
    from gluon_hash.cli.index.reranking import Rerank
    from gluon_hash.cli.index.searching import check_pairs, load_codes, load_index
    from gluon_hash.retrieval.index.check import check_index

    check_pairs(
        {
            "--query-features": (query_features, "--rerank", rerank),
            "--candidates": (candidates, "--rerank", rerank),
            "--distance": (distance, "--rerank", rerank),
            "--rerank": (rerank, "--query-features", query_features),
        }
    )
    loaded = load_index(index, scan)
    queries = load_codes(codes, loaded)
    measured = check_index(loaded, queries.codes[:limit], k, scan=scan)
    if rerank is not None:
        order = Rerank(str(rerank), candidates, query_features, distance)
        measured |= order.check(loaded, queries, k, limit, scan)
    for name, value in measured.items():
        print(f"{name}\t{value}")


@app.command()
@writes("out", doing="index export")
def export(
    codes: Path = CODES,
    to: str = typer.Option(
        ..., metavar="ENGINE", help="pgvector, elasticsearch, opensearch, vespa, milvus or qdrant."
    ),
    out: Path = typer.Option(..., metavar="DIR", help="Folder to make; must not exist."),
    name: str = typer.Option("codes", help="Of the table, index or collection."),
) -> None:
    """Write codes as a database loads them: data, schema, an example query, instructions."""
    from gluon_hash.retrieval import CodeTable
    from gluon_hash.retrieval.index.handover import hand_over

    table = CodeTable.load(codes)
    print(
        f"{hand_over(table, to, out, name=name)}: {len(table)} codes of {table.num_bits} bits; see "
        "README.txt there"
    )


def _ids(texts: list[str], where: str) -> np.ndarray:
    """Ids from the command line: int64 (N,)."""
    import numpy as np

    try:
        if texts and all(text.lstrip("-").isdecimal() for text in texts):
            return np.array([int(text) for text in texts], dtype=np.int64)
    except (OverflowError, ValueError):  # more digits than fit
        raise ValueError(f"an id has at most 64 bits, got one of {texts}"[:200]) from None
    raise ValueError(f"expected ids, integers, {where}, got {texts}")


app.command()(search)
