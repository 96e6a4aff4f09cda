"""A hook of MkDocs that adds pages to those that `mkdocs.yml` lists.

README.md becomes the first page, benchmarks/*.md and other files of the project get sections, links are changed to the
places of the pages in the site, and a page in docs/ that is not listed goes to the end of "How-to".
"""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
OUTSIDE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
    "LICENSE": "",
}
"""Files of the repository and their places in the site; empty for files that are not in the site."""

SECTIONS = {"Benchmarks": "benchmarks/*.md", "Project": "[CS]*.md"}
_LINK = re.compile(r"\[([^\]]*)\]\(([^)#:\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages outside docs/, and add every page to the navigation."""
    outside = {ROOT / name: place for name, place in OUTSIDE.items() if place}
    outside |= {path: f"benchmarks/{path.stem.lower()}.md" for path in sorted((ROOT / "benchmarks").glob("*.md"))}
    for path, place in outside.items():
        text = path.read_text(encoding="utf-8")
        files.append(File.generated(config, place, content=with_links(text, path, place)))
    for title, pattern in SECTIONS.items():
        section(config, title).extend(outside[path] for path in sorted(ROOT.glob(pattern)) if path in outside)
    listed = set(re.findall(r"'([^']+\.md)'", repr(config.nav)))
    section(config, "How-to").extend(
        page.src_uri
        for page in sorted(files.documentation_pages(), key=lambda page: page.src_uri)
        if page.src_uri not in listed
    )
    return files


def on_page_markdown(markdown: str, /, *, page: Any, **_: Any) -> str:
    """Change the links of pages in docs/ to files outside it."""
    path = ROOT / "docs" / page.file.src_uri
    return with_links(markdown, path, page.file.src_uri) if path.is_file() else markdown


def section(config: MkDocsConfig, title: str) -> list[Any]:
    """Return the entries of a section of the navigation."""
    return next(entry[title] for entry in config.nav or [] if title in entry)


def with_links(text: str, path: Path, place: str) -> str:
    """Return the Markdown of a file with links to files of the repository changed to the file's place in the site."""

    def replace(link: re.Match[str]) -> str:
        file = Path(os.path.normpath(path.parent / link[2]))
        # MkDocs warns about a missing file.
        if not file.exists():
            return link[0]
        target = place_of(file)
        return (
            f"[{link[1]}]({posixpath.relpath(target, posixpath.dirname(place) or '.')}{link[3] or ''})"
            if target
            else link[1]
        )

    return _LINK.sub(replace, text)


def place_of(file: Path) -> str | None:
    """Return the place of a file of the repository in the site, or None for a file that is not in it."""
    name = file.relative_to(ROOT).as_posix()
    if name in OUTSIDE:
        return OUTSIDE[name] or None
    folder, _, rest = name.partition("/")
    if folder == "docs":
        return rest
    return f"benchmarks/{file.stem.lower()}.md" if folder == "benchmarks" and file.suffix == ".md" else None
