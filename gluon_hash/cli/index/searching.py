"""What `gluon-hash index search` reads, and the search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gluon_hash.cli.index.queries import Queries

if TYPE_CHECKING:
    from gluon_hash.cli.index.reranking import Rerank
    from gluon_hash.experiment import Encoder
    from gluon_hash.retrieval import CodeTable, HammingIndex
    from gluon_hash.retrieval.index import Branch, Searcher
    from gluon_hash.retrieval.index.answers import Answers

COLLECTION, K = "codes", 10


class Asked:
    """How to search: the options, checked against what the index knows.

    Parameters
    ----------
    index : Searcher
    k, radius, within, group_by, scan :
        The options of these names.
    """

    def __init__(
        self,
        index: Searcher,
        k: int | None,
        radius: int | None,
        within: str | None,
        group_by: str | None,
        scan: bool,
    ) -> None:
        if k is not None and radius is not None:
            raise ValueError("-k and --radius: give one of the two")
        known = index.look_up(np.empty(0, np.int64))
        self.index, self.radius, self.scan = index, radius, scan
        self.within: Branch | None = None if within is None else known.branch(within)
        self.level = None if group_by is None else known.level(group_by)
        self.k = None if radius is not None else self._at_most(k or K, k is None, within)

    def voters(self, queries: Queries, answers: list[Answers]) -> list[Answers]:
        """The answers that say which branch a query is in: with ties, unless re-ranked."""
        from gluon_hash.retrieval.index.answers import with_ties

        if not self.index.look_up(np.empty(0, np.int64)).num_levels:
            raise ValueError("--zoom: the index knows no classes; build it from labelled images")
        if any(row.scores is not None for row in answers):
            return answers
        return with_ties(self.index, queries.codes, answers, within=self.within)

    def _at_most(self, k: int, by_default: bool, within: str | None) -> int:
        """``k``, or as many as there are where a filter or the default asks for more."""
        from gluon_hash.progress import log

        size = len(self.index) if self.within is None else self.index.count(self.within)
        if self.within is not None and not size:
            raise ValueError(f"--within {within}: no code of the index is in this branch")
        if k > size and self.within is not None:
            log(f"--within {within}: {size} codes are in this branch, fewer than -k {k}")
        return min(k, size) if self.within is not None or by_default else k


def check_pairs(pairs: Mapping[str, tuple[Any, str, Any]]) -> None:
    """ValueError for an option that does nothing without another that is not given."""
    for flag, (value, other, other_value) in pairs.items():
        if value is not None and other_value is None:
            raise ValueError(f"{flag} does nothing without {other}")


def load_codes(path: Path, num_bits: int) -> CodeTable:
    """The codes in a file; ValueError if they are not of the index's length."""
    from gluon_hash.retrieval import CodeTable

    table = CodeTable.load(path)
    check_bits(path, table.num_bits, num_bits)
    return table


def check_bits(what: Path | str, num_bits: int, expected: int) -> None:
    """ValueError unless codes of ``what`` are as long as those of the index."""
    if num_bits != expected:
        raise ValueError(
            f"{what}: codes of {num_bits} bits, the index has {expected}; encode with the network "
            "that made the index"
        )


def read_queries(
    images: Sequence[Path], model: Path | None, codes: Path | None, num_bits: int
) -> Queries:
    """Queries from image files and folders, or from a code file."""
    if (codes is None) == (not images):
        raise ValueError("name image files (with --model), or a code file with --codes")
    if codes is not None:
        if model is not None:
            raise ValueError("--model encodes images; --codes are codes already")
        table = load_codes(codes, num_bits)
        names = table.ids.astype(str) if table.names is None else table.names
        pictures = [Path(name) if Path(name).is_file() else None for name in names.tolist()]
        return Queries(names.tolist(), table.codes, pictures, ids=table.ids)
    if model is None:
        raise ValueError("images are encoded by --model: a run folder or an exported network")
    files = [file for image in images for file in _files(image)]
    encoder = _load_model(model)
    check_bits(model, encoder.num_bits, num_bits)
    from gluon_hash.retrieval import codes as packing

    relaxed = encoder.relaxed(files)
    return Queries(
        [str(file) for file in files],
        packing.pack(relaxed),
        [*files],
        relaxed=relaxed,
        backbone_features=lambda: encoder.features(files),
    )


def open_index(
    url: str | None,
    collection: str | None,
    what: Sequence[Path],
    memory_mapped: bool,
    scan: bool,
    radius: int | None,
) -> tuple[Searcher, Sequence[Path]]:
    """The collection at ``url``, or the index in the folder that was named first; and the rest."""
    if url is not None:
        from gluon_hash.retrieval.index.milvus import MilvusIndex

        if memory_mapped or scan:
            raise ValueError("--memory-mapped and --scan are for index folders, not for --url")
        return MilvusIndex(url, collection or COLLECTION), what
    if not what:
        raise ValueError("name the index folder first, or a Milvus with --url")
    by_radius = radius is not None
    return load_index(what[0], scan, by_radius=by_radius, memory_mapped=memory_mapped), what[1:]


def load_index(
    folder: Path, scan: bool, *, by_radius: bool = False, memory_mapped: bool = False
) -> HammingIndex:
    """The index in a folder; ValueError if ``scan`` would change nothing."""
    from gluon_hash.retrieval import HammingIndex

    index = HammingIndex.load(folder, memory_mapped=memory_mapped)
    if scan and not index.kind.may_refuse(by_radius=by_radius):
        raise ValueError(
            f"--scan does nothing for this search of a {index.kind.name} index; it is for "
            "multihash, and for hnsw by --radius"
        )
    return index


def name_classes(index: Searcher, hierarchy: Path) -> None:
    """Give the index class names; ValueError if it has no labels, or those of other classes."""
    from gluon_hash.hierarchy import Hierarchy

    if not index.look_up(np.empty(0, np.int64)).num_levels:
        raise ValueError("--hierarchy does nothing: the index has no labels")
    index.name_classes(Hierarchy.load(hierarchy))


def find(asked: Asked, queries: Queries, order: Rerank | None) -> list[Answers]:
    """The answers of each query: searched, re-ranked if asked, with how many share a distance."""
    from gluon_hash.progress import log
    from gluon_hash.retrieval.index.answers import find_answers, with_sharing

    k = asked.k
    if order is not None and k is not None:
        size = len(asked.index) if asked.within is None else asked.index.count(asked.within)
        k = order.num_candidates(k, size)
    answers = find_answers(
        asked.index,
        queries.codes,
        k=k,
        radius=asked.radius,
        scan=asked.scan,
        within=asked.within,
    )
    if order is not None and asked.k is not None:
        answers = order.apply(answers, queries, asked.index, asked.k)
    short = sum(len(row) < asked.k for row in answers) if asked.k is not None else 0
    if short:
        log(
            f"{short} of {len(answers)} queries have fewer than {asked.k} results: an approximate "
            "index looks at some of its codes; a flat one has them all"
        )
    return with_sharing(asked.index, queries.codes, answers, within=asked.within)


def _load_model(model: Path) -> Encoder:
    from gluon_hash.experiment import load_model

    return load_model(model)


def _files(image: Path) -> list[Path]:
    if not image.is_dir():
        return [image]
    from gluon_hash.datasets.image_files import find_images

    return [image / path for path in find_images(image).paths]
