"""Marked pages: the digits of a page found by the detector, and read by it and the glyph classifier together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkread.geometry import Box
from inkread.glyphs import CLASSES, NON_DIGIT, normalise
from inkread.ink.components import Map
from inkread.layout.page_marks import Marks, find_marks
from inkread.layout.patches import cut_out_mark
from inkread.layout.text_lines import Run, digit_probabilities, find_lines, find_other_marks
from inkread.models.classifier import GlyphClassifier
from inkread.models.detector import Detector
from inkread.models.probabilities import given_a_digit, softmax
from inkread.readings import Unread
from inkread.recognition.recognise import LocatedDigit


@dataclass(frozen=True, slots=True)
class MarkedPage:
    """The N digits of a page, and what was seen beside them.

    places: where they stand. probabilities: (N, 11) float32. unread: what is not in the text, in pixels of the page.
    """

    places: tuple[LocatedDigit, ...]
    probabilities: NDArray[np.float32]
    unread: tuple[Unread, ...]

    @property
    def lines(self) -> list[str]:
        """The digits of each line that has any, from top to bottom."""
        texts: dict[int, str] = {}
        for place, digit in zip(self.places, self.probabilities[:, :CLASSES].argmax(axis=1), strict=True):
            texts[place.row] = texts.get(place.row, "") + str(digit)
        return list(texts.values())


def recognise_marked(grey: NDArray[np.uint8], ink: Map, detector: Detector, classifier: GlyphClassifier) -> MarkedPage:
    """Return the digits of a page as it lies: found by the detector, read by it and the classifier together.

    grey: (H, W) uint8 with dark ink. ink: (H, W) float32 in 0..1. Print is not in the text where something is written
    by hand.
    """
    marks = find_marks(grey, detector)
    lines = find_lines(marks)
    by_hand = any(run.kind == "number" and not run.printed for line in lines for run in line)
    numbers = [[run for run in line if _is_read(run, by_hand)] for line in lines]
    places = _places(marks, ink, numbers)
    seen = [digit_probabilities(marks, run.digits) for line in numbers for run in line if run.digits]
    read = classifier.classify(normalise([place.patch.ink for place in places]))
    probabilities = _agreed(np.concatenate(seen), read) if seen else read
    return MarkedPage(tuple(places), probabilities, tuple(_unread(marks, lines, by_hand)))


def _is_read(run: Run, by_hand: bool) -> bool:
    """Tell whether a run is in the text: print is not where something is written by hand."""
    return run.kind == "number" and not (run.printed and by_hand)


def _places(marks: Marks, ink: Map, numbers: list[list[Run]]) -> list[LocatedDigit]:
    """Return where the digits of the numbers of each line stand."""
    places = []
    for row, line in enumerate(numbers):
        near = [index for run in line for index in (*run.digits, *run.others)]
        at = {index: place for place, index in enumerate(near)}
        for number, run in enumerate(line):
            for index in run.digits:
                beside = [near[k] for k in range(max(0, at[index] - 2), at[index] + 3) if 0 <= k < len(near)]
                patch = cut_out_mark(ink, marks.boxes, index, [other for other in beside if other != index])
                places.append(LocatedDigit(patch, row, number, float(marks.certainties[index])))
    return places


def _agreed(seen: NDArray[np.float32], read: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probabilities, (N, 11), on which the detector, (N, 10), and the classifier, (N, 11), agree.

    Their logarithms are added, each with half of the weight, the classifier's with less where it sees no digit: two
    readers who make different mistakes, as the one sees the surroundings and the other the shape alone.
    """
    weight = 0.5 * (1 - read[:, NON_DIGIT:])
    logs = 0.5 * np.log(seen) + weight * np.log(given_a_digit(read) + 1e-4)
    digits = softmax(logs)
    none = read[:, NON_DIGIT:] * np.float32(0.5)
    return np.asarray(np.hstack([digits * (1 - none), none]), np.float32)


def _unread(marks: Marks, lines: list[list[Run]], by_hand: bool) -> list[Unread]:
    """Return what was seen on a page and is not in its text."""
    unread = []
    for line in lines:
        for run in line:
            if run.kind == "word":
                unread.append(Unread(_around(marks, run.others), "print" if run.printed else "word"))
            elif not _is_read(run, by_hand):
                unread.append(Unread(_around(marks, run.digits + run.others), "print"))
            else:
                unread += [Unread(_around(marks, (index,)), "word") for index in run.others]
    return unread + [Unread(_around(marks, (int(index),)), "drawing") for index in find_other_marks(marks)]


def _around(marks: Marks, own: tuple[int, ...]) -> Box:
    """Return the box of some marks in whole pixels of the page."""
    left, top = np.floor(marks.boxes[list(own), :2].min(axis=0)).astype(int).tolist()
    right, bottom = np.ceil(marks.boxes[list(own), 2:].max(axis=0)).astype(int).tolist()
    return Box(left, top, right - left, bottom - top)
