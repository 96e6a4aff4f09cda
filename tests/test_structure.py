"""The plan of the house: no circle of imports, nothing reaches training from below, and one class has one name."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import pytest

from helpers.imports import Graph, circles, import_graph, reachable

SOURCE = Path(__file__).parents[1] / "src"
ABOVE_TRAINING = ("inkread.training", "inkread.cli", "inkread.sklearn", "inkread.__main__")


@pytest.fixture(scope="module")
def graph() -> Graph:
    return import_graph(SOURCE)


def tree(folder: Path, **files: str) -> Path:
    """Write a made-up package `house` of modules with these contents."""
    (folder / "house").mkdir()
    (folder / "house" / "__init__.py").touch()
    for name, content in files.items():
        (folder / "house" / f"{name}.py").write_text(content, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "back",
    [
        "import house.door\n",
        "from house import door\n",
        "from house.door import handle\n",
        "from . import door\n",
        "from .door import handle\n",
        "def open():\n    from house.door import handle\n",
        "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from house.door import handle\n",
    ],
)
def test_a_circle_is_seen_however_it_is_imported(tmp_path: Path, back: str) -> None:
    found = import_graph(tree(tmp_path, door="import house.hall\n", hall="import house.stairs\n", stairs=back))
    assert circles(found) == [["house.door", "house.hall", "house.stairs"]]


def test_what_only_leads_down_is_no_circle(tmp_path: Path) -> None:
    found = import_graph(
        tree(tmp_path, door="from house.hall import *\nimport os\n", hall="import house.stairs\n", stairs="")
    )
    assert circles(found) == []
    assert reachable(found, "house.door") == {"house.hall", "house.stairs"}
    assert reachable(found, "house.stairs") == set()


def test_two_circles_are_told_apart(tmp_path: Path) -> None:
    files = {"a": "import house.b", "b": "import house.a", "c": "import house.d\nimport house.a", "d": "import house.c"}
    assert circles(import_graph(tree(tmp_path, **files))) == [["house.a", "house.b"], ["house.c", "house.d"]]


def test_the_walker_sees_the_house(graph: Graph) -> None:
    assert len(graph) > 100
    assert {"inkread.layout.page_marks", "inkread.models.card"} <= reachable(graph, "inkread.reader")


def test_no_modules_import_each_other_in_a_circle(graph: Graph) -> None:
    assert circles(graph) == []


def test_nothing_below_training_reaches_it(graph: Graph) -> None:
    below = [module for module in graph if not module.startswith(ABOVE_TRAINING)]
    assert "inkread.reader" in below
    reached = {module: found for module in below if (found := _training(reachable(graph, module)))}
    assert reached == {}


def _training(modules: set[str]) -> list[str]:
    return sorted(module for module in modules if module.startswith("inkread.training"))


def test_no_two_classes_have_one_name() -> None:
    places = defaultdict(list)
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(path.relative_to(SOURCE)))
    assert len(places["Box"]) == 1
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


SMALL = {
    "__main__.py": "python -m inkread",
    "cli/completion.py": "one file per command",
    "cli/convert.py": "one file per command",
    "cli/review.py": "one file per command",
    "cli/sheet.py": "one file per command",
    "cli/outputs.py": "the files that a command writes, without the reader",
    "csv_rows.py": "reading and batches write the same rows",
    "drawing/noise.py": "ten modules draw with it",
    "expecting/check_digits.py": "arithmetic that knows nothing of texts",
    "geometry.py": "one kind of box for all rooms, without NumPy at import",
    "keras_backend.py": "the only door to the training framework",
    "loading.py": "models and foreign files meet here, and neither imports the other",
    "reviewing/corrections.py": "the only part of a review that knows of teaching",
    "reviewing/serving.py": "needs the page of inkread web, which in turn has the addresses of reviews",
    "reviewing/second_choice.py": "arithmetic on an entry that knows nothing of reviews",
    "models/files.py": "names and limits that open no model",
    "pictures/folders.py": "reading and batches list the same files",
    "quantiles.py": "NumPy's own import a tenth of the time of a reading",
    "steps.py": "what reader, figures and explanations share, without importing each other",
    "style.py": "figures, readings and teaching share it, without matplotlib at import",
    "tables/assembly.py": "recognition and readings meet here, and neither imports the other",
    "web/limits.py": "five modules of the service keep to them",
}
"""Files under 60 lines, each with the reason why it is not a part of another."""


def test_a_small_file_has_a_reason() -> None:
    """A new small file is merged into its caller, or gets its reason here."""
    package = SOURCE / "inkread"
    small = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if path.name != "__init__.py" and len(path.read_text(encoding="utf-8").splitlines()) < 60
    }
    assert small <= SMALL.keys()


def test_the_reader_knows_none_of_the_wings(graph: Graph) -> None:
    assert not {"inkread.web.app", "inkread.batch.run", "inkread.cli.app"} & reachable(graph, "inkread.reader")
