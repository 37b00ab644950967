"""`gluon-hash cut`: the first bits of the codes in a file."""

from __future__ import annotations

from pathlib import Path

import typer

from gluon_hash.cli.outputs import writes


@writes("out", doing="cut")
def command(
    codes: Path = typer.Argument(..., metavar="codes.npz", help="What `encode` wrote."),
    num_bits: int = typer.Option(..., "--bits", min=1, help="How many bits are kept."),
    out: Path = typer.Option(..., metavar="FILE.npz", help="The file to write; must not exist."),
) -> None:
    """Keep the first bits of codes: as good as codes of that length where loss.nested names it."""
    from gluon_hash.errors import DataError
    from gluon_hash.retrieval import CodeTable

    table = CodeTable.load(codes)
    try:
        cut = table.first_bits(num_bits)
    except ValueError as error:
        raise DataError(str(error), path=codes) from error
    cut.save(out)
    print(f"{out}: {len(cut)} images, {num_bits} of {table.num_bits} bits")
