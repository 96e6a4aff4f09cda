"""Candidates: the set of digits that holds the true one as often as it promises, and where nothing is promised."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from inkread import ModelError, OptionError, Reader, Reading
from inkread.drawing import draw_digit
from inkread.geometry import Box
from inkread.loading import SHIPPED
from inkread.models.card import Card, Conformal, load_card
from inkread.readings import Digit
from inkread.teaching import Profile


def some_digit(probabilities: list[float], conformal: Conformal | None = None) -> Digit:
    return Digit(
        int(np.argmax(probabilities)), max(probabilities), tuple(probabilities), Box(0, 0, 9, 9), 0, 0, conformal
    )


def answers(count: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return probabilities, (count, 10), that are too sure, and the digits that are true."""
    logits = 2 * rng.normal(size=(count, 10))
    powers = np.exp(logits)
    truth = np.array([rng.choice(10, p=row / row.sum()) for row in powers])
    sure = np.exp(3 * logits)
    return sure / sure.sum(axis=1, keepdims=True), truth


@pytest.mark.parametrize("promised", [0.91, 0.95, 0.99])
def test_the_truth_is_among_the_candidates_as_often_as_promised(promised: float) -> None:
    rng, kept = np.random.default_rng(0), []
    for _ in range(20):
        seen, truth = answers(200, rng)
        conformal = Conformal.of(seen[np.arange(200), truth])
        new, true = answers(200, rng)
        kept += [
            digit in some_digit(row.tolist(), conformal).candidates(promised)
            for row, digit in zip(new, true.tolist(), strict=True)
        ]
    assert promised - 0.01 < np.mean(kept) < promised + 0.02


def test_candidates_are_the_likeliest_and_more_for_a_larger_promise() -> None:
    conformal = Conformal(100, (0.99, 0.9, 0.5, 0.1))
    digit = some_digit([0.3, 0.45, 0.15, 0.05, 0.03, 0.005, 0.005, 0.004, 0.003, 0.003], conformal)
    assert [digit.candidates(p) for p in (0.5, 0.97, 0.98, 0.985)] == [(1,), (1,), (1, 0, 2), (1, 0, 2, 3, 4)]
    assert len(digit.candidates(0.9905)) == 10
    assert digit.candidates(1) == (1, 0, 2, 3, 4, 5, 6, 7, 8, 9)


def test_more_than_the_pictures_can_promise_is_all_ten_digits() -> None:
    conformal = load_card(SHIPPED).conformal
    assert conformal is not None
    assert conformal.most == pytest.approx(291 / 292)
    assert conformal.least(conformal.most) > 0
    assert conformal.least(conformal.most + 1e-6) == 0


def test_a_clear_digit_has_one_candidate(reader: Reader) -> None:
    reading = reader.read(draw_digit(3, rng=np.random.default_rng(0)))
    assert reading.digits[0].candidates(0.99) == (3,)


def test_a_reading_from_json_has_candidates_by_the_card_of_its_model(reader: Reader) -> None:
    reading = reader.read(draw_digit(3, rng=np.random.default_rng(0)))
    back = Reading.from_json(reading.to_json())
    assert back == reading
    keys = {"digit", "confidence", "probabilities", "box", "line", "number"}
    assert set(json.loads(reading.to_json())["digits"][0]) == keys
    with pytest.raises(OptionError, match="reading from JSON"):
        back.digits[0].candidates(0.99)
    assert back.digits[0].candidates(0.995, by=reader.card.conformal) == reading.digits[0].candidates(0.995)


def test_a_reading_after_teaching_has_candidates(tmp_path: Path) -> None:
    reader = Reader(profile=Profile(path=tmp_path / "taught.sqlite"))
    picture = draw_digit(3, rng=np.random.default_rng(0))
    reader.teach(8, picture)
    assert reader.read(picture).digits[0].candidates(0.99)[0] == 8


def test_a_probability_out_of_range_and_a_model_without_a_card_are_said() -> None:
    digit = some_digit([0.91, *[0.01] * 9])
    with pytest.raises(OptionError, match="must be between 0 and 1"):
        digit.candidates(1.1)
    with pytest.raises(OptionError, match="read with the shipped model"):
        digit.candidates(0.99)


def test_conformal_scores_stand_on_the_card_and_damaged_ones_are_refused(tmp_path: Path) -> None:
    card = Card(conformal=Conformal(291, (0.9, 0.1, 0.00314)))
    card.save(tmp_path)
    assert load_card(tmp_path) == card
    for wrong in ({"count": 1, "scores": [0.9, 0.1]}, {"count": 9, "scores": [0.1, 0.9]}, {"count": 9, "scores": [2]}):
        (tmp_path / "card.json").write_text(json.dumps({"conformal": wrong}))
        with pytest.raises(ModelError, match="conformal scores"):
            load_card(tmp_path)
    (tmp_path / "card.json").write_text('{"conformal": {"scores": [1]}}')
    with pytest.raises(ModelError, match="the card is damaged"):
        load_card(tmp_path)


def test_boxes_overlap_by_the_area_they_share_of_the_area_of_both() -> None:
    assert Box(0, 0, 4, 2).overlap(Box(0, 0, 4, 2)) == 1
    assert Box(0, 0, 4, 2).overlap(Box(2, 1, 4, 2)) == pytest.approx(2 / 14)
    assert Box(0, 0, 4, 2).overlap(Box(4, 0, 4, 2)) == 0
    assert Box(0, 0, 4, 2).overlap(Box(9, 9, 1, 1)) == 0
