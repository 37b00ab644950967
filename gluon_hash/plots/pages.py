"""What a Hamming search found, as one HTML page that holds its images."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
from jinja2 import Environment
from PIL import Image

__all__ = ["retrieval_page"]

EXACT = 128  # pixels of a side up to which an image is kept as it is (PNG); larger ones are JPEG
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title><style>
body { font-family: sans-serif; margin: 2em } section { border-top: 1px solid #ccc; padding: 6px 0 }
figure { display: inline-block; vertical-align: top; width: 128px; margin: 4px; text-align: center }
img { max-width: 128px; height: 96px; object-fit: contain; image-rendering: auto }
img.small { image-rendering: pixelated } .gone { height: 96px; background: #eee; color: #777 }
figcaption { font-size: 12px; overflow-wrap: anywhere } .query { border-right: 2px solid #888;
padding-right: 10px } .note { font-weight: bold }
</style></head><body><h1>{{ title }}</h1>
{% macro picture(item, alt) %}{% if item.uri %}<img src="{{ item.uri }}" alt="{{ alt }}"
{%- if item.small %} class="small"{% endif %}>{% else -%}
<div class="gone">no image</div>{% endif %}{% endmacro %}
{% for row in rows %}<section>
<figure class="query">{{ picture(row.image, "query") }}<figcaption>{{ row.name }}
{%- for line in row.notes %}<br><span class="note">{{ line }}</span>
{%- endfor %}</figcaption></figure>
{% for item in row.found %}<figure>{{ picture(item.image, "id " ~ item.id) }}
<figcaption>{{ item.distance }} bit{{ '' if item.distance == 1 else 's' }}<br>id {{ item.id }}
{%- for line in item.lines %}<br>{{ line }}{% endfor %}</figcaption></figure>
{% endfor %}</section>
{% endfor %}</body></html>
"""


def retrieval_page(
    queries: Sequence[np.ndarray | None],
    names: Sequence[str],
    results: Sequence[Sequence[np.ndarray | None]],
    distances: Sequence[Sequence[int]],
    ids: Sequence[Sequence[int]],
    *,
    captions: Sequence[Sequence[Sequence[str]]] | None = None,
    notes: Sequence[str] | None = None,
    title: str = "Retrieved images",
) -> str:
    """One row for each query: the image, then its results with distance and id, nearest first.

    Parameters
    ----------
    queries : sequence of Q uint8 images (height, width, 3)
        None where there is no image: the page says so.
    names : sequence of Q str
        Shown under the queries; escaped, as all text is.
    results : Q sequences of such images
    distances, ids : Q sequences of int, as many as images found
    captions : Q sequences of lines for each image found, optional
        Shown under distance and id.
    notes : sequence of Q str, optional
        Shown under the names, line by line.
    title : str

    Returns
    -------
    str
        HTML that needs no other file.
    """
    rows = []
    for query, (image, name) in enumerate(zip(queries, names)):
        lines = [()] * len(ids[query]) if captions is None else captions[query]
        rows.append(
            {
                "image": _picture(image),
                "name": name,
                "notes": [] if notes is None else notes[query].splitlines(),
                "found": [
                    {"image": _picture(item), "distance": distance, "id": number, "lines": text}
                    for item, distance, number, text in zip(
                        results[query], distances[query], ids[query], lines
                    )
                ],
            }
        )
    return Environment(autoescape=True).from_string(PAGE).render(title=title, rows=rows)


def _picture(image: np.ndarray | None) -> dict[str, object]:
    """The data of an image, and whether it is so small that its pixels are to be seen."""
    if image is None:
        return {"uri": None, "small": False}
    small = max(image.shape[:2]) <= EXACT
    stream, kind = io.BytesIO(), "png" if small else "jpeg"
    Image.fromarray(image).save(stream, format=kind.upper())
    data = base64.b64encode(stream.getvalue()).decode("ascii")
    return {"uri": f"data:image/{kind};base64,{data}", "small": small}
