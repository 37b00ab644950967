"""`gluon-hash config`: the configurations and hierarchy tables that come with gluon_hash."""

from __future__ import annotations

import shutil
import sys
import textwrap

import typer

app = typer.Typer(
    no_args_is_help=True,
    help="List and print the configurations that come along, and what a configuration may say.",
)


@app.command("list")
def list_names() -> None:
    """Print the name of each configuration and hierarchy table, and what it is for."""
    from gluon_hash.experiment.settings import presets

    names = presets.names()
    width = max(map(len, names))
    columns = shutil.get_terminal_size().columns
    narrow = sys.stdout.isatty() and columns < width + 80
    for name in names:
        said = presets.description(name)
        if narrow:
            indent = "    "
            print(name)
            print(textwrap.fill(said, columns, initial_indent=indent, subsequent_indent=indent))
        else:
            print(f"{name:{width}}  {said}")


@app.command()
def show(
    name: str = typer.Argument(..., metavar="NAME", help="A name that `config list` prints."),
) -> None:
    """Print a configuration or a table, to be changed and used: show synthetic > mine.yaml."""
    from gluon_hash.experiment.settings import presets

    sys.stdout.write(presets.packaged(name).read_text(encoding="utf-8"))


@app.command()
def methods() -> None:
    """Print every method's settings, a Markdown table: values, defaults, what each is."""
    from gluon_hash.experiment.settings import describe

    print(describe.methods_table())


@app.command()
def keys() -> None:
    """Print every key of a configuration, a Markdown table for each section."""
    from gluon_hash.experiment.settings import describe

    print(describe.configuration_table())
