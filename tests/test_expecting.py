"""What is expected of numbers: the likeliest text that fits, or a refusal, and never a silent repair."""

from __future__ import annotations

import itertools
import json
import pickle
from math import prod
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import inkread
from inkread import Expect, OptionError
from inkread.cli import main
from inkread.errors import DataError
from inkread.expecting.check_digits import CHECK_DIGITS, CheckName
from inkread.expecting.decoding import likeliest_fit
from inkread.expecting.expectation import expectation, read_allowed
from inkread.expecting.fitting import fit_numbers
from inkread.geometry import Box
from inkread.readings import Digit, Number, Reading, Sign
from inkread.values import Notation

PLAIN = Notation()
EXAMPLE = Path(__file__).parents[1] / "examples" / "7-crossed.jpg"


def digit(*likely: tuple[int, float], non_digit: float = 0.0) -> Digit:
    """Return a digit with the probabilities of some classes."""
    row = [dict(likely).get(each, 0.0) for each in range(10)]
    best = max(range(10), key=row.__getitem__)
    return Digit(best, row[best], tuple(row), Box(0, 0, 9, 9), non_digit=non_digit)


def sign(text: str, likely: float) -> Sign:
    """Return a sign with a probability; that of the others is 0."""
    row = tuple(likely if each == text else 0.0 for each in ".,-/:%+=")
    return Sign(text, likely, Box(0, 0, 3, 3), probabilities=row)


ONE_OR_SEVEN, TWO_OR_THREE = digit((1, 0.9), (7, 0.1)), digit((2, 0.6), (3, 0.4))
NUMBER = Number.of([ONE_OR_SEVEN, TWO_OR_THREE], PLAIN)


@pytest.mark.parametrize(
    ("expect", "text", "confidence"),
    [
        (Expect(r"\d{2}"), "12", 0.54),
        (Expect("7."), "72", 0.6),
        (Expect(minimum=13, maximum=72), "13", 0.36 / (0.36 + 0.06)),
        (Expect(allowed=["73", "99", "7"]), "73", 1.0),
        (Expect(r"\d+", minimum=73), "73", 1.0),
    ],
)
def test_the_likeliest_text_that_fits_is_read(expect: Expect, text: str, confidence: float) -> None:
    (number,) = fit_numbers([NUMBER], expect, PLAIN, together=False).numbers
    assert number.text == text
    assert number.confidence == pytest.approx(confidence, abs=1e-5)
    assert number.read == (None if text == "12" else "12"), "a changed reading is said"
    assert all(sum(each.probabilities) == pytest.approx(1, abs=1e-4) for each in number.digits)


@pytest.mark.parametrize("expect", [Expect(r"\d{3}"), Expect(allowed=["45"]), Expect(minimum=74), Expect("8.")])
def test_what_is_not_legible_does_not_fit(expect: Expect) -> None:
    fitted = fit_numbers([NUMBER], expect, PLAIN, together=False)
    assert (fitted.numbers, fitted.unfit) == ((), "12")


def test_a_doubtful_sign_is_left_away_where_that_fits_and_said() -> None:
    number = Number.of([ONE_OR_SEVEN, sign(".", 0.6), TWO_OR_THREE], PLAIN)
    fitted = fit_numbers([number], Expect(r"\d{2}"), PLAIN, together=False)
    assert [(found.text, found.read) for found in fitted.numbers] == [("12", "1.2")]
    assert [place.reason for place in fitted.unread] == ["unsure"]


def test_ink_that_may_be_no_digit_is_left_away_where_that_fits() -> None:
    number = Number.of([ONE_OR_SEVEN, TWO_OR_THREE, digit((1, 1.0), non_digit=0.3)], PLAIN)
    assert fit_numbers([number], Expect(r"\d\d"), PLAIN, together=False).numbers[0].text == "12"
    sure = Number.of([ONE_OR_SEVEN, TWO_OR_THREE, digit((1, 1.0))], PLAIN)
    assert fit_numbers([sure], Expect(r"\d\d"), PLAIN, together=False).unfit == "121"


def test_every_number_must_fit_and_together_they_are_one() -> None:
    two = [NUMBER, Number.of([digit((5, 1.0))], PLAIN)]
    assert fit_numbers(two, Expect(r"\d\d"), PLAIN, together=False).unfit == "5"
    (number,) = fit_numbers(two, Expect(r"\d{3}"), PLAIN, together=True).numbers
    assert number.text == "125"


@given(st.lists(st.lists(st.floats(0.01, 1), min_size=10, max_size=10), min_size=1, max_size=4), st.integers(0, 9999))
def test_no_text_that_fits_is_likelier(rows: list[list[float]], least: int) -> None:
    slots = [[(str(value), likely / sum(row)) for value, likely in enumerate(row)] for row in rows]
    legible = [[option for option in slot if option[1] >= 0.003] for slot in slots]
    every = [
        ("".join(text for text, _ in way), prod(likely for _, likely in way)) for way in itertools.product(*legible)
    ]
    fitting = [(likely, text) for text, likely in every if int(text) >= least]
    found = likeliest_fit(slots, Expect(minimum=least), PLAIN)
    if not fitting:
        assert found is None
    else:
        assert found is not None
        assert prod(dict(slot)[text] for slot, text in zip(slots, found.characters, strict=True)) == pytest.approx(
            max(fitting)[0]
        )


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        ("luhn", "4539578763621486", "4539578763621487"),
        ("ean", "4006381333931", "4006381333930"),
        ("mod11", "0306406152", "0306406153"),
        ("verhoeff", "2363", "2364"),
    ],
)
def test_check_digits(check: CheckName, good: str, bad: str) -> None:
    assert CHECK_DIGITS[check](good)
    assert not CHECK_DIGITS[check](bad)
    assert not CHECK_DIGITS[check]("")


@pytest.mark.parametrize("check", ["luhn", "verhoeff"])
def test_a_check_finds_every_single_error(check: CheckName) -> None:
    rng = np.random.default_rng(3)
    for _ in range(50):
        first = "".join(map(str, rng.integers(0, 10, 6)))
        (good,) = [first + last for last in "0123456789" if CHECK_DIGITS[check](first + last)]
        place = int(rng.integers(7))
        for other in set("0123456789") - {good[place]}:
            assert not CHECK_DIGITS[check](good[:place] + other + good[place + 1 :])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Expect("[a"), "the pattern [a is not a regular expression: unterminated character set after '[a'"),
        (lambda: Expect("1" * 501), "the pattern has 501 characters; it may have 500"),
        (lambda: Expect(minimum=5, maximum=4), "the smallest value expected, 5, is above the largest, 4"),
        (lambda: Expect(minimum=float("nan")), "minimum=nan: this is not a finite number"),
        (lambda: Expect(allowed=[" "]), "the list of allowed values is empty"),
        (lambda: Expect(check="crc"), "check='crc': this is one of luhn, mod11, verhoeff, ean"),  # type: ignore[arg-type]
        (
            lambda: expectation(column="id"),
            "--allowed-column names a column of the file of --allowed; add --allowed FILE",
        ),
    ],
)
def test_an_expectation_that_cannot_be_used_is_refused(make: object, said: str) -> None:
    with pytest.raises(OptionError) as caught:
        make()  # type: ignore[operator]
    assert caught.value.message == said


def test_a_pattern_that_takes_too_long_is_refused() -> None:
    slots = [[("1", 1.0)]] * 40
    slow = "(1+)" * 10 + r"\1\2\3[12](?<!1)"
    with pytest.raises(OptionError, match="takes too long"):
        likeliest_fit(slots, Expect(slow), PLAIN)


def test_a_picture_whose_texts_are_all_slow_to_match_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inkread.expecting.fitting._SECONDS", 0.0)
    with pytest.raises(OptionError, match="it takes too long to find what fits the pattern"):
        fit_numbers([NUMBER], Expect(r"\d*x"), PLAIN, together=False)


def test_a_long_list_of_allowed_values_is_not_shown() -> None:
    assert len(repr(Expect(allowed=map(str, range(1000))))) < 100


def test_an_empty_pattern_is_refused() -> None:
    with pytest.raises(OptionError, match="the pattern is empty"):
        expectation("")


def test_a_whole_limit_is_told_as_it_was_given() -> None:
    assert Expect(minimum=8.0, maximum=9.5).describe() == "at least 8, at most 9.5"


def test_a_table_of_allowed_values_needs_its_column(tmp_path: Path) -> None:
    table, plain = tmp_path / "roster.csv", tmp_path / "plain.csv"
    table.write_text("name;id\nAnna;12\n")
    with pytest.raises(DataError, match="has the columns name, id; say which"):
        read_allowed(table)
    plain.write_text("12\n34\n")
    assert read_allowed(plain) == ("12", "34")


def test_no_option_is_no_expectation() -> None:
    assert expectation() is None


def test_allowed_values_come_from_lines_or_from_a_column(tmp_path: Path) -> None:
    lines, table = tmp_path / "roster.txt", tmp_path / "roster.csv"
    lines.write_text("\ufeff12\n\n 34 \n", encoding="utf-8")
    table.write_text("name,id\nAnna,12\nBo,34\n", encoding="utf-8")
    assert read_allowed(lines) == read_allowed(table, "id") == ("12", "34")
    with pytest.raises(DataError, match="no column 'ID'; it has name, id"):
        read_allowed(table, "ID")
    for bad in (tmp_path / "gone", tmp_path):
        with pytest.raises(DataError, match=str(bad)):
            read_allowed(bad)


def test_an_expectation_travels_to_other_processes() -> None:
    expect = Expect(r"\d+", minimum=3, allowed=["7", "8"], check=None)
    there = pickle.loads(pickle.dumps(expect))  # noqa: S301 - it was pickled here
    assert there == expect
    assert there.may_begin("7")


def test_reading_says_what_it_read_without_the_expectation(capsys: pytest.CaptureFixture[str]) -> None:
    assert inkread.read(EXAMPLE, expect="[27]").text == "7"
    assert main(["read", str(EXAMPLE), "--expect", "[127]", "--max", "9", "--format", "json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert (values["text"], values["numbers"][0]["read"]) == ("7", None)
    assert Reading.from_dict(values).to_dict() == values


def test_a_picture_that_cannot_fit_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    refused = inkread.read(EXAMPLE, expect=r"\d{3}").refused
    assert refused is not None
    assert refused.code == "unfit"
    assert main(["read", str(EXAMPLE), "--expect", r"\d{3}"]) == 0
    said = capsys.readouterr()
    assert said.out.strip() == ""
    assert "not read: 7 is the likeliest text, and nothing legible fits the pattern \\d{3}" in said.err


def test_a_wrong_pattern_is_a_bad_argument(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["read", str(EXAMPLE), "--expect", "(7"]) == 2
    assert capsys.readouterr().err == "inkread: the pattern (7 is not a regular expression: missing ) after '(7'\n"
