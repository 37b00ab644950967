"""`gluon-hash encode`: codes or features of a record file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from gluon_hash.engine import mx
    from gluon_hash.retrieval import CodeTable, FeatureTable


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
        metavar="FILE.rec",
        help="Images; or cached features (.npz) for a run folder or a baseline.",
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
    device: str = typer.Option("cpu", help="cpu, gpu:0 or gpu:0,1."),
    batch_size: int = typer.Option(128, min=1, help="Images at a time."),
) -> None:
    """Write the codes (or features) of a record file."""
    from gluon_hash.experiment import load_model
    from gluon_hash.files import refuse_existing

    refuse_existing(out)
    if features and relaxed:
        raise ValueError("--features and --relaxed: give one of the two")
    if model.suffix == ".npz":  # a fitted baseline needs no MXNet
        encoded = load_model(model).encode_file(records)
    else:
        from gluon_hash import engine

        encoded = _by_network(
            model, records, engine.contexts(device), batch_size, features, relaxed
        )
    encoded.save(out)
    print(f"{out}: {len(encoded)} images")


def _by_network(
    model: Path,
    records: Path,
    contexts: list[mx.Context],
    batch_size: int,
    features: bool,
    relaxed: bool,
) -> CodeTable | FeatureTable:
    """Codes, features of the backbone or outputs before the sign."""
    from gluon_hash import experiment
    from gluon_hash.experiment.net_encoders import RunEncoder

    if features:
        if model.suffix not in (".yaml", ".yml"):
            raise ValueError(
                f"{model}: --features takes a configuration (.yaml) whose net.weights is set"
            )
        config = experiment.load_config(model)
        return experiment.features_of(config, records, contexts, batch_size)
    if relaxed:
        return RunEncoder(model, contexts).relaxed_file(records, batch_size)
    return experiment.load_model(model, contexts).encode_file(records, batch_size)
