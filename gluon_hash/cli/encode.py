"""`gluon-hash encode`: codes or features of a record file."""
from __future__ import annotations

from pathlib import Path

import typer


def command(
    model: Path = typer.Argument(..., metavar="MODEL", help="A run folder, an exported NAME.manifest.json, or a "
                                                            "fitted baseline (.npz); with --features a configuration "
                                                            "whose net.weights is set."),
    records: Path = typer.Option(..., metavar="FILE.rec", help="Images; or cached features (.npz) for a run folder "
                                                                "or a baseline."),
    out: Path = typer.Option(..., metavar="FILE.npz", help="The file to write; must not exist."),
    features: bool = typer.Option(False, "--features", help="Write the backbone's pooled features, not codes."),
    device: str = typer.Option("cpu", help="cpu, gpu:0 or gpu:0,1."),
    batch_size: int = typer.Option(128, min=1, help="Images at a time."),
) -> None:
    """Write the codes (or features) of a record file."""
    from gluon_hash.files import refuse_existing

    refuse_existing(out)
    if model.suffix == ".npz":
        from gluon_hash.retrieval import FeatureTable
        from gluon_hash.retrieval.baselines import encode_features_with, load_baseline

        encoded = encode_features_with(load_baseline(model), FeatureTable.load(records))
        encoded.save(out)
        print(f"{out}: {len(encoded)} images")
        return
    from gluon_hash import build, runtime

    contexts = runtime.contexts(device)
    encode = build.encode_model_features if features else build.encode_model
    table = encode(model, records, contexts, batch_size)
    table.save(out)
    print(f"{out}: {len(table)} images")
