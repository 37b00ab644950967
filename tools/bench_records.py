"""Rows of `make bench` for records: files of drawn images, read by ours, MXNet's iterator, DALI."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from bench_measuring import Bench, Command, Here, Peer, Row, Size, Works
from gluon_hash import environment
from gluon_hash.records import ImageTransform, RecordFile, write_records

__all__ = ["drawn_image", "encoded", "record_rows", "written"]

BATCH_SIZE, QUALITY, DIFFERENT = 128, 95, 256
SHARPNESS, NOISE = 20, 4.0  # pixels of a patch of one colour, deviation of the noise on it
BEHIND = (
    "Order and crops depend on seed, epoch and image alone, every image comes exactly once, and "
    "what cannot be decoded is named: DALI and MXNet's iterator promise less."
)


def record_rows(size: Size) -> Iterator[Row]:
    """JPEG of 256 px to crops of 224, PNG of 32 px: first and later epochs, evaluation."""
    jpeg = partial(_records, kind="JPEG", side=256, crop=224, count=size(1_024, 128))
    png = partial(_records, kind="PNG", side=32, crop=32, count=size(10_240, 256))
    for what, made, times in (
        ("256 px JPEG to 224 px crops", jpeg, (40, 5, 15)),
        ("32 px PNG", png, (25, 4, 12)),
    ):
        for epoch, seconds in zip(("first epoch", "later epochs", "evaluation"), times):
            yield Row(
                f"{what}, {epoch}",
                partial(made, epoch=epoch),
                amount=made.keywords["count"],
                unit="images",
                seconds=seconds,
                behind=BEHIND,
            )


def drawn_image(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Soft patches of colour under some noise, uint8 (height, width, 3).

    As a JPEG of quality 95 it is as long as a photo: about 0.4 bytes a pixel.
    """
    patches = tuple(max(2, side // SHARPNESS) for side in (height, width))
    small = Image.fromarray(rng.integers(0, 256, (*patches, 3), dtype=np.uint8))
    soft = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC), np.float32)
    noise = NOISE * rng.standard_normal(soft.shape, np.float32)
    return np.clip(soft + noise, 0, 255).astype(np.uint8)


def encoded(image: np.ndarray, kind: str) -> bytes:
    """An image as JPEG or PNG."""
    file = io.BytesIO()
    options = {"quality": QUALITY} if kind == "JPEG" else {}
    Image.fromarray(image).save(file, kind, **options)
    return file.getvalue()


def written(folder: Path, kind: str, side: int, count: int) -> Path:
    """A .rec of ``count`` square images, written once; some of them come more than once."""
    path = folder / f"{kind}-{side}-{count}.rec"
    if not path.exists():
        rng = np.random.default_rng(0)
        images = [encoded(drawn_image(rng, side, side), kind) for _ in range(min(count, DIFFERENT))]
        entries = (
            (number, np.array([number % 100, number % 20]), images[number % len(images)])
            for number in range(count)
        )
        write_records(path, entries, count)
    return path


def _records(bench: Bench, *, kind: str, side: int, crop: int, count: int, epoch: str) -> Works:
    from gluon_hash.records.loaders import EvalLoader, TrainLoader

    path = written(bench.folder, kind, side, count)
    pad = 4 if crop == side else 0
    transform = ImageTransform(side, crop, pad=pad, flip=True)
    batch_size, threads = min(BATCH_SIZE, count), environment.threads()

    def training() -> TrainLoader:
        return TrainLoader(RecordFile(path), transform, batch_size, 0, num_threads=threads)

    def emptied(batches: object) -> None:
        for _ in batches:  # type: ignore[attr-defined]
            pass

    limit = bench.machine.reading(4 * 3 * crop**2 * count)  # to write takes as long at the least
    if epoch == "later epochs":
        kept = training()
        return Works(Here(lambda: emptied(kept.epoch(0))), limit=limit)
    is_training = epoch == "first epoch"
    iterator = _iterator(path, transform, batch_size, threads, is_training)
    rivals: dict[str, Here | Peer | Command] = {"ImageRecordIter": Here(iterator)}
    if is_training:
        inputs = {"rec": str(path), "idx": str(path.with_suffix(".idx"))}
        sizes = {"crop": crop, "batch_size": batch_size, "count": count}
        rivals["DALI"] = Peer("dali", "bench_rival_images.dali_epoch", {**inputs, **sizes})

    def evaluation() -> EvalLoader:
        return EvalLoader(RecordFile(path), transform, batch_size, num_threads=threads)

    ours = Here(lambda: emptied(training().epoch(0) if is_training else evaluation()))
    floors = {"OpenCV decodes them whole, and no more": Here(_decoding(path, threads))}
    return Works(ours, rivals, floors, limit)


def _iterator(
    path: Path, transform: ImageTransform, batch_size: int, threads: int, is_training: bool
) -> Callable[[], None]:
    """A pass of MXNet's own iterator over the file."""
    from gluon_hash.engine import mx

    colors = ("r", "g", "b")
    iterator = mx.io.ImageRecordIter(
        path_imgrec=str(path),
        path_imgidx=str(path.with_suffix(".idx")),
        label_width=2,
        data_shape=(3, transform.crop, transform.crop),
        batch_size=batch_size,
        preprocess_threads=threads,
        shuffle=is_training,
        rand_crop=is_training,
        rand_mirror=is_training,
        pad=transform.pad if is_training else 0,
        fill_value=0,
        verbose=False,
        **{f"mean_{color}": 255 * value for color, value in zip(colors, transform.mean)},
        **{f"std_{color}": 255 * value for color, value in zip(colors, transform.std)},
    )

    def epoch() -> None:
        iterator.reset()
        for batch in iterator:
            batch.data[0].wait_to_read()

    return epoch


def _decoding(path: Path, threads: int) -> Callable[[], None]:
    """Every image decoded whole by OpenCV, and let go."""
    import cv2

    records = RecordFile(path)
    images = [np.frombuffer(records.image_bytes(row), np.uint8) for row in range(len(records))]
    parts = [images[start::threads] for start in range(threads)]

    def decode(part: list[np.ndarray]) -> None:
        for image in part:
            cv2.imdecode(image, cv2.IMREAD_COLOR)

    def work() -> None:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(decode, parts))

    return work
