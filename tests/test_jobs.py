"""The commands of docs/jobs.md, the notebook, the Gradio demo, the generated client, and the card for Hugging Face."""

from __future__ import annotations

import gc
import importlib
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from helpers.filled_sheets import filled_page, photographed, save
from helpers.ruled import rules, written
from inkread.cli import main
from inkread.sheets.form_file import read_form
from inkread.sheets.placing import lay_out

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
PAGE = (ROOT / "docs" / "jobs.md").read_text(encoding="utf-8")
FORM = 'title = "Visits"\n[[field]]\nname = "number"\nkind = "integer"\ndigits = 3\n'


def commands(section: str) -> list[list[str]]:
    """Return the commands of a section of the page, as words."""
    text = PAGE.partition(f"## {section}\n")[2].partition("\n## ")[0]
    return [shlex.split(line) for line in re.findall(r"^    (.+)$", text, re.MULTILINE)]


def run_section(section: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("INKREAD_HOME", str(folder / "home"))
    found = commands(section)
    assert found
    for program, *words in found:
        assert program == "inkread"
        assert main(words) == 0, words


def test_a_digit_of_your_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(EXAMPLES / "7-crossed.jpg", tmp_path / "mine.jpg")
    run_section("A digit of your own", tmp_path, monkeypatch)
    assert capsys.readouterr().out.splitlines()[:2] == ["7", "7"]
    assert {"steps.png", "why.png"} <= {path.name for path in tmp_path.iterdir()}


def test_a_stack_of_forms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    form = tmp_path / "visits.toml"
    form.write_text(FORM, encoding="utf-8")
    (tmp_path / "photos").mkdir()
    page = filled_page(lay_out(read_form(form)), serial=1, writing={("number", 0): "123"})
    save(photographed(page), tmp_path / "photos" / "1.png")
    run_section("A stack of forms", tmp_path, monkeypatch)
    assert (tmp_path / "visits.csv").read_text(encoding="utf-8").splitlines()[1].endswith(",123")


def test_an_archive_of_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow", reason="needs the extra 'batch'")
    pytest.importorskip("xlsxwriter", reason="needs the extra 'xlsx'")
    (tmp_path / "scans").mkdir()
    Image.fromarray(written(rules(2, 2), [["12", ""], ["07", "345"]])).save(tmp_path / "scans" / "1.png")
    run_section("An archive of tables", tmp_path, monkeypatch)
    assert (tmp_path / "tables.xlsx").stat().st_size > 0
    assert list((tmp_path / "readings.parquet").glob("*.parquet"))


def test_your_own_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(EXAMPLES / "1-flagged.png", tmp_path / "mine.jpg")
    run_section("Your own hand", tmp_path, monkeypatch)
    capsys.readouterr()
    assert main(["mine.jpg"]) == 0
    assert capsys.readouterr().out == "7\n"


def test_the_notebook_runs_from_top_to_bottom() -> None:
    nbclient = pytest.importorskip("nbclient", reason="needs the extra 'dev'")
    nbformat = pytest.importorskip("nbformat", reason="needs the extra 'dev'")
    pytest.importorskip("ipykernel", reason="needs the extra 'dev'")
    notebook = nbformat.read(EXAMPLES / "inkread.ipynb", as_version=4)
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(EXAMPLES)}}).execute()
    said = json.dumps([cell.get("outputs", []) for cell in notebook.cells])
    assert "('7', 0.9" in said
    assert "text/html" in said
    assert "unfit" in said


# Gradio leaves its event loop and sockets to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_gradio_demo_starts() -> None:
    gradio = pytest.importorskip("gradio", reason="needs gradio, which is in no extra: pip install gradio")
    sys.path.insert(0, str(EXAMPLES))
    try:
        app = importlib.import_module("gradio_app")
    finally:
        sys.path.remove(str(EXAMPLES))
    assert isinstance(app.demo, gradio.Interface)
    text, first, figure = app.read(np.asarray(Image.open(EXAMPLES / "7-crossed.jpg").convert("RGB")))
    assert text.startswith("7\n")
    assert max(first, key=first.get) == "7"
    assert figure is not None
    _, address, _ = app.demo.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    try:
        assert address.startswith("http://127.0.0.1")
    finally:
        app.demo.close()
        gc.collect()


def test_a_client_is_generated_from_the_description(tmp_path: Path) -> None:
    generate = shutil.which("openapi-python-client")
    if generate is None:
        pytest.skip("needs openapi-python-client: uv tool install openapi-python-client")
    pytest.importorskip("fastapi", reason="needs the extra 'web'")
    from inkread.web.app import make_app

    description = make_app().openapi()
    (tmp_path / "openapi.json").write_text(json.dumps(description), encoding="utf-8")
    done = subprocess.run(
        [generate, "generate", "--path", "openapi.json", "--meta", "none", "--output-path", "inkread_client"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    shown = re.findall(r"^from (inkread_client\S*) import", PAGE, re.MULTILINE)
    assert len(shown) == 4
    for module in shown:
        place = tmp_path.joinpath(*module.split("."))
        assert place.is_dir() or place.with_suffix(".py").is_file(), module


def test_the_card_for_hugging_face_has_what_it_lists() -> None:
    text = (EXAMPLES / "huggingface" / "README.md").read_text(encoding="utf-8")
    assert text.startswith("---\n")
    head = yaml.safe_load(text.split("---\n")[1])
    assert head["license"] == "apache-2.0"
    assert len(head["model-index"][0]["results"]) == 3
