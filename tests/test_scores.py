"""Scores, by cases small enough to work out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from inkread.scores import confusion_matrix, cross_entropy, fitted_temperature, tempered, wilson_interval


def test_the_confusion_matrix_has_a_row_for_each_true_digit() -> None:
    matrix = confusion_matrix(np.array([7, 7, 7, 1]), np.array([7, 1, 1, 1]))
    assert matrix.shape == (10, 10)
    assert matrix[7, 7] == 1
    assert matrix[7, 1] == 2
    assert matrix[1, 1] == 1
    assert matrix.sum() == 4


def test_no_answers_give_an_empty_matrix() -> None:
    none = np.zeros(0, int)
    assert not confusion_matrix(none, none).any()


def test_cross_entropy_is_the_mean_surprise_in_nats() -> None:
    probabilities = np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]], np.float32)
    assert cross_entropy(np.array([0, 1]), probabilities) == pytest.approx(-(math.log(0.5) + math.log(0.8)) / 2)


def test_being_right_for_sure_costs_nothing_and_being_wrong_for_sure_much_but_not_all() -> None:
    sure = np.array([[1, 0]], np.float32)
    assert cross_entropy(np.array([0]), sure) == 0
    assert cross_entropy(np.array([1]), sure) == pytest.approx(-math.log(1e-12))


def test_a_temperature_divides_the_logarithms() -> None:
    probabilities = np.array([[0.8, 0.2]], np.float32)
    # The odds of 4 to 1 become their root at 2, and their square at a half.
    assert tempered(probabilities, 2)[0] == pytest.approx([2 / 3, 1 / 3])
    assert tempered(probabilities, 0.5)[0] == pytest.approx([16 / 17, 1 / 17])
    assert np.array_equal(tempered(probabilities, 1), probabilities)


def test_an_impossible_class_stays_finite_under_any_temperature() -> None:
    warmed = tempered(np.array([[1, 0]], np.float32), 5)
    assert np.isfinite(warmed).all()
    assert warmed.sum() == pytest.approx(1)


def test_the_fitted_temperature_makes_confidences_come_true() -> None:
    # Four of five are right. Said with odds of 16 to 1 that is too sure, with 2 to 1 not sure enough.
    truth = np.array([0, 0, 0, 0, 1])
    for odds, temperature in ((16, 2.0), (4, 1.0), (2, 0.5)):
        said = np.array([[odds, 1]] * 5, np.float32) / np.float32(odds + 1)
        assert fitted_temperature(truth, said) == pytest.approx(temperature, rel=0.02)


@pytest.mark.parametrize(
    ("right", "of", "low", "high"),
    [
        (5, 10, 0.2366, 0.7634),
        (20, 20, 0.8389, 1.0),
        # The four examples of Newcombe 1998, "Two-sided confidence intervals for the single proportion".
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_wilsons(right: int, of: int, low: float, high: float) -> None:
    assert wilson_interval(right, of) == pytest.approx((low, high), abs=5e-5)


def test_the_interval_holds_the_rate_and_stays_between_0_and_1() -> None:
    for of in (1, 2, 7, 1000):
        for right in range(0, of + 1, max(1, of // 7)):
            low, high = wilson_interval(right, of)
            assert 0 <= low <= right / of <= high <= 1


def test_more_pictures_make_the_interval_narrower() -> None:
    widths = [high - low for low, high in (wilson_interval(9 * n, 10 * n) for n in (1, 10, 100))]
    assert widths == sorted(widths, reverse=True)
