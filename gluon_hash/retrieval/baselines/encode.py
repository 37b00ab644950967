"""Features through a fitted baseline: codes, or what product quantisation keeps of the features."""

from __future__ import annotations

from gluon_hash.retrieval import codes
from gluon_hash.retrieval.baselines.fit import Fitted
from gluon_hash.retrieval.baselines.models import ProductQuantizer
from gluon_hash.retrieval.codes.tables import CodeTable, FeatureTable

__all__ = ["encode_features_with"]


def encode_features_with(model: Fitted, table: FeatureTable) -> CodeTable | FeatureTable:
    """Codes of the features; of product quantisation, the reconstructed features.

    Evaluating the queries' own features against a reconstructed database with the l2 distance is
    product quantisation's asymmetric distance.

    Parameters
    ----------
    model : LinearHash, KernelHash or ProductQuantizer
    table : FeatureTable

    Raises
    ------
    ValueError
        If the features have another width or are not finite.
    """
    if isinstance(model, ProductQuantizer):
        return FeatureTable(
            table.ids,
            model.reconstruct(table.features).astype(table.features.dtype),
            table.level_labels,
            {**table.provenance, "baseline": model.name},
            table.names,
        )
    relaxed = model.project(table.features)
    packed = codes.pack(relaxed)
    return CodeTable(table.ids, packed, table.level_labels, relaxed.shape[1], table.names)
