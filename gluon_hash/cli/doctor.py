"""`gluon-hash doctor`: versions, devices, threads, libraries, and what is wrong with them."""

from __future__ import annotations

import json

import typer


def command(
    as_json: bool = typer.Option(False, "--json", help="One JSON object in place of lines."),
) -> None:
    """Print versions, devices, threads and libraries, and what is wrong with them; exit code 1 if
    something is."""
    from gluon_hash.doctor import diagnose

    report, problems = diagnose()
    if as_json:
        print(json.dumps({**report, "problems": problems}, indent=2))
    else:
        for name, value in report.items():
            shown = (
                ", ".join(f"{package} {version or '-'}" for package, version in value.items())
                if isinstance(value, dict)
                else value
            )
            print(f"{name}: {shown}")
        print("\n".join(f"WRONG: {problem}" for problem in problems) or "nothing is wrong")
    if problems:
        raise typer.Exit(1)
