"""`gluon-hash fit`: a classical baseline on cached features."""

from __future__ import annotations

from pathlib import Path

import typer

from gluon_hash.cli.outputs import writes


@writes("out", doing="fit")
def command(
    method: str = typer.Argument(
        ..., metavar="METHOD", help="lsh, pca, pca_rr, itq, subselective, klsh, metric_lsh or pq."
    ),
    features: Path = typer.Option(
        ..., metavar="features.npz", help="Features of the training images (`encode --features`)."
    ),
    out: Path = typer.Option(
        ...,
        metavar="FILE.npz",
        help="The fitted model; must not exist. `encode` takes it as "
        "MODEL, with features as --records.",
    ),
    bits: int = typer.Option(48, min=1, help="Length of a code."),
    seed: int = typer.Option(24, min=0, max=2**32 - 1, help="Draws the projections."),
) -> None:
    """Fit a baseline on features; no network is trained."""
    from gluon_hash.retrieval import FeatureTable
    from gluon_hash.retrieval.baselines import fit

    table = FeatureTable.load(features)
    labels = table.level_labels[:, 0] if table.level_labels.shape[1] else None
    fit(method, table.features, labels, bits, seed=seed).save(out)
    print(f"{out}: {method}, {bits} bits, fitted on {len(table)} images")
