"""A demo with Gradio, for a laptop or a Hugging Face Space: draw or upload numbers, and see how they were read.

Install it with `pip install inkread gradio`, and run `python examples/gradio_app.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray

import inkread

HERE = Path(__file__).parent
reader = inkread.Reader(profile=None)


def read(picture: NDArray[np.uint8] | None) -> tuple[str, dict[str, float], Any]:
    """Return the text of a picture, the probabilities of its first digit, and the figure of its steps."""
    if picture is None:
        return "", {}, None
    reading = reader.read(picture)
    text = reading.refused.message if reading.refused else f"{reading.text}\n{reading.confidence:.1%} sure"
    first = reading.digits[0].probabilities if reading.digits else ()
    return text, {str(digit): share for digit, share in enumerate(first)}, reading.figure()


demo = gr.Interface(
    read,
    gr.Image(type="numpy", label="Picture"),
    [gr.Textbox(label="Text"), gr.Label(label="The first digit", num_top_classes=3), gr.Plot(label="Steps")],
    title="inkread",
    description="Reads handwritten numbers, and shows how sure it is.",
    examples=[str(path) for path in sorted(HERE.glob("*.jpg"))],
    flagging_mode="never",
)

if __name__ == "__main__":
    demo.launch()
