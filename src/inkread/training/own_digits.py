"""Own digits: digits that the user wrote, added to MNIST's images to train a network on both."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkread.datasets import Mnist
from inkread.errors import DataError, OptionError, PictureError
from inkread.reader import Reader
from inkread.teaching import Lesson, Profile
from inkread.teaching.exchange import imported
from inkread.training.augment import nudged

SHARE = 0.2
"""The share of the user's digits in the training images. To reach it, each digit is repeated, and each copy is turned,
scaled and shifted a little."""

MOST_TIMES = 100
"""The largest number of times a digit is repeated. A network would overfit to a few pictures repeated more often."""


@dataclass(frozen=True, slots=True, eq=False)
class OwnDigits:
    """Digits that the user wrote.

    glyphs: (N, 28, 28) uint8, 255 = ink.
    labels: (N,) uint8, 0 to 9.
    left_out: one line for each picture that does not show exactly one digit.
    """

    glyphs: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    left_out: tuple[str, ...] = ()

    def among(self, mnist: Mnist, *, seed: int) -> Mnist:
        """Return MNIST with these digits before its training images. The test images stay the same."""
        wanted = SHARE / (1 - SHARE) * len(mnist.train_labels)
        times = int(np.clip(wanted // len(self.labels), 1, MOST_TIMES))
        glyphs = nudged(np.tile(self.glyphs, (times, 1, 1)), rng=np.random.default_rng((seed, 6)))
        return replace(
            mnist,
            train_images=np.concatenate([glyphs, mnist.train_images]),
            train_labels=np.concatenate([np.tile(self.labels, times), mnist.train_labels]),
        )


def own_digits(own: str | os.PathLike[str]) -> OwnDigits:
    """Return the digits of a profile, or of a folder with folders named 0 to 9, whose pictures are read as usual.

    Raises `DataError` for a folder without such pictures, and `OptionError` if there is no such folder or profile.
    """
    found = [*imported(Path(own), Reader(profile=None))] if Path(own).is_dir() else [*_of_profile(os.fspath(own))]
    lessons = [entry for entry in found if isinstance(entry, Lesson)]
    if not lessons:
        raise DataError(f"{own}: found no digit on any of the {len(found)} pictures in its folders 0 to 9")
    return OwnDigits(
        np.stack([lesson.glyph for lesson in lessons]),
        np.array([lesson.label for lesson in lessons], np.uint8),
        tuple(entry.message for entry in found if isinstance(entry, PictureError)),
    )


def _of_profile(name: str) -> list[Lesson]:
    lessons = Profile(name).lessons() if not Path(name).parent.name else []
    if not lessons:
        raise OptionError(
            f"--own {name}: is neither a folder with folders named 0 to 9 nor a profile with taught digits; see "
            "'inkread teach'"
        )
    return lessons
