"""What a card says of a network of the zoo besides what its manifest says."""

from __future__ import annotations

from gluon_hash.deploy.zoo import About, Measures
from gluon_hash.experiment.cards.card import Card, Section
from gluon_hash.plots import metric_label
from gluon_hash.retrieval.evaluation.searches import SEARCHES

__all__ = ["zoo_card"]

REPLACED = ("Metrics of queries against the database", "Limits")  # the zoo says more of them
BEFORE = "Files"


def zoo_card(card: Card, about: About) -> Card:
    """The card of an export with data, metrics of every search, limits and recipe of the zoo."""
    own = [
        Section(
            "Data",
            [("data", about.data), ("source", about.source), ("licence", about.licence)],
        ),
        Section("Recipe", [("method", about.method), ("training", about.recipe)]),
        *(_metrics(search, measures) for search, measures in about.metrics.items()),
        Section("Limits", [("", limit) for limit in about.limits]),
        Section(
            "Making it again",
            [("command", about.command), ("commit", about.commit), ("date", about.date)],
        ),
    ]
    kept = [section for section in card.sections if section.title not in REPLACED]
    at = next((n for n, section in enumerate(kept) if section.title == BEFORE), len(kept))
    return Card(card.title, [*kept[:at], *own, *kept[at:]])


def _metrics(search: str, measures: Measures) -> Section:
    facts = [
        (metric_label(name), f"{mean:.4f} [{low:.4f}, {high:.4f}]")
        for name, (mean, low, high) in measures.values.items()
    ]
    counts = f"{measures.num_queries:,} queries, {measures.num_database:,} images searched"
    facts.append(("", f"{counts}; {SEARCHES[search]}; 95 % bootstrap intervals over queries"))
    return Section(f"Metrics: {search}", facts)
