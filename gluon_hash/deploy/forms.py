"""What an exported graph begins and ends with: pixels or planes, relaxed codes or packed bytes."""

from __future__ import annotations

from types import ModuleType

import numpy as np

from gluon_hash.engine import HybridBlock, Tensor
from gluon_hash.records import ImageTransform
from gluon_hash.retrieval.codes.packing import num_bytes

__all__ = ["PackBits", "Preprocess"]

BITS_PER_BYTE = 8


class Preprocess(HybridBlock):
    """Pixels, of any type with values 0 to 255, -> planes: ``(x / 255 - mean) / std``.

    Parameters
    ----------
    transform : ImageTransform
        Its mean and std.

    Inputs:
        - **pixels**: RGB, shape (batch_size, height, width, 3).

    Outputs:
        - **image**: float32, shape (batch_size, 3, height, width).
    """

    def __init__(self, transform: ImageTransform) -> None:
        super().__init__()
        scale, offset = transform.scale_and_offset()
        with self.name_scope():
            self.scale = self.params.get_constant("scale", scale[None])
            self.offset = self.params.get_constant("offset", offset[None])

    def hybrid_forward(
        self, F: ModuleType, pixels: Tensor, scale: Tensor, offset: Tensor
    ) -> Tensor:
        planes = F.transpose(F.cast(pixels, "float32"), axes=(0, 3, 1, 2))
        return F.broadcast_add(F.broadcast_mul(planes, scale), offset)


class PackBits(HybridBlock):
    """Relaxed code -> packed code, as gluon_hash.retrieval.codes.pack does it.

    Parameters
    ----------
    num_bits : int

    Inputs:
        - **code**: float, shape (batch_size, num_bits).

    Outputs:
        - **packed**: uint8, shape (batch_size, ceil(num_bits / 8)); bit j is bit (j mod 8) of byte
          (j // 8), 1 where the code is >= 0.
    """

    def __init__(self, num_bits: int) -> None:
        super().__init__()
        self._num_bytes = num_bytes(num_bits)
        values = np.zeros((self._num_bytes, num_bits), np.float32)  # of each bit in each byte
        for bit in range(num_bits):
            values[bit // BITS_PER_BYTE, bit] = 2 ** (bit % BITS_PER_BYTE)
        with self.name_scope():
            self.values = self.params.get_constant("values", values)

    def hybrid_forward(self, F: ModuleType, code: Tensor, values: Tensor) -> Tensor:
        bits = 1.0 - (code < 0)  # not `code >= 0`, which MXNet's ONNX export does not know
        packed = F.FullyConnected(bits, values, no_bias=True, num_hidden=self._num_bytes)
        return F.cast(packed, "uint8")
