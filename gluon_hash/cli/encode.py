"""`gluon-hash encode`: codes or features of a record file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gluon_hash.cli.outputs import writes

if TYPE_CHECKING:
    from gluon_hash.engine import mx
    from gluon_hash.retrieval import CodeTable, FeatureTable


@writes("out", doing="encode")
def command(
    model: Path = typer.Argument(
        ...,
        metavar="MODEL",
        help="A run folder, an exported NAME.manifest.json, or a "
        "fitted baseline (.npz); with --features a configuration "
        "whose net.weights is set.",
    ),
    records: Path = typer.Option(
        ...,
        metavar="FILE.rec|DIR",
        help="Images: a record file, or any folder of images; or features (.npz) for a run folder "
        "or a baseline.",
    ),
    out: Path = typer.Option(..., metavar="FILE.npz", help="The file to write; must not exist."),
    features: bool = typer.Option(
        False, "--features", help="Write the backbone's pooled features, not codes."
    ),
    relaxed: bool = typer.Option(
        False,
        "--relaxed",
        help="Write a run's outputs before the sign, as features: for "
        "`fit pq` and asymmetric search.",
    ),
    changes: list[str] | None = typer.Option(
        None,
        "--set",
        metavar="SECTION.KEY=VALUE",
        help="With --features: change a value of the configuration; may be repeated.",
    ),
    labels: str | None = typer.Option(
        None,
        metavar="folders|TABLE",
        help="Of a folder of images: the classes are its folders, or columns of a table (CSV, "
        "TSV). [default: no labels]",
    ),
    device: str = typer.Option("cpu", help="cpu, gpu:0 or gpu:0,1."),
    batch_size: int = typer.Option(128, min=1, help="Images at a time."),
) -> None:
    """Write the codes (or features) of a record file, or the codes of a folder of images."""
    from gluon_hash.experiment import load_model

    if features and relaxed:
        raise ValueError("--features and --relaxed: give one of the two")
    if changes and not features:
        raise ValueError("--set changes a configuration, which goes with --features")
    if labels is not None and not records.is_dir():
        raise ValueError("--labels is for a folder of images; a record file has its labels")
    encoded: CodeTable | FeatureTable
    if records.is_dir():
        if features or relaxed:
            raise ValueError(f"{records}: of a folder codes alone; prepare it for the others")
        from gluon_hash.cli.index.sources import Source

        encoded, _ = Source(records, model, labels, device=device, batch_size=batch_size).read()
    elif model.suffix == ".npz":  # a fitted baseline needs no MXNet
        encoded = load_model(model).encode_file(records)
    else:
        from gluon_hash import engine

        contexts = engine.contexts(device)
        if features:
            encoded = _features(model, records, contexts, batch_size, changes or [])
        else:
            encoded = _by_network(model, records, contexts, batch_size, relaxed)
    encoded.save(out)
    _warn_of(encoded)
    print(f"{out}: {len(encoded)} images")


def _warn_of(encoded: CodeTable | FeatureTable) -> None:
    """Say what the codes show of themselves: few different ones, constant bits."""
    from gluon_hash.progress import log
    from gluon_hash.retrieval import CodeTable, code_health

    if isinstance(encoded, CodeTable) and len(encoded):
        for warning in code_health(encoded.codes, encoded.num_bits).warnings():
            log(f"warning: {warning}")


def _features(
    model: Path, records: Path, contexts: list[mx.Context], batch_size: int, changes: list[str]
) -> FeatureTable:
    """Features of the backbone of a configuration."""
    from gluon_hash import experiment

    if model.is_dir() or model.suffix in (".json", ".npz"):
        raise ValueError(
            f"{model}: --features takes a configuration (.yaml) whose net.weights is set"
        )
    config = experiment.load_config(model, changes)
    return experiment.features_of(config, records, contexts, batch_size)


def _by_network(
    model: Path, records: Path, contexts: list[mx.Context], batch_size: int, relaxed: bool
) -> CodeTable | FeatureTable:
    """Codes, or outputs before the sign."""
    from gluon_hash import experiment
    from gluon_hash.experiment.net_encoders import RunEncoder

    if relaxed:
        return RunEncoder(model, contexts).relaxed_file(records, batch_size)
    return experiment.load_model(model, contexts).encode_file(records, batch_size)
