"""Weights from a local .params file, checked before MXNet reads it; what does not fit is named."""

from __future__ import annotations

import os

import numpy as np

from gluon_hash.engine import HybridBlock, init, mx, nd
from gluon_hash.errors import DataError
from gluon_hash.guard.params_files import check_params
from gluon_hash.nets.backbones import Backbone

__all__ = ["check_tensors", "load_backbone", "load_params", "read_params", "save_backbone"]

NAMED = 3  # tensors that a message names


def read_params(path: str | os.PathLike[str]) -> dict[str, nd.NDArray]:
    """The tensors of a .params file by name, on the CPU: the one way to ``nd.load``.

    Raises
    ------
    DataError
        As check_params; the file is checked before MXNet reads it.
    FileNotFoundError
        If there is none.
    """
    if not check_params(path):
        return {}
    try:
        return nd.load(os.fspath(path))
    except mx.MXNetError as error:
        reason = str(error).strip().splitlines()[-1]
        raise DataError(f"MXNet cannot read it: {reason}", path=path) from error


def load_params(
    block: HybridBlock, path: str | os.PathLike[str], contexts: list[mx.Context] | None = None
) -> None:
    """Load what ``block.save_parameters`` wrote, checked before MXNet reads it.

    Parameters
    ----------
    block : HybridBlock
    path : path-like
    contexts : list of Context, optional
        Default: the CPU.

    Raises
    ------
    DataError
        As check_params; or if the tensors are not those of the block, or of another type.
    FileNotFoundError
        If there is none.
    """
    stored = check_params(path)
    check_tensors(block, {name: tensor.shape for name, tensor in stored.items()}, path)
    for name, parameter in block._collect_params_with_prefix().items():
        expected, got = np.dtype(parameter.dtype), stored[name].dtype
        if (expected.kind, expected.itemsize) != (got.kind, got.itemsize):
            raise DataError(f"{name}: expected {expected}, got {got}", path=path)
    block.load_parameters(os.fspath(path), ctx=contexts or [mx.cpu()])


def load_backbone(
    backbone: Backbone,
    path: str | os.PathLike[str],
    contexts: list[mx.Context] | None = None,
    initial: init.Initializer | None = None,
) -> None:
    """Load parameters that save_backbone, a run or `gluon-hash import-weights` wrote.

    Parameters
    ----------
    backbone : Backbone
    path : path-like
        A .params file whose names are those of the backbone, or of a HashingNet around it
        ("features." before them).
    contexts : list of Context, optional
        Default: the CPU.
    initial : Initializer, optional
        What the values are before they are set; default: drawn, which takes as long as all else
        does but leaves MXNet's random numbers where they always were after it.

    Raises
    ------
    DataError
        If the file is not a .params file, is an exported one, or tensors are missing, left over or
        of another shape; the first few are named.
    """
    tensors = _read(path)
    prefix = "features."
    if any(name.startswith(prefix) for name in tensors):
        tensors = {
            name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)
        }
    check_tensors(backbone, {name: value.shape for name, value in tensors.items()}, path)
    for name, parameter in backbone._collect_params_with_prefix().items():
        parameter.shape = tensors[name].shape
        parameter.initialize(initial, contexts or [mx.cpu()], force_reinit=True)
        parameter.set_data(tensors[name])


def save_backbone(backbone: Backbone, path: str | os.PathLike[str]) -> None:
    """Write the backbone's parameters as a .params file that load_backbone reads."""
    backbone.save_parameters(os.fspath(path))


def check_tensors(
    block: HybridBlock, shapes: dict[str, tuple[int, ...]], path: str | os.PathLike[str]
) -> None:
    """Raise DataError, naming the first tensors, unless ``shapes`` are exactly the block's."""
    kind = "backbone" if isinstance(block, Backbone) else "network"
    expected = {
        name: parameter.shape for name, parameter in block._collect_params_with_prefix().items()
    }
    problems = [f"missing {name}" for name in expected if name not in shapes]
    problems += [f"left over {name}" for name in shapes if name not in expected]
    problems += [
        f"{name} has shape {shapes[name]}, expected {shape}"
        for name, shape in expected.items()
        if name in shapes and not _fits(shape, shapes[name])
    ]
    if problems:
        raise DataError(
            f"{len(problems)} tensors do not fit the {kind}: {'; '.join(problems[:NAMED])}"
            f"{f' and {len(problems) - NAMED} more' if len(problems) > NAMED else ''}; is it of "
            "another architecture?",
            path=path,
        )


def _fits(expected: tuple[int, ...] | None, shape: tuple[int, ...]) -> bool:
    """Equal, but for the sizes that the block has not inferred yet (0 or -1): any but 0."""
    if expected is None:
        return min(shape, default=1) >= 1
    return len(expected) == len(shape) and all(
        side >= 1 and (side == size or size <= 0) for side, size in zip(shape, expected)
    )


def _read(path: str | os.PathLike[str]) -> dict[str, nd.NDArray]:
    if not os.path.exists(path):
        raise DataError(
            "no such file; `gluon-hash import-weights` makes one from torchvision, timm or Keras "
            "weights",
            path=path,
        )
    try:
        tensors = read_params(path)
    except DataError as error:
        raise DataError(
            f"{error.message}; `gluon-hash import-weights` makes one from torchvision, timm or "
            "Keras weights",
            path=path,
        ) from error
    if any(name.startswith(("arg:", "aux:")) for name in tensors):
        raise DataError(
            "this is an exported network (arg:/aux: names); give the .params of a run's checkpoint "
            "or of `gluon-hash import-weights`",
            path=path,
        )
    return tensors
