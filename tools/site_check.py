"""Look at every link of the built site, and that it needs no network: `make docs` ends with it.

    python tools/site_check.py FOLDER

Prints what is wrong and exits 1: a link to a file that is not there, or to an anchor that its page
lacks; a script, style, picture or font from elsewhere; a public name of a room without its entry.
"""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent))

from site_reference import public_names, rooms

LOADED = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src"), ("source", "src")}
NOT_LOADED = {"canonical", "next", "prev", "edit"}  # of <link rel=...>: addresses, not files
FROM_ELSEWHERE = re.compile(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//[^\"')\s]+")


class Page(HTMLParser):
    """The ids, links and loaded files of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what one tag says."""
        values = {name: value or "" for name, value in attrs}
        self.ids |= {values[name] for name in ("id", "name") if values.get(name)}
        for name in ("href", "src"):
            if name not in values or NOT_LOADED & set(values.get("rel", "").split()):
                continue
            (self.loaded if (tag, name) in LOADED else self.links).append(values[name])


def problems(site: Path) -> list[str]:
    """Every link that leads nowhere and everything that is loaded from elsewhere, a line each."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    said = [
        f"{path.relative_to(site)}: {problem}"
        for path, page in sorted(pages.items())
        for problem in _of_page(site, path, page, pages)
    ]
    for style in sorted(site.rglob("*.css")):
        for address in FROM_ELSEWHERE.findall(style.read_text(encoding="utf-8")):
            said.append(f"{style.relative_to(site)}: loads {address}")
    return said


def _of_page(site: Path, path: Path, page: Page, pages: dict[Path, Page]) -> list[str]:
    """What is wrong on one page."""
    said = []
    for address in [*page.links, *page.loaded]:
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            if address in page.loaded and parts.scheme != "data":
                said.append(f"loads {address}")
            continue
        # the page for addresses that are not there is shown at any depth: it counts from the top
        start = site if path.name == "404.html" else path.parent
        relative = unquote(parts.path).removeprefix("/" if path.name == "404.html" else "")
        goal = (start / relative).resolve() if parts.path else path
        if goal.is_dir():
            goal = goal / "index.html"
        if not goal.is_file() or site.resolve() not in goal.parents:
            said.append(f"{address} is not there")
        elif parts.fragment and goal in pages and unquote(parts.fragment) not in pages[goal].ids:
            said.append(f"{address}: that page has no such anchor")
    return said


def missing_names(site: Path) -> list[str]:
    """The public names of the rooms that no page of the API reference has an entry for."""
    ids = set()
    for path in (site / "api").glob("*.html"):
        ids |= Page(path.read_text(encoding="utf-8")).ids
    wanted = [f"{room}.{name}" for room in rooms() for name in public_names(room)]
    return [name for name in wanted if name not in ids]


if __name__ == "__main__":
    folder = Path(sys.argv[1]).resolve()
    found = problems(folder) + [f"api: no entry of {name}" for name in missing_names(folder)]
    print("\n".join(found) or f"{folder}: every link holds, nothing is loaded from elsewhere")
    sys.exit(bool(found))
