"""Texts: random numbers and words as people write them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from inkread.drawing.noise import pick

NumberKind = Literal["amount", "cell", "text", "year"]
"""The place or kind of a number: on a cheque, in a cell of a table, in running text, or a year."""

# The syllables of words without a meaning.
_SYLLABLES = """
    an ber cal de es for ga hu in jo ka le mo ne or pa qua re si to un va we xi yo za st ch th ou ie ss tt ll ar el
""".split()  # noqa: SIM905 - easier to read than a list
_MONTHS = """
    Januar Februar Marts April Maj Juni Juli August September Oktober November Dezember January March May June July
    October December
""".split()  # noqa: SIM905 - easier to read than a list
# Words that are common next to numbers.
_WORDS_OF_FORMS = "den d. No Nr Total Date Name Sum Amount Pay kg EUR Rs the of and to".split()  # noqa: SIM905

_FILLERS = ("-", "-", ".-", "=", "=", ",-", ".", "--", ".=", "//", "=-")
"""The endings of amounts that keep anybody from adding digits. The usual ones are here twice."""

_GROUPS = ((0.25, 0), (0.60, 1), (0.15, 2))
"""The number of groups of three digits after the first digits of an amount, each with its probability."""

_CELL_DIGITS = ((0.12, 1), (0.30, 2), (0.40, 3), (0.18, 4))
"""The number of digits in a cell of a table, each with its probability."""


def word_text(rng: np.random.Generator) -> str:
    """Return a word. A third are months and words of forms, and the others are made of meaningless syllables."""
    if rng.random() < 0.35:
        words = (*_MONTHS, *_WORDS_OF_FORMS)
        word = words[rng.integers(len(words))]
    else:
        word = "".join(_SYLLABLES[index] for index in rng.integers(0, len(_SYLLABLES), rng.integers(1, 5)))
    case = rng.random()
    if case < 0.25:
        word = word.capitalize()
    elif case < 0.35:
        word = word.upper()
    return word + (_one_of(".,:;", rng) if rng.random() < 0.12 else "")


def month_text(rng: np.random.Generator) -> str:
    """Return the name of a month. A quarter are abbreviated."""
    month = _MONTHS[rng.integers(len(_MONTHS))]
    month = month[:3] + _one_of(("", "."), rng) if rng.random() < 0.25 else month
    return month.lower() if rng.random() < 0.3 else month


def number_text(kind: NumberKind, rng: np.random.Generator) -> str:
    """Return a number for a place of this kind, made of digits and the signs in `inkread.marks.SIGNS`."""
    if kind == "amount":
        return _amount(rng)
    if kind == "cell":
        return _cell(rng)
    if kind == "year":
        return _year(rng)
    make = pick(_IN_TEXT, rng)
    return make(rng)


def digits_text(count: int, rng: np.random.Generator) -> str:
    """Return `count` digits, all equally likely."""
    return "".join(map(str, rng.integers(0, 10, count).tolist()))


def _amount(rng: np.random.Generator) -> str:
    text = digits_text(_between(1, 3, rng), rng)
    if rng.random() < 0.6:
        # The first digits of amounts follow Benford's law. A 1 is more than six times as frequent as a 9.
        text = str(int(10 ** rng.random())) + text[1:]
    for _ in range(pick(_GROUPS, rng)):
        text += (_one_of(".,", rng) if rng.random() < 0.65 else "") + _three_digits(rng)
    if rng.random() < 0.15:
        text += _one_of(",.", rng) + digits_text(2, rng)
    if rng.random() < 0.4:
        text += _one_of(_FILLERS, rng)
    return (_one_of("-=", rng) if rng.random() < 0.06 else "") + text


def _three_digits(rng: np.random.Generator) -> str:
    """Return a group of three digits. Round numbers are more frequent than by chance."""
    group = "000" if rng.random() < 0.3 else digits_text(3, rng)
    return group[0] + "00" if rng.random() < 0.3 else group


def _cell(rng: np.random.Generator) -> str:
    text = digits_text(pick(_CELL_DIGITS, rng), rng)
    if len(text) > 1 and rng.random() < 0.45:
        text = text[:-1] + _one_of(".,", rng) + text[-1]
    return ("-" if rng.random() < 0.05 else "") + text


def _plain(rng: np.random.Generator) -> str:
    return digits_text(_between(1, 8, rng), rng)


def _decimal(rng: np.random.Generator) -> str:
    sign = "-" if rng.random() < 0.3 else ""
    return sign + digits_text(_between(1, 3, rng), rng) + _one_of(".,", rng) + digits_text(_between(1, 3, rng), rng)


def _date(rng: np.random.Generator) -> str:
    """Return a date or a fraction. A third have no year."""
    text = digits_text(_between(1, 2, rng), rng) + _one_of("/.-", rng) + digits_text(_between(1, 2, rng), rng)
    return text + (_one_of("/.-", rng) + digits_text(2 * _between(1, 2, rng), rng) if rng.random() < 0.7 else "")


def _time(rng: np.random.Generator) -> str:
    return digits_text(_between(1, 2, rng), rng) + ":" + digits_text(2, rng)


def _percentage(rng: np.random.Generator) -> str:
    return digits_text(_between(1, 3, rng), rng) + "%"


def _sum(rng: np.random.Generator) -> str:
    text = digits_text(_between(1, 2, rng), rng) + _one_of("+-=/", rng) + digits_text(_between(1, 3, rng), rng)
    return text + ("=" + digits_text(2, rng) if rng.random() < 0.4 else "")


def _year(rng: np.random.Generator) -> str:
    return _one_of(("18", "19", "20", "17"), rng) + digits_text(2, rng)


def _repeated(rng: np.random.Generator) -> str:
    """Return one digit several times, or a digit and zeros."""
    digit, count = digits_text(1, rng), _between(2, 5, rng)
    return digit * count if rng.random() < 0.5 else digit + "0" * count


_IN_TEXT: tuple[tuple[float, Callable[[np.random.Generator], str]], ...] = (
    (0.50, _plain),
    (0.08, _decimal),
    (0.06, _date),
    (0.06, _time),
    (0.04, _percentage),
    (0.10, _sum),
    (0.08, _year),
    (0.08, _repeated),
)


def _between(least: int, most: int, rng: np.random.Generator) -> int:
    """Return an integer from `least` to `most`, both included."""
    return int(rng.integers(least, most + 1))


def _one_of(choices: str | tuple[str, ...], rng: np.random.Generator) -> str:
    return choices[int(rng.integers(len(choices)))]
