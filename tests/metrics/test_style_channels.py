"""Localized and shared style channels: counted by hand, on maps whose regions are known."""

import numpy as np
import pytest

from stylealign.metrics.style_channels import (
    NOWHERE,
    are_seen,
    localized_regions,
    most_shared,
    overlap_scores,
    regions_in_cells,
    shared_channels,
    win_shares,
)


def test_a_cell_belongs_to_the_label_of_most_of_its_pixels() -> None:
    labels = np.array([[[0, 0, 1, 1], [0, 1, 1, 1], [9, 9, 2, 0], [9, 2, 2, 0]]])
    regions = regions_in_cells(labels, 3, 2)
    assert regions.shape == (1, 3, 2, 2)
    np.testing.assert_array_equal(regions[0, 0], [[True, False], [False, True]])  # 0 and 2 tie: the lowest
    np.testing.assert_array_equal(regions[0, 1], [[False, True], [False, False]])
    np.testing.assert_array_equal(regions[0, 2], [[False, False], [False, False]])
    assert regions_in_cells(labels[:, 2:, 2:], 3, 1)[0, :, 0, 0].tolist() == [True, False, False]


def test_the_score_is_the_overlap_over_the_squared_area() -> None:
    maps = np.zeros((1, 3, 2, 2))
    maps[0, 0] = [[4, 3], [2, 1]]
    maps[0, 1] = [[1, 2], [3, 4]]
    regions = np.zeros((1, 3, 2, 2), bool)
    regions[0, 0] = [[True, True], [False, False]]
    regions[0, 1] = [[False, False], [False, True]]
    scores = overlap_scores(maps, regions)
    np.testing.assert_allclose(scores[0, 0], [2 / 4, 0, 0])  # region 2 is not in the image
    np.testing.assert_allclose(scores[0, 1], [0, 1, 0])
    np.testing.assert_array_equal(scores[0, 2], 0)  # a channel that does nothing


@pytest.mark.parametrize(
    ("wins", "present", "expected"),
    [
        ([8, 1], [10, 10], 0),
        ([5, 1], [10, 10], NOWHERE),  # not more than half
        ([6, 4], [10, 10], NOWHERE),  # a lead of 20 points
        ([3, 1], [4, 10], 0),  # of the images that contain the region
        ([0, 0], [0, 10], NOWHERE),
    ],
)
def test_a_channel_is_localized_where_it_wins_often_and_clearly(wins, present, expected) -> None:
    scores = np.zeros((10, 1, 2))
    scores[: wins[0], 0, 0] = 1
    scores[10 - wins[1] :, 0, 1] = 1
    contains = np.arange(10)[:, None] < np.array(present)[None]
    assert localized_regions(win_shares(scores, contains)).tolist() == [expected]


def test_the_surest_shared_channels_come_first() -> None:
    parent, child = np.array([0, 0, 0, 1, NOWHERE]), np.array([0, 0, 1, 1, NOWHERE])
    wins = np.array([[0.9, 0.0], [0.8, 0.0], [0.9, 0.0], [0.0, 1.0], [0.0, 0.0]])
    others = np.array([[0.6, 0.0], [0.7, 0.0], [0.0, 0.9], [0.0, 0.9], [0.0, 0.0]])
    found = most_shared(parent, child, (wins, others))
    assert {region: own.tolist() for region, own in found.items()} == {0: [1, 0], 1: [3]}


def test_shared_channels_and_their_baseline_near_chance() -> None:
    random = np.random.default_rng(0)
    layers = [400, 400]
    parent = random.integers(-1, 4, 800)
    same = shared_channels(parent, parent, layers, draws=50)
    assert (same.localized, same.share) == ((parent != NOWHERE).sum(), 1.0)
    # A random order within each layer meets the same region for the sum of its squared frequencies.
    expected = np.mean(
        [
            np.mean(parent[:400][parent[:400] >= 0][:, None] == parent[:400]),
            np.mean(parent[400:][parent[400:] >= 0][:, None] == parent[400:]),
        ]
    )
    assert same.baseline.mean() == pytest.approx(expected, abs=0.01)
    assert same.baseline.std() > 0


def test_the_baseline_stays_within_layers() -> None:
    parent = np.array([0] * 5 + [1] * 5)
    assert shared_channels(parent, parent, [5, 5], draws=3).baseline.tolist() == [1.0] * 3
    assert shared_channels(parent, parent[::-1].copy(), [10], region=1).share == 0
    none = shared_channels(np.full(4, NOWHERE), np.zeros(4, np.int64), [4], draws=2)
    assert none.localized == 0
    assert np.isnan(none.share)


def test_a_region_that_few_images_contain_does_not_compete() -> None:
    assert are_seen(np.eye(4, 3, dtype=bool)).tolist() == [False] * 3, "two at least"
    counts = np.arange(100)[:, None] < [9, 10, 100]
    assert are_seen(counts).tolist() == [False, True, True], "ten are enough"
    scores = np.zeros((12, 1, 2))
    scores[:, 0, 0] = 0.5
    scores[0, 0, 1] = 1.0
    present = np.stack([np.ones(12, bool), np.arange(12) == 0], axis=1)
    shares = win_shares(scores, present)
    assert shares.tolist() == [[1.0, 0.0]], "one image of glasses does not hide where a channel is"
    assert localized_regions(shares).tolist() == [0]
