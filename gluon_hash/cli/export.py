"""`gluon-hash export`: a run's network for deployment."""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    run: Path = typer.Argument(..., metavar="RUN", help="Run folder."),
    out: Path = typer.Option(
        ...,
        metavar="DIR/NAME",
        help="Writes NAME-symbol.json, NAME-0000.params and NAME.manifest.json; none may exist.",
    ),
    onnx: bool = typer.Option(False, "--onnx", help="Write NAME.onnx too; needs gluon_hash[onnx]."),
) -> None:
    """Write symbol JSON, parameters and manifest for deployment; read again and compared first."""
    from gluon_hash import deploy, experiment
    from gluon_hash.deploy.encode import fingerprint_of

    if onnx:
        deploy.require_onnx()
    loaded = experiment.load_run(run)
    manifest = deploy.export_symbol(
        loaded.net,
        out,
        transform=loaded.transform,
        background=loaded.background,
        hierarchy=loaded.hierarchy,
        backbone=loaded.config.net.backbone,
        source={
            "run": run.name,
            "epoch": loaded.epoch,
            "fingerprint": fingerprint_of(loaded.net),
        },
    )
    print(manifest)
    if onnx:
        print(deploy.export_onnx(manifest))
