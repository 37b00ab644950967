"""What the bits of a table of codes are like: balance, entropy, correlation, different codes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gluon_hash.retrieval import CodeHealth, CodeTable, code_health, codes

__all__ = ["BitStatistics", "bit_statistics"]

BLOCK = 65536


@dataclass(frozen=True)
class BitStatistics:
    """Of each bit, of each two bits, and of the codes as a whole.

    Parameters
    ----------
    share : float64, shape (L,)
        Of the codes in which a bit is 1.
    correlation : float64, shape (L, L)
        Pearson's, between two bits; NaN where one is constant.
    health : CodeHealth
        Different codes, constant bits, mean entropy.
    """

    share: np.ndarray
    correlation: np.ndarray
    health: CodeHealth

    @property
    def mean_correlation(self) -> float:
        """Of two different bits, without its sign; NaN if no two vary."""
        others = np.abs(self.correlation[~np.eye(len(self.share), dtype=bool)])
        return float(np.nanmean(others)) if np.isfinite(others).any() else float("nan")

    @property
    def effective_bits(self) -> float:
        """Independent bits that would vary as much: (sum of variances)^2 / sum of covariances^2."""
        deviation = np.sqrt(self.share * (1 - self.share))
        covariance = np.nan_to_num(self.correlation) * np.outer(deviation, deviation)
        total = float((covariance**2).sum())
        return float(np.trace(covariance)) ** 2 / total if total > 0 else 0.0


def bit_statistics(table: CodeTable) -> BitStatistics:
    """Count bits and pairs of bits.

    Parameters
    ----------
    table : CodeTable
        With at least one code.

    Raises
    ------
    ValueError
        If there is none.
    """
    health = code_health(table.codes, table.num_bits)
    products = np.zeros((table.num_bits, table.num_bits))
    sums = np.zeros(table.num_bits)
    for start in range(0, len(table), BLOCK):
        signs = codes.unpack(table.codes[start : start + BLOCK], table.num_bits).astype(np.float32)
        products += signs.T @ signs
        sums += signs.sum(axis=0)
    mean = sums / len(table)
    covariance = products / len(table) - np.outer(mean, mean)
    deviation = np.sqrt(np.clip(1 - mean**2, 0, None))
    scale = np.outer(deviation, deviation)
    correlation = np.full(covariance.shape, np.nan)
    np.divide(covariance, scale, out=correlation, where=scale > 0)
    return BitStatistics((mean + 1) / 2, np.clip(correlation, -1, 1), health)
