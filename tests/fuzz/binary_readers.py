"""Index folders (their checksums renewed), archives, images."""

import io
import json
import tarfile
import zipfile

import numpy as np
from harness import Reader
from mutations import mutate_bytes, mutate_npy, mutate_npz
from PIL import Image

from gluon_hash import archives
from gluon_hash.files import sha256
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.records.images import has_transparency, read_image
from gluon_hash.retrieval import HammingIndex
from gluon_hash.retrieval.index.kinds import Flat, Hnsw, Ivf, MultiHash

BYTES = (mutate_bytes,)
COUNT, NUM_BITS, WIDTH = 60, 21, 3
STRUCTURE = "codes.faissbinary"


def packed(seed):
    bits = np.random.RandomState(seed).randint(0, 2, (COUNT, NUM_BITS))
    return np.packbits(bits, axis=1, bitorder="little")


def make_index(kind, file=STRUCTURE):
    def make(folder):
        tree = Hierarchy(("fine",), (("a", "b"),), ())
        index = HammingIndex(NUM_BITS, kind, tree)
        names = np.array([f"{number}.png" for number in range(COUNT)])
        labels = np.arange(COUNT, dtype=np.int32)[:, None] % 2
        index.add(packed(0), np.arange(COUNT) * 3, names, labels)
        index.delete(np.array([3, 6]))
        index.save(folder / "index")
        return folder / "index" / file

    return make


def read_index(memory_mapped=False):
    def read(path):
        description = path.parent / "index.json"
        values = json.loads(description.read_text())
        values["sha256"][path.name] = sha256(path)
        description.write_text(json.dumps(values))
        index = HammingIndex.load(path.parent, memory_mapped=memory_mapped)
        index.search(packed(1)[:4], 5, scan=True)
        index.search_radius(packed(1)[:4], 2, scan=True)
        for row in range(len(index)):
            index.items.class_names(row)
        if not memory_mapped:
            index.codes()
            index.add(packed(2), np.arange(COUNT) + 10**6)
            index.search(packed(1)[:4], 5, scan=True)

    return read


def make_archive(name):
    def make(folder):
        files = {"a/one.txt": b"x" * 700, "a/two.bin": bytes(range(256)) * 3}
        if name.endswith(".zip"):
            with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
                for member, data in files.items():
                    archive.writestr(member, data)
        else:
            compression = name.partition(".tar")[2].lstrip(".")
            with tarfile.open(folder / name, f"w:{compression}") as archive:
                for member, data in files.items():
                    info = tarfile.TarInfo(member)
                    info.size = len(data)
                    archive.addfile(info, io.BytesIO(data))
        return folder / name

    return make


def read_archive(path):
    with archives.opened(path) as folder:
        for file in folder.rglob("*"):
            if file.is_file():
                file.read_bytes()


def make_image(name, mode="RGB", **options):
    def make(folder):
        pixels = np.random.RandomState(0).randint(0, 256, (24, 20, 4)).astype(np.uint8)
        image = Image.fromarray(pixels).convert("RGBA" if mode == "RGBA" else "RGB")
        if mode == "I;16":
            image = Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)
        elif mode != "RGBA":
            image = image.convert(mode)
        if mode == "P":
            options.setdefault("transparency", 3)
        if options.pop("turned", False):
            options["exif"] = Image.Exif()
            options["exif"][0x0112] = 6
        image.save(folder / name, **options)
        return folder / name

    return make


def read_picture(path):
    read_image(path)
    try:
        has_transparency(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from error


READERS = [
    Reader("index, flat", make_index(Flat()), read_index(), BYTES),
    Reader("index, multihash", make_index(MultiHash(2, 5)), read_index(), BYTES),
    Reader("index, hnsw", make_index(Hnsw(4, 16)), read_index(), BYTES),
    Reader("index, ivf", make_index(Ivf(4, 2)), read_index(), BYTES),
    Reader("index, ivf, mapped", make_index(Ivf(4, 2)), read_index(True), BYTES),
    Reader(
        "index, ids", make_index(Hnsw(4, 16), "ids.npy"), read_index(), (mutate_bytes, mutate_npy)
    ),
    Reader("index, deleted", make_index(Hnsw(4, 16), "deleted.npy"), read_index(), (mutate_npy,)),
    Reader(
        "index, items", make_index(Flat(), "items.npz"), read_index(), (mutate_bytes, mutate_npz)
    ),
    *(
        Reader(f"archive, {name}", make_archive(name), read_archive, BYTES)
        for name in ("x.tar", "x.tar.gz", "x.tar.xz", "x.tar.bz2", "x.zip")
    ),
    *(
        Reader(f"image, {name} {mode}", make_image(name, mode, **options), read_picture, BYTES)
        for name, mode, options in (
            ("x.png", "RGB", {}),
            ("x.png", "RGBA", {}),
            ("x.png", "P", {}),
            ("x.png", "I;16", {}),
            ("x.jpg", "RGB", {"turned": True}),
            ("x.jpg", "CMYK", {}),
            ("x.gif", "P", {}),
            ("x.webp", "RGB", {}),
            ("x.webp", "RGBA", {"lossless": True}),
            ("x.tif", "RGB", {}),
            ("x.tif", "I;16", {"compression": "tiff_lzw"}),
            ("x.bmp", "RGB", {}),
            ("x.ppm", "RGB", {}),
        )
    ),
]
