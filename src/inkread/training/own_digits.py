"""Own digits: what a user has written, among MNIST's images, for a network that is trained on both."""

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
"""Share of the training images that own digits make up, each repeated, and turned, scaled and shifted a little,"""

MOST_TIMES = 100
"""but no more often than this: a handful of pictures repeated for ever would be learnt by heart."""


@dataclass(frozen=True, slots=True, eq=False)
class OwnDigits:
    """Digits of one's own.

    glyphs: (N, 28, 28) uint8, 255 = ink.
    labels: (N,) uint8, 0 to 9.
    left_out: one line for each picture that has not one digit.
    """

    glyphs: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    left_out: tuple[str, ...] = ()

    def among(self, mnist: Mnist, *, seed: int) -> Mnist:
        """Return MNIST with these digits before its own training images; its test images are what they were."""
        wanted = SHARE / (1 - SHARE) * len(mnist.train_labels)
        times = int(np.clip(wanted // len(self.labels), 1, MOST_TIMES))
        glyphs = nudged(np.tile(self.glyphs, (times, 1, 1)), rng=np.random.default_rng((seed, 6)))
        return replace(
            mnist,
            train_images=np.concatenate([glyphs, mnist.train_images]),
            train_labels=np.concatenate([np.tile(self.labels, times), mnist.train_labels]),
        )


def own_digits(own: str | os.PathLike[str]) -> OwnDigits:
    """Return the digits of a folder of folders 0 to 9, whose pictures take the reading road, or of a profile.

    Raises `DataError` for a folder without such pictures, `OptionError` for what is neither a folder nor a profile.
    """
    found = [*imported(Path(own), Reader(profile=None))] if Path(own).is_dir() else [*_of_profile(os.fspath(own))]
    lessons = [entry for entry in found if isinstance(entry, Lesson)]
    if not lessons:
        raise DataError(f"{own}: no digit is found on any of the {len(found)} pictures in its folders 0 to 9")
    return OwnDigits(
        np.stack([lesson.glyph for lesson in lessons]),
        np.array([lesson.label for lesson in lessons], np.uint8),
        tuple(entry.message for entry in found if isinstance(entry, PictureError)),
    )


def _of_profile(name: str) -> list[Lesson]:
    lessons = Profile(name).lessons() if not Path(name).parent.name else []
    if not lessons:
        raise OptionError(
            f"--own {name}: is no folder of folders 0 to 9, and no profile in which something was taught; see 'inkread "
            "teach'"
        )
    return lessons
