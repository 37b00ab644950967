"""What `gluon-hash index search` reads, and the search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gluon_hash.cli.index.queries import Queries
from gluon_hash.cli.models import open_model

if TYPE_CHECKING:
    from gluon_hash.cli.index.reranking import Rerank
    from gluon_hash.experiment import Encoder
    from gluon_hash.retrieval import CodeTable, HammingIndex
    from gluon_hash.retrieval.index import Searcher
    from gluon_hash.retrieval.index.answers import Answers
    from gluon_hash.retrieval.index.asked import Asked

COLLECTION = "codes"


def check_pairs(pairs: Mapping[str, tuple[Any, str, Any]]) -> None:
    """ValueError for an option that does nothing without another that is not given."""
    for flag, (value, other, other_value) in pairs.items():
        if value is not None and other_value is None:
            raise ValueError(f"{flag} does nothing without {other}")


def load_codes(path: Path, index: Searcher) -> CodeTable:
    """The codes in a file, cut to the index's length; ValueError if they are not of its model."""
    from gluon_hash.retrieval import CodeTable

    table = CodeTable.load(path)
    if are_longer(path, table.num_bits, table.model, index):
        return table.first_bits(index.num_bits)
    return table


def fit_to(index: Searcher, model: Path, encoder: Encoder) -> Encoder:
    """A model, cut to the index's length; ValueError if it did not make the index."""
    from gluon_hash.experiment.models.first_bits import FirstBits

    if are_longer(model, encoder.num_bits, encoder.fingerprint, index):
        return FirstBits(encoder, index.num_bits)
    return encoder


def are_longer(what: Path, num_bits: int, model: str | None, index: Searcher) -> bool:
    """Whether codes are longer than the index's, which are their first bits: one model made both.

    Raises
    ------
    ValueError
        If their lengths differ for another reason, or another model made them.
    """
    from gluon_hash.progress import log
    from gluon_hash.retrieval.codes.fingerprint import check_same_model
    from gluon_hash.retrieval.index.asked import check_bits

    made_by = index.look_up(np.empty(0, np.int64)).model
    if num_bits <= index.num_bits or model is None or made_by is None:
        check_bits(what, num_bits, index.num_bits)
    check_same_model("the index", made_by, str(what), model)
    if num_bits == index.num_bits:
        return False
    log(f"{what}: codes of {num_bits} bits, cut to the {index.num_bits} that the index has of them")
    return True


def read_queries(
    images: Sequence[Path], model: Path | None, codes: Path | None, index: Searcher
) -> Queries:
    """Queries from image files and folders, or from a code file, for an index."""
    if (codes is None) == (not images):
        raise ValueError("name image files (with --model), or a code file with --codes")
    if codes is not None:
        if model is not None:
            raise ValueError("--model encodes images; --codes are codes already")
        table = load_codes(codes, index)
        names = table.ids.astype(str) if table.names is None else table.names
        pictures = [Path(name) if Path(name).is_file() else None for name in names.tolist()]
        return Queries(names.tolist(), table.codes, pictures, ids=table.ids)
    if model is None:
        raise ValueError("images are encoded by --model: a run folder or an exported network")
    files = [file for image in images for file in _files(image)]
    encoder = fit_to(index, model, open_model(model))
    return Queries(
        [str(file) for file in files],
        encoder.encode(files),
        [*files],
        relaxed=lambda: encoder.relaxed(files),
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
    from gluon_hash.retrieval.index.scan import load_for_work_alone

    load_for_work_alone()  # this process searches once
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


def _files(image: Path) -> list[Path]:
    if not image.is_dir():
        return [image]
    from gluon_hash.datasets.image_files import find_images

    return [image / path for path in find_images(image).paths]
