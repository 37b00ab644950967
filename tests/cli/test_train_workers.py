"""`gluon-hash train --workers`: a run of two workers, and one that was gone on with."""

from pathlib import Path

import pytest

SYNTHETIC = Path(__file__).parents[2] / "configs" / "synthetic.yaml"
pytestmark = [pytest.mark.mxnet, pytest.mark.slow]


def test_a_resumed_run_of_two_workers_is_that_of_one_never_stopped(prepared, tmp_path, run):
    """With batch norm, whose running statistics are averaged over the workers."""

    def train(out, epochs, *more):
        changes = (
            f"data.root={prepared}",
            f"training.epochs={epochs}",
            "training.batch_size=16",
            "optimizer.schedule=constant",
            "optimizer.lr=0.003",
        )
        sets = [word for change in changes for word in ("--set", change)]
        code, _, _ = run("train", SYNTHETIC, "--out", tmp_path / out, "--workers", 2, *sets, *more)
        assert code == 0

    train("whole", 2)
    train("parts", 1)
    train("parts", 2, "--resume")
    for name in ("net.params", "optimizer.params", "memory.npz"):
        whole, parts = (tmp_path / out / "last.ckpt" / name for out in ("whole", "parts"))
        assert whole.read_bytes() == parts.read_bytes()


def test_a_batch_that_does_not_divide_is_refused(prepared, tmp_path, run):
    sets = ["--set", f"data.root={prepared}", "--set", "training.batch_size=15"]
    code, _, _ = run("train", SYNTHETIC, "--out", tmp_path / "r", "--workers", 2, *sets)
    assert code == 2 and not (tmp_path / "r").exists()
