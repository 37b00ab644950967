"""Data sets: raw files of a user, or of a published set, become a Dataset, and that a folder.

Each recipe returns a data set that ``gluon_hash.train`` takes, or that is written to a folder,
which the commands and other runs read:

>>> from gluon_hash import datasets
>>> data = datasets.synthetic(train_per_class=2, query_per_class=1)
>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     manifest = data.write(f"{folder}/shapes", seed=1)
>>> manifest["splits"]["train"]["images"], manifest["levels"]
(54, {'figure': 27, 'form': 9, 'family': 3})
"""

from gluon_hash.datasets.birds import cub, nabirds
from gluon_hash.datasets.cifar import cifar10, cifar100
from gluon_hash.datasets.dataset import Dataset, Split, regroup
from gluon_hash.datasets.feature_sets import FeatureDataset, FeatureSplit, features
from gluon_hash.datasets.image_folders import folder
from gluon_hash.datasets.image_tables import csv
from gluon_hash.datasets.naturalist import inaturalist
from gluon_hash.datasets.products import sop
from gluon_hash.datasets.shapes import synthetic
from gluon_hash.datasets.wordnet import imagenet

__all__ = [
    "Dataset",
    "FeatureDataset",
    "FeatureSplit",
    "Split",
    "cifar10",
    "cifar100",
    "csv",
    "cub",
    "features",
    "folder",
    "imagenet",
    "inaturalist",
    "nabirds",
    "regroup",
    "sop",
    "synthetic",
]
