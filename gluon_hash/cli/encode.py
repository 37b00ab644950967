"""`gluon-hash encode`: codes or features of a record file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import typer

from gluon_hash.cli.models import ENGINE, PRECISION, open_model, parse_engine

if TYPE_CHECKING:
    from gluon_hash.experiment import Encoder
    from gluon_hash.retrieval import CodeTable, FeatureTable

BATCH_SIZE = 128


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
    shard: str | None = typer.Option(
        None,
        metavar="i/n",
        help="Only part i, from 1, of n: `gluon-hash merge` puts the parts together. A part that "
        "is there already is kept.",
    ),
    device: str = typer.Option("cpu", help="cpu, gpu:0 or gpu:0,1."),
    engine: str | None = ENGINE,
    precision: str | None = PRECISION,
    batch_size: int | None = typer.Option(
        None, min=1, help="Images at a time. [default: 128; --features of large images: fewer]"
    ),
) -> None:
    """Write the codes (or features) of a record file, or the codes of a folder of images."""
    from gluon_hash.files import claimed

    if features and relaxed:
        raise ValueError("--features and --relaxed: give one of the two")
    if changes and not features:
        raise ValueError("--set changes a configuration, which goes with --features")
    if labels is not None and not records.is_dir():
        raise ValueError("--labels is for a folder of images; a record file has its labels")
    if shard is not None and (features or relaxed or records.is_dir() or model.suffix == ".npz"):
        raise ValueError("--shard is for the codes of a record file by a network")
    if (features or relaxed) and (engine is not None or precision is not None):
        raise ValueError("--engine and --precision are for codes, of a run folder or an export")
    _check_records(records)
    by = By(device, engine, precision, records)
    if shard is not None:
        _encode_shard(model, by, out, shard, batch_size or BATCH_SIZE)
        return
    with claimed(out, doing="encode"):
        encoded: CodeTable | FeatureTable
        if records.is_dir():
            if features or relaxed:
                raise ValueError(f"{records}: of a folder codes alone; prepare it for the others")
            encoded = _folder(model, by, labels, batch_size or BATCH_SIZE)
        elif features:
            encoded = _features(model, records, device, batch_size, changes or [])
        elif relaxed:
            encoded = _relaxed(model, records, device, batch_size or BATCH_SIZE)
        else:
            encoded = by.open(model).encode_file(records, batch_size or BATCH_SIZE)
        encoded.save(out)
    _warn_of(encoded)
    print(f"{out}: {len(encoded)} images")


def _check_records(records: Path) -> None:
    """What cannot be records is said before a model is loaded."""
    from gluon_hash.errors import DataError

    if records.suffix == ".npy":
        raise DataError(
            "an array has no ids and labels; `gluon-hash prepare features` makes features (.npz) "
            "of it",
            path=records,
        )
    if not records.exists():
        made_by = "" if records.suffix not in (".rec", "") else "; `gluon-hash prepare` makes it"
        what = "file" if records.suffix else "file or folder"
        raise DataError(f"no such {what}{made_by}", path=records)


class By(NamedTuple):
    """What encodes, and what is encoded."""

    device: str
    engine: str | None
    precision: str | None
    records: Path

    def open(self, model: Path) -> Encoder:
        """The model; by an engine that was chosen it is compared on some of the records first."""
        encoder = open_model(model, self.device, self.engine, self.precision)
        engine, precision = parse_engine(self.engine, self.precision)
        if engine is not None and engine != "mxnet":
            from gluon_hash.experiment.models.engine_check import check_engine, sample_inputs

            inputs = sample_inputs(encoder, self.records)
            check_engine(model, encoder, inputs, engine, precision)
        return encoder


def _encode_shard(model: Path, by: By, out: Path, text: str, batch_size: int) -> None:
    """Write the codes of a part, unless they are there already."""
    from gluon_hash.experiment.models.encoder import FileEncoder
    from gluon_hash.experiment.models.sharding import encode_shard, is_encoded
    from gluon_hash.files import claimed
    from gluon_hash.retrieval.codes.shards import parse_shard

    number, total = parse_shard(text)
    records, encoder = by.records, by.open(model)
    assert isinstance(encoder, FileEncoder)  # a baseline was refused
    if is_encoded(out, encoder, records, number, total):
        print(f"{out}: part {number}/{total} is there already, and is kept")
        return
    with claimed(out, doing="encode"):
        table = encode_shard(encoder, records, number, total, batch_size)
        table.save(out)
    print(f"{out}: {len(table)} images, part {table.shard}")


def _folder(model: Path, by: By, labels: str | None, batch_size: int) -> CodeTable:
    """Codes of the images of a folder."""
    from gluon_hash.cli.index.sources import Source

    source = Source(by.records, model, labels, batch_size=batch_size, encoder=by.open(model))
    return source.read()[0]


def _warn_of(encoded: CodeTable | FeatureTable) -> None:
    """Say what the codes show of themselves: few different ones, constant bits."""
    from gluon_hash.progress import log
    from gluon_hash.retrieval import CodeTable, code_health

    if isinstance(encoded, CodeTable) and len(encoded):
        for warning in code_health(encoded.codes, encoded.num_bits).warnings():
            log(f"warning: {warning}")


def _features(
    model: Path,
    records: Path,
    device: str,
    batch_size: int | None,
    changes: list[str],
) -> FeatureTable:
    """Features of the backbone of a configuration."""
    from gluon_hash import engine, experiment

    if model.is_dir() or model.suffix in (".json", ".npz"):
        raise ValueError(
            f"{model}: --features takes a configuration (.yaml) whose net.weights is set"
        )
    config = experiment.load_config(model, changes)
    return experiment.features_of(config, records, engine.contexts(device), batch_size)


def _relaxed(model: Path, records: Path, device: str, batch_size: int) -> FeatureTable:
    """Outputs of a run's network before the sign."""
    from gluon_hash.deploy.model_names import manifest_path

    if manifest_path(model).suffix in (".json", ".npz"):
        raise ValueError(
            f"{model}: --relaxed takes a run folder; of an export and of a baseline codes alone"
        )
    from gluon_hash import engine
    from gluon_hash.experiment.models.run_encoder import RunEncoder

    return RunEncoder(model, engine.contexts(device)).relaxed_file(records, batch_size)
