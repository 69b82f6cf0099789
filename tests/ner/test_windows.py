from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mednerapp.ner.windows import WindowPlan, batches, cut

plans = st.integers(1, 40).flatmap(lambda size: st.builds(WindowPlan, st.just(size), st.integers(0, size - 1)))


@given(tokens=st.integers(0, 600), plan=plans)
def test_every_token_is_kept_once_by_the_window_with_the_widest_context(tokens: int, plan: WindowPlan) -> None:
    windows = cut(tokens, plan)

    kept = [t for w in windows for t in range(w.keep_start, w.keep_stop)]
    assert kept == list(range(tokens))
    for window in windows:
        assert window.start <= window.keep_start <= window.keep_stop <= window.stop
        assert window.stop - window.start <= plan.size

    def context(window, token: int) -> float:
        if not window.start <= token < window.stop:
            return -1
        left = token - window.start if window.start else float("inf")
        right = window.stop - 1 - token if window.stop < tokens else float("inf")
        return min(left, right)

    for window in windows:
        for token in range(window.keep_start, window.keep_stop):
            assert context(window, token) >= max(context(other, token) for other in windows)


@given(tokens=st.integers(1, 600), plan=plans)
def test_windows_are_as_few_and_as_even_as_the_plan_allows(tokens: int, plan: WindowPlan) -> None:
    windows = cut(tokens, plan)

    assert len({w.stop - w.start for w in windows}) == 1
    shared = [a.stop - b.start for a, b in pairwise(windows)]
    assert all(n >= plan.overlap for n in shared)
    if len(windows) > 1:
        assert (len(windows) - 1) * (plan.size - plan.overlap) + plan.overlap < tokens


def test_a_window_that_would_not_move_on_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot overlap"):
        WindowPlan(10, 10)


@given(lengths=st.lists(st.integers(1, 50), max_size=60), budget=st.integers(1, 200))
def test_batches_hold_every_window_once_within_the_token_budget(lengths: list[int], budget: int) -> None:
    groups = batches(lengths, budget)

    assert sorted(i for group in groups for i in group) == list(range(len(lengths)))
    for group in groups:
        assert len(group) == 1 or sum(lengths[i] for i in group) <= budget
