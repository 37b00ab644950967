"""`--rerank`: what orders the nearest codes again, and the queries' side of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from gluon_hash.cli.index.queries import Queries
    from gluon_hash.retrieval import CodeTable, FeatureTable, HammingIndex
    from gluon_hash.retrieval.index import Searcher
    from gluon_hash.retrieval.index.answers import Answers

ASYMMETRIC, TIMES_K, COSINE = "asymmetric", 10, "cosine"


class Rerank:
    """The options of re-ranking, checked.

    Parameters
    ----------
    by : str
        "asymmetric", or the path of the index's features.
    candidates, query_features, distance :
        The options of these names.
    radius : int, optional
        Must not be given: re-ranking orders a number of candidates.
    """

    def __init__(
        self,
        by: str,
        candidates: int | None,
        query_features: Path | None,
        distance: str | None,
        radius: int | None = None,
    ) -> None:
        from gluon_hash.retrieval import FeatureTable

        if radius is not None:
            raise ValueError("--rerank orders the nearest --candidates; it goes with -k")
        if by == ASYMMETRIC and distance is not None:
            raise ValueError("--distance is for features; --rerank asymmetric has its own")
        self.candidates, self.distance = candidates, distance or COSINE
        self.features = None if by == ASYMMETRIC else FeatureTable.load(by)
        self.of_queries = None if query_features is None else FeatureTable.load(query_features)

    def num_candidates(self, k: int, size: int) -> int:
        """How many nearest codes are re-ranked, of ``size``; ValueError if fewer than ``k``."""
        if self.candidates is not None and self.candidates < k:
            raise ValueError(
                f"--candidates: expected {k} or more, as many as -k, got {self.candidates}"
            )
        return min(TIMES_K * k if self.candidates is None else self.candidates, size)

    def apply(
        self, answers: list[Answers], queries: Queries, index: Searcher, k: int
    ) -> list[Answers]:
        """The first ``k`` answers of each query in the new order."""
        from gluon_hash.retrieval.index.rerank import rerank_asymmetric, rerank_by_features

        vectors = self._vectors(queries)
        if self.features is None:
            return rerank_asymmetric(answers, vectors, index, k)
        ordered = rerank_by_features(answers, vectors, self.features, k, self.distance)
        _warn_of_others(self.features, answers)
        return ordered

    def check(
        self, index: HammingIndex, queries: CodeTable, k: int, limit: int, scan: bool
    ) -> dict[str, float]:
        """Recall and time of re-ranking by features, of the first ``limit`` queries."""
        from gluon_hash.retrieval.index.rerank import check_rerank

        if self.features is None or self.of_queries is None:
            raise ValueError("--rerank: recall is measured by features, --rerank features.npz")
        ids = queries.ids[:limit]
        return check_rerank(
            index,
            queries.codes[:limit],
            of_ids(self.of_queries.features, self.of_queries.ids, ids),
            self.features,
            k=k,
            num_candidates=self.num_candidates(k, len(index)),
            distance=self.distance,
            scan=scan,
        )

    def _vectors(self, queries: Queries) -> np.ndarray:
        """The queries' features, or the model's output for them before the sign."""
        if self.of_queries is not None:
            if queries.ids is None:
                raise ValueError("--query-features are of --codes, by their ids; these are images")
            return of_ids(self.of_queries.features, self.of_queries.ids, queries.ids)
        if queries.relaxed is None:
            raise ValueError("--rerank of --codes needs --query-features: codes alone have none")
        outputs = queries.relaxed()
        if self.features is None or self.features.features.shape[1] == outputs.shape[1]:
            return outputs
        assert queries.backbone_features is not None  # images have both
        features, width = queries.backbone_features(), self.features.features.shape[1]
        if features.shape[1] != width:
            raise ValueError(
                f"--rerank: the index has {width} features; the model's backbone gives "
                f"{features.shape[1]}, its head {outputs.shape[1]} (`encode --features` and "
                "--relaxed write those of the index); for other features give --codes and "
                "--query-features"
            )
        return features


def _warn_of_others(features: FeatureTable, answers: list[Answers]) -> None:
    """Say so where the features under an id are of an image of another class."""
    from gluon_hash.progress import log

    items = [row.items for row in answers if row.items.num_levels == features.level_labels.shape[1]]
    if not items:
        return
    ids = np.concatenate([part.ids for part in items])
    labels = np.concatenate([part.level_labels for part in items])
    own = of_ids(features.level_labels, features.ids, ids)
    others = ((own != labels) & (own >= 0) & (labels >= 0)).any(axis=1)
    if others.any():
        log(
            f"warning: --rerank: {others.sum()} of {len(ids)} answers have another class in the "
            "features than in the index under the same id, so they are features of other images; "
            "index the codes of the records that the features are of"
        )


def of_ids(features: np.ndarray, ids: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Rows of the features with the wanted ids; ValueError if one is missing."""
    position = {item: row for row, item in enumerate(ids.tolist())}
    missing = [item for item in wanted.tolist() if item not in position]
    if missing:
        raise ValueError(
            f"--query-features: {len(missing)} of {len(wanted)} queries have none, the first is "
            f"id {missing[0]}"
        )
    return features[[position[item] for item in wanted.tolist()]]
