"""`gluon-hash serve`: codes and nearest images over HTTP, and a page."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import typer

from gluon_hash.cli.models import ENGINE, PRECISION

if TYPE_CHECKING:
    from gluon_hash.experiment import Encoder
    from gluon_hash.retrieval.index import Searcher
    from gluon_hash.serve import Collection, Limits, Service
    from gluon_hash.serve.pictures import Pictures

INTERRUPTED = 130
MEGABYTE = 1_000_000


def command(
    index: Path | None = typer.Option(None, metavar="INDEX", help="Index folder."),
    model: Path | None = typer.Option(
        None,
        metavar="MODEL",
        help="The run folder, exported network or baseline that made the codes. "
        "[default: none; codes and items alone can be searched for]",
    ),
    images: Path | None = typer.Option(
        None, metavar="DIR", help="Where the paths in the index start. [default: here]"
    ),
    records: Path | None = typer.Option(
        None, metavar="train.rec", help="Images of an index without paths."
    ),
    hierarchy: Path | None = typer.Option(
        None, metavar="hierarchy.tsv", help="Class names, where the index does not have them."
    ),
    url: str | None = typer.Option(
        None, metavar="URL", help="Milvus in place of --index: FILE.db, or http://host:19530."
    ),
    collection: str | None = typer.Option(None, help="Milvus: the collection. [default: codes]"),
    host: str = typer.Option("127.0.0.1", help="0.0.0.0: whoever reaches this machine."),
    port: int = typer.Option(8000, min=0, max=65535, help="0: any that is free."),
    device: str | None = typer.Option(None, help="cpu or gpu:0. [default: cpu]"),
    engine: str | None = ENGINE,
    precision: str | None = PRECISION,
    max_upload: float = typer.Option(16.0, min=0.001, help="Megabytes of a request."),
    max_pixels: float = typer.Option(50.0, min=0.001, help="Millions of pixels of an image."),
    max_results: int = typer.Option(1000, min=1, help="Of an answer."),
    timeout: float = typer.Option(30.0, min=0.001, help="Seconds that a request may take."),
    waiting: int = typer.Option(
        64, min=1, help="Requests in work at most; one more is answered 503 with Retry-After."
    ),
    max_batch: int = typer.Option(32, min=1, help="Images in one call of the network."),
    batch_window: float = typer.Option(
        5.0, min=0, help="Milliseconds that an image waits for others."
    ),
    drain: float = typer.Option(
        1.0, min=0, help="Seconds after SIGTERM in which requests are still taken."
    ),
) -> None:
    """Answer requests for codes and nearest images, and show a page, until SIGTERM.

    Prints the address when it is ready. SIGTERM answers what was accepted and exits 0.
    """
    from gluon_hash import serve

    serve.require_packages()
    limits = serve.Limits(
        max_upload=int(max_upload * MEGABYTE),
        max_pixels=int(max_pixels * MEGABYTE),
        max_results=max_results,
        timeout=timeout,
        waiting=waiting,
        max_batch=max_batch,
        batch_window=batch_window / 1000,
        drain=drain,
    )
    searcher = _open(index, url, collection, hierarchy)
    pictures = _pictures(searcher, images, records, limits)
    collected = serve.Collection(searcher, pictures)
    service = _service(collected, model, By(device, engine, precision), limits)
    if serve.run(service, host, port) == signal.SIGINT:
        raise KeyboardInterrupt


def _open(
    index: Path | None, url: str | None, collection: str | None, hierarchy: Path | None
) -> Searcher:
    from gluon_hash.cli.index import searching

    if (index is None) == (url is None):
        raise ValueError("name the collection: --index INDEX for a folder, or --url for Milvus")
    if collection is not None and url is None:
        raise ValueError("--collection does nothing without --url")
    opened, _ = searching.open_index(url, collection, [index] if index else [], False, False, None)
    if hierarchy is not None:
        searching.name_classes(opened, hierarchy)
    return opened


def _pictures(
    searcher: Searcher, images: Path | None, records: Path | None, limits: Limits
) -> Pictures | None:
    """Where the images are; None, and a line that says so, if there are none."""
    from gluon_hash.progress import log
    from gluon_hash.serve.pictures import FilePictures, RecordPictures, missing_files

    if images is not None and records is not None:
        raise ValueError("--images and --records: give one of the two")
    if records is not None:
        return RecordPictures(records, max_pixels=limits.max_pixels)
    files = FilePictures(images or Path(), inside=images is not None, max_pixels=limits.max_pixels)
    looked, missing = missing_files(searcher, files)
    if not missing:
        return files if looked or images is not None else None
    said = f"{len(missing)} of the {looked} images looked for are not there, such as {missing[0]}"
    if len(missing) == looked and images is not None:
        raise ValueError(f"--images {images}: {said}; name the folder in which their paths start")
    log(
        f"{said}; --images DIR is the folder in which their paths start, --records has those of ids"
    )
    return files if len(missing) < looked else None


class By(NamedTuple):
    """What runs the model."""

    device: str | None
    engine: str | None
    precision: str | None

    def check(self, model: Path, encoder: Encoder, collection: Collection) -> None:
        """Compare an engine that was chosen on images of the collection before it is used."""
        from gluon_hash.cli.models import parse_engine

        engine, precision = parse_engine(self.engine, self.precision)
        if engine is None or engine == "mxnet":
            return
        import numpy as np

        from gluon_hash.experiment.models.engine_check import NUM_IMAGES, check_engine
        from gluon_hash.progress import log

        try:
            inputs = [encoder.prepare(pixels) for pixels in collection.sample(NUM_IMAGES)]
        except ValueError:
            inputs = []  # the model reads features, or they are too small for it
        if inputs:
            check_engine(model, encoder, np.stack(inputs), engine, precision)
        else:
            log(f"{engine}: not compared, no images are at hand; `gluon-hash verify` compares")


def _service(collection: Collection, model: Path | None, by: By, limits: Limits) -> Service:
    from gluon_hash import serve
    from gluon_hash.progress import log

    if model is None:
        if by.engine is not None or by.precision is not None:
            raise ValueError("--engine and --precision do nothing without --model")
        log(
            "no --model: images are not encoded; codes and items of the collection are searched for"
        )
        return serve.Service(collection, None, limits)
    from gluon_hash.cli.index.searching import fit_to
    from gluon_hash.cli.models import open_model

    loaded = open_model(model, *by)
    fitting = fit_to(collection.index, model, loaded)
    by.check(model, loaded, collection)
    return serve.Service(collection, fitting, limits)
