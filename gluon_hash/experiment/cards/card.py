"""A card: what a model, or a file of ours, is, in sections of facts; as Markdown or plain text."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Card", "Section"]


@dataclass(frozen=True)
class Section:
    """A heading and facts below it.

    Parameters
    ----------
    title : str
    facts : sequence of (str, str)
        A word and what it is; without a word: a sentence.
    """

    title: str
    facts: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Card:
    """What something is.

    Parameters
    ----------
    title : str
    sections : sequence of Section
        Those without facts are left out.
    """

    title: str
    sections: Sequence[Section]

    def markdown(self) -> str:
        """For a file.

        Examples
        --------
        >>> print(Card("a", [Section("Data", [("images", "12"), ("", "A sentence.")])]).markdown())
        # a
        <BLANKLINE>
        ## Data
        <BLANKLINE>
        - **images**: 12
        - A sentence.
        <BLANKLINE>
        """
        parts = [f"# {self.title}"]
        for section in self._there():
            lines = [
                f"- **{word}**: {_escaped(text)}" if word else f"- {_escaped(text)}"
                for word, text in section.facts
            ]
            parts.append(f"## {section.title}\n\n" + "\n".join(lines))
        return "\n\n".join(parts) + "\n"

    def text(self, width: int = 80) -> str:
        """For a terminal of so many columns.

        Examples
        --------
        >>> card = Card("a", [Section("Data", [("images", "12"), ("", "A long sentence.")])])
        >>> print(card.text(14))
        a
        <BLANKLINE>
        Data
          images: 12
          A long
            sentence.
        """
        parts = [self.title]
        for section in self._there():
            facts = [f"{word}: {text}" if word else text for word, text in section.facts]
            wrapped = (
                textwrap.fill(
                    fact,
                    max(width, 12),
                    initial_indent="  ",
                    subsequent_indent="    ",
                    break_on_hyphens=False,
                    break_long_words=False,  # a SHA-256 stays whole, to be copied
                )
                for fact in facts
            )
            parts.append("\n".join([section.title, *wrapped]))
        return "\n\n".join(parts)

    def to_dict(self) -> Mapping[str, object]:
        """As JSON values."""
        return {
            "title": self.title,
            "sections": {each.title: [list(fact) for fact in each.facts] for each in self._there()},
        }

    def _there(self) -> list[Section]:
        return [section for section in self.sections if section.facts]


def _escaped(text: str) -> str:
    """Text in which Markdown sees nothing of its own."""
    for mark in ("\\", "`", "*", "_", "<", "["):
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())
