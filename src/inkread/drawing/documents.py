"""Documents: the content of cheques, tables, lines of writing and printed pages, written into a draft."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inkread.drawing.noise import pick
from inkread.drawing.paper import draw_rule
from inkread.drawing.texts import NumberKind, digits_text, month_text, number_text, word_text
from inkread.drawing.writing import Draft, Point, put_thing, strike_out, write_number, write_word
from inkread.marks import OTHER_INK

_STYLES = ((0.4, "numbers"), (0.4, "mixed"), (0.2, "words"))
"""The contents of lines of writing, each with its share."""

_CELL_CONTENTS = ((0.80, "number"), (0.10, "word"), (0.03, "thing"), (0.02, "dash"), (0.05, "nothing"))
"""The contents of cells of a table, each with its share."""

_ORDINALS = ("te", "de", "ste", "th", "nd", "den", "e", "er", ".", "o")
"""What follows the number of a day."""

_DIGIT_ADVANCE = 0.62
"""The usual distance from one digit to the next, in heights of a digit."""


def write_amount(draft: Draft, rng: np.random.Generator) -> None:
    """Write the amount of a cheque in its field, often between rules, sometimes next to a word or print."""
    at = (draft.height * rng.uniform(-0.05, 1), _level(draft, rng))
    _write_field(draft, number_text("amount", rng), at, rng)


def write_single(draft: Draft, rng: np.random.Generator) -> None:
    """Write one digit in a field like that of an amount."""
    at = (rng.uniform(0, max(1, draft.canvas.width - draft.height)), _level(draft, rng))
    _write_field(draft, digits_text(1, rng), at, rng)


def _write_field(draft: Draft, text: str, at: Point, rng: np.random.Generator) -> None:
    """Write a number with the top of its digits at a point, and the things around it on a cheque."""
    height, y = draft.height, at[1]
    x = write_number(draft, text, at, rng=rng, slope=draft.slope)
    if rng.random() < 0.12 and x < draft.canvas.width - height:
        top = y + draft.slope * x
        _write_plain_word(draft, word_text(rng), (x + 0.5 * height, top), height * draft.writer.word_height)
    if rng.random() < 0.15:
        # The lines above and below reach into a cut-out field.
        beside = y + height * (rng.uniform(-1.7, -1.0) if rng.random() < 0.5 else rng.uniform(1.2, 1.8))
        start = (rng.uniform(0, 0.8) * draft.canvas.width, beside)
        _write_plain_word(draft, word_text(rng), start, height * draft.writer.word_height)
    _rule_field(draft, y, rng)
    if rng.random() < 0.15 and y > height:
        _write_print(draft, (0, y - 1.5 * height), 0.5 * height, strength=0.8, rng=rng)


def _level(draft: Draft, rng: np.random.Generator) -> float:
    """Return the top of the only number on a page: near the middle of a low page, anywhere on a high one."""
    spare = draft.canvas.height - draft.height
    if draft.canvas.height < 2.2 * draft.height:
        return spare / 2 + rng.normal(0, 0.12) * draft.height
    return rng.uniform(-0.1, 0.9) * spare


def _rule_field(draft: Draft, y: float, rng: np.random.Generator) -> None:
    """Print rules below, above and at one side of a number whose top is at `y`."""
    height, width = draft.height, draft.canvas.width

    def rule(level: float, dotted: float) -> None:
        draw_rule(draft.paper, level, depth=rng.uniform(0.1, 0.5), slope=draft.slope, dotted=rng.random() < dotted,
                  rng=rng)  # fmt: skip

    if rng.random() < 0.55:
        rule(y + height * rng.uniform(1.0, 1.5), 0.35)
    if rng.random() < 0.3:
        rule(y - height * rng.uniform(0.05, 0.5), 0.2)
    if rng.random() < 0.2:
        edge = rng.uniform(0, 6) if rng.random() < 0.5 else width - rng.uniform(1, 6)
        draw_rule(draft.paper, edge, upright=True, depth=rng.uniform(0.1, 0.5), rng=rng)


def write_table(draft: Draft, rng: np.random.Generator) -> None:
    """Write a part of a table: cells of numbers, words, things and dashes, with or without rules."""
    row, column = draft.height * rng.uniform(1.15, 2.2), draft.height * rng.uniform(1.6, 6)
    tops = np.arange(rng.uniform(-1, 0) * row, draft.canvas.height, row)
    lefts = np.arange(rng.uniform(-1, 0) * column, draft.canvas.width, column)
    _rule_table(draft, tops, lefts, rng)
    kind: NumberKind = "cell" if rng.random() < 0.75 else "text"
    single = rng.random() < 0.12
    for top in tops:
        for left in lefts:
            y = top + (row - draft.height) * rng.uniform(0.25, 0.85) + rng.normal(0, 0.06) * draft.height
            _write_cell(draft, (left, y), column, kind, single=single, rng=rng)


def _rule_table(draft: Draft, tops: NDArray[np.float64], lefts: NDArray[np.float64], rng: np.random.Generator) -> None:
    depth, tilt, thickness, dots = rng.uniform(0.1, 0.8), rng.normal(0, 0.006), int(rng.integers(1, 4)), rng.random()
    if rng.random() < 0.85:
        for top in tops:
            start = 0 if rng.random() < 0.9 else int(rng.integers(0, draft.canvas.width // 2))
            draw_rule(draft.paper, top, depth=depth * rng.uniform(0.7, 1), thickness=thickness, slope=tilt, start=start,
                      dotted=dots < 0.4, rng=rng)  # fmt: skip
    if rng.random() < 0.75:
        for left in lefts:
            strong = thickness if rng.random() < 0.8 else int(rng.integers(2, 6))
            draw_rule(draft.paper, left, upright=True, depth=depth * rng.uniform(0.7, 1), thickness=strong, slope=-tilt,
                      dotted=dots < 0.12, rng=rng)  # fmt: skip


def _write_cell(
    draft: Draft, at: Point, width: float, kind: NumberKind, *, single: bool, rng: np.random.Generator
) -> None:
    """Write the content of a cell. `at` is its left edge and the top of its digits; a `single` cell holds one digit."""
    (x, y), height = at, draft.height
    content = pick(_CELL_CONTENTS, rng)
    if content == "number":
        text = number_text(kind, rng)
        if single:
            text = text[0] if text[0].isdigit() else text[:2]
        text = text[: max(1, int((width - 0.2 * height) / (_DIGIT_ADVANCE * height))) + 1]
        start = (x + height * rng.uniform(0.08, 0.6), y)
        write_number(draft, text, start, rng=rng, until=x + width - 0.4 * height, writer=draft.writer.closer())
    elif content == "word":
        text = word_text(rng)[: max(1, int(width / (0.6 * height)))]
        _write_plain_word(draft, text, (x + 0.2 * height, y), 0.8 * height * draft.writer.word_height)
    elif content == "thing":
        put_thing(draft, (x + 0.2 * height, y), height=height, rng=rng)
    elif content == "dash":
        write_number(draft, "-", (x + 0.3 * width, y), rng=rng)


def write_lines(draft: Draft, rng: np.random.Generator) -> None:
    """Write lines of numbers and words, on plain, ruled or squared paper."""
    _write_sheet(draft, pick(_STYLES, rng), rng)


def write_dates(draft: Draft, rng: np.random.Generator) -> None:
    """Write dates as in a register: the year, below it the day, and the month as a word beside or below the day."""
    faces = draft.stock.typefaces.handwriting
    face, height = faces[rng.integers(len(faces))], draft.height
    pitch, beside, preceded = height * rng.uniform(1.05, 1.9), rng.random() < 0.6, rng.random() < 0.2
    ordinal = _ORDINALS[rng.integers(len(_ORDINALS))] if rng.random() < 0.6 else ""
    word_height = height * rng.uniform(0.7, 1.2)
    column, row = height * rng.uniform(4.5, 9), pitch * rng.uniform(3, 4.5)
    lefts = np.arange(rng.uniform(-0.5, 0.6) * column, draft.canvas.width, column)
    _rule_table(draft, np.arange(rng.uniform(-1, 0) * row, draft.canvas.height, row), lefts, rng)

    def word(text: str, at: Point, size: float) -> float:
        return write_word(draft, text, at, height=size, face=face, printed=False)

    for top in np.arange(rng.uniform(-0.4, 0.3) * row, draft.canvas.height, row):
        for left in lefts:
            x, y = left + height * rng.uniform(0.2, 1), top + height * rng.normal(0, 0.1)
            write_number(draft, number_text("year", rng), (x + height * rng.uniform(0, 0.6), y), rng=rng)
            y += pitch
            if preceded:
                x = word("d.", (x, y), word_height) + 0.2 * height
            x = write_number(draft, str(int(rng.integers(1, 32))), (x, y), rng=rng)
            if ordinal:
                x = word(ordinal, (x, y - rng.uniform(0, 0.25) * height), 0.6 * word_height)
            at = (x + height * rng.uniform(0.1, 0.6), y) if beside else (left + height * rng.uniform(0, 1), y + pitch)
            word(month_text(rng), at, word_height)


def write_huge_numbers(draft: Draft, rng: np.random.Generator) -> None:
    """Write numbers that are far too large to be read at this scale."""
    _write_sheet(draft, "numbers", rng)


def _write_sheet(draft: Draft, style: str, rng: np.random.Generator) -> None:
    """Write lines on a sheet. A tenth of the sheets are squared paper, and some have a rule at an edge."""
    _write_all_lines(draft, style, rng)
    if rng.random() < 0.1:
        _square(draft, rng)
    if rng.random() < 0.15:
        edge = rng.uniform(0, 12) if rng.random() < 0.5 else draft.canvas.width - rng.uniform(1, 12)
        thickness = int(rng.integers(1, 5))
        draw_rule(draft.paper, edge, upright=True, depth=rng.uniform(0.2, 0.8), thickness=thickness, rng=rng)


def _write_all_lines(draft: Draft, style: str, rng: np.random.Generator) -> None:
    height = draft.height
    pitch, ruled, depth = height * rng.uniform(1.3, 3), rng.random() < 0.3, rng.uniform(0.05, 0.5)
    for y in np.arange(rng.uniform(-0.5, 1) * height, draft.canvas.height + 5, pitch):
        if rng.random() < 0.85:
            kind: NumberKind = "text" if rng.random() < 0.8 else "amount"
            _write_line(draft, (height * rng.uniform(-0.8, 3), y), kind, style, rng)
        if ruled:
            draw_rule(draft.paper, y + 1.1 * height, depth=depth, thickness=int(rng.integers(1, 3)),
                      slope=0.5 * draft.slope, dotted=rng.random() < 0.15, rng=rng)  # fmt: skip


def _write_line(draft: Draft, at: Point, kind: NumberKind, style: str, rng: np.random.Generator) -> None:
    """Write numbers, words and things from a point to the right edge of the page."""
    (x, y), height, end = at, draft.height, draft.canvas.width + 20
    # A random number below the first bound gives a number, below the second a word, below the third a thing, and above
    # it a gap.
    number, word, thing = {"numbers": (1.0, 1.0, 1.0), "mixed": (0.5, 0.9, 0.97), "words": (0.0, 1.0, 1.0)}[style]
    while x < end:
        what = rng.random()
        if what < number:
            text = number_text(kind, rng)
            x = write_number(draft, text, (x, y), rng=rng, slope=draft.slope, until=end) + height * rng.uniform(
                0.5, 2.5
            )
        elif what < word:
            top = y + draft.slope * x + rng.normal(0, 0.03) * height
            x = _write_plain_word(draft, word_text(rng), (x, top), height * draft.writer.word_height)
            x += height * (rng.uniform(0.25, 0.6) + (2 if style == "words" and rng.random() < 0.08 else 0))
        elif what < thing:
            x = put_thing(draft, (x, y), height=height, rng=rng) + 0.5 * height
        else:
            x += height * rng.uniform(1, 4)


def _square(draft: Draft, rng: np.random.Generator) -> None:
    """Print squares all over the page."""
    side, depth = draft.height * rng.uniform(0.5, 1.3), 0.7 * rng.uniform(0.05, 0.5)
    for position in np.arange(rng.uniform(0, side), max(draft.paper.shape), side):
        for upright in (False, True):
            draw_rule(draft.paper, position, upright=upright, depth=depth, thickness=1, rng=rng)


def write_printed_page(draft: Draft, rng: np.random.Generator) -> None:
    """Print lines of text. On a third of the pages, there is also a handwritten number in a cleared space."""
    height = float(np.exp(rng.uniform(np.log(9), np.log(30))))
    _write_print(draft, (rng.uniform(-2, 2) * height, rng.uniform(-1, 1) * height), height, strength=1.0, rng=rng)
    if rng.random() < 0.35:
        page, text = draft.canvas, number_text("text", rng)
        x, y = rng.uniform(0, 0.6) * page.width, rng.uniform(0, 0.7) * page.height
        around = (x - 5, y - 0.4 * draft.height, x + 0.75 * draft.height * len(text), y + 1.4 * draft.height)
        page.clear(around, reach=10)
        write_number(draft, text, (x, y), rng=rng)


def _write_print(draft: Draft, at: Point, height: float, *, strength: float, rng: np.random.Generator) -> None:
    """Print words and, every fifth time, a number, from a point to the right and lower edges of the page."""
    faces = draft.stock.typefaces.print
    face = faces[rng.integers(len(faces))]
    for y in np.arange(at[1], draft.canvas.height + 10, height * rng.uniform(1.5, 2.4)):
        x = at[0]
        while x < draft.canvas.width + 10:
            text = number_text("text", rng) if rng.random() < 0.2 else word_text(rng)
            x = write_word(draft, text, (x, y), height=height, face=face, printed=True, strength=strength)
            x += height * rng.uniform(0.35, 0.6)
            if rng.random() < 0.03:
                break


def write_things(draft: Draft, rng: np.random.Generator) -> None:
    """Put one to six non-digits anywhere on the page."""
    for _ in range(int(rng.integers(1, 7))):
        at = (rng.uniform(-10, draft.canvas.width - 10), rng.uniform(-10, draft.canvas.height - 20))
        put_thing(draft, at, height=draft.height * rng.uniform(0.6, 2.2), rng=rng)


def write_nothing(draft: Draft, rng: np.random.Generator) -> None:
    """Leave the page empty."""


def strike_some(draft: Draft, rng: np.random.Generator) -> None:
    """Strike out up to four consecutive handwritten digits. They become other ink."""
    marks = draft.canvas.marks
    digits = [index for index, mark in enumerate(marks) if mark.label < 10 and not mark.printed]
    if not digits:
        return
    first = digits[rng.integers(len(digits))]
    end = first + int(rng.integers(1, 5))
    struck = [index for index in digits if first <= index < end]
    strike_out(draft, [marks[index].area for index in struck], rng=rng)
    for index in struck:
        marks[index] = marks[index]._replace(label=OTHER_INK)


def _write_plain_word(draft: Draft, text: str, at: Point, height: float) -> float:
    """Write a word in the typeface of the draft's writer, and return its right end."""
    writer = draft.writer
    if not writer.letter_gap:
        return write_word(draft, text, at, height=height, face=writer.words, printed=writer.words_printed)
    x, y = at
    for letter in text:
        end = write_word(draft, letter, (x, y), height=height, face=writer.words, printed=writer.words_printed)
        x = end + writer.letter_gap * height
    return x
