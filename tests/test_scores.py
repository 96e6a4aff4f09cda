"""Scores, by cases small enough to work out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inkread.evaluation.statistics import (
    Bin,
    calibration_error,
    confusion_matrix,
    coverage,
    mcnemar,
    paired_interval,
    reliability,
    wilson_interval,
)
from inkread.models.probabilities import cross_entropy, fit_temperature, temper

NONE = (np.zeros(0), np.zeros(0, bool))

# Five answers in three of ten bins: 0.2 to 0.3, 0.5 to 0.6, 0.9 to 1.
CONFIDENCES = np.array([0.95, 0.25, 0.55, 0.91, 0.51])
RIGHT = np.array([True, True, False, False, False])

answers = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40)


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
    assert temper(probabilities, 2)[0] == pytest.approx([2 / 3, 1 / 3])
    assert temper(probabilities, 0.5)[0] == pytest.approx([16 / 17, 1 / 17])
    assert np.array_equal(temper(probabilities, 1), probabilities)


def test_an_impossible_class_stays_finite_under_any_temperature() -> None:
    warmed = temper(np.array([[1, 0]], np.float32), 5)
    assert np.isfinite(warmed).all()
    assert warmed.sum() == pytest.approx(1)


def test_the_fitted_temperature_makes_confidences_come_true() -> None:
    # Four of five are right. Said with odds of 16 to 1 that is too sure, with 2 to 1 not sure enough.
    truth = np.array([0, 0, 0, 0, 1])
    for odds, temperature in ((16, 2.0), (4, 1.0), (2, 0.5)):
        said = np.array([[odds, 1]] * 5, np.float32) / np.float32(odds + 1)
        assert fit_temperature(truth, said) == pytest.approx(temperature, rel=0.02)


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


# Confidence


def test_answers_of_similar_confidence_share_a_bin_and_empty_bins_are_left_out() -> None:
    low, middle, high = reliability(CONFIDENCES, RIGHT)
    assert low == Bin(1, 0.25, 1.0)
    assert (middle.count, middle.confidence, middle.accuracy) == pytest.approx((2, 0.53, 0.0))
    assert (high.count, high.confidence, high.accuracy) == pytest.approx((2, 0.93, 0.5))


def test_a_confidence_of_exactly_1_falls_in_the_last_bin() -> None:
    assert reliability(np.array([1.0, 0.9]), np.array([True, False])) == [Bin(2, 0.95, 0.5)]
    assert reliability(np.array([1, 1], np.float32), np.array([True, True])) == [Bin(2, 1.0, 1.0)]


def test_a_bin_begins_with_its_lower_bound() -> None:
    bins = reliability(np.array([0.0, 0.24, 0.25, 0.49, 0.5, 0.75]), np.ones(6, bool), bins=4)
    assert [bin_.count for bin_ in bins] == [2, 2, 1, 1]


def test_there_are_ten_bins_or_as_many_as_are_asked_for() -> None:
    confidences, right = np.arange(0.01, 1, 0.02), np.ones(50, bool)
    assert [bin_.count for bin_ in reliability(confidences, right)] == [5] * 10
    assert [bin_.count for bin_ in reliability(confidences, right, bins=25)] == [2] * 25


def test_no_answers_have_no_bins() -> None:
    assert reliability(*NONE) == []


@given(answers)
def test_every_answer_is_in_one_bin(pairs: list[tuple[float, bool]]) -> None:
    confidences, right = np.array([c for c, _ in pairs]), np.array([r for _, r in pairs])
    bins = reliability(confidences, right)
    assert sum(bin_.count for bin_ in bins) == len(pairs)
    assert sum(bin_.count * bin_.confidence for bin_ in bins) == pytest.approx(confidences.sum())
    assert sum(bin_.count * bin_.accuracy for bin_ in bins) == pytest.approx(right.sum())
    assert [bin_.confidence for bin_ in bins] == sorted(bin_.confidence for bin_ in bins)


def test_the_calibration_error_is_the_distance_of_confidence_and_accuracy_by_bins() -> None:
    # One answer is 0.75 too modest, two are 0.53 too sure and two 0.43.
    assert calibration_error(CONFIDENCES, RIGHT) == pytest.approx((0.75 + 2 * 0.53 + 2 * 0.43) / 5)


def test_confidences_that_come_true_have_no_calibration_error() -> None:
    confidences = np.array([0.8] * 5 + [0.5] * 4 + [1.0] * 3)
    right = np.array([True] * 4 + [False] + [True, False] * 2 + [True] * 3)
    assert calibration_error(confidences, right) == pytest.approx(0)


def test_sure_and_wrong_is_the_largest_calibration_error() -> None:
    assert calibration_error(np.ones(3), np.zeros(3, bool)) == 1


def test_no_answers_have_no_calibration_error() -> None:
    assert calibration_error(*NONE) is None


@given(answers)
def test_the_calibration_error_lies_between_0_and_1_whatever_the_order(pairs: list[tuple[float, bool]]) -> None:
    error, reverse = (
        calibration_error(np.array([c for c, _ in order]), np.array([r for _, r in order]))
        for order in (pairs, pairs[::-1])
    )
    assert error is not None
    assert 0 <= error <= 1
    assert error == pytest.approx(reverse)


@pytest.mark.parametrize(
    ("least", "covered", "accuracy"),
    [
        (0.0, 5, 0.4),
        # The smallest is among those that are kept.
        (0.51, 4, 0.25),
        (0.52, 3, 1 / 3),
        (0.92, 1, 1.0),
    ],
)
def test_asking_for_more_confidence_keeps_fewer_answers(least: float, covered: int, accuracy: float) -> None:
    assert coverage(CONFIDENCES, RIGHT, least) == pytest.approx((covered, accuracy))


def test_where_no_answer_is_so_sure_there_is_no_accuracy() -> None:
    assert coverage(CONFIDENCES, RIGHT, 0.96) == (0, None)


def test_of_no_answers_none_is_covered() -> None:
    assert coverage(*NONE, 0.5) == (0, None)


@given(answers, st.floats(0, 1), st.floats(0, 1))
def test_asking_for_more_never_keeps_more(pairs: list[tuple[float, bool]], one: float, other: float) -> None:
    confidences, right = np.array([c for c, _ in pairs]), np.array([r for _, r in pairs])
    assert coverage(confidences, right, max(one, other))[0] <= coverage(confidences, right, min(one, other))[0]


# Two models on the same data


@pytest.mark.parametrize(
    ("only_first", "only_second", "expected"),
    [(0, 0, 1), (1, 1, 1), (0, 5, 2 / 32), (5, 0, 2 / 32), (1, 9, 22 / 1024), (10, 30, 0.00222144)],
)
def test_mcnemar_is_a_two_sided_coin(only_first: int, only_second: int, expected: float) -> None:
    assert mcnemar(only_first, only_second) == pytest.approx(expected, rel=1e-4)


def test_mcnemar_bears_large_counts() -> None:
    assert 0 < mcnemar(4800, 5200) < 1e-4
    assert mcnemar(0, 10_000) == 0


def test_the_paired_interval_of_an_opinion_poll_is_as_in_the_textbook() -> None:
    # 1600 people asked twice: 794 and 570 said the same again, 150 only at first yes, 86 only then.
    low, high = paired_interval(150, 86, 1600)
    assert (low, high) == pytest.approx((-0.0587, -0.0212), abs=5e-4)
    assert paired_interval(0, 0, 10)[0] < 0 < paired_interval(0, 0, 10)[1]
