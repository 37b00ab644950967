"""`gluon-hash info`: what a file or folder is; of a model its card."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import typer


def command(
    path: Path = typer.Argument(
        ...,
        metavar="MODEL|FILE|DIR",
        help="A run folder, an export (NAME.manifest.json, DIR/NAME, a name of `gluon-hash zoo`), "
        "a baseline, codes or features (.npz), an index, prepared data, or a comparison.",
    ),
    markdown: bool = typer.Option(
        False, "--markdown", help="As Markdown, such as for a model hub: info RUN > card.md."
    ),
    as_json: bool = typer.Option(False, "--json", help="As one JSON object."),
) -> None:
    """Say what a file or folder is; of a model: data, recipe, metrics, limits, SHA-256."""
    from gluon_hash.experiment.cards.describe_files import describe

    card = describe(path)
    if as_json:
        print(json.dumps(card.to_dict()))
    elif markdown:
        print(card.markdown(), end="")
    else:
        print(card.text(shutil.get_terminal_size().columns))
