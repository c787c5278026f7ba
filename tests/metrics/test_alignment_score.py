"""The alignment score: against independent implementations, its bounds, and its order."""

from collections.abc import Callable

import numpy as np
import pytest

from stylealign.metrics.alignment_score import (
    PARTS,
    Responses,
    alignment_score,
    change_agreement,
    debiased_cka,
    debiased_hsic,
    partner_ranks,
    partners_first,
    standardised,
)

COUNT, STEPS, DIM, FEATURES = 96, 48, 24, 40
Map = Callable[[np.ndarray], np.ndarray]


def random_map(seed: int) -> Map:
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(DIM, 30)), rng.normal(size=(30, FEATURES))
    return lambda z: np.tanh(z @ first / DIM**0.5) @ second


def responses(drawn: Map, turn: np.ndarray | None = None, steps_turn: np.ndarray | None = None) -> Responses:
    """Return the responses of a hand-made model, whose features are its activations."""
    rng = np.random.default_rng(0)
    z, steps = rng.normal(size=(COUNT, DIM)), 0.3 * rng.normal(size=(STEPS, DIM))
    z = z if turn is None else z @ turn
    steps = steps if steps_turn is None else steps @ steps_turn
    features = drawn(z)
    centred = features - features.mean(axis=0)
    changes = drawn(z[:STEPS] + steps) - drawn(z[:STEPS] - steps)
    return Responses(features, {4: centred @ centred.T, 8: centred @ centred.T}, changes)


def unrelated(drawn: Map) -> list[Responses]:
    turns = [np.linalg.qr(np.random.default_rng(seed).normal(size=(DIM, DIM)))[0] for seed in range(1, 9)]
    return [responses(drawn, turn, turn.T) for turn in turns]


def scores(other: Responses) -> dict[str, tuple[float, float, float]]:
    parent = random_map(0)
    found = alignment_score(responses(parent), other, unrelated(parent))
    return {name: (value.value, value.ci_low or 0.0, value.ci_high or 0.0) for name, value in found.items()}


def moved(share: float) -> Map:
    """Return a model between the parent and one that has nothing to do with it, in a style of its own."""
    parent, stranger = random_map(0), random_map(99)
    return lambda z: (1 - share) * parent(z) + share * stranger(z) + 50


def test_a_model_and_itself() -> None:
    found = scores(responses(random_map(0)))
    for name in ("score", *PARTS, "4 px", "8 px"):
        assert found[name] == pytest.approx((1, 1, 1)), name


def test_unrelated_models_and_shuffled_pairs_are_at_0_within_their_interval() -> None:
    stranger = responses(random_map(5))
    for other in (stranger, responses(random_map(0)).rolled(), stranger.rolled()):
        found = scores(other)
        assert found["score"][1] == 0
        assert found["score"][0] < found["chance"][0] < 0.3
        for part in PARTS:
            assert abs(found[part][0]) < 0.3, part


def test_the_score_orders_models_by_how_far_they_moved_whatever_their_common_style() -> None:
    order = [scores(responses(moved(share)))["score"][0] for share in (0.0, 0.2, 0.4, 0.6, 1.0)]
    assert order == sorted(order, reverse=True)
    assert order[0] == pytest.approx(1)
    assert order[1] > 0.8 > 0.2 > order[4]


def test_partners_by_hand() -> None:
    one = np.array([[1.0, 0], [0, 1], [-1, 0], [0, -1]])
    assert partner_ranks(one, 3 * one).tolist() == [1, 1, 1, 1]
    assert partner_ranks(one, -one).tolist() == [-1, -1, -1, -1]
    assert partner_ranks(one, one[[1, 0, 2, 3]])[2:].tolist() == [1, 1]
    assert partner_ranks(one, np.zeros((4, 2))).tolist() == [0, 0, 0, 0], "nothing tells them apart"


def test_partners_that_are_found_first_by_hand() -> None:
    one = np.array([[1.0, 0], [0, 1], [-1, 0], [0, -1]])
    assert partners_first(one, 3 * one).tolist() == [1, 1, 1, 1]
    assert partners_first(one, one[[1, 0, 2, 3]]).tolist() == [0, 0, 1, 1]
    assert partners_first(one, np.zeros((4, 2))).tolist() == [0, 0, 0, 0], "a tie is not found"
    near = np.array([[1.0, 0], [1, 0.1], [-1, 0], [0, -1]])
    assert partners_first(one, near).tolist() == [1, 0.5, 1, 1], "from the second side another row is closer"


def test_partners_that_are_found_first_are_counted_without_chance() -> None:
    found = scores(responses(random_map(0)))
    assert found["partner_first"][0] == 1
    stranger = scores(responses(random_map(5)))["partner_first"]
    assert 0 <= stranger[1] <= stranger[0] < 0.2
    share = scores(responses(moved(0.7)))
    assert share["partner_first"][0] < share["partner_rank"][0], "early is not first"


def test_standardised() -> None:
    found = standardised(np.array([[1.0, 5, 7], [3, 5, 27]]))
    assert found.tolist() == [[-1, 0, -1], [1, 0, 1]]


def test_hsic_against_its_definition_over_quadruples() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))
    one, other = x @ x.T, y @ y.T
    total, count = 0.0, 0
    for i in range(6):
        for j in set(range(6)) - {i}:
            for q in set(range(6)) - {i, j}:
                for r in set(range(6)) - {i, j, q}:
                    total += one[i, j] * (other[i, j] + other[q, r] - 2 * other[i, q])
                    count += 1
    assert debiased_hsic(one, other) == pytest.approx(total / count)


def test_cka_is_debiased_and_knows_no_rotation_or_scale() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 500)), rng.normal(size=(40, 500))
    turn = np.linalg.qr(rng.normal(size=(500, 500)))[0]
    assert debiased_cka(x @ x.T, (3 * x @ turn) @ (3 * x @ turn).T) == pytest.approx(1)
    assert abs(debiased_cka(x @ x.T, y @ y.T)) < 0.1, "the biased one is 0.9 here"


def test_changes_that_are_alike_for_every_step_count_for_nothing() -> None:
    rng = np.random.default_rng(0)
    common, own, others = 100 * rng.normal(size=FEATURES), *rng.normal(size=(2, STEPS, FEATURES))
    assert change_agreement(common + own, common + own) == pytest.approx(np.ones(STEPS))
    assert abs(change_agreement(common + own, common + others).mean()) < 0.1
