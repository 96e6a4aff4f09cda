"""What the tests share: the real data beside the project, a reader, and small networks."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

from inkread import Reader
from inkread.datasets import Mnist, load_mnist
from inkread.errors import DataError

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# The same examples in every run, so that a red test stays red until it is mended; time is not what they test.
settings.register_profile("inkread", derandomize=True, deadline=None)
settings.load_profile("inkread")

# A shell has what it runs in the background ignore Ctrl-C, and the programs that tests start would ignore it, too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

BESIDE = Path(__file__).parents[2] / "shared" / "data"
"""Where the data lies beside the project; see DESIGN, "Data beside the project"."""

WriteNetwork = Callable[..., Path]


@pytest.fixture(autouse=True, scope="session")
def nothing_taught(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what the user of this machine has taught out of the tests, and what they teach out of the user's folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INKREAD_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="session")
def data() -> Path:
    """Return the folder with the real data; skip where there is none, fail where INKREAD_DATA says there is one."""
    folder = Path(os.environ.get("INKREAD_DATA") or BESIDE)
    if folder.is_dir():
        return folder
    if "INKREAD_DATA" in os.environ:
        pytest.fail(f"INKREAD_DATA={folder}: no such folder")
    pytest.skip(f"needs the real data: INKREAD_DATA is not set, and there is no {BESIDE}")


@pytest.fixture(scope="session")
def mnist(data: Path) -> Mnist:
    """Return MNIST from the real data; where it is not whole, fail in the continuous integration and else skip."""
    try:
        return load_mnist(data)
    except DataError as error:
        if "CI" in os.environ or "INKREAD_DATA" in os.environ:
            raise
        pytest.skip(f"needs MNIST: {error.message}")


@pytest.fixture(scope="session")
def reader() -> Reader:
    """Return a reader with the shipped model."""
    return Reader()


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of material with one font of each kind, DejaVu under other names, and one photograph."""
    folder = tmp_path_factory.mktemp("material")
    (folder / "fonts").mkdir()
    (folder / "photographs").mkdir()
    dejavu = Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    for family in ("caveat", "roboto"):
        shutil.copy(dejavu, folder / "fonts" / f"{family}.woff2")
    Image.fromarray(np.tile(np.arange(240, dtype=np.uint8), (200, 1))).save(folder / "photographs" / "slope.jpg")
    fonts = {family: {"source": f"npm:@fontsource/{family}", "licence": "OFL-1.1"} for family in ("caveat", "roboto")}
    photographs = {"slopes": {"source": "debian:slopes", "licences": ["CC0-1.0"]}}
    (folder / "licences.json").write_text(json.dumps({"fonts": fonts, "photographs": photographs}), encoding="utf-8")
    return folder


@pytest.fixture
def without_mnist(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Hide this machine's MNIST, of which figures show the nearest image where they find it."""
    monkeypatch.delenv("INKREAD_DATA", raising=False)
    for variable in ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(variable, str(tmp_path_factory.getbasetemp() / "nobody"))


@pytest.fixture(scope="session")
def write_network() -> WriteNetwork:
    """Return a function that writes a tiny network, one dense layer, as ONNX."""
    onnx = pytest.importorskip("onnx", reason="needs the extra 'train'")
    from onnx import helper, numpy_helper

    def write(path: Path, *, classes: int = 10, softmax: bool = False, channel: bool = True, side: int = 28) -> Path:
        """Write a network of (N, side, side[, 1]) to (N, classes): logits, or probabilities after a softmax."""
        weights = np.random.default_rng(0).normal(0, 0.1, (side * side, classes)).astype(np.float32)
        nodes = [
            helper.make_node("Flatten", ["glyphs"], ["flat"], axis=1),
            helper.make_node("MatMul", ["flat", "weights"], ["logits"]),
            *([helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1)] if softmax else []),
        ]
        shape = ["N", side, side, 1] if channel else ["N", side, side]
        graph = helper.make_graph(
            nodes,
            "tiny",
            [helper.make_tensor_value_info("glyphs", onnx.TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(nodes[-1].output[0], onnx.TensorProto.FLOAT, ["N", classes])],
            [numpy_helper.from_array(weights, "weights")],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(model.SerializeToString())
        return path

    return write


@pytest.fixture(scope="session")
def mnist_h5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the tutorial's mnist.h5, untrained and with few maps."""
    from helpers.networks import keras2_tutorial, write_h5

    return write_h5(tmp_path_factory.mktemp("tutorial") / "mnist.h5", *keras2_tutorial())


@pytest.fixture(scope="session")
def converted(mnist_h5: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the tutorial's file in every kind."""
    pytest.importorskip("keras", reason="needs the extra 'train'")
    from inkread.converting import convert

    folder = tmp_path_factory.mktemp("converted")
    names = ("digits.onnx", "digits.keras", "digits.h5", "digits.tflite")
    for name in names:
        convert(mnist_h5, folder / name)
    return {name: folder / name for name in names}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Return a Chromium; skip where there is none, fail where INKREAD_CHROMIUM says that there is one."""
    pytest.importorskip("playwright", reason="needs the extra 'dev'")
    from screenshots import chromium

    named = os.environ.get("INKREAD_CHROMIUM")
    path = shutil.which(named or "chromium")
    if path is None and named:
        pytest.fail(f"INKREAD_CHROMIUM={named}: no such program")
    if path is None:
        pytest.skip("needs a browser: apt-get install chromium, or set INKREAD_CHROMIUM to one")
    with chromium(path) as browser:
        yield browser
