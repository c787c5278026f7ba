"""Morphs move code and weights, end where they should, and can be re-timed to even steps."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from stylealign.applications.morph_measures import MorphMeasures, MorphMeter
from stylealign.applications.morphing import PATHS, Morph, WeightPath, even_times, linear_times

from .conftest import TINY, PixelDistance


@pytest.fixture
def morph(parent, child):
    a, b = torch.randn(2, 3, TINY.num_ws, TINY.w_dim, generator=torch.Generator().manual_seed(2))
    return Morph(WeightPath(parent, child), a, b, "w+")


def test_weights_lie_on_the_line(parent, child):
    path = WeightPath(parent, child)
    halfway = path.at(0.5).state_dict()
    for name, start in parent.state_dict().items():
        torch.testing.assert_close(halfway[name], (start + child.state_dict()[name]) / 2)


def test_ends_are_the_models_bit_for_bit(parent, child):
    path = WeightPath(parent, child)
    path.at(0.37)
    for t, model in ((0.0, parent), (1.0, child)):
        for name, tensor in path.at(t).state_dict().items():
            torch.testing.assert_close(tensor, model.state_dict()[name], rtol=0, atol=0)


def test_frames_take_no_new_weights(parent, child):
    path = WeightPath(parent, child)
    places = {name: tensor.data_ptr() for name, tensor in path.at(0.1).state_dict().items()}
    assert places == {name: tensor.data_ptr() for name, tensor in path.at(0.9).state_dict().items()}


def test_the_models_stay_as_they_are(parent, child, morph):
    before = {name: tensor.clone() for name, tensor in parent.state_dict().items()}
    list(morph.frames(PATHS["linear"], linear_times(3)))
    for name, tensor in parent.state_dict().items():
        torch.testing.assert_close(tensor, before[name], rtol=0, atol=0)


def test_models_of_different_shape_are_refused(parent):
    from stylealign.networks.generator import Generator

    with pytest.raises(AssertionError, match="one architecture"):
        WeightPath(parent, Generator(TINY.model_copy(update={"channel_max": 4})))


def test_a_morph_starts_at_the_source_and_ends_at_the_target(parent, child, morph):
    frames = list(morph.frames(PATHS["linear"], linear_times(5)))
    assert [frame.shape for frame in frames] == [(3, 3, 16, 16)] * 5
    torch.testing.assert_close(frames[0], parent.synthesis(morph.source_codes).clamp(-1, 1))
    torch.testing.assert_close(frames[-1], child.synthesis(morph.target_codes).clamp(-1, 1))


def test_z_codes_go_through_the_moving_mapping(parent, child):
    z = torch.randn(2, TINY.z_dim, generator=torch.Generator().manual_seed(4))
    frames = list(Morph(WeightPath(parent, child), z, z, "z", 0.6).frames(PATHS["linear"], linear_times(3)))
    for frame, model in ((frames[0], parent), (frames[-1], child)):
        torch.testing.assert_close(frame, model.synthesis(model.mapping(z, None, 0.6)).clamp(-1, 1))


@pytest.mark.parametrize("name", PATHS)
def test_every_path_goes_from_start_to_end(name):
    positions = [PATHS[name](t) for t in np.linspace(0, 1, 21)]
    assert positions[0] == (0.0, 0.0)
    assert positions[-1] == (1.0, 1.0)
    for axis in (0, 1):
        assert all(a[axis] <= b[axis] for a, b in pairwise(positions))


def test_weights_first_and_codes_first_differ_in_order():
    assert PATHS["weights-first"](0.5) == (0.0, 1.0)
    assert PATHS["codes-first"](0.5) == (1.0, 0.0)
    assert PATHS["eased"](0.25)[0] < 0.25


def test_each_image_can_have_its_own_time(morph):
    times = np.array([[0.0, 0.2, 1.0]])
    (frame,) = morph.frames(PATHS["linear"], times)
    for index, t in enumerate(times[0]):
        torch.testing.assert_close(
            frame[index : index + 1], morph.images((t, t))[index : index + 1], atol=1e-5, rtol=1e-5
        )


def test_cross_fade_is_a_blend_of_the_ends(morph):
    frames = list(morph.cross_fade(linear_times(5)))
    torch.testing.assert_close(frames[1], 0.75 * frames[0] + 0.25 * frames[-1])


def test_even_times_of_even_steps_are_those_times():
    np.testing.assert_allclose(even_times(linear_times(9), np.full((8, 2), 0.3))[:, 1], linear_times(9), atol=1e-9)


def test_even_times_in_closed_form():
    # Twice the speed in the second half.
    times = even_times(linear_times(5), np.array([[1.0], [1.0], [2.0], [2.0]]))[:, 0]
    np.testing.assert_allclose(times, [0, 0.375, 0.625, 0.8125, 1], atol=2e-3)


def test_even_times_bear_a_morph_that_stands_still():
    times = even_times(linear_times(4), np.zeros((3, 1)))[:, 0]
    np.testing.assert_allclose(times, linear_times(4), atol=1e-9)


def _measure(morph, times):
    meter = MorphMeter(PixelDistance())
    for frame in morph.frames(PATHS["linear"], times):
        meter.add(frame)
    return meter.result(morph.images((1.0, 1.0)))


def test_re_timing_evens_the_steps(morph):
    times = linear_times(24)
    before = measures = _measure(morph, times)
    for _ in range(2):
        times = even_times(times, measures.steps)
        measures = _measure(morph, times)
    assert (before.step_ratio > 1.2).all()
    assert (measures.step_ratio < 1 + 0.25 * (before.step_ratio - 1)).all()
    np.testing.assert_allclose(measures.endpoint_error, 0, atol=1e-8)


def test_measures_in_closed_form():
    meter = MorphMeter(PixelDistance())
    for value in (0.0, 0.1, 0.1, 0.4):
        meter.add(torch.full((1, 3, 4, 4), value))
    measures = meter.result(torch.full((1, 3, 4, 4), 0.6))
    np.testing.assert_allclose(measures.steps[:, 0], [0.1, 0.0, 0.3], atol=1e-6)
    measured = {name: value for name, (value,) in measures.per_image().items()}
    assert measured == pytest.approx({"path_length": 0.4, "step_ratio": 2.25, "endpoint_error": 0.04}, rel=1e-4)


def test_the_length_converges_as_frames_are_added(morph):
    few, more = (_measure(morph, linear_times(frames)).path_length for frames in (49, 193))
    np.testing.assert_allclose(more, few, rtol=0.01)
    straight = (morph.images((0.0, 0.0)) - morph.images((1.0, 1.0))).square().mean(dim=(1, 2, 3)).sqrt()
    assert (more >= straight.numpy() * (1 - 1e-6)).all(), "no path is shorter than the straight line"


def test_a_uniform_movement_has_a_ratio_of_one_and_the_length_of_the_line():
    meter = MorphMeter(PixelDistance())
    for t in np.linspace(-0.5, 0.7, 13):
        meter.add(torch.full((1, 3, 4, 4), float(t)))
    measures = meter.result(torch.full((1, 3, 4, 4), 0.7))
    np.testing.assert_allclose(measures.path_length, 1.2, rtol=1e-5)
    np.testing.assert_allclose(measures.step_ratio, 1, rtol=1e-5)


def test_a_morph_that_stands_still_has_a_ratio_of_one():
    measures = MorphMeasures(np.zeros((4, 2), np.float32), np.ones(2, np.float32))
    assert measures.per_image()["step_ratio"] == [1.0, 1.0]
