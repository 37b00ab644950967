"""Write the pages of the documentation site into a folder: `make docs` does, before MkDocs.

    python tools/site_pages.py FOLDER

docs/ as it is, and as pages of their own what lies beside it: README.md, CONTRIBUTING.md and so
on, the notebooks, and a page of each public room for the API reference. Links between them hold;
a link to a file that is not in the site becomes its words.
"""

from __future__ import annotations

import json
import posixpath
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from site_markup import notebook_markdown, notebook_pictures, relink, table_code
from site_reference import page_name, reference_page, rooms

# pictures from elsewhere, which a site without a network cannot show
BADGE = re.compile(r"^\[!\[[^\]]*\]\(https://.*\n", re.MULTILINE)
# pages beside docs/, by their paths in a checkout
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
    "CODE_OF_CONDUCT.md": "code-of-conduct.md",
    "examples/README.md": "examples.md",
}


def in_site(path: str) -> str | None:
    """The path in the site of a file of the checkout; None: it is not there.

    >>> in_site("docs/data.md"), in_site("README.md"), in_site("notebooks/a.ipynb"), in_site("x.py")
    ('data.md', 'index.md', 'notebooks/a.md', None)
    """
    if path in PAGES:
        return PAGES[path]
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    if path.startswith("notebooks/"):
        return path.removesuffix(".ipynb") + ".md" if path.endswith(".ipynb") else path
    return None


def link_of(source: str) -> Callable[[str], str | None]:
    """A function: link of the checkout's file ``source`` -> the same in the site."""
    folder = posixpath.dirname(in_site(source) or "") or "."

    def change(target: str) -> str | None:
        goal = in_site(posixpath.normpath(posixpath.join(posixpath.dirname(source), target)))
        return goal and posixpath.relpath(goal, folder)

    return change


def write_pages(out: Path) -> None:
    """Write every page and picture into ``out``, which is emptied first."""
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(ROOT / "docs", out)
    for path in sorted((ROOT / "docs").rglob("*.md")):
        source = path.relative_to(ROOT).as_posix()
        _write(out, source, path.read_text(encoding="utf-8"))
    for source in PAGES:
        _write(out, source, (ROOT / source).read_text(encoding="utf-8"))
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        head, _, rest = notebook_markdown(notebook, path.stem).partition("\n\n")
        note = f"*The notebook `notebooks/{path.name}`, with what it printed and drew.*"
        _write(out, f"notebooks/{path.name}", f"{head}\n\n{note}\n\n{rest}")
        for name, content in notebook_pictures(notebook, path.stem).items():
            (out / "notebooks" / name).write_bytes(content)
    (out / "api").mkdir()
    for room in rooms():
        (out / "api" / page_name(room)).write_text(reference_page(room), encoding="utf-8")


def _write(out: Path, source: str, text: str) -> None:
    """Write the page of one file of the checkout."""
    page = out / str(in_site(source))
    page.parent.mkdir(parents=True, exist_ok=True)
    text = relink(table_code(BADGE.sub("", text)), link_of(source))
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]))
