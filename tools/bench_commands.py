"""Rows of `make bench` that are whole processes: preparing, memory, how long a command takes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from bench_evaluation import pair
from bench_machine import Limit
from bench_measuring import Bench, Command, Here, Peer, Row, Size, Works
from bench_records import drawn_image, encoded, written
from bench_training import NUM_BITS, configured, feature_folder
from gluon_hash import environment

__all__ = ["memory_rows", "prepare_rows", "start_rows"]

COMMAND = ("-m", "gluon_hash")
BARE = "import numpy, PIL.Image"
SCENE, PHOTO, SHORT_SIDE, CLASSES = (1875, 2500), (375, 500), 256, 20
RIVALS = Path(__file__).parent / "bench_rivals.py"
PACKING = (
    "im2rec reads every file once; ours also hashes every image to find duplicates, splits, and "
)
PACKING += "verifies what it has written."
COMPILED = "Compiling the kernels takes longer than torch takes to be imported."
IMPORTED = "Besides the evaluation (a row of its own) it is imports and loading compiled kernels."
OPENED = "MXNet's reader looks at the index alone; ours at the labels and ids of all images too."


def prepare_rows(size: Size) -> Iterator[Row]:
    """A folder of photos made smaller; CIFAR-100 from its archive, where that is given."""
    count = size(3_000, 200)
    yield Row(
        f"prepare folder --short-side {SHORT_SIDE}: {count:,} JPEG of 500 x 375",
        partial(_photos, count=count),
        seconds=45,
        behind=PACKING,
    )
    yield Row(
        "prepare cifar100, from its archive",
        _cifar,
        seconds=45,
        needs_archive=True,
        behind="Unpacking is one part of it; what it unpacks is then encoded as PNG.",
    )


def _photos(bench: Bench, *, count: int) -> Works:
    folder = bench.folder / "photos"
    rng = np.random.default_rng(0)
    scene, height, width = drawn_image(rng, *SCENE), *PHOTO
    corners = rng.integers(0, np.subtract(SCENE, PHOTO), (count, 2)).tolist()

    def write(number: int) -> int:
        """One of the parts of a large scene, each another one."""
        top, left = corners[number]
        data = encoded(scene[top : top + height, left : left + width], "JPEG")
        place = folder / f"class_{number % CLASSES:02d}" / f"{number:05d}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        return place.write_bytes(data)

    with ThreadPoolExecutor(environment.threads()) as pool:
        num_bytes = sum(pool.map(write, range(count)))
    listed = _listed(folder, bench.folder / "photos.lst")

    def prepare(out: Path) -> Sequence[object]:
        options = ("--source", folder, "--out", out / "prepared", "--short-side", SHORT_SIDE)
        return (*COMMAND, "prepare", "folder", *options)

    def im2rec(out: Path) -> Sequence[object]:
        from gluon_hash.engine import mx

        tool = Path(mx.__file__).parent / "tools" / "im2rec.py"
        shutil.copy(listed, out / "photos.lst")
        options = ("--resize", SHORT_SIDE, "--num-thread", environment.threads())
        return (tool, *options, out / "photos", folder)

    return Works(
        Command(prepare), {"im2rec": Command(im2rec)}, limit=bench.machine.reading(num_bytes)
    )


def _listed(folder: Path, path: Path) -> Path:
    """What im2rec reads: number, label, name."""
    names = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*.jpg"))
    lines = [f"{number}\t{name[6:8]}\t{name}\n" for number, name in enumerate(names)]
    path.write_text("".join(lines))
    return path


def _cifar(bench: Bench) -> Works:
    archive = bench.archive
    assert archive is not None  # the row is left out without one

    def prepare(out: Path) -> Sequence[object]:
        options = ("--source", archive, "--out", out / "prepared", "--duplicates", "keep")
        return (*COMMAND, "prepare", "cifar100", *options)

    def unpack(out: Path) -> Sequence[object]:
        text = "import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2])"
        return ("-W", "ignore", "-c", text, archive, out)

    limit = bench.machine.reading(archive.stat().st_size)
    return Works(Command(prepare), floors={"unpacked by Python": Command(unpack)}, limit=limit)


def memory_rows(size: Size) -> Iterator[Row]:
    """The most memory that a process holds."""
    count, width, images = size(50_000, 2_000), size(2_048, 64), size(100_000, 2_000)
    yield Row(
        f"train on {count:,} x {width:,} cached features, one epoch",
        partial(_training, count=count, width=width),
        unit="MB",
        seconds=45,
        behind="MXNet is imported, and keeps a copy of what it computes with.",
    )
    yield Row(
        f"open a .rec of {images:,} images of 64 px",
        partial(_opening, count=images),
        unit="MB",
        seconds=20,
        behind=OPENED,
    )


def _training(bench: Bench, *, count: int, width: int) -> Works:
    root, features, level_labels = feature_folder(bench.folder, count, width)
    config, inputs = bench.folder / "memory.yaml", bench.folder / "memory.npz"
    config.write_text(configured(root, width, True))
    np.savez(inputs, features=features, level_labels=level_labels, num_bits=NUM_BITS)

    def train(out: Path) -> Sequence[object]:
        changes = ("--set", "training.epochs=1")
        return (*COMMAND, "train", config, "--out", out / "run", *changes)

    def loop(out: Path) -> Sequence[object]:
        return (RIVALS, "bench_rival_nets.feature_epoch", inputs)

    return Works(
        Command(train, memory=True),
        {"torch loop": Command(loop, environment="torch", memory=True)},
        limit=Limit("the features once, in float16", features.nbytes / 1e6),
    )


def _opening(bench: Bench, *, count: int) -> Works:
    path = written(bench.folder, "PNG", 64, count)

    def ours(out: Path) -> Sequence[object]:
        text = "import sys; from gluon_hash.records import RecordFile; RecordFile(sys.argv[1])"
        return ("-c", text, path)

    def theirs(out: Path) -> Sequence[object]:
        text = (
            "import sys; from gluon_hash.engine import mx; "
            "mx.recordio.MXIndexedRecordIO(sys.argv[1], sys.argv[2], 'r')"
        )
        return ("-c", text, path.with_suffix(".idx"), path)

    rivals = {"MXIndexedRecordIO": Command(theirs, memory=True)}
    return Works(Command(ours, memory=True), rivals, floors=_bare(memory=True))


def start_rows(size: Size) -> Iterator[Row]:
    """`gluon-hash evaluate` from the prompt to its end, the first time and later ones."""
    counts = size(10_000, 300), size(50_000, 3_000)
    for what, cold in (("compiled before", False), ("the first run of a version", True)):
        yield Row(
            f"evaluate, {counts[0]:,} x {counts[1]:,}, whole process, {what}",
            partial(_evaluate, counts=counts, cold=cold),
            seconds=25 if cold else 15,
            behind=COMPILED if cold else IMPORTED,
        )


def _evaluate(bench: Bench, *, counts: tuple[int, int], cold: bool) -> Works:
    files = [bench.folder / f"{name}-{counts[0]}.npz" for name in ("query", "database")]
    for table, file in zip(pair(*counts, NUM_BITS, 2), files):
        file.unlink(missing_ok=True)
        table.save(file)

    def ours(out: Path) -> Sequence[object]:
        return (*COMMAND, "evaluate", "--query", files[0], "--database", files[1])

    variables = {"NUMBA_CACHE_DIR": "{folder}/compiled"} if cold else {}
    rivals = {"import torch": Command(_python("import torch"), environment="torch")}
    return Works(Command(ours, variables=variables, warm=not cold), rivals, floors=_bare())


def _bare(*, memory: bool = False) -> dict[str, Here | Peer | Command]:
    """A process of Python that only imports what ours cannot do without."""
    return {"Python with NumPy and Pillow imported": Command(_python(BARE), memory=memory)}


def _python(text: str) -> Callable[[Path], Sequence[object]]:
    return lambda out: ("-c", text)
