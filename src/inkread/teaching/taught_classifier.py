"""The taught classifier: a network, and a profile that weighs in its answers."""

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

_BATCH = 64  # glyphs at a time: the features of many would take much memory


class TaughtClassifier:
    """A classifier whose probabilities a profile weighs in: those of its network where nothing was taught.

    network: the classifier by itself, which answers as if nothing had been taught.
    profile: what was taught; None for nothing.

    Looks at the profile's file at every call, and reads it again only where it has changed, so what another program
    teaches counts at once. A network that does not give its features cannot be taught and reads as it is. Raises
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
        """Whether the network gives its features, without which it cannot be taught."""
        return self.network.has_features

    def classify(self, glyphs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return probabilities, (N, 11) float32 with rows that sum to 1, for glyphs, (N, 28, 28) float32 in 0..1."""
        taught = self._current()
        if taught is None or glyphs.ndim != 3 or not len(glyphs):
            return self.network.classify(glyphs)
        from inkread.teaching.lessons import as_bytes

        batches = [glyphs[start : start + _BATCH] for start in range(0, len(glyphs), _BATCH)]
        return np.concatenate(
            [taught.reweigh(as_bytes(batch), *self.network.classify_with_features(batch)) for batch in batches]
        )

    def learn(self, lessons: Sequence[Lesson]) -> list[Lesson]:
        """Keep lessons, all or none, and return them as they are kept: see `Profile.add`, whose errors it raises.

        Raises `OptionError` without a profile, and `ModelError` for a network that gives no features.
        """
        if self.profile is None:
            raise OptionError("this reader has no profile to keep what it is taught in: Reader(profile=...) has one")
        return self.profile.store.add(self.profile.name, lessons, self._key(), self._looked_at(lessons))

    def contradicted(self, lesson: Lesson) -> list[Lesson]:
        """Return the lessons of the profile that look nearly like a kept one, and have another label."""
        if self.profile is None:
            return []
        from inkread.teaching.neighbours import nearly_same

        lessons = self.profile.lessons()
        seen = dict(zip([other.id for other in lessons], self._seen(self.profile, lessons), strict=True))
        others = [other for other in lessons if other.label != lesson.label]
        if lesson.id not in seen or not others:
            return []
        features = np.stack([seen[other.id].features for other in others])
        return [others[at] for at in np.flatnonzero(nearly_same(seen[lesson.id].features, features))]

    def _current(self) -> Neighbours | None:
        """Return what the profile holds now; None where that is nothing."""
        if self.profile is None or not self.has_features:
            return None
        if (mark := self.profile.mark()) == self._mark:
            return self._taught
        with self._lock:  # one thread reads the file, the others wait for it
            if mark != self._mark:
                self._taught = self._learnt(self.profile) if mark else None
                self._mark = mark  # a change that came since has another mark, and is read at the next call
            return self._taught

    def _learnt(self, profile: Profile) -> Neighbours | None:
        """Read the profile, and look at what this network has not seen yet."""
        lessons = profile.lessons()
        if not lessons:
            return None
        from inkread.teaching.neighbours import Neighbours

        seen = self._seen(profile, lessons)
        probabilities = np.stack([own.probabilities for own in seen])
        features = np.stack([own.features for own in seen])
        return Neighbours(
            [lesson.label for lesson in lessons], [lesson.glyph for lesson in lessons], probabilities, features
        )

    def _seen(self, profile: Profile, lessons: Sequence[Lesson]) -> list[Seen]:
        """Return how this network sees lessons: out of the file, and where that has nothing, looked at now and kept."""
        known = profile.store.seen(profile.name, self._key())
        new = [lesson for lesson in lessons if lesson.id not in known]
        if new:
            fresh = {lesson.id or 0: own for lesson, own in zip(new, self._looked_at(new), strict=True)}
            known |= fresh
            with contextlib.suppress(DataError):  # a file that may be read alone is enough for reading
                profile.store.keep_seen(self._key(), fresh)
        return [known[lesson.id or 0] for lesson in lessons]

    def _looked_at(self, lessons: Sequence[Lesson]) -> list[Seen]:
        """Return how this network sees lessons."""
        from inkread.teaching.lessons import as_floats
        from inkread.teaching.store import Seen

        seen: list[Seen] = []
        for start in range(0, len(lessons), _BATCH):
            glyphs = as_floats(np.stack([lesson.glyph for lesson in lessons[start : start + _BATCH]]))
            seen += [Seen(*own) for own in zip(*self.network.classify_with_features(glyphs), strict=True)]
        return seen

    def _key(self) -> str:
        """Return what tells this network, and how its card tempers it, from others."""
        return f"{self.network.sha256} {self.card.temperature:g}"
