"""Whether codes can tell images apart: different codes, constant bits, entropy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gluon_hash.retrieval.codes.packing import check_packed
from gluon_hash.retrieval.evaluation.ranking import as_words

__all__ = ["CodeHealth", "code_health", "equal_codes"]

ENOUGH_CODES = 50  # fewer say little
FEW_DISTINCT = 0.05  # different codes, of as many as there could be
MANY_CONSTANT = 0.1  # constant bits, of all
BITS_OF_BYTE = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little")


@dataclass(frozen=True)
class CodeHealth:
    """What packed codes say of themselves, whatever the labels.

    Parameters
    ----------
    num_codes, num_bits : int
    num_distinct : int
        Different codes.
    most_common : int
        Images of the most common code.
    constant_bits : tuple of int
        The bits that are the same in all codes.
    entropy : float
        Mean over bits of the entropy of a bit, in bits: 1 if each is set in half of the codes, 0
        if all are constant.
    """

    num_codes: int
    num_bits: int
    num_distinct: int
    most_common: int
    constant_bits: tuple[int, ...]
    entropy: float

    @property
    def distinct_share(self) -> float:
        """Different codes, of as many as there could be: one for each image, or 2^num_bits."""
        return self.num_distinct / min(self.num_codes, 2**self.num_bits)

    def warnings(self) -> list[str]:
        """What is wrong and what to do, a sentence or two each; empty if nothing stands out."""
        if self.num_codes < ENOUGH_CODES:
            return []
        result = []
        if self.distinct_share < FEW_DISTINCT:
            result.append(
                f"only {self.num_distinct} different codes for {self.num_codes} images (the most "
                f"common one is that of {self.most_common}), and images of one code cannot be told "
                "apart; train longer, with another learning rate or method, or take more bits"
            )
        if len(self.constant_bits) > MANY_CONSTANT * self.num_bits:
            result.append(
                f"{len(self.constant_bits)} of {self.num_bits} bits are the same in all codes and "
                "say nothing; train longer, with another learning rate or method, or take fewer "
                "bits"
            )
        return result


def code_health(packed: np.ndarray, num_bits: int) -> CodeHealth:
    """Count different codes and constant bits.

    Parameters
    ----------
    packed : uint8, shape (N, ceil(num_bits / 8))
        N >= 1; packed as gluon_hash.retrieval.codes.pack does.
    num_bits : int

    Raises
    ------
    ValueError
        If the width does not fit ``num_bits``, a padding bit is set, or there is no code.

    Examples
    --------
    >>> from gluon_hash.retrieval import codes
    >>> health = code_health(codes.pack(np.array([[1, 1, -1], [1, -1, -1], [1, 1, -1]])), 3)
    >>> health.num_distinct, health.most_common, health.constant_bits
    (2, 2, (0, 2))
    """
    packed = check_packed(packed, num_bits)
    if not len(packed):
        raise ValueError("expected at least one code, got none")
    by_byte = [np.bincount(column, minlength=256) @ BITS_OF_BYTE for column in packed.T]
    share = np.concatenate(by_byte)[:num_bits] / len(packed)  # of codes in which a bit is set
    sizes = np.bincount(equal_codes(packed))
    constant = (share == 0) | (share == 1)
    return CodeHealth(
        num_codes=len(packed),
        num_bits=num_bits,
        num_distinct=len(sizes),
        most_common=int(sizes.max()),
        constant_bits=tuple(np.flatnonzero(constant).tolist()),
        entropy=float(_entropy(share).mean()),
    )


def equal_codes(packed: np.ndarray) -> np.ndarray:
    """A number for each code, the same for equal codes: uint8 (N, B) -> int64 (N,) from 0."""
    words = as_words(packed)
    order = np.lexsort(words.T)
    starts = (words[order[1:]] != words[order[:-1]]).any(axis=1)
    numbers = np.empty(len(words), np.int64)
    numbers[order] = np.concatenate([[0], np.cumsum(starts)])
    return numbers


def _entropy(share: np.ndarray) -> np.ndarray:
    """-p log2 p - (1 - p) log2(1 - p), with 0 log 0 = 0."""
    both = np.stack([share, 1.0 - share])
    logarithm = np.log2(both, out=np.zeros(both.shape), where=both > 0)
    return -(both * logarithm).sum(axis=0)
