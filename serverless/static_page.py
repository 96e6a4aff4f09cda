"""Build the page without a server: out/static/index.html, which any web server, GitHub Pages or `file://` serves.

    make static

It is the section "Draw" of the page of `inkread web`: the same files of `src/inkread/web/static`, in which `local.js`
takes the place of the server. One classic script holds everything, since a page that is opened as a file may load
neither modules nor other files.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from inkread.files import whole_file
from inkread.models.card import Card, load_card

HERE = Path(__file__).parent
ROOT = HERE.parent
PAGE = ROOT / "src" / "inkread" / "web" / "static"
SHIPPED = ROOT / "src" / "inkread" / "models" / "shipped"

MOST_BYTES = 1_500_000
"""The page is no larger than this."""

LOCAL = dict.fromkeys(("api.js", "teacher.js", "why.js"), "local.js")
"""The modules of the page that need a server, and what takes their place."""

POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"
"""The page may load nothing from elsewhere, and send nothing."""

_IMPORT = re.compile(r'^import (\{.*?\}) from "\./(.+?)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) (\w+))", re.MULTILINE)


def network_of(model: bytes, card: Card) -> dict[str, Any]:
    """Return the network in an ONNX model as `network.js` takes it.

    Raises `ValueError` if it is anything but a chain of convolutions with ReLU and one dense layer.
    """
    graph = onnx.load_from_string(model).graph
    arrays = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    layers: list[dict[str, Any]] = []
    weights: list[np.ndarray[Any, Any]] = []
    for node in graph.node:
        if node.op_type == "Conv":
            layers.append(_convolution(node, arrays[node.input[1]].shape))
            weights += [arrays[name] for name in node.input[1:]]
        elif node.op_type == "MatMul":
            kernel = arrays[node.input[1]]
            layers.append({"units": kernel.shape[1]})
            weights.append(kernel.T)
        elif node.op_type == "Add":
            weights.append(arrays[node.input[1]])
        elif node.op_type not in ("Reshape", "Relu", "Flatten", "Softmax"):
            raise ValueError(f"network.js knows no {node.op_type}")
    numbers = np.concatenate([array.ravel() for array in weights]).astype("<f2")
    thresholds = {name: getattr(card, name) for name in ("temperature", "no_digit", "min_confidence", "text_power")}
    return {"layers": layers, "weights": base64.b64encode(numbers.tobytes()).decode(), "card": thresholds}


def _convolution(node: onnx.NodeProto, shape: tuple[int, ...]) -> dict[str, Any]:
    settings = {attribute.name: list(attribute.ints) for attribute in node.attribute if attribute.ints}
    pads, strides = settings.get("pads", [0, 0, 0, 0]), settings.get("strides", [1, 1])
    if len(set(strides)) > 1 or shape[2] != shape[3] or pads[0] != pads[1] or pads[2] != pads[3]:
        raise ValueError(f"network.js knows only square convolutions, not {settings} of {shape}")
    return {"maps": shape[0], "kernel": list(shape[2:]), "stride": strides[0], "pad": pads}


def bundle(start: str) -> str:
    """Return one classic script of a module and all that it imports: a function for each module, in order."""
    done: dict[str, str] = {}

    def add(name: str) -> str:
        name = LOCAL.get(name, name)
        variable = Path(name).stem + "Module"
        if name in done:
            return variable
        own = HERE / name
        text = (own if own.exists() else PAGE / name).read_text(encoding="utf-8")
        text = _IMPORT.sub(lambda found: f"const {found[1]} = {add(found[2])};\n", text)
        names = ", ".join(_EXPORT.findall(text))
        done[name] = f"const {variable} = (() => {{\n{_EXPORT.sub('', text)}\nreturn {{ {names} }};\n}})();\n"
        return variable

    add(start)
    script = '"use strict";\n' + "\n".join(done.values())
    if left := re.search(r"^(import|export)\b.*", script, re.MULTILINE):
        raise ValueError(f"not understood: {left[0]}")
    return script


def build() -> str:
    """Return the page."""
    html = (PAGE / "index.html").read_text(encoding="utf-8")
    icon = base64.b64encode((PAGE / "icon.svg").read_bytes()).decode()
    network = network_of((SHIPPED / "model.onnx").read_bytes(), load_card(SHIPPED))
    # The note under "How it was read" tells how to teach.
    style = (PAGE / "style.css").read_text(encoding="utf-8") + ".note { display: none; }\n"
    head = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n  <style>\n{style}</style>'
    foot = (
        "<p>Everything happens in this page: drawings are not sent anywhere. Leave a gap between "
        'digits. <a href="https://github.com/inkread/inkread">inkread</a> reads photographs, pages and tables.</p>'
    )
    script = (
        f'<script type="application/json" id="network">{json.dumps(network)}</script>\n'
        f"<script>\n{bundle('start.js')}</script>\n</body>"
    )
    for pattern, text in (
        (r'<link rel="stylesheet".*?>\n  <script type="module".*?</script>', head),
        (r'<div class="tabs".*?</div>\n', ""),
        (r'<section id="picture".*?</section>\n', ""),
        (r'<section id="taught".*?</section>\n', ""),
        (r'<dialog id="camera".*?</dialog>\n', ""),
        (r'<template id="why-template">.*</template>\n', ""),
        (r'<button type="button" class="quiet ask".*?</button>', '<button type="button" class="ask" hidden></button>'),
        (r' role="tabpanel" aria-labelledby="draw-tab"', ' aria-label="Draw"'),
        (r'(?<=<footer class="foot">\n).*?(?=\n *</footer>)', f"    {foot}"),
        (r"(?<=<noscript>).*?(?=</noscript>)", '<p class="notice">This page needs JavaScript.</p>'),
        (r"</body>", script),
    ):
        html, count = re.subn(pattern, text.replace("\\", r"\\"), html, flags=re.DOTALL)
        if count != 1:
            raise ValueError(f"{pattern} is {count} times in {PAGE / 'index.html'}, not once")
    html = html.replace("/static/icon.svg", f"data:image/svg+xml;base64,{icon}")
    if len(html.encode()) > MOST_BYTES:
        raise ValueError(f"{len(html.encode())} bytes are more than {MOST_BYTES}")
    return html


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description="Build the page without a server.")
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "out" / "static")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "index.html"
    with whole_file(page) as file:
        Path(file).write_text(build(), encoding="utf-8")
    sys.stdout.write(f"open {page} ({page.stat().st_size / 1e6:.2f} MB)\n")


if __name__ == "__main__":
    main()
