"""Recognition: from the handwriting of a page to its digits, the right way up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkread.glyphs import CLASSES, NON_DIGIT, SIDE, normalise
from inkread.ink.components import Map
from inkread.ink.handwriting import Handwriting
from inkread.layout.candidates import parts_of
from inkread.layout.patches import Patch
from inkread.layout.rows import find_rows
from inkread.layout.single_digit import find_digit
from inkread.models.classifier import GlyphClassifier
from inkread.recognition.decoding import best_paths
from inkread.recognition.orientation import reads_better, turns_to_try

_NEARLY_ALL = 0.8  # share of a page's ink that a digit takes which is alone on it
_UNLIKELY = 0.05  # what is no digit counts as one of this probability, and no digit counts less


@dataclass(frozen=True, slots=True)
class LocatedDigit:
    """Where a digit stands.

    patch: its ink.
    row: the index of its row on the page.
    number: which number of that row it belongs to.
    certainty: the probability, 0 to 1, that this is one digit, whichever: that the cuts beside it are right.
    """

    patch: Patch
    row: int = 0
    number: int = 0
    certainty: float = 1.0


@dataclass(frozen=True, slots=True)
class Recognition:
    """The N digits of a page.

    glyphs, probabilities: theirs, (N, 28, 28) and (N, 11) float32.
    others: how many pieces there are that are no digit, dirt left out.
    turns: by how many quarter turns, against the clock, the page was turned to find them.
    """

    places: tuple[LocatedDigit, ...]
    glyphs: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    others: int = 0
    turns: int = 0

    @property
    def count(self) -> int:
        """How many pieces there are, digits and others."""
        return len(self.places) + self.others

    @property
    def fluency(self) -> float:
        """The geometric mean of the probabilities of its digits and of what is no digit."""
        likely = np.maximum(_UNLIKELY, self.probabilities[:, :CLASSES].max(axis=1))
        evidence = float(np.log(likely).sum()) + self.others * np.log(_UNLIKELY)
        return float(np.exp(evidence / max(1, self.count)))


def recognise_single(handwriting: Handwriting, classifier: GlyphClassifier) -> Recognition:
    """Return the digit of a page that holds one; nothing on a page without ink."""
    patch = find_digit(handwriting.ink, handwriting.components)
    glyphs = normalise([patch.ink]) if patch else np.zeros((0, SIDE, SIDE), np.float32)
    return Recognition((LocatedDigit(patch),) if patch else (), glyphs, classifier.classify(glyphs))


def recognise_rows(handwriting: Handwriting, classifier: GlyphClassifier, *, single_row: bool = False) -> Recognition:
    """Return the best path through each row of a page, turned by quarters where it reads badly as it is.

    single_row: whether all writing is taken for one row. A page that reads badly may have been photographed from the
    side or lie upside down, so it is read each way; on its side hardly any digit is one, but upside down half of them
    still are. Few digits tell little, and a single 6 or 9 nothing.
    """
    found = _in_rows(handwriting, classifier, single_row=single_row)
    turns = turns_to_try(handwriting.ink.shape, found.count, found.fluency)
    if not turns:
        return found
    ways = [_in_rows(handwriting.turned(way), classifier, single_row=single_row, turns=way) for way in turns]
    best = max(ways, key=lambda way: way.fluency)
    return best if reads_better(min(found.count, best.count), found.fluency, best.fluency) else found


def recognise_auto(handwriting: Handwriting, classifier: GlyphClassifier) -> Recognition:
    """Return the digits of a page that may hold one or many."""
    found = recognise_rows(handwriting, classifier)
    if found.count == 1:
        return found
    # A digit in pieces, chalk on rough paper, may fall into several rows of what is no digit. Both ways are compared by
    # the probability of a digit, not of a whole page: that of a page of many digits, all likely, would be small.
    single = recognise_single(handwriting, classifier)
    if not single.places or not _holds_most(single.places[0].patch.ink, handwriting.ink):
        return found
    likely, none = float(single.probabilities[0, :CLASSES].max()), float(single.probabilities[0, NON_DIGIT])
    return single if likely > found.fluency and none <= classifier.card.no_digit else found


def _holds_most(digit: Map, page: Map) -> bool:
    """Tell whether one digit is nearly all that is written on a page."""
    return float(digit.sum()) > _NEARLY_ALL * float(page.sum())


def _in_rows(handwriting: Handwriting, classifier: GlyphClassifier, *, single_row: bool, turns: int = 0) -> Recognition:
    """Return the best path through each row of a page as it lies."""
    rows = find_rows(handwriting, single_row=single_row)
    spans = [(number, span) for number, row in enumerate(rows) for span in row.spans]
    glyphs = normalise([rows[number].spans[span].ink for number, span in spans])
    probabilities = classifier.classify(glyphs)
    index = {key: at for at, key in enumerate(spans)}
    lattices = [{span: probabilities[index[number, span]] for span in row.spans} for number, row in enumerate(rows)]
    paths = best_paths(rows, lattices)
    chosen: list[int] = []
    places: list[LocatedDigit] = []
    for number, (row, path) in enumerate(zip(rows, paths, strict=True)):
        chosen += [index[number, span] for span in path.spans]
        parts = parts_of(path.spans, row)
        places += [
            LocatedDigit(row.spans[span], number, part, certainty)
            for span, part, certainty in zip(path.spans, parts, path.certainties, strict=True)
        ]
    others = sum(len(path.skipped) for path in paths)
    if not places and spans:  # nothing is a digit; the steps show the heaviest of what was taken for none
        patches = [rows[number].spans[span] for number, span in spans]
        heaviest = max(range(len(patches)), key=lambda at: float(patches[at].ink.sum()))
        chosen, places = [heaviest], [LocatedDigit(patches[heaviest])]
    return Recognition(tuple(places), glyphs[chosen], probabilities[chosen], others, turns)
