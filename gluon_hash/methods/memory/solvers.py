"""Targets that are solved for between epochs: DSDH's discrete codes, DQN's reconstructions.

Pure NumPy and FAISS.
"""

from __future__ import annotations

import faiss
import numpy as np

__all__ = ["check_numbers", "cyclic_coordinate_descent", "product_reconstruction"]

CODEBOOK_ITERATIONS = 10


def check_numbers(mu: float, nu: float, eta: float) -> None:
    """ValueError unless cyclic_coordinate_descent has a minimum to look for."""
    if not (mu > 0 and nu > 0 and eta >= 0):
        raise ValueError(f"DSDH: expected mu > 0, nu > 0, eta >= 0, got {mu}, {nu}, {eta}")


def cyclic_coordinate_descent(
    codes: np.ndarray,
    labels: np.ndarray,
    previous: np.ndarray,
    *,
    num_classes: int,
    mu: float,
    nu: float,
    eta: float,
    sweeps: int = 10,
) -> np.ndarray:
    r"""Discrete codes that a linear classifier reads well and that stay near the network's.

    .. math:: \min_{B, W} \mu |Y - B W|^2 + \nu |W|^2 + \eta |B - U|^2,
              \quad B \in \{-1, +1\}^{N \times L}

    W in closed form from B; then B one bit after another, each in closed form given the others.

    Parameters
    ----------
    codes : float, shape (N, L)
        U.
    labels : int, shape (N,)
        Fine classes; Y is one-hot.
    previous : float, shape (N, L)
        B of the epoch before; rows of zeros (an image not seen before) start at sign(U).
    num_classes : int
    mu, nu, eta : float
        mu and nu > 0, eta >= 0.
    sweeps : int
        Passes over the bits.

    Returns
    -------
    float32 in {-1, +1}, shape (N, L)

    Raises
    ------
    ValueError
        If mu or nu is not positive, or eta negative.

    Source: Li et al. 2017 (DSDH), algorithm 1; ten sweeps are those of a published implementation.
    """
    check_numbers(mu, nu, eta)
    own = np.where(codes >= 0, 1.0, -1.0)
    discrete = np.where(previous == 0, own, previous)
    num_bits = codes.shape[1]
    one_hot_sums = np.zeros((num_classes, num_bits))  # Y'B
    np.add.at(one_hot_sums, labels, discrete)
    gram = discrete.T @ discrete + nu / mu * np.eye(num_bits)
    classifier = np.linalg.solve(gram, one_hot_sums.T)  # (L, C)
    wanted = classifier.T[labels] + eta / mu * codes  # (N, L): Y W' + (eta / mu) U
    for _ in range(sweeps):
        for bit in range(num_bits):
            row = classifier[bit]
            others = discrete @ (classifier @ row) - discrete[:, bit] * (row @ row)
            discrete[:, bit] = np.where(wanted[:, bit] - others >= 0, 1.0, -1.0)
    return discrete.astype(np.float32)


def product_reconstruction(codes: np.ndarray, *, num_parts: int, seed: int) -> np.ndarray:
    """What product quantisation keeps of ``codes``: float (N, L) -> float32 (N, L).

    Parameters
    ----------
    codes : float, shape (N, L)
    num_parts : int
        Divides L; each part has up to 256 centroids, at most one to 4 codes.
    seed : int

    Raises
    ------
    ValueError
        If ``num_parts`` does not divide L.

    Source: Cao et al. 2016 (DQN), whose codebooks are re-learnt between epochs here.
    """
    if num_parts < 1 or codes.shape[1] % num_parts:
        raise ValueError(
            f"product_reconstruction: {codes.shape[1]} bits do not divide into {num_parts} parts"
        )
    width = codes.shape[1] // num_parts
    rebuilt = np.empty(codes.shape, np.float32)
    for part in range(num_parts):
        columns = np.ascontiguousarray(codes[:, part * width : (part + 1) * width], np.float32)
        kmeans = faiss.Kmeans(
            width,
            max(1, min(256, len(codes) // 4)),
            niter=CODEBOOK_ITERATIONS,
            seed=seed,
            min_points_per_centroid=1,
        )
        kmeans.train(columns)
        rebuilt[:, part * width : (part + 1) * width] = kmeans.centroids[
            kmeans.index.search(columns, 1)[1][:, 0]
        ]
    return rebuilt
