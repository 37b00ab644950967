"""What a training has to beat is computed once; what its course says is said."""

import json
from pathlib import Path

import numpy as np
import pytest

from gluon_hash.engine import mx
from gluon_hash.experiment import load_config, train
from gluon_hash.experiment.runs import run_training
from gluon_hash.experiment.runs.reference import warnings_of


def history(*values):
    return [{"epoch": k + 1, "validation_map": value} for k, value in enumerate(values)]


@pytest.mark.parametrize(
    "values, lines, said",
    [
        ((0.5, 0.6), {"untrained": {"map": 0.1}, "itq": {"map": 0.4}}, []),
        ((0.3, 0.35), {"untrained": {"map": 0.1}, "itq": {"map": 0.4}}, ["below that of ITQ"]),
        ((0.05, 0.08), {"untrained": {"map": 0.1}}, ["below that of the untrained network"]),
        ((0.5, 0.6, 0.53), {}, ["fell from 0.6000 (epoch 2) to 0.5300"]),  # below 0.9 of 0.6
        ((0.5, 0.6, 0.55), {}, []),
        ((), {"itq": {"map": 0.4}}, []),
    ],
)
def test_warnings_name_what_is_wrong_and_what_to_do(values, lines, said):
    warnings = warnings_of(history(*values), lines, "map")
    assert len(warnings) == len(said)
    for warning, part in zip(warnings, said):
        assert part in warning and "optimizer.lr" in warning


@pytest.mark.parametrize(
    "method, advised",
    [
        ("hpdh", "(loss.name: ssdh or loss.name: csq with targets: tree)"),
        ("ssdh", "(loss.name: csq with targets: tree)"),
        ("csq", "(loss.name: ssdh)"),
    ],
)
def test_the_method_that_failed_is_not_what_is_to_be_tried(method, advised):
    (warning,) = warnings_of(history(0.3), {"itq": {"map": 0.4}}, "map", method)
    assert advised in warning


def test_the_lines_are_kept_and_a_resumed_run_reads_them(features, tmp_path, capsys):
    config = load_config(features, ["training.epochs=1", "loss.name=csq"])
    train(config, tmp_path / "run", [mx.cpu()])
    lines = json.loads((tmp_path / "run" / "reference.json").read_text())
    assert set(lines) == {"untrained", "itq"}
    assert set(lines["itq"]) == {"map", "map_tie_averaged", "mahp"}
    assert all(0 < value < 1 for line in lines.values() for value in line.values())
    assert "to beat on the held-out images: untrained: map" in capsys.readouterr().err
    (tmp_path / "run" / "reference.json").write_text(
        json.dumps({"untrained": dict.fromkeys(lines["itq"], 0.99)})
    )
    train(load_config(features, ["loss.name=csq"]), tmp_path / "run", [mx.cpu()], resume=True)
    said = capsys.readouterr().err
    assert "warning: validation map" in said and "below that of the untrained network" in said


def test_what_the_codes_of_the_held_out_images_show_is_said(
    features, tmp_path, capsys, monkeypatch
):
    """How collapsed codes are recognised is tested in tests/retrieval/test_health.py."""
    seen = []

    class Sick:
        def warnings(self):
            return ["the codes are sick"]

    def code_health(packed, num_bits):
        seen.append((packed.shape, num_bits))
        return Sick()

    monkeypatch.setattr(run_training, "code_health", code_health)
    config = load_config(features, ["training.epochs=1"])
    train(config, tmp_path / "run", [mx.cpu()])
    held_out = (Path(config.data.root) / "validation.lst").read_text().splitlines()
    assert seen == [((len(held_out), 2), 12)]
    assert "warning: the codes are sick" in capsys.readouterr().err


def test_the_best_epoch_is_marked_and_said(features, tmp_path, capsys):
    train(load_config(features, ["loss.name=csq"]), tmp_path / "run", [mx.cpu()])
    said = capsys.readouterr().err
    best = json.loads((tmp_path / "run" / "best.ckpt" / "state.json").read_text())
    assert f"best epoch (*): {best['best_epoch']}, validation map {best['best_value']:.4f}" in said
    marked = [line for line in said.splitlines() if line.endswith(" *")]
    assert marked[-1].startswith(f"epoch {best['best_epoch']}/")
    values = [
        json.loads(line)["validation_map"]
        for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()
    ]
    assert best["best_value"] == np.max(values)
