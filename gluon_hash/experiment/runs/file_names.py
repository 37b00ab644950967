"""Names of files that a run folder may have beside its training; they are known without MXNet."""

from __future__ import annotations

from gluon_hash.hierarchy.unseen import PAPER

__all__ = ["EXTENDED", "measured_name"]

EXTENDED = "extended.json"  # of a run that learned new classes: from which run, which classes


def measured_name(distance: str = "hamming", search: str = PAPER) -> str:
    """What was measured of every query, by a distance, in one search.

    Examples
    --------
    >>> measured_name(), measured_name(search="unseen-images")
    ('measured_hamming.npz', 'measured_hamming_unseen-images.npz')
    """
    return f"measured_{distance}{'' if search == PAPER else f'_{search}'}.npz"
