"""Experiments: configurations, run folders, comparisons, and models by their path."""

from gluon_hash.lazy import on_demand

__all__ = [
    "Config",
    "Encoder",
    "Run",
    "build_net",
    "change_config",
    "compare",
    "configure",
    "dump_config",
    "evaluation_loader",
    "features_of",
    "load_config",
    "load_model",
    "load_run",
    "recommended",
    "train",
]

__getattr__ = on_demand(
    __name__,
    {
        "Config": "gluon_hash.experiment.settings.config",
        "Encoder": "gluon_hash.experiment.models.encoder",
        "Run": "gluon_hash.experiment.runs.run_folder",
        "build_net": "gluon_hash.experiment.objects",
        "change_config": "gluon_hash.experiment.settings.config_files",
        "configure": "gluon_hash.experiment.recipe",
        "recommended": "gluon_hash.experiment.recipe",
        "compare": "gluon_hash.experiment.comparison.compare",
        "dump_config": "gluon_hash.experiment.settings.config_files",
        "evaluation_loader": "gluon_hash.experiment.data.loaders",
        "features_of": "gluon_hash.experiment.data.features",
        "load_config": "gluon_hash.experiment.settings.config_files",
        "load_model": "gluon_hash.experiment.models.model",
        "load_run": "gluon_hash.experiment.runs.run_folder",
        "train": "gluon_hash.experiment.runs.run_training",
    },
)
