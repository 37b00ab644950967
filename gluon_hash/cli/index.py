"""`gluon-hash index`: build a Hamming index, search it."""
from __future__ import annotations

import json
from pathlib import Path
from typing import List

import typer

app = typer.Typer(no_args_is_help=True, help="Build a Hamming index, search it.")


@app.command()
def build(
    codes: Path = typer.Argument(..., metavar="codes.npz", help="Codes of the database."),
    out: Path = typer.Option(..., metavar="INDEX", help="Index folder to make; must not exist."),
) -> None:
    """Build an exact index over codes."""
    from gluon_hash.retrieval import CodeTable, HammingIndex

    table = CodeTable.load(codes)
    index = HammingIndex(table.num_bits)
    index.add(table.codes, table.ids)
    index.save(out)
    print(f"{out}: {len(index)} codes of {index.num_bits} bits")


@app.command()
def search(
    index: Path = typer.Argument(..., metavar="INDEX", help="Index folder."),
    images: List[Path] = typer.Argument(..., metavar="IMAGE...", help="Image files."),
    model: Path = typer.Option(..., metavar="MODEL", help="NAME.manifest.json of the network that made the codes, "
                                                          "or its run folder."),
    k: int = typer.Option(10, "-k", min=1, help="Results for each image."),
    as_json: bool = typer.Option(False, "--json", help="One JSON line for each image in place of a table."),
) -> None:
    """Find the nearest codes of image files: distance in bits, and id."""
    from gluon_hash import build as library
    from gluon_hash.retrieval import HammingIndex

    loaded = HammingIndex.load(index)
    distances, ids = loaded.search(library.encode_images(model, images), k)
    for image, row, found in zip(images, distances.tolist(), ids.tolist()):
        if as_json:
            print(json.dumps({"image": str(image), "distances": row, "ids": found}))
        else:
            print(image)
            for distance, item in zip(row, found):
                print(f"  {distance:4d}  {item}")
