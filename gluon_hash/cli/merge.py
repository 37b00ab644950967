"""`gluon-hash merge`: the parts that `encode --shard` wrote, as one file of codes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gluon_hash.cli.outputs import writes

if TYPE_CHECKING:
    import numpy as np


@writes("out", doing="merge")
def command(
    parts: list[Path] = typer.Argument(
        ..., metavar="codes-*.npz", help="What `encode --shard` wrote, all parts in any order."
    ),
    out: Path = typer.Option(..., metavar="codes.npz", help="The file to write; must not exist."),
    records: Path | None = typer.Option(
        None,
        metavar="FILE.rec|.npz",
        help="Compare the ids with those of the records that were encoded.",
    ),
) -> None:
    """Put the parts together, once it is sure that every record is in them once."""
    from gluon_hash.retrieval.codes.merging import merge_shards

    table = merge_shards(parts, None if records is None else _ids(records))
    table.save(out)
    print(f"{out}: {len(table)} images of {len(parts)} parts")


def _ids(records: Path) -> np.ndarray:
    """The ids of a record file, or of features."""
    from gluon_hash.records import RecordFile
    from gluon_hash.retrieval import FeatureTable

    if records.suffix == ".npz":
        return FeatureTable.load(records).ids
    return RecordFile(records).ids
