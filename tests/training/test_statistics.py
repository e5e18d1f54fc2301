"""Intervals and words of a comparison, against printed tables and simulation."""

import random
from statistics import NormalDist, fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shareviz.training.statistics import (
    Word,
    compare_pairs,
    holm,
    holm_levels,
    paired_p,
    student_central,
    student_quantile,
    t_interval,
)

# two-sided critical values as printed in any table of Student's t
TABLE = {
    (0.95, 1): 12.706,
    (0.95, 2): 4.303,
    (0.95, 3): 3.182,
    (0.95, 4): 2.776,
    (0.95, 9): 2.262,
    (0.95, 30): 2.042,
    (0.99, 1): 63.657,
    (0.99, 4): 4.604,
    (0.99, 9): 3.250,
    (0.90, 7): 1.895,
    (0.999, 2): 31.599,
    (0.999, 10): 4.587,
}


@pytest.mark.parametrize(("confidence", "df"), TABLE)
def test_quantiles_are_those_of_the_printed_table(confidence: float, df: int) -> None:
    assert student_quantile(confidence, df) == pytest.approx(TABLE[confidence, df], abs=6e-4)


def test_many_degrees_approach_the_normal_quantile() -> None:
    assert student_quantile(0.95, 20_000) == pytest.approx(NormalDist().inv_cdf(0.975), abs=2e-4)


@given(st.floats(0.01, 0.999), st.integers(1, 60))
@settings(max_examples=40, deadline=None)
def test_the_quantile_inverts_the_probability(confidence: float, df: int) -> None:
    assert student_central(student_quantile(confidence, df), df) == pytest.approx(confidence, abs=1e-9)


def test_an_interval_is_mean_and_quantile_times_standard_error() -> None:
    # 1 2 3 4 5: mean 3, sd sqrt(2.5), se sqrt(.5) = .70711; 2.77645 × .70711 = 1.96324
    low, high = t_interval([1, 2, 3, 4, 5])
    assert (low, high) == pytest.approx((3 - 1.96324, 3 + 1.96324), abs=1e-4)


def test_nominal_95_covers_95_of_100_at_five_seeds() -> None:
    draw = random.Random(7)
    runs = 4_000
    inside = 0
    for _ in range(runs):
        low, high = t_interval([draw.gauss(0.3, 1) for _ in range(5)])
        inside += low <= 0.3 <= high
    # binomial standard error .0034: four of them
    assert inside / runs == pytest.approx(0.95, abs=0.014)


def test_holm_holds_the_error_of_the_whole_family() -> None:
    draw = random.Random(11)
    runs, wrong = 800, 0
    for _ in range(runs):
        arms = {str(arm): {seed: draw.gauss(0, 1) for seed in range(5)} for arm in range(5)}
        wrong += any(pair.word in (Word.BETTER, Word.WORSE) for pair in compare_pairs(arms, "0"))
    assert wrong / runs < 0.05 + 4 * 0.0077


def test_holm_multiplies_by_what_is_left_and_never_falls() -> None:
    # sorted .01 .02 .03 .04: ×4 .04, ×3 .06, ×2 .06 (not below), ×1 .06
    assert holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.9, 0.8]) == (1.0, 1.0)
    assert holm([]) == ()


@given(st.lists(st.lists(st.floats(-1, 1), min_size=5, max_size=5), min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_holm_intervals_exclude_zero_exactly_where_a_winner_is_named(arms: list[list[float]]) -> None:
    values = {"none": dict.fromkeys(range(5), 0.0)}
    values |= {f"v{i}": dict(enumerate(arm)) for i, arm in enumerate(arms)}
    for pair in compare_pairs(values, "none"):
        assert pair.holm_low is not None and pair.holm_high is not None
        excluded = not pair.holm_low <= 0 <= pair.holm_high
        assert excluded == (pair.word is not Word.SAME)
        assert pair.holm_low <= pair.low <= pair.mean <= pair.high <= pair.holm_high


def test_levels_shrink_until_the_first_that_is_kept() -> None:
    # .001 < .05/3; .03 > .05/2, so it and the last stay at .05/2
    assert holm_levels([0.03, 0.001, 0.04]) == pytest.approx([1 - 0.025, 1 - 0.05 / 3, 1 - 0.025])


def arms(one: list[float | None], other: list[float | None]) -> dict[str, dict[int, float | None]]:
    return {"a": dict(enumerate(one)), "b": dict(enumerate(other))}


def test_identical_arms_show_no_difference() -> None:
    (pair,) = compare_pairs(arms([0.1, 0.2, 0.3], [0.1, 0.2, 0.3]), "a")
    assert (pair.word, pair.mean, pair.low, pair.high) == (Word.SAME, 0, 0, 0)
    assert pair.exact


def test_a_difference_that_every_pair_repeats_is_named_and_marked_exact() -> None:
    # .3 − .2 and 1 − .9 differ in the last bit only
    (pair,) = compare_pairs(arms([0.2, 0.9, 0.4], [0.3, 1.0, 0.5]), "a")
    assert pair.word is Word.BETTER and pair.exact and pair.low == pair.high == pytest.approx(0.1)


def test_noise_around_zero_names_no_winner() -> None:
    (pair,) = compare_pairs(arms([0.5, 0.6, 0.4, 0.5], [0.6, 0.5, 0.5, 0.5]), "a")
    assert pair.word is Word.SAME and not pair.exact


@pytest.mark.parametrize(("higher", "word"), [(True, Word.BETTER), (False, Word.WORSE)])
def test_the_metric_says_which_sign_is_better(higher: bool, word: Word) -> None:
    (pair,) = compare_pairs(arms([0.5, 0.5, 0.6], [0.9, 0.91, 0.99]), "a", higher_is_better=higher)
    assert pair.word is word and pair.verdict == word.value


def test_two_seeds_are_too_few_for_an_interval() -> None:
    (pair,) = compare_pairs(arms([0.1, 0.1], [0.9, 0.8]), "a")
    assert (pair.word, pair.low, pair.p) == (Word.FEW, None, None)
    assert len(pair.pairs) == 2


def test_diverged_seeds_are_counted_and_forbid_a_winner() -> None:
    (pair,) = compare_pairs(arms([0.1, 0.1, 0.1, 0.1], [0.9, None, 0.91, 0.92]), "a")
    assert pair.verdict == "1 of 4 diverged"
    assert pair.mean is None and len(pair.pairs) == 3


def test_only_seeds_of_both_sides_make_pairs() -> None:
    (pair,) = compare_pairs({"a": {0: 0.1, 1: 0.1, 2: 0.1, 3: 0.2}, "b": {1: 0.2, 3: 0.3}}, "a")
    assert [seed for seed, _ in pair.pairs] == [1, 3]


def test_the_p_value_agrees_with_a_permutation_of_signs() -> None:
    draw = random.Random(3)
    differences = [draw.gauss(0.25, 1) for _ in range(12)]
    means = [abs(fmean(draw.choice((-1, 1)) * d for d in differences)) for _ in range(4_000)]
    permuted = fmean(mean >= abs(fmean(differences)) for mean in means)
    assert paired_p(differences) == pytest.approx(permuted, abs=0.05)
