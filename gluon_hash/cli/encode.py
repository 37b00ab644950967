"""`gluon-hash encode`: codes or features of a record file."""
from __future__ import annotations

from pathlib import Path

import typer


def command(
    model: Path = typer.Argument(..., metavar="MODEL", help="A run folder or an exported NAME.manifest.json; with "
                                                            "--features a configuration whose net.weights is set."),
    records: Path = typer.Option(..., metavar="FILE.rec", help="Images; or cached features (.npz) for a run folder."),
    out: Path = typer.Option(..., metavar="FILE.npz", help="The file to write; must not exist."),
    features: bool = typer.Option(False, "--features", help="Write the backbone's pooled features, not codes."),
    device: str = typer.Option("cpu", help="cpu, gpu:0 or gpu:0,1."),
    batch_size: int = typer.Option(128, min=1, help="Images at a time."),
) -> None:
    """Write the codes (or features) of a record file."""
    from gluon_hash import build, runtime
    from gluon_hash.files import refuse_existing

    refuse_existing(out)
    contexts = runtime.contexts(device)
    encode = build.encode_model_features if features else build.encode_model
    table = encode(model, records, contexts, batch_size)
    table.save(out)
    print(f"{out}: {len(table)} images")
