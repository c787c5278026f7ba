"""Projection: it finds codes, keeps the best, and no image knows of the others in its batch."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from stylealign.config import InvertSettings
from stylealign.latents import projection
from stylealign.latents.projection import Projector
from stylealign.latents.projection_state import Adam, Best, latent_noise_strength, learning_rate_factor
from stylealign.latents.spaces import names, space_of
from stylealign.networks import precision
from stylealign.networks.generator import Generator

from .conftest import TINY, PixelDistance

SETTINGS = InvertSettings(steps=40, initial_candidates=64, learning_rate=0.05)


@pytest.fixture
def targets(generator):
    z = torch.randn(5, TINY.z_dim, generator=torch.Generator().manual_seed(3))
    return generator(z).clamp(-1, 1)


def _project(generator, targets, indices, **changes):
    settings = SETTINGS.model_copy(update=changes)
    return Projector(generator, PixelDistance(), settings).project(targets, indices)


@pytest.mark.parametrize("space", names())
def test_the_loss_falls_and_codes_have_the_shape_of_the_space(space, generator, targets):
    found = _project(generator, targets, range(5), space=space)
    assert found.values.shape == (5, *space_of(space).shape(TINY))
    assert found.losses.shape == (SETTINGS.steps + 1, 5)
    assert (found.losses[-1] < 0.7 * found.losses[0]).all()
    assert (found.perceptual_fitted < found.perceptual_random).all()


@pytest.mark.parametrize("optimizer", ["adam", "soap"])
@pytest.mark.parametrize("space", names())
def test_an_image_has_the_same_result_in_every_batch(space, optimizer, generator, targets):
    how = {"space": space, "optimizer": optimizer}
    together = _project(generator, targets, range(5), **how)
    alone = _project(generator, targets[3:4], [3], **how)
    pair = _project(generator, targets[[3, 1]], [3, 1], **how)
    for other, row in ((alone, 0), (pair, 0)):
        np.testing.assert_allclose(
            other.values[row], together.values[3], atol=5e-3
        )  # of values near 1: Adam's quotients
        np.testing.assert_allclose(other.losses[:, row], together.losses[:, 3], atol=1e-4)


def test_a_run_is_repeatable_and_a_seed_changes_it(generator, targets):
    first = _project(generator, targets, range(5))
    torch.manual_seed(99)
    again = _project(generator, targets, range(5))
    np.testing.assert_array_equal(first.values, again.values)
    assert not np.array_equal(first.values, _project(generator, targets, range(5), seed=1).values)


@pytest.mark.parametrize("space", ["w", "w+"])
def test_soap_is_closer_after_as_many_steps(space, generator, targets):
    how = {"space": space, "steps": 20, "latent_noise": 0.0}
    adam = _project(generator, targets, range(5), **how)
    soap = _project(generator, targets, range(5), **how, optimizer="soap")
    assert soap.losses[-1].mean() < adam.losses[-1].mean()


def test_soap_keeps_out_of_directions_that_change_no_image(generator, targets):
    with torch.no_grad():
        for convolution in generator.synthesis.modules():
            if hasattr(convolution, "affine"):
                convolution.affine.weight[:, 0] = 0  # the first axis of w is not looked at
    settings = SETTINGS.model_copy(update={"optimizer": "soap", "latent_noise": 0.0, "space": "w+"})
    projector = Projector(generator, PixelDistance(), settings)
    found = projector.project(targets, range(5)).values
    start = generator.mapping.w_avg.numpy()
    np.testing.assert_allclose(found[..., 0], start[0], atol=1e-6)
    assert np.abs(found[..., 1:] - start[1:]).max() > 0.01


@pytest.mark.parametrize("candidates", [1, 3])
def test_soap_moves_in_every_direction_where_few_samples_were_seen(candidates, generator, targets):
    found = _project(generator, targets, range(5), space="w", optimizer="soap", initial_candidates=candidates)
    moved = found.values - generator.mapping.w_avg.numpy()
    assert np.linalg.matrix_rank(moved) == 5, "five images, five directions"
    assert (found.losses[-1] < 0.7 * found.losses[0]).all()


def test_the_best_step_is_kept(generator, targets):
    # A rate far too large: the last step is not the best of every image.
    found = _project(generator, targets, range(5), learning_rate=5.0, latent_noise=0.0, pixel_weight=0.0)
    np.testing.assert_array_equal(found.perceptual_fitted, found.losses.min(axis=0))
    assert (found.perceptual_fitted < found.losses[-1]).any()


def test_each_image_keeps_its_own_best():
    best = Best(torch.zeros(3, 2))
    for value, losses in ((1.0, [3.0, 3.0, 3.0]), (2.0, [4.0, 2.0, 3.0]), (3.0, [1.0, 5.0, 4.0])):
        best.update(torch.arange(3), torch.full((3, 2), value), torch.tensor(losses), torch.tensor(losses) / 2)
    best.update(torch.tensor([2]), torch.full((1, 2), 9.0), torch.tensor([0.5]), torch.tensor([0.25]))
    best.update(torch.tensor([1, 2]), torch.full((2, 2), 8.0), torch.tensor([6.0, 6.0]), torch.tensor([3.0, 3.0]))
    torch.testing.assert_close(best.codes, torch.tensor([[3.0, 3.0], [2.0, 2.0], [9.0, 9.0]]))
    torch.testing.assert_close(best.perceptual, torch.tensor([0.5, 1.0, 0.25]))


@pytest.mark.parametrize("steps", [0, 20])
def test_what_is_kept_was_tried_with_the_noise_of_its_step(steps, generator, targets, monkeypatch):
    tried, strengths = [], []
    fit, perturbed = Projector._fit, Projector._perturbed

    def watched(self, batch, codes):
        found = fit(self, batch, codes)
        tried.append((codes.detach().clone(), found[1].detach()))
        return found

    def noisy(self, batch, strength):
        codes = perturbed(self, batch, strength)
        strengths.append(float((codes - batch.codes).detach().std() / self.noise_scale))
        return codes

    monkeypatch.setattr(Projector, "_fit", watched)
    monkeypatch.setattr(Projector, "_perturbed", noisy)
    # A rate so small that the noise alone finds anything.
    found = _project(generator, targets, range(5), space="w", steps=steps, latent_noise=0.5, learning_rate=1e-6)
    losses = torch.stack([loss for _, loss in tried]).numpy()
    np.testing.assert_array_equal(found.losses, losses)
    for image, best in enumerate(losses.argmin(axis=0)):
        np.testing.assert_array_equal(found.values[image], tried[best][0][image].numpy())
    assert steps == 0 or 0 < losses.argmin(axis=0).max() < 0.75 * steps, "some with noise on it"
    for step, strength in enumerate(strengths):
        assert strength == pytest.approx(latent_noise_strength(step, steps), rel=0.5)


def test_images_stop_one_by_one(generator, targets):
    whole = _project(generator, targets, range(5), space="w")
    enough = float(np.median(whole.losses.min(axis=0)))
    stopped = _project(generator, targets, range(5), space="w", stop_at=enough)
    good = whole.losses.min(axis=0) <= enough
    assert good.any()
    assert not good.all()
    for image in range(5):
        first = int(np.argmax(whole.losses[:, image] <= enough)) if good[image] else len(whole.losses) - 1
        np.testing.assert_allclose(stopped.losses[: first + 1, image], whole.losses[: first + 1, image], atol=1e-4)
        np.testing.assert_array_equal(stopped.losses[first:, image], stopped.losses[first, image])
    assert (stopped.losses[-1, good] <= enough).all()
    np.testing.assert_allclose(stopped.values[~good], whole.values[~good], atol=1e-4)


def test_all_images_may_stop_at_once(generator, targets):
    found = _project(generator, targets, range(5), space="w", stop_at=1e6)
    np.testing.assert_array_equal(found.losses, found.losses[:1].repeat(SETTINGS.steps + 1, axis=0))


@pytest.mark.parametrize("rotated", [False, True])
def test_adam_is_adam(rotated):
    basis = torch.linalg.qr(torch.randn(4, 4, dtype=torch.float64)).Q if rotated else torch.eye(4, dtype=torch.float64)
    mine = torch.randn(3, 4, dtype=torch.float64)
    theirs = (mine @ basis).requires_grad_(True)
    adam = Adam([mine], (0.8, 0.99), basis if rotated else None)
    reference = torch.optim.Adam([theirs], lr=0.1, betas=(0.8, 0.99))
    for step in range(20):
        codes = theirs @ basis.T
        codes.retain_grad()
        (codes.pow(4).sum() + codes.sum() * step).backward()
        adam.step([codes.grad.clone()], 0.1)
        reference.step()
        reference.zero_grad()
    torch.testing.assert_close(adam.variables[0], theirs @ basis.T)


def test_no_steps_return_the_start(generator, targets):
    found = _project(generator, targets, range(5), steps=0, space="w")
    np.testing.assert_array_equal(found.values, generator.mapping.w_avg.expand(5, -1).numpy())
    start = torch.randn(5, TINY.num_ws, TINY.w_dim)
    settings = SETTINGS.model_copy(update={"steps": 0, "space": "w+"})
    given = Projector(generator, PixelDistance(), settings).project(targets, range(5), start=start)
    np.testing.assert_array_equal(given.values, start.numpy())


def test_z_starts_at_the_closest_candidate(generator):
    projector = Projector(generator, PixelDistance(), SETTINGS.model_copy(update={"space": "z", "steps": 0}))
    z = projector.candidates[[7, 20]]
    images = generator.synthesis(generator.mapping(z)).clamp(-1, 1)
    np.testing.assert_array_equal(projector.project(images, range(2)).values, z.numpy())


def test_the_generator_is_left_as_it_was(generator, targets):
    before = {name: tensor.clone() for name, tensor in generator.state_dict().items()}
    _project(generator, targets, range(5), steps=3)
    for name, tensor in generator.state_dict().items():
        torch.testing.assert_close(tensor, before[name], rtol=0, atol=0)


def test_a_model_without_noise_inverts(generator, targets):
    for block in generator.synthesis.blocks:
        for layer in block.layers.values():
            layer.noise_strength.zero_()
    found = _project(generator, targets, range(5), space="w")
    assert (found.losses[-1] < 0.7 * found.losses[0]).all()


def test_large_images_are_reduced_before_the_perceptual_distance(generator, targets):
    sizes = set()

    class Watching(PixelDistance):
        def activations(self, images):
            sizes.add(images.shape[-1])
            return super().activations(images)

    px = TINY.resolution
    for limit, seen in ((px, px), (px // 4, px // 4)):
        settings = SETTINGS.model_copy(update={"steps": 40, "space": "w", "perceptual_px": limit})
        found = Projector(generator, Watching(), settings).project(targets, range(5))
        assert sizes == {seen}
        assert (found.losses[-1] < found.losses[0]).all()
        sizes.clear()


def test_a_step_waits_for_no_value(generator, targets, monkeypatch):
    """Without `stop_at` nothing is read back between the first step and the last: a GPU is never waited for."""
    looked = []

    class Watching(PixelDistance):
        def features(self, images):
            looked.append(len(images))
            return super().features(images)

    def read(tensor):
        raise AssertionError("a value is read back")

    def watch(steps):
        if steps == 1:
            for name in ("item", "tolist", "__bool__", "__float__", "__int__"):
                monkeypatch.setattr(torch.Tensor, name, read)
        if steps == SETTINGS.steps:
            monkeypatch.undo()

    found = Projector(generator, Watching(), SETTINGS).project(targets, range(5), None, watch)
    assert looked == [SETTINGS.initial_candidates, len(targets)]
    assert (found.losses[-1] < 0.7 * found.losses[0]).all()


def test_small_losses_go_through_half_precision(generator, targets, monkeypatch):
    """By a single pixel such a loss has less of a derivative than a float16 holds; the codes move all the same."""
    half = Generator(TINY.model_copy(update={"fp16_resolutions": 3, "conv_clamp": 256.0})).eval().requires_grad_(False)
    half.load_state_dict(generator.state_dict())
    how = {"space": "w", "pixel_weight": 3e-6, "latent_noise": 0.0, "noise_weight": 0.0, "steps": 20}
    settings = SETTINGS.model_copy(update=how)

    class Nothing(PixelDistance):
        def between(self, features_a, features_b):
            return super().between(features_a, features_b) * 0

    def losses(network):
        return Projector(network, Nothing(), settings).project(targets, range(5)).losses

    single = losses(generator)
    assert (single[-1] < 0.9 * single[0]).all()
    monkeypatch.setattr(precision, "runs_half", lambda features: True)
    found = losses(half)
    assert (found[-1] < 0.9 * found[0]).all()
    monkeypatch.setattr(projection, "_gradient_scale", lambda generator: 1.0)
    unscaled = losses(half)
    assert (unscaled[-1] > 0.93 * unscaled[0]).all()


def test_gradients_that_half_precision_cannot_hold_are_none(generator):
    projector = Projector(generator, PixelDistance(), SETTINGS)
    codes = torch.ones(4, requires_grad=True)
    factors = torch.tensor([2.0, torch.inf, -torch.inf, torch.nan])

    def gradients(scale):
        projector._gradient_scale = scale
        return projector._gradients((codes * factors).sum(), [codes])[0]

    torch.testing.assert_close(gradients(256.0), torch.tensor([2.0, 0, 0, 0]))
    torch.testing.assert_close(gradients(1.0), factors, equal_nan=True)


def test_images_on_another_scale_are_refused(generator, targets):
    with pytest.raises(AssertionError, match=r"\[-1, 1\]"):
        _project(generator, targets * 127, range(5))


def test_the_schedule():
    rates = [learning_rate_factor(step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(0.2)
    assert rates[4:76] == pytest.approx([1.0] * 72)
    assert rates[87] == pytest.approx(0.5 - 0.5 * np.cos(np.pi * 0.13 / 0.25))
    assert all(a > b for a, b in pairwise(rates[75:]))
    assert latent_noise_strength(0, 100) == 1
    assert latent_noise_strength(30, 100) == pytest.approx(0.36)
    assert [latent_noise_strength(step, 100) for step in range(75, 100)] == [0] * 25
