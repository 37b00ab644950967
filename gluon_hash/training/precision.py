"""Training in 16 bits where it is enough: casts inside the network, a scale of the loss.

Weights, gradients of weights, batch norm, the optimiser, head, loss and centers stay float32; what
convolutions and matrix products take and give is float16 or bfloat16. MXNet's own way
(``contrib.amp.init``) changes its operators for the whole process; here one network's graph is
rewritten, and the network itself, which encodes and is saved, stays as it is.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from gluon_hash.engine import amp, gluon, mx, nd
from gluon_hash.training.kernels import averages_by_loops, first_products

__all__ = ["LossScale", "PRECISIONS", "check_precision", "cast_inside", "scale_losses", "scaled_by"]

PRECISIONS = ("float32", "float16", "bfloat16")
INPUT = "data"
ARRAYS_A_CALL = 200  # of multi_all_finite, its limit


def check_precision(precision: str, contexts: Sequence[mx.Context]) -> None:
    """ValueError if MXNet has no kernels of this precision on these devices.

    Parameters
    ----------
    precision : str
        One of PRECISIONS.
    contexts : sequence of Context
    """
    on_cpu = any(context.device_type == "cpu" for context in contexts)
    if precision == "float16" and on_cpu:
        raise ValueError(
            "training.precision: MXNet has no float16 matrix products on the CPU; take bfloat16 "
            "or float32, or a GPU (device gpu:0)"
        )
    if precision == "bfloat16" and not on_cpu:
        raise ValueError(
            "training.precision: MXNet 1.9 has bfloat16 on the CPU alone; take float16 or float32"
        )


def cast_inside(
    net: gluon.HybridBlock, precision: str, kernels: str = "compatible"
) -> gluon.HybridBlock:
    """``net`` with its products in ``precision`` and a float32 output; it has the same parameters.

    Parameters
    ----------
    net : HybridBlock
        Initialised; one input, one output.
    precision : str
        float32 and compatible give ``net`` itself.
    kernels : {"compatible", "fast"}
        See gluon_hash.training.kernels.
    """
    if precision == "float32" and kernels == "compatible":
        return net
    inputs = mx.sym.var(INPUT)
    written = net(inputs)
    output = written if kernels == "compatible" else averages_by_loops(written)
    if precision != "float32":
        apart = [] if kernels == "compatible" else first_products(written, INPUT)
        output = amp.convert_symbol(output, target_dtype=precision, excluded_sym_names=apart)
        output = mx.sym.amp_cast(output, dtype="float32")
    elif output is written:
        return net
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the type of the input is not known yet
        block = gluon.SymbolBlock([output], [inputs], params=net.collect_params())
    block.hybridize(static_alloc=True, static_shape=True)
    return block


class LossScale:
    """What the loss is multiplied by, so that small gradients are not 0 in float16.

    It is a power of 2, so that scaling rounds nothing. A step whose gradients overflow is left out,
    and the scale halved; after many steps without it is doubled. gluon.Trainer asks for it where it
    looks for MXNet's own, which is not saved with a training.

    Attributes
    ----------
    value : float
    steps : int
        Since it was changed.

    Source: Micikevicius et al. 2018, "Mixed precision training"; the numbers are MXNet's.
    """

    FIRST, LARGEST, STEPS = 2.0**16, 2.0**24, 2000

    def __init__(self) -> None:
        self.value, self.steps = self.FIRST, 0

    def has_overflow(self, parameters: Sequence[gluon.Parameter]) -> bool:
        """Whether a gradient is not finite; called once a step, it changes the scale."""
        gradients = [
            parameter.list_grad()[0] for parameter in parameters if parameter.grad_req != "null"
        ]
        flags = [
            nd.multi_all_finite(*part, num_arrays=len(part))
            for part in (
                gradients[start : start + ARRAYS_A_CALL]
                for start in range(0, len(gradients), ARRAYS_A_CALL)
            )
        ]
        overflow = not all(flag.asscalar() for flag in flags)
        self.steps += 1
        if overflow:
            self.value, self.steps = self.value / 2, 0
        elif self.steps == self.STEPS:
            self.value, self.steps = min(2 * self.value, self.LARGEST), 0
        return overflow


def scale_losses(optimizer: gluon.Trainer, precision: str) -> None:
    """Give the optimiser a loss scale if the precision needs one: float16 does."""
    if precision == "float16":
        optimizer._amp_loss_scaler = LossScale()


def scaled_by(optimizer: gluon.Trainer) -> LossScale | None:
    """The optimiser's loss scale; None where losses are not scaled."""
    return getattr(optimizer, "_amp_loss_scaler", None)
