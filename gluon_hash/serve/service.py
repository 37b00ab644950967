"""The work behind the addresses: questions in, answers out, each within its time."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import numpy as np
from PIL import Image

from gluon_hash.environment import processors
from gluon_hash.retrieval.index.asked import check_bits
from gluon_hash.serve.answering import Options, answer
from gluon_hash.serve.batching import Batcher
from gluon_hash.serve.collection import Collection
from gluon_hash.serve.limits import Limits
from gluon_hash.serve.metrics import Metrics
from gluon_hash.serve.pictures import Picture, check_pixels
from gluon_hash.serve.questions import Question, parse_code

__all__ = ["Model", "Refused", "Service"]

Value = TypeVar("Value")
IMAGE_SIZES = (16, 2048)  # pixels of a side that may be asked for


class Refused(ValueError):
    """What cannot be answered, and the status that says so."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Model(Protocol):
    """What encodes: gluon_hash.load_model's Encoder is one."""

    num_bits: int

    def prepare(self, image: bytes) -> np.ndarray:
        """What the network sees of an encoded image; ValueError if that is nothing."""

    def encode_prepared(self, prepared: np.ndarray) -> np.ndarray:
        """Packed codes, uint8 (N, num_bytes), of what prepare gave, stacked."""

    def encode(self, inputs: np.ndarray) -> np.ndarray:
        """Packed codes, uint8 (N, num_bytes), of features, float32 (N, num_features)."""


class Service:
    """A collection, the model that made its codes, and the threads that work for both.

    Parameters
    ----------
    collection : Collection
    model : Model, optional
        Without one, codes and items can be searched for, images cannot.
    limits : Limits, optional

    Raises
    ------
    ValueError
        If the model's codes are not as long as those of the index.
    """

    def __init__(
        self, collection: Collection, model: Model | None = None, limits: Limits | None = None
    ) -> None:
        self.collection, self.model, self.limits = collection, model, limits or Limits()
        self.stopping = False  # /healthz and every answer say so
        if model is not None:
            check_bits("the model", model.num_bits, collection.num_bits)
        self.metrics = Metrics(len(collection.index), collection.num_bits)
        self._batcher = Batcher(
            self._encode,
            max_batch=self.limits.max_batch,
            window=self.limits.batch_window,
            waiting=self.limits.waiting,
            on_batch=self.metrics.batch,
        )
        # images are decoded, and codes compared, by as many threads as there are processors
        self._threads = ThreadPoolExecutor(processors(), "worker")

    @property
    def queued(self) -> int:
        """Images that wait for the network."""
        return len(self._batcher)

    def warm_up(self) -> None:
        """Encode blank images, one and as many as a batch holds: the first request waits less.

        Memory is taken now, or not enough is there, before requests come.
        """
        if self.model is None:
            return
        try:
            blank = self.model.prepare(_blank())
        except ValueError:
            return  # the model reads features
        self._batcher.submit(blank).result()
        many = min(self.limits.max_batch, self.limits.waiting)
        for code in [self._batcher.submit(blank) for _ in range(many)]:
            code.result()

    def close(self) -> None:
        """Finish what was begun, and end the threads."""
        self._threads.shutdown()
        self._batcher.close()

    async def encode(self, question: Question) -> dict[str, Any]:
        """The code of an image or of features.

        Raises
        ------
        Refused, ValueError
            As search; or if the question is a code or an item.
        """
        if question.image is None and question.features is None:
            raise ValueError("encode: expected an image or features")
        code = await self._in_time(self._code(question))
        return {
            "num_bits": self.collection.num_bits,
            "hex": code.tobytes().hex(),
            "base64": base64.b64encode(code.tobytes()).decode("ascii"),
        }

    async def search(self, question: Question, options: Options) -> dict[str, Any]:
        """The answer to a question.

        Raises
        ------
        Refused
            422: the image or the features cannot be encoded; 503: it took too long.
        ValueError
            If the options do not fit the index.
        gluon_hash.serve.collection.NotHere
            If the question is an item that is not there.
        """
        name = "upload" if question.code is None else "code"
        if question.item is not None:
            name = f"id {question.item}"
        code = await self._in_time(self._code(question))
        return await self._in_time(
            self._in_thread(
                lambda: answer(
                    self.collection,
                    code,
                    options,
                    name=name,
                    item=question.item,
                    max_results=self.limits.max_results,
                )
            )
        )

    async def image(self, item: int, size: int) -> Picture:
        """The picture of an item; LookupError if the item or its image is not there."""
        thumbnails = self.collection.thumbnails
        if thumbnails is None:
            raise Refused(404, "this service was started without images")
        name = self.collection.name(item)
        return await self._in_time(self._in_thread(lambda: thumbnails.get(item, name, size)))

    async def _code(self, question: Question) -> np.ndarray:
        """The packed code of a question: uint8 (1, num_bytes)."""
        if question.item is not None:
            return self.collection.code(question.item)
        if question.code is not None:
            return parse_code(question.code, self.collection.num_bits)
        if self.model is None:
            raise ValueError(
                "this service has no model, so it takes codes and ids; start it with a model to "
                "encode images"
            )
        item = question.features
        if question.image is not None:
            image = question.image
            item = await self._in_thread(lambda: self._prepared(image))
        assert item is not None  # parse_question has looked
        try:
            code = await asyncio.wrap_future(self._batcher.submit(item))
        except ValueError as error:  # features of another width, or an output that is NaN
            raise Refused(422, str(error)) from error
        return code[None]

    def _prepared(self, image: bytes) -> np.ndarray:
        assert self.model is not None
        try:
            check_pixels(image, self.limits.max_pixels)
        except ValueError as error:
            raise Refused(413, str(error)) from error
        try:
            return self.model.prepare(image)
        except ValueError as error:
            raise Refused(422, str(error)) from error

    def _encode(self, items: np.ndarray) -> np.ndarray:
        """Packed codes of prepared images, uint8 (N, height, width, 3), or of features (N, D)."""
        assert self.model is not None
        if items.ndim == 2:
            return self.model.encode(items)
        return self.model.encode_prepared(items)

    async def _in_time(self, work: Awaitable[Value]) -> Value:
        try:
            return await asyncio.wait_for(work, self.limits.timeout)
        except asyncio.TimeoutError as error:
            raise Refused(
                503, f"not answered within {self.limits.timeout:g} seconds; try again"
            ) from error

    async def _in_thread(self, work: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def _blank(side: int = 1024) -> bytes:
    """A grey PNG, larger than what any network crops."""
    stream = io.BytesIO()
    Image.new("RGB", (side, side), (128, 128, 128)).save(stream, format="PNG")
    return stream.getvalue()
