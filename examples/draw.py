"""Draw the example pictures: `python examples/draw.py [--out examples] [--seed N]`.

The first character of a name is the digit in the picture, the rest what is special about it. The same
seed gives the same files.
"""

from __future__ import annotations

import argparse
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from inkread.drawing import digit_ink, draw_digit, ink_colour
from inkread.files import whole_file


@dataclass(frozen=True)
class Example:
    """One picture to draw; the options are those of `inkread.drawing.draw_digit`."""

    name: str
    pen: str
    ground: str = "plain"
    shape: str = "plain"
    size: tuple[int, int] = (400, 400)
    share: float = 0.6

    @property
    def digit(self) -> int:
        """The digit in the picture."""
        return int(self.name[0])


EXAMPLES = (
    Example("0-pencil.jpg", "pencil", "paper", size=(480, 640)),
    Example("1-flagged.png", "felt-tip", shape="flagged"),
    Example("2-small.jpg", "felt-tip", "paper", size=(1200, 1600), share=0.09),
    Example("3-dark.png", "screen", "dark", shape="flat"),
    Example("3-plain.png", "screen"),
    Example("4-transparent.png", "marker", shape="open"),
    Example("5-blackboard.jpg", "chalk", "blackboard", shape="barred", size=(480, 640)),
    Example("6-sideways.jpg", "ballpoint", "paper", size=(800, 600)),
    Example("7-crossed.jpg", "ballpoint", "squared", shape="crossed", share=0.5),
    Example("7-shadow.jpg", "felt-tip", "shadow", size=(640, 480)),
    Example("8-ruled.jpg", "ballpoint", "ruled", size=(480, 640)),
    Example("9-marker.jpg", "marker", "vignette", shape="hooked", size=(480, 480)),
)


def main() -> None:
    """Draw all pictures and print their names."""
    parser = argparse.ArgumentParser(description="Draw the example pictures.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder for the pictures")
    parser.add_argument("--seed", type=int, default=1, help="another seed draws other pictures")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for example in EXAMPLES:
        # A stream of its own for each picture: one more example leaves the others as they are.
        draw(example, options.out, np.random.default_rng([options.seed, zlib.crc32(example.name.encode())]))
        print(options.out / example.name)


def draw(example: Example, folder: Path, rng: np.random.Generator) -> None:
    """Draw one picture and save it."""
    special = {"4-transparent.png": transparent, "6-sideways.jpg": sideways}
    image, exif = special.get(example.name, upright)(example, rng)
    with whole_file(folder / example.name) as path:
        image.save(path, **({"quality": 80, "exif": exif} if path.suffix == ".jpg" else {"optimize": True}))


def upright(example: Example, rng: np.random.Generator) -> tuple[Image.Image, Image.Exif]:
    """Draw a picture as it is."""
    picture = draw_digit(
        example.digit,
        rng=rng,
        size=example.size,
        ground=example.ground,
        pen=example.pen,
        shape=example.shape,
        share=example.share,
    )
    return Image.fromarray(picture), Image.Exif()


def sideways(example: Example, rng: np.random.Generator) -> tuple[Image.Image, Image.Exif]:
    """Draw a picture as phones store it: turned to the left, with the tag that says to turn it back."""
    image, exif = upright(example, rng)
    exif[ExifTags.Base.Orientation] = 6
    return image.transpose(Image.Transpose.ROTATE_90), exif


def transparent(example: Example, rng: np.random.Generator) -> tuple[Image.Image, Image.Exif]:
    """Draw ink without paper: one colour everywhere, and only the transparency tells where the digit is."""
    ink = digit_ink(example.digit, rng=rng, size=example.size, pen=example.pen, shape=example.shape)
    colour = ink_colour(example.pen, dark=False, rng=rng)
    layers = np.concatenate([np.broadcast_to(colour, (*ink.shape, 3)), ink[..., None]], axis=2)
    return Image.fromarray(np.round(layers * 255).astype(np.uint8)), Image.Exif()


if __name__ == "__main__":
    main()
