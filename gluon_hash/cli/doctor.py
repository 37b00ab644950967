"""`gluon-hash doctor`: which parts work here, versions, devices, and what is wrong with them."""

from __future__ import annotations

import json

import typer


def command(
    as_json: bool = typer.Option(False, "--json", help="One JSON object in place of lines."),
) -> None:
    """Print which parts work here, versions, devices, threads, and what is wrong (exit code 1)."""
    from gluon_hash.doctor import diagnose

    report, problems = diagnose()
    if as_json:
        print(json.dumps({**report, "problems": problems}, indent=2))
    else:
        for part, state in report.pop("parts").items():
            print(f"part {part}: {state}")
        for name, value in report.items():
            print(f"{name}: {_line(value) if isinstance(value, dict) else value}")
        print("\n".join(f"WRONG: {problem}" for problem in problems) or "nothing is wrong")
    if problems:
        raise typer.Exit(1)


def _line(versions: dict[str, str | None]) -> str:
    return ", ".join(f"{package} {version or '-'}" for package, version in versions.items())
