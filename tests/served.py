"""A service that runs while a test does, and how it is asked: by the standard library."""

import asyncio
import http.client
import io
import json
import threading
from contextlib import contextmanager
from urllib.parse import quote

import numpy as np
from PIL import Image

from gluon_hash.hierarchy import Hierarchy
from gluon_hash.records import decode_image
from gluon_hash.retrieval import HammingIndex, codes
from gluon_hash.serve import Collection, Limits, Service

TREE = Hierarchy.from_table(
    [["finch", "bird"], ["owl", "bird"], ["trout", "fish"]], ["fine", "coarse"]
)
JSON = {"Content-Type": "application/json"}


class Answer:
    """Status, headers and body of a response."""

    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        return self.json["error"]


class Client:
    """Asks a service; each request has a connection of its own."""

    def __init__(self, port):
        self.port = port

    def ask(self, method, path, body=None, headers=()):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, quote(path, safe="/?=&%"), body, dict(headers))
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.ask("GET", path, headers=headers)

    def search(self, question, options=""):
        return self.ask("POST", f"/search?{options}", *sent(question))

    def encode(self, question):
        return self.ask("POST", "/encode", *sent(question))


def sent(question):
    """Body and headers: bytes are an image, all else is JSON."""
    if isinstance(question, bytes):
        return question, {"Content-Type": "image/png"}
    return json.dumps(question), JSON


@contextmanager
def serving(service, *, local=True):
    """A client of the service, which has ended when the block has."""
    from gluon_hash.serve.server import Server, listen

    listening, ready = listen("127.0.0.1", 0), threading.Event()
    server = Server(service, local=local, ready=ready.set)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
    thread.start()
    try:
        assert ready.wait(30)
        client = Client(listening.getsockname()[1])
        client.server = server
        yield client
    finally:
        server.begin_to_stop()
        thread.join(60)
        assert not thread.is_alive()


class Brightness:
    """A model whose code of an image is which of its 4 x 4 parts are bright: 16 bits."""

    num_bits = 16

    def prepare(self, image):
        pixels = decode_image(image)
        if min(pixels.shape[:2]) < 4:
            raise ValueError("smaller than 4 pixels")
        return np.asarray(Image.fromarray(pixels).resize((4, 4), Image.Resampling.BOX))

    def encode_prepared(self, prepared):
        return codes.pack(prepared.mean(axis=3).reshape(len(prepared), 16) - 127.5)

    def encode(self, features):
        if features.shape[1] != 16:
            raise ValueError(f"expected 16 features, got {features.shape[1]}")
        return codes.pack(features)


def png(pixels):
    """The bytes of a PNG of uint8 pixels."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG")
    return stream.getvalue()


def checkered(bits, side=16):
    """An image whose 4 x 4 parts are bright where ``bits`` (16,) is 1."""
    parts = np.asarray(bits, np.uint8).reshape(4, 4) * 255
    return np.repeat(np.kron(parts, np.ones((side // 4,) * 2, np.uint8))[..., None], 3, axis=2)


def small_collection(folder=None, count=40, seed=0):
    """An index of pictures (in ``folder``, if one is given) and their bits, (count, 16)."""
    from gluon_hash.serve.pictures import FilePictures

    rng = np.random.RandomState(seed)
    bits = rng.randint(0, 2, (count, 16))
    labels = np.array([[0, 0], [1, 0], [2, 1]], np.int32)[np.arange(count) % 3]
    names = np.array([f"photos/{place} é.png" for place in range(count)])
    index = HammingIndex(16, hierarchy=TREE)
    index.add(codes.pack(bits * 2 - 1), np.arange(count) + 100, names, labels)
    pictures = None
    if folder is not None:
        (folder / "photos").mkdir()
        for name, row in zip(names, bits):
            (folder / name).write_bytes(png(checkered(row)))
        pictures = FilePictures(folder, inside=True, max_pixels=10**6)
    return Collection(index, pictures), bits


def small_service(folder=None, model=None, **limits):
    """A service of that collection with the model of brightness, and the bits."""
    collection, bits = small_collection(folder)
    chosen = Limits(**{"drain": 0.0, "batch_window": 0.002, **limits})
    return Service(collection, model or Brightness(), chosen), bits
