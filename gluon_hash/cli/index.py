"""`gluon-hash index`: build a Hamming index, change it, check it, search it."""

from __future__ import annotations

from pathlib import Path

import typer

app = typer.Typer(
    no_args_is_help=True, help="Build a Hamming index, change it, check it, search it."
)

INDEX = typer.Argument(..., metavar="INDEX", help="Index folder.")
CODES = typer.Argument(..., metavar="codes.npz", help="Codes.")
OUT = typer.Option(..., metavar="INDEX", help="Index folder to make; must not exist.")
URL = typer.Option(
    None,
    metavar="URL",
    help="Milvus: FILE.db runs Milvus Lite here, http://host:19530 is a server.",
)
COLLECTION = typer.Option("codes", help="Milvus: the collection.")
SCAN = typer.Option(
    False, "--scan", help="Multihash: compare all codes where its tables do not pay."
)


@app.command()
def build(
    codes: Path = CODES,
    out: Path | None = typer.Option(
        None, metavar="INDEX", help="Index folder to make; must not exist."
    ),
    url: str | None = URL,
    collection: str = COLLECTION,
    kind: str = typer.Option(
        "flat", help="flat (exact), multihash (exact within a radius), hnsw or ivf."
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
) -> None:
    """Build an index over codes: a folder (--out), or a Milvus collection (--url), which goes on
    where it was."""
    from gluon_hash.progress import track
    from gluon_hash.retrieval import CodeTable, HammingIndex
    from gluon_hash.retrieval.index.kinds import kind_for

    if (out is None) == (url is None):
        raise ValueError("name the index: --out INDEX for a folder, or --url for Milvus")
    table = CodeTable.load(codes)
    if url is not None:
        from gluon_hash.retrieval.index.milvus import MilvusIndex

        remote = MilvusIndex(url, collection)
        print(f"{url}: {remote.upload(table)} codes sent, {len(remote)} in {collection}")
        remote.close()
        return
    assert out is not None
    given = {
        "num_hashes": hashes,
        "bits_per_hash": hash_bits,
        "num_neighbors": neighbors,
        "search_width": search_width,
        "num_lists": lists,
        "num_probes": probes,
    }
    index = HammingIndex(table.num_bits, kind_for(kind, table.num_bits, len(table), given))
    at_once = max(index.kind.codes_at_once(len(table)), 1)
    starts = range(0, len(table), at_once)
    for start in track(starts, "index", len(starts), unit="batches"):
        index.add(table.codes[start : start + at_once], table.ids[start : start + at_once])
    index.save(out)
    print(f"{out}: {len(index)} codes of {index.num_bits} bits, {index.kind.name}")


@app.command()
def add(index: Path = INDEX, codes: Path = CODES, out: Path = OUT) -> None:
    """Add codes to an index; the result is a new folder."""
    from gluon_hash.cli.searching import load_codes
    from gluon_hash.retrieval import HammingIndex

    loaded = HammingIndex.load(index)
    table = load_codes(codes, loaded.num_bits)
    loaded.add(table.codes, table.ids)
    loaded.save(out)
    print(f"{out}: {len(loaded)} codes")


@app.command()
def delete(
    what: list[str] = typer.Argument(
        ..., metavar="INDEX ID...", help="Index folder (not with --url), ids."
    ),
    out: Path | None = typer.Option(
        None, metavar="INDEX", help="Index folder to make; must not exist."
    ),
    url: str | None = URL,
    collection: str = COLLECTION,
) -> None:
    """Take ids out of an index; the result is a new folder. With --url they go from the collection
    itself."""
    import numpy as np

    from gluon_hash.retrieval import HammingIndex

    if (out is None) == (url is None):
        raise ValueError("name the result: --out INDEX for a folder, or --url for Milvus")
    ids = what if url else what[1:]
    if not ids or not all(item.lstrip("-").isdigit() for item in ids):
        raise ValueError(
            f"expected ids, integers, after {'the options' if url else 'the index folder'}, got "
            f"{ids}"
        )
    gone = np.array(ids, dtype=np.int64)
    if url:
        from gluon_hash.retrieval.index.milvus import MilvusIndex

        remote = MilvusIndex(url, collection)
        remote.delete(gone)
        print(f"{url}: {len(remote)} codes in {collection}")
        remote.close()
        return
    assert out is not None
    loaded = HammingIndex.load(what[0])
    loaded.delete(gone)
    loaded.save(out)
    print(f"{out}: {len(loaded)} codes")


@app.command()
def check(
    index: Path = INDEX,
    codes: Path = typer.Option(..., metavar="q.npz", help="Codes to search for."),
    k: int = typer.Option(10, "-k", min=1, help="Results for each."),
    scan: bool = SCAN,
    limit: int = typer.Option(1000, min=1, help="Queries used at most."),
) -> None:
    """Verify the files, and measure recall and time against a scan."""
    from gluon_hash.cli.searching import load_codes
    from gluon_hash.retrieval import HammingIndex
    from gluon_hash.retrieval.index.check import check_index

    loaded = HammingIndex.load(index)
    for name, value in check_index(
        loaded, load_codes(codes, loaded.num_bits).codes[:limit], k, scan=scan
    ).items():
        print(f"{name}\t{value}")


@app.command(name="export")
def export(
    codes: Path = CODES,
    to: str = typer.Option(
        ..., metavar="ENGINE", help="pgvector, elasticsearch, opensearch, vespa, milvus or qdrant."
    ),
    out: Path = typer.Option(..., metavar="DIR", help="Folder to make; must not exist."),
    name: str = typer.Option("codes", help="Of the table, index or collection."),
) -> None:
    """Write codes in the form that a database loads: data, schema, an example query,
    instructions."""
    from gluon_hash.retrieval import CodeTable
    from gluon_hash.retrieval.index.handover import hand_over

    table = CodeTable.load(codes)
    print(
        f"{hand_over(table, to, out, name=name)}: {len(table)} codes of {table.num_bits} bits; see "
        "README.txt there"
    )


@app.command()
def search(
    what: list[Path] | None = typer.Argument(
        None,
        metavar="INDEX [IMAGE...]",
        help="Index folder (not with --url), then image files or folders of them.",
    ),
    url: str | None = URL,
    collection: str = COLLECTION,
    model: Path | None = typer.Option(
        None,
        metavar="MODEL",
        help="NAME.manifest.json of the network that made the "
        "codes, or its run folder; for images.",
    ),
    codes: Path | None = typer.Option(
        None, metavar="q.npz", help="Search for these codes in place of images."
    ),
    k: int = typer.Option(10, "-k", min=1, help="Results for each."),
    radius: int | None = typer.Option(None, min=0, help="All within so many bits, in place of -k."),
    scan: bool = SCAN,
    memory_mapped: bool = typer.Option(
        False, "--memory-mapped", help="ivf: leave the codes in the file."
    ),
    as_json: bool = typer.Option(
        False, "--json", help="One JSON line for each query in place of a table."
    ),
    grid: Path | None = typer.Option(
        None, metavar="FILE.html|.png|.svg|.pdf", help="Draw the results too."
    ),
    database_records: Path | None = typer.Option(
        None, metavar="train.rec", help="Images of the index, for --grid."
    ),
) -> None:
    """Find the nearest codes of images or codes: distance in bits, and id."""
    from gluon_hash.cli import searching

    loaded, images = searching.open_index(url, collection, what or [], memory_mapped)
    queries = searching.read_queries(images, model, codes, loaded.num_bits)
    if grid is not None:
        searching.check_grid(grid, database_records, queries)
    found = searching.find(loaded, queries.codes, k, radius, scan)
    searching.show(queries.names, found, as_json)
    if grid is not None and database_records is not None:
        searching.draw(grid, database_records, queries, found)
