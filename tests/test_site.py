"""The site: its links, its lists of parameters, and that it asks nobody else for anything."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import inkread

pytest.importorskip("mkdocs", reason="needs the extra 'docs'")

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with the site, built with every warning an error."""
    folder = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        loaded = re.findall(r"<(?:link|script|img|iframe|source)\b[^>]*\b(?:href|src)=\"?([^\">\s]+)", page.read_text())
        assert loaded
        assert not [address for address in loaded if "//" in address], page


def test_every_page_of_the_repository_is_in_the_menu(site: Path) -> None:
    menu = set(re.findall(r'href="([^"#]+\.html)"', (site / "index.html").read_text()))
    pages = [path.stem for path in (ROOT / "docs").glob("*.md")]
    benchmarks = [f"benchmarks/{path.stem.lower()}" for path in (ROOT / "benchmarks").glob("*.md")]
    for page in (*pages, *benchmarks, "index", "changelog", "contributing"):
        assert f"{page}.html" in menu


def test_links_between_files_of_the_repository_lead_to_pages_of_the_site(site: Path) -> None:
    first = (site / "index.html").read_text()
    for page in ("reading.html", "benchmarks/results.html", "changelog.html"):
        # It is in the menu and in the text.
        assert len(re.findall(rf'href="{page}"', first)) >= 2
    assert 'href="LICENSE"' not in first


def test_the_reference_has_every_public_name(site: Path) -> None:
    reference = (site / "api.html").read_text()
    errors = {"DataError", "InkreadError", "MissingExtra", "ModelError", "OptionError", "PictureError"}
    for name in set(inkread.__all__) - {"__version__", "Content"}:
        place = f"inkread.errors.{name}" if name in errors else f"inkread.{name}"
        assert f'id="{place}"' in reference, name


def test_parameters_are_a_list(site: Path) -> None:
    assert re.search(r"<li>\s*(<p>)?<code>threads</code>: how many cores", (site / "api.html").read_text())
