"""What a Hamming search found, as one HTML page that holds its images."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
from jinja2 import Environment
from PIL import Image

__all__ = ["retrieval_page"]

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title><style>
body { font-family: sans-serif; margin: 2em } figure { display: inline-block; margin: 4px; text-align: center }
img { width: 96px; image-rendering: pixelated } figcaption { font-size: 12px } .query { border-right: 2px solid #888;
padding-right: 10px }
</style></head><body><h1>{{ title }}</h1>
{% for row in rows %}<section>
<figure class="query"><img src="{{ row.image }}" alt="query"><figcaption>{{ row.name }}</figcaption></figure>
{% for item in row.found %}<figure><img src="{{ item.image }}" alt="id {{ item.id }}">
<figcaption>{{ item.distance }} bits<br>id {{ item.id }}</figcaption></figure>
{% endfor %}</section>
{% endfor %}</body></html>
"""


def retrieval_page(
    queries: Sequence[np.ndarray],
    names: Sequence[str],
    found: Sequence[Sequence[np.ndarray]],
    distances: Sequence[Sequence[int]],
    ids: Sequence[Sequence[int]],
    *,
    title: str = "Retrieved images",
) -> str:
    """One row for each query: the image, then its results with distance and id, nearest first.

    Parameters
    ----------
    queries : sequence of Q uint8 images (height, width, 3)
    names : sequence of Q str
        Shown under the queries; escaped.
    found : Q sequences of such images
    distances, ids : Q sequences of int, as many as images found
    title : str

    Returns
    -------
    str
        HTML that needs no other file.
    """
    rows = [
        {
            "image": _data_uri(image),
            "name": name,
            "found": [
                {"image": _data_uri(item), "distance": distance, "id": number}
                for item, distance, number in zip(row, row_distances, row_ids)
            ],
        }
        for image, name, row, row_distances, row_ids in zip(queries, names, found, distances, ids)
    ]
    return Environment(autoescape=True).from_string(PAGE).render(title=title, rows=rows)


def _data_uri(image: np.ndarray) -> str:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, format="PNG")
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
