"""The options by which a command that trains is watched: TensorBoard, MLflow, Weights & Biases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from gluon_hash.training.trackers import Tracker

__all__ = ["MLFLOW", "TENSORBOARD", "WANDB", "trackers"]

TENSORBOARD: Any = typer.Option(
    None,
    "--tensorboard",
    metavar="DIR",
    help="Write event files below DIR, a folder for each run; needs gluon_hash[tensorboard].",
)
MLFLOW: Any = typer.Option(
    None,
    "--mlflow",
    metavar="URI",
    help="Log to this MLflow server, database or folder; needs gluon_hash[mlflow].",
)
WANDB: Any = typer.Option(
    None, "--wandb", metavar="PROJECT", help="Log to Weights & Biases; needs gluon_hash[wandb]."
)


def trackers(tensorboard: Path | None, mlflow: str | None, wandb: str | None) -> list[Tracker]:
    """The trackers that are asked for; MissingPackageError for one whose package is missing."""
    from gluon_hash.training.trackers import MLflow, TensorBoard, WandB

    return [
        *([TensorBoard(tensorboard)] if tensorboard is not None else []),
        *([MLflow(mlflow)] if mlflow is not None else []),
        *([WandB(wandb)] if wandb is not None else []),
    ]
