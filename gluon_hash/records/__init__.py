"""What an image file becomes: lists, records, transforms, batches.

The loaders need MXNet, which is imported when one of them is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gluon_hash.lazy import on_demand
from gluon_hash.records import samplers
from gluon_hash.records.check import check_records, repair_records
from gluon_hash.records.images import decode_image, read_image
from gluon_hash.records.lists import ImageList, held_out_positions, read_list, write_list
from gluon_hash.records.pack import pack_list, rebuild_index, write_records
from gluon_hash.records.protocols import Batch, EvaluationLoader, Loader, TrainingLoader
from gluon_hash.records.reader import RecordFile
from gluon_hash.records.transforms import ImageTransform

if TYPE_CHECKING:
    from gluon_hash.records.loaders import (
        EvalLoader,
        FeatureEvalLoader,
        FeatureTrainLoader,
        TrainLoader,
    )

__all__ = [
    "Batch",
    "EvalLoader",
    "EvaluationLoader",
    "FeatureEvalLoader",
    "FeatureTrainLoader",
    "ImageList",
    "ImageTransform",
    "Loader",
    "RecordFile",
    "TrainLoader",
    "TrainingLoader",
    "check_records",
    "decode_image",
    "held_out_positions",
    "pack_list",
    "read_image",
    "read_list",
    "rebuild_index",
    "repair_records",
    "samplers",
    "write_list",
    "write_records",
]

NEED_MXNET = ("EvalLoader", "FeatureEvalLoader", "FeatureTrainLoader", "TrainLoader")
__getattr__ = on_demand(__name__, dict.fromkeys(NEED_MXNET, "gluon_hash.records.loaders"))


def __dir__() -> list[str]:
    return sorted(__all__)
