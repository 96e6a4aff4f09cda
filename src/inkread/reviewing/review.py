"""The review of a table: which values a person should look at, and what the person says about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from inkread.errors import DataError, OptionError
from inkread.reviewing.second_choice import second_choice
from inkread.sheets.audit import Audit, login
from inkread.sheets.field_rules import rule_of
from inkread.sheets.forms import Field, fields_from_json
from inkread.sheets.table import SETTLED, Merged, Place, check_unchanged, merged, write_table

Answered = Literal["value", "empty", "struck", "unreadable"]
"""What a person may say about a field."""


@dataclass(frozen=True, slots=True)
class ReviewAnswer:
    """What a person says about a field.

    place: the field.
    seen: how many entries of the audit the person has seen for it.
    outcome, value: what is written there; the value is empty unless the outcome is "value".
    sure: whether the person means a value that the form does not allow.
    """

    place: Place
    seen: int
    outcome: Answered
    value: str = ""
    sure: bool = False


class Review:
    """The review of a table, by one person. Its audit is opened for each step, so that others can work with it too."""

    def __init__(self, data: Path, user: str | None = None) -> None:
        """Open a table. Raises `OptionError` if it has no audit, and `DataError` as `fill` does."""
        self.data, self.user = data, user or login()
        self.crops = Audit(data, self.user).crops
        if not data.with_name(f"{data.stem}.audit.jsonl").exists():
            raise OptionError(f"{data}: there is no audit beside it; name a table that 'inkread fill' has written")
        with Audit(data, self.user) as audit:
            self.fields = _fields(audit)
            check_unchanged(audit)

    def state(self, place: Place | None = None) -> dict[str, Any]:
        """Return how much is left, and the worst value, or the one at a place."""
        with Audit(self.data, self.user) as audit:
            return self._state(merged(audit.entries), place)

    def answer(self, answer: ReviewAnswer) -> dict[str, Any]:
        """Write an answer into the audit and the table, and return the state after that.

        A state has a `note` if the answer was not needed, as another person was faster, and `refused` if it is no
        answer; nothing is written then. Raises `DataError` if the table was changed by hand.
        """
        with Audit(self.data, self.user) as audit:
            check_unchanged(audit)
            places = merged(audit.entries)
            if answer.place not in places:
                return {**self._state(places), "note": "This value is no longer in the table."}
            now = places[answer.place]
            if len(now.entries) != answer.seen:
                last = now.entries[-1]
                said = f"{last['by']} was faster: {now.value or now.outcome}. Nothing was replaced."
                return {**self._state(places, answer.place), "note": said}
            field = self._field(answer.place)
            value, refused = _checked(field, answer)
            if refused:
                return {**self._state(places, answer.place), "refused": refused}
            audit.append([_entry(answer, now, value)])
            places = merged(audit.entries)
            write_table(audit, self.fields, places)
            return self._state(places)

    def _field(self, place: Place) -> Field:
        return next(field for field in self.fields if field.name == place[1])

    def _state(self, places: dict[Place, Merged], place: Place | None = None) -> dict[str, Any]:
        queue = in_order(places)
        place = place if place in places else next(iter(queue), None)
        return {
            "left": len(queue),
            "values": len(places),
            "expected": round(expected_errors(places), 2),
            "item": None if place is None else self._item(places, place),
        }

    def _item(self, places: dict[Place, Merged], place: Place) -> dict[str, Any]:
        field, now = self._field(place), places[place]
        last = now.entries[-1]
        read = next(each for each in reversed(now.entries) if each["kind"] == "value")
        others = [each["value"] or each["outcome"] for each in now.entries if each["outcome"] in SETTLED]
        second = next((each for each in others if each != now.value), "") if now.differs else second_choice(field, read)
        return {
            "place": place,
            "seen": len(now.entries),
            "label": field.label,
            "kind": field.kind,
            "choices": field.choices,
            "crops": list(dict.fromkeys(each["crop"].rpartition("/")[2] for each in now.entries))[-2:],
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
        crop = now.entries[-1]["crop"].rpartition("/")[2]
        return {"label": self._field(place).label, "cell": now.cell or now.outcome, "crop": crop}


def in_order(places: dict[Place, Merged]) -> list[Place]:
    """Return the values to check, the least certain first."""
    return sorted((place for place, now in places.items() if now.to_check), key=lambda place: -_doubt(places[place]))


def expected_errors(places: dict[Place, Merged]) -> float:
    """Return how many values are wrong, by their confidences, if all that nobody reviewed stays as it was read."""
    return sum(_doubt(now) for now in places.values())


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
    return fields_from_json(forms[-1])


def _checked(field: Field, answer: ReviewAnswer) -> tuple[str, str]:
    """Return the value of an answer as it stands in the table, and why it is refused, one of them empty."""
    if answer.outcome != "value":
        return "", ""
    text = answer.value.strip()
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
