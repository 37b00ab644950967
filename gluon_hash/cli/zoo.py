"""`gluon-hash zoo`: the exported networks that come along."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from gluon_hash.deploy.zoo import ZooNetwork

WIDE = 100  # columns that a table takes
LEAST = 0.99  # of the bits, which engines round differently


def command(
    check: bool = typer.Option(
        False,
        "--check",
        help="Encode built-in images with each, and compare the codes with those recorded.",
    ),
    as_json: bool = typer.Option(False, "--json", help="A JSON object a line, with all metrics."),
) -> None:
    """List the networks that come along: MODEL of other commands may be one of these names."""
    from gluon_hash.deploy.zoo import networks
    from gluon_hash.progress import log

    found = networks()
    if not found:
        log("no network comes along with this installation; `make zoo` in a checkout makes them")
    if check:
        if not all([_is_as_recorded(network) for network in found]):
            raise typer.Exit(1)
    elif as_json:
        for network in found:
            print(json.dumps(_jsonable(network)))
    elif found:
        _show(found)


def _is_as_recorded(network: ZooNetwork) -> bool:
    """Whether its codes are (its files are, or it was not loaded); says so."""
    from gluon_hash.errors import MissingPackageError

    try:
        equal = network.equal_bits()
    except MissingPackageError as error:
        print(f"{network.name}: files as recorded; not run: {error}")
        return True
    print(f"{network.name}: files and {equal:.2%} of the bits as recorded")
    return equal >= LEAST


def _show(found: list[ZooNetwork]) -> None:
    """A table, or, where the terminal is narrow, some lines for each network."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if console.width < WIDE:
        for network in found:
            print(network.name)
            words = ", ".join(_cells(network))
            print(textwrap.fill(words, console.width, initial_indent="  ", subsequent_indent="  "))
        return
    table = Table("name", "data", "method", "code", "input", "size", "mAP", box=box.SIMPLE)
    table.columns[0].no_wrap = table.columns[-1].no_wrap = True
    for network in found:
        table.add_row(Text(network.name), *map(Text, _cells(network)))
    console.print(table)


def _cells(network: ZooNetwork) -> list[str]:
    manifest, about = network.manifest, network.about
    reached = [
        f"{search.replace('-', ' ')} {measures.values['map'][0]:.3f}"
        for search, measures in about.metrics.items()
    ]
    return [
        about.data,
        about.method,
        f"{manifest.num_bits} bits",
        f"{manifest.crop} px",
        f"{network.num_bytes / 1e6:.1f} MB",
        ", ".join(reached),
    ]


def _jsonable(network: ZooNetwork) -> dict[str, object]:
    return {
        "name": network.name,
        "path": str(network.path),
        "num_bits": network.manifest.num_bits,
        "bytes": network.num_bytes,
        **network.about.model_dump(exclude={"codes", "version"}),
    }
