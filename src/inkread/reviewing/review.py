"""The review of a table: which values a person should look at, and what the person says about them."""

from __future__ import annotations

import contextlib
import math
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from inkread.errors import DataError, OptionError
from inkread.reviewing.corrections import Corrections
from inkread.reviewing.second_choice import second_choice
from inkread.sheets.audit import Audit, Entry, login
from inkread.sheets.data_file import check_unchanged, write_table
from inkread.sheets.field_rules import rule_of
from inkread.sheets.forms import Field, fields_from_json
from inkread.sheets.table import SETTLED, Merged, Place, Records
from inkread.teaching.profiles import Profile

Answered = Literal["value", "empty", "struck", "unreadable"]
"""What a person may say about a field."""

QUICK_WORKBOOK = 2_000
"""An XLSX file with more values than this is written when nothing is left to check or the review ends."""


@dataclass(frozen=True, slots=True)
class ReviewAnswer:
    """What a person says about a field.

    place: the field.
    seen: how many entries of the audit the person has seen for it.
    outcome, value: what is written there; the value is empty unless the outcome is "value".
    sure: whether the person means a value that the form does not allow.
    more: as for `Review.state`.
    """

    place: Place
    seen: int
    outcome: Answered
    value: str = ""
    sure: bool = False
    more: bool = False


class Review:
    """The review of a table, by one person. Its audit is locked for each step only, so others can work with it too."""

    def __init__(self, data: Path, user: str | None = None, profile: Profile | None = None) -> None:
        """Open a table. Raises `OptionError` if it has no audit, and `DataError` as `fill` does.

        profile: who is taught the digits that are corrected; None for nobody.
        """
        self.data, self.user = data, user or login()
        self._corrections = None if profile is None else Corrections(profile)
        self._audit = Audit(data, self.user)
        self.crops = self._audit.crops
        if not self._audit.path.exists():
            raise OptionError(f"{data}: there is no audit beside it; name a table that 'inkread fill' has written")
        self._records = Records()
        # The probability of each value that it is wrong, and the places that a person must look at.
        self._doubts: dict[Place, float] = {}
        self._open: dict[Place, None] = {}
        self._lock = threading.Lock()
        self._behind = False
        with self._opened() as audit:
            self.fields = _fields(audit)
            check_unchanged(audit)
            # A program may have ended before it wrote the table.
            write_table(audit, self.fields, self._records)

    def state(self, place: Place | None = None, *, more: bool = False) -> dict[str, Any]:
        """Return how much is left, and the worst value, or the one at a place.

        more: whether to go on with the least certain of the other values when nothing is left to check.
        """
        with self._opened():
            return self._state(place, more=more)

    def answer(self, answer: ReviewAnswer) -> dict[str, Any]:
        """Write an answer into the audit and the table, and return the state after that.

        A state has a `note` if the answer was not needed, as another person was faster, and `refused` if it is no
        answer; nothing is written then. Raises `DataError` if the table was changed by hand.
        """
        with self._opened() as audit:
            check_unchanged(audit)
            now = self._records.places.get(answer.place)
            if now is None:
                return {**self._state(more=answer.more), "note": "This value is no longer in the table."}
            if len(now.entries) != answer.seen:
                last = now.entries[-1]
                said = f"{last['by']} was faster: {now.value or now.outcome}. Nothing was replaced."
                return {**self._state(answer.place), "note": said}
            field = self._field(answer.place)
            value, refused = _checked(field, answer)
            if refused:
                return {**self._state(answer.place), "refused": refused}
            entry = _entry(answer, now, value)
            if self._corrections:
                written = as_written(field, answer.value) if answer.outcome == "value" else ""
                before = next((each["taught"] for each in reversed(now.entries) if "taught" in each), ())
                entry["taught"] = self._corrections.teach(_read_in(now), written, before)
            audit.append([entry])
            self._follow(audit)
            # All answers are in the audit, whatever happens to a large workbook that takes seconds to write.
            large = self.data.suffix.lower() == ".xlsx" and len(self._records.places) > QUICK_WORKBOOK
            self._behind = large and bool(self._open)
            if not self._behind:
                write_table(audit, self.fields, self._records)
            return self._state(more=answer.more)

    def close(self) -> None:
        """Write the table if it is behind its audit. Does nothing if it was changed by hand meanwhile."""
        if self._behind:
            with self._opened() as audit, contextlib.suppress(DataError):
                check_unchanged(audit)
                write_table(audit, self.fields, self._records)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Audit]:
        """Give the audit with all that others have written into it since."""
        with self._lock, self._audit as audit:
            self._follow(audit)
            yield audit

    def _follow(self, audit: Audit) -> None:
        for place in self._records.follow(audit):
            now = self._records.places[place]
            self._doubts[place] = _doubt(now)
            self._open.pop(place, None)
            if now.to_check:
                self._open[place] = None

    def _urgency(self, place: Place) -> tuple[float, int]:
        """Return what sorts values, the least certain last, and of equals the upper one."""
        return self._doubts[place], -place[2]

    def _field(self, place: Place) -> Field:
        if found := next((field for field in self.fields if field.name == place[1]), None):
            return found
        raise DataError(f"{self._audit.path}: has values of a field that its form lacks; restore the file from a copy")

    def _state(self, place: Place | None = None, *, more: bool = False) -> dict[str, Any]:
        places = self._records.places
        if place not in places:
            place = max(self._open, key=self._urgency, default=None)
        if place is None and more:
            rest = (each for each, now in places.items() if all(entry["kind"] != "review" for entry in now.entries))
            place = max(rest, key=self._urgency, default=None)
        return {
            "left": len(self._open),
            "values": len(places),
            # What nobody reviews stays as it was read.
            "expected": round(math.fsum(self._doubts.values()), 2),
            "item": None if place is None else self._item(places, place),
        }

    def _item(self, places: dict[Place, Merged], place: Place) -> dict[str, Any]:
        field, now = self._field(place), places[place]
        last = now.entries[-1]
        read = _read_in(now)
        others = [each["value"] or each["outcome"] for each in now.entries if each["outcome"] in SETTLED]
        second = next((each for each in others if each != now.value), "") if now.differs else second_choice(field, read)
        return {
            "place": place,
            "seen": len(now.entries),
            "label": field.label,
            "kind": field.kind,
            "choices": field.choices,
            "crops": now.crops,
            "outcome": now.outcome,
            "value": now.value,
            "read": read["read"],
            "second": second,
            "confidence": 1 - _doubt(now),
            "reviewed_by": last["by"] if last["kind"] == "review" else None,
            "line": [self._neighbour(places, other) for other in _line(places, place, self.fields)],
        }

    def _neighbour(self, places: dict[Place, Merged], place: Place) -> dict[str, Any]:
        now = places[place]
        return {"label": self._field(place).label, "cell": now.cell or now.outcome, "crop": now.crops[-1]}


def _read_in(now: Merged) -> Entry:
    """Return what was read last in a field."""
    return next(each for each in reversed(now.entries) if each["kind"] == "value")


def _doubt(now: Merged) -> float:
    """Return the probability that a value is wrong. What a person settled counts as right."""
    if now.differs:
        return 1.0
    if any(each["kind"] == "review" for each in now.entries):
        return 0.0
    # Photographs that agree do not make each other surer: the same ink was read twice.
    sure = [each["confidence"] for each in now.entries if each["outcome"] == now.outcome]
    return 1.0 - max(sure, default=0.0)


def _line(places: dict[Place, Merged], place: Place, fields: Sequence[Field]) -> list[Place]:
    """Return the other fields in the row of a table, in the order of the form."""
    sheet, name, row = place
    if not next(field for field in fields if field.name == name).rows:
        return []
    around = [(sheet, field.name, row) for field in fields if field.rows and field.name != name]
    return [each for each in around if each in places]


def _fields(audit: Audit) -> tuple[Field, ...]:
    """Return the fields of the form of an audit."""
    forms = [entry["fields"] for entry in audit.of_kind("form") if "fields" in entry]
    if not forms:
        raise DataError(f"{audit.path}: does not tell the fields of its form; run 'inkread fill' with one more picture")
    try:
        return fields_from_json(forms[-1])
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        raise DataError(f"{audit.path}: its form is damaged; restore the file from a copy") from None


def as_written(field: Field, text: str) -> str:
    """Return a text as it stands in the boxes of a field: a day may also be given as in the table, as 2026-01-31."""
    text = text.strip()
    if field.kind == "decimal":
        return text.replace(",", ".")
    if field.kind == "date" and re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        year, month, day = text.split("-")
        return {"DMY": f"{day}/{month}/{year}", "MDY": f"{month}/{day}/{year}", "YMD": text}[field.order]
    return text


def _checked(field: Field, answer: ReviewAnswer) -> tuple[str, str]:
    """Return the value of an answer as it stands in the table, and why it is refused, one of them empty."""
    if answer.outcome != "value":
        return "", ""
    text = as_written(field, answer.value)
    if field.kind in ("tick", "choice"):
        allowed = field.choices or ("1",)
        return (text, "") if text in allowed else ("", f"Type one of these: {', '.join(allowed)}; or e for empty.")
    rule = rule_of(field)
    if rule.fits(text, rule.notation):
        return rule.value_of(text), ""
    if not text or not any(character.isdigit() for character in text):
        return "", "Type what is written, or e, s or u."
    if answer.sure:
        return text, ""
    return "", f"The form does not allow {text}. Press Enter again if that is what is written."


def _entry(answer: ReviewAnswer, now: Merged, value: str) -> dict[str, Any]:
    """Return the entry of the audit for an answer."""
    sheet, name, row = answer.place
    last = now.entries[-1]
    return {
        "kind": "review",
        "sheet": sheet,
        "field": name,
        "row": row,
        "picture": last["picture"],
        "crop": last["crop"],
        "read": last["read"],
        "was": {"outcome": now.outcome, "value": now.value},
        "changed_to": value if (answer.outcome, value) != (now.outcome, now.value) else None,
        "outcome": answer.outcome,
        "value": value,
        "confidence": 1.0,
    }
