"""`gluon-hash encode`: codes or features of a record file."""

from __future__ import annotations

from pathlib import Path

import typer


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
    from gluon_hash.files import refuse_existing

    refuse_existing(out)
    if features and relaxed:
        raise ValueError("--features and --relaxed: give one of the two")
    if model.suffix == ".npz":
        from gluon_hash.retrieval import FeatureTable
        from gluon_hash.retrieval.baselines import encode_features_with, load_baseline

        encoded = encode_features_with(load_baseline(model), FeatureTable.load(records))
        encoded.save(out)
        print(f"{out}: {len(encoded)} images")
        return
    from gluon_hash import engine, experiment

    contexts = engine.contexts(device)
    if relaxed:
        experiment.encode_relaxed(
            experiment.load_run(model, contexts), records, contexts, batch_size
        ).save(out)
    elif features:
        experiment.encode_model_features(model, records, contexts, batch_size).save(out)
    else:
        experiment.encode_model(model, records, contexts, batch_size).save(out)
    print(out)
