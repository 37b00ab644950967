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
        "Config": "gluon_hash.experiment.config",
        "Encoder": "gluon_hash.experiment.encoder",
        "Run": "gluon_hash.experiment.run_folder",
        "build_net": "gluon_hash.experiment.objects",
        "change_config": "gluon_hash.experiment.config_files",
        "configure": "gluon_hash.experiment.recipe",
        "recommended": "gluon_hash.experiment.recipe",
        "compare": "gluon_hash.experiment.comparison.compare",
        "dump_config": "gluon_hash.experiment.config_files",
        "evaluation_loader": "gluon_hash.experiment.data",
        "features_of": "gluon_hash.experiment.features",
        "load_config": "gluon_hash.experiment.config_files",
        "load_model": "gluon_hash.experiment.model",
        "load_run": "gluon_hash.experiment.run_folder",
        "train": "gluon_hash.experiment.run_training",
    },
)
