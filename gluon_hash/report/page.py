"""The page: its parts, style sheet and script, and the policy that keeps it from the network."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from gluon_hash import __version__, plots
from gluon_hash.report import codes_part
from gluon_hash.report.code_map import code_map
from gluon_hash.report.comparison_part import Comparison, comparison_part
from gluon_hash.report.contents import Codes, Trained
from gluon_hash.report.training_part import (
    facts,
    training_figures,
    versions_of,
)
from gluon_hash.retrieval.evaluation import advise

__all__ = ["Options", "comparison_report", "run_report"]


@dataclass(frozen=True)
class Options:
    """What a reader may choose.

    Parameters
    ----------
    confidence : float
        Percent of the bootstrap intervals over queries.
    points : int
        Queries on the map of codes, at most.
    seed : int
        Draws those, and places them.
    """

    confidence: float = 95.0
    points: int = 1000
    seed: int = 24


def run_report(trained: Trained, codes: Codes, options: Options = Options()) -> str:
    """The page of one run.

    Parameters
    ----------
    trained : Trained
    codes : Codes
    options : Options

    Returns
    -------
    str
        HTML that needs no other file and no network.
    """
    method = plots.method_label(trained.section("loss"))
    title = f"{method}, {plots.count_bits(codes.query.num_bits)}"
    return _rendered(title, None, trained, codes, options)


def comparison_report(
    comparison: Comparison, trained: Trained, codes: Codes, options: Options = Options()
) -> str:
    """The page of a comparison: all lines side by side, then one of its runs as in run_report.

    Parameters
    ----------
    comparison : Comparison
    trained, codes :
        Of the run that is looked at.
    options : Options
    """
    title = f"Comparison {comparison.name}"
    return _rendered(title, comparison_part(comparison), trained, codes, options)


def _rendered(
    title: str, compared: dict[str, Any] | None, trained: Trained, codes: Codes, options: Options
) -> str:
    script, style = _asset("script.js"), _asset("style.css")
    mapped = _map(codes, options)
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters["soft"] = _soft
    values = {
        "title": title,
        "compared": compared,
        "run": trained.name,
        "facts": facts(trained),
        "configuration": trained.text,
        "versions": versions_of(trained),
        "reference": _reference(trained),
        "training": training_figures(trained),
        "warnings": advise(codes.query, codes.database, codes.measured, codes.hierarchy),
        "metrics": codes_part.metrics_part(codes, options.confidence),
        "curves": codes_part.curves_part(codes, trained.name),
        "map": mapped,
        "data": _embedded(mapped),
        "fidelity": codes_part.fidelity_part(codes),
        "confusion": codes_part.confusion_part(codes),
        "bits": codes_part.bits_part(codes),
        "queries": codes_part.queries_part(codes),
        "made": f"gluon_hash {__version__}, {datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC",
        "style": Markup(style),
        "script": Markup(script),
        "policy": _policy(script),
    }
    return environment.from_string(_asset("page.html")).render(values)


def _soft(name: str) -> Markup:
    """A name that may be broken after "_" and "/"."""
    return Markup(str(escape(name)).replace("_", "_<wbr>").replace("/", "/<wbr>"))


def _map(codes: Codes, options: Options) -> dict[str, Any]:
    try:
        return code_map(codes, options.points, options.seed)
    except ValueError as error:  # collapsed codes: the rest of the page shows it
        return {"missing": str(error)}


def _reference(trained: Trained) -> list[tuple[str, str]]:
    """What the training had to beat on held-out images."""
    names = {"untrained": "untrained network", "itq": "ITQ"}
    return [
        (names.get(name, name), ", ".join(_said(key, value) for key, value in values.items()))
        for name, values in trained.reference.items()
    ]


def _said(key: str, value: float) -> str:
    return f"{plots.metric_label(key)} {value:.3f}"


def _embedded(value: Any) -> Markup:
    """JSON inside a script element: no text of a user's can end the element."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _policy(script: str) -> str:
    """The content security policy: nothing is loaded, and no script runs but this one."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    rules: Sequence[str] = (
        "default-src 'none'",
        "img-src data:",
        "style-src 'unsafe-inline'",
        f"script-src 'sha256-{digest}'",
        "base-uri 'none'",
        "form-action 'none'",
    )
    return "; ".join(rules)


def _asset(name: str) -> str:
    return (files("gluon_hash.report") / "assets" / name).read_text(encoding="utf-8")
