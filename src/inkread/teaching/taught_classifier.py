"""The taught classifier: a network, and a profile whose lessons change its answers."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from inkread.errors import DataError, OptionError
from inkread.models.card import Card
from inkread.models.classifier import Classifier
from inkread.teaching.profiles import Profile

if TYPE_CHECKING:
    from inkread.teaching.lessons import Lesson
    from inkread.teaching.neighbours import Neighbours
    from inkread.teaching.store import Seen

# Glyphs per run. The features of many glyphs would take much memory.
_BATCH = 64


class TaughtClassifier:
    """A classifier that combines a network's probabilities with the lessons of a profile.

    network: the classifier without lessons.
    profile: the lessons; None for no lessons.

    Checks the profile's file at every call and reads it again if it has changed, so lessons from another program count
    at once. A network without the output `features` cannot be taught, and its answers are not changed. Raises
    `DataError` for a damaged file.
    """

    def __init__(self, network: Classifier, profile: Profile | None = None) -> None:
        self.network = network
        self.profile = profile
        self._mark: bytes | None = None
        self._taught: Neighbours | None = None
        self._lock = threading.Lock()

    @property
    def card(self) -> Card:
        """The card of the network."""
        return self.network.card

    @property
    def has_features(self) -> bool:
        """Whether the network has the output `features`; without it, it cannot be taught."""
        return self.network.has_features

    def classify(self, glyphs: NDArray[np.float32], detected: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """Return probabilities, (N, 11) float32 with rows that sum to 1, for glyphs, (N, 28, 28) float32 in 0..1.

        detected: the probabilities of the ten digits that the detector gives for the same places, (N, 10), if any.
            Taught digits outweigh them.
        """
        taught = self._current()
        if taught is None or glyphs.ndim != 3 or not len(glyphs):
            return self.network.classify(glyphs, detected)
        from inkread.teaching.lessons import as_bytes

        parts = []
        for start in range(0, len(glyphs), _BATCH):
            batch = glyphs[start : start + _BATCH]
            beside = None if detected is None else detected[start : start + _BATCH]
            parts.append(taught.reweigh(as_bytes(batch), *self.network.classify_with_features(batch, beside)))
        return np.concatenate(parts)

    def learn(self, lessons: Sequence[Lesson]) -> list[Lesson]:
        """Store lessons, all or none, and return them as they are stored. Also raises the errors of `Profile.add`.

        Raises `OptionError` without a profile, and `ModelError` for a network without the output `features`.
        """
        if self.profile is None:
            raise OptionError("this reader has no profile, so it cannot be taught; create it with Reader(profile=...)")
        return self.profile.store.add(self.profile.name, lessons, self._key(), self._view(lessons))

    def sure_of_another(self, lessons: Sequence[Lesson]) -> list[tuple[Lesson, int, float]]:
        """Return the lessons whose glyph the network is sure is another digit, with that digit and its probability.

        The network alone counts, without what was taught, so that a wrong lesson can be corrected.
        """
        from inkread.style import SURE
        from inkread.teaching.lessons import as_floats

        doubted: list[tuple[Lesson, int, float]] = []
        for start in range(0, len(lessons), _BATCH):
            batch = lessons[start : start + _BATCH]
            rows = self.network.classify(as_floats(np.stack([lesson.glyph for lesson in batch])))[:, :10]
            for lesson, digit, sure in zip(batch, rows.argmax(axis=1), rows.max(axis=1), strict=True):
                if digit != lesson.label and sure >= SURE:
                    doubted.append((lesson, int(digit), float(sure)))
        return doubted

    def contradicted(self, lesson: Lesson) -> list[Lesson]:
        """Return the lessons that count and look nearly like a stored one but have another label."""
        if self.profile is None:
            return []
        from inkread.teaching.neighbours import MOST, nearly_same

        lessons = self.profile.lessons(newest=MOST)
        seen = dict(zip([other.id for other in lessons], self._seen(self.profile, lessons), strict=True))
        others = [other for other in lessons if other.label != lesson.label]
        if lesson.id not in seen or not others:
            return []
        features = np.stack([seen[other.id].features for other in others])
        return [others[at] for at in np.flatnonzero(nearly_same(seen[lesson.id].features, features))]

    def _current(self) -> Neighbours | None:
        """Return the current lessons of the profile, or None if there are none."""
        if self.profile is None or not self.has_features:
            return None
        if (mark := self.profile.mark()) == self._mark:
            return self._taught
        # One thread reads the file, the others wait for it.
        with self._lock:
            if mark != self._mark:
                self._taught = self._read_profile(self.profile) if mark else None
                # A change since then has another mark and is read at the next call.
                self._mark = mark
            return self._taught

    def _read_profile(self, profile: Profile) -> Neighbours | None:
        """Read the lessons that count, and run this network on those that it has not seen yet."""
        from inkread.teaching.neighbours import MOST, Neighbours

        lessons = profile.lessons(newest=MOST)
        if not lessons:
            return None

        seen = self._seen(profile, lessons)
        probabilities = np.stack([view.probabilities for view in seen])
        features = np.stack([view.features for view in seen])
        return Neighbours(
            [lesson.label for lesson in lessons], [lesson.glyph for lesson in lessons], probabilities, features
        )

    def _seen(self, profile: Profile, lessons: Sequence[Lesson]) -> list[Seen]:
        """Return how this network sees lessons: from the file, or else computed now and stored."""
        known = profile.store.seen(profile.name, self._key(), since=(lessons[0].id or 0) if lessons else 0)
        new = [lesson for lesson in lessons if lesson.id not in known]
        if new:
            fresh = {lesson.id or 0: view for lesson, view in zip(new, self._view(new), strict=True)}
            known |= fresh
            # Reading pictures also works with a file that cannot be written.
            with contextlib.suppress(DataError):
                profile.store.keep_seen(self._key(), fresh)
        return [known[lesson.id or 0] for lesson in lessons]

    def _view(self, lessons: Sequence[Lesson]) -> list[Seen]:
        """Run this network on lessons and return how it sees them."""
        from inkread.teaching.lessons import as_floats
        from inkread.teaching.store import Seen

        seen: list[Seen] = []
        for start in range(0, len(lessons), _BATCH):
            glyphs = as_floats(np.stack([lesson.glyph for lesson in lessons[start : start + _BATCH]]))
            seen += [Seen(*view) for view in zip(*self.network.classify_with_features(glyphs), strict=True)]
        return seen

    def _key(self) -> str:
        """Return a key for this network and its card's temperature."""
        return f"{self.network.sha256} {self.card.temperature:g}"
