"""Half precision: which networks get it, and that its layers stay finite. On a CPU the layers are put to it by hand."""

from typing import Any

import pytest
import torch

from stylealign.config import ArchitectureSettings, TrainSettings
from stylealign.config.keeping import KeepSettings
from stylealign.networks import precision
from stylealign.networks.architecture import Architecture
from stylealign.ops import modulated_conv2d as convolutions
from stylealign.ops.bias_act import scale_channels
from stylealign.ops.modulated_conv2d import modulated_conv2d, modulation
from stylealign.training.keep.losses import similarity_difference, single
from stylealign.training.losses import path_lengths, r1_penalty
from stylealign.training.start import child_architecture, new_networks
from tests.tolerances import FLOAT32
from tests.training.common import SHAPE

PARENT = Architecture(resolution=64, conv_clamp=256.0, fp16_resolutions=2)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize(
    ("parent", "wanted", "expected"),
    [
        (PARENT, None, 2),
        (PARENT, 0, 0),
        (PARENT, 4, 4),
        (PARENT.model_copy(update={"conv_clamp": None}), 4, 0),
    ],
)
def test_a_child_runs_as_its_parent_or_as_told(parent: Architecture, wanted: int | None, expected: int) -> None:
    child = child_architecture(parent, TrainSettings(fp16_resolutions=wanted))
    assert child.fp16_resolutions == expected
    assert child.conv_clamp == parent.conv_clamp


@pytest.mark.parametrize(
    ("keep", "expected"),
    [
        ({"similarity": {"weight": 40}}, 2),
        ({"similarity": {"weight": 40, "resolutions_px": [32]}}, 1),
        ({"distances": {"weight": 5}}, 2),
        ({"distances": {"weight": 0}}, 4),
        ({"features": {"weight": 8}}, 4),
    ],
)
def test_what_is_compared_by_likeness_runs_in_single_precision(keep: dict[str, Any], expected: int) -> None:
    settings = TrainSettings(fp16_resolutions=4, keep=KeepSettings.model_validate(keep))
    assert child_architecture(PARENT, settings).fp16_resolutions == expected


def test_the_gradient_of_likeness_vanishes_in_half_precision() -> None:
    torch.manual_seed(0)
    parent = torch.randn(8, 64, 16, 16).half()
    shares = []
    for dtype in (torch.float32, torch.float16):
        child = (parent.float() + 0.3 * torch.randn(8, 64, 16, 16)).to(dtype).requires_grad_()
        (0.1 * similarity_difference(single(child), single(parent)).mean()).backward()
        assert child.grad is not None
        shares.append(float((child.grad == 0).float().mean()))
    assert shares[0] < 0.01
    assert shares[1] > 0.1, "if this holds no more, half precision can have them"


def test_a_network_from_scratch_with_half_precision_is_clamped() -> None:
    generator = new_networks(ArchitectureSettings(), TrainSettings(fp16_resolutions=3), 32)[0]
    assert generator.architecture.conv_clamp == 256.0
    assert [block.in_fp16 for block in generator.synthesis.blocks] == [False, True, True, True]
    assert new_networks(SHAPE, TrainSettings(), 16)[0].architecture.conv_clamp is None


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e6])
@pytest.mark.parametrize("up", [False, True])
def test_demodulated_convolutions_are_right_at_extreme_styles(scale: float, up: bool) -> None:
    features, weight, styles = torch.randn(2, 64, 8, 8), torch.randn(16, 64, 3, 3), torch.randn(2, 64) * scale
    half = modulated_conv2d(features.half(), weight, styles, up=up)
    exact = modulated_conv2d(features.half().double(), weight.double(), styles.double(), up=up)
    assert half.dtype == torch.float16
    # Half precision has 11 significant bits; sums of 576 products keep about 9 of them.
    torch.testing.assert_close(half.double(), exact, rtol=0, atol=2e-3 * exact.abs().max().item())


@pytest.mark.parametrize("scale", [1.0, 1e6])
def test_colours_are_a_number_at_extreme_styles(scale: float) -> None:
    features, weight, styles = torch.randn(2, 64, 8, 8), torch.randn(3, 64, 1, 1), torch.randn(2, 64) * scale
    half = modulated_conv2d(features.half(), weight, styles, demodulate=False)
    assert half.dtype == torch.float16
    assert not half.isnan().any()
    exact = modulated_conv2d(features.half().double(), weight.double(), styles.double(), demodulate=False)
    clamped = exact.clamp(-256, 256)
    close = (half.double().clamp(-256, 256) - clamped).abs() <= 2e-3 * max(exact.abs().max().item(), 1.0)
    assert close.all()


def test_demodulation_r1_and_path_lengths_stay_in_single_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the layers compute in: half precision has 11 bits and ends at 65,504."""
    monkeypatch.setattr(precision, "runs_half", lambda features: True)
    types: list[torch.dtype] = []

    def demodulation(weight: torch.Tensor, styles: torch.Tensor) -> torch.Tensor:
        result = exact_demodulation(weight, styles)
        types.extend([weight.dtype, styles.dtype, result.dtype])
        torch.testing.assert_close(result.double(), exact_demodulation(weight.double(), styles.double()), **FLOAT32)
        return result

    exact_demodulation = convolutions.demodulation
    monkeypatch.setattr(convolutions, "demodulation", demodulation)
    generator, _, discriminator = new_networks(SHAPE, TrainSettings(fp16_resolutions=2), 16)
    ws = torch.randn(2, generator.architecture.num_ws, 8, requires_grad=True)
    stages = list(generator.synthesis.stages(ws))
    assert stages[-1].features.dtype == torch.float16
    assert types == [torch.float32] * 3 * 5
    images = torch.randn(2, 3, 16, 16, requires_grad=True)
    logits = discriminator(images) * 1e3  # squares that half precision does not hold
    direction = torch.randn(2, 3, 16, 16)
    for found, given, scalar in (
        (r1_penalty(logits, images), images, logits.sum()),
        (path_lengths(stages[-1].image, ws, direction).square().mean(), ws, (stages[-1].image * direction).sum() / 16),
    ):
        assert found.dtype == torch.float32
        (gradient,) = torch.autograd.grad(scalar, given, retain_graph=True)
        assert gradient.dtype == torch.float32
        squares = gradient.double().flatten(1).square().sum(dim=1).mean()
        expected = squares if given is images else squares / ws.shape[1]
        torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=0)


def test_layers_and_their_gradients_stay_finite() -> None:
    generator, _, discriminator = new_networks(SHAPE, TrainSettings(fp16_resolutions=2), 16)
    layer, block = generator.synthesis.b16.conv0, discriminator.b16
    features = (torch.randn(4, 8, 8, 8) * 300).clamp(-256, 256).half()
    w = (torch.randn(4, 8) * 1e4).requires_grad_(True)
    own = modulation(layer.weight, layer.affine(w), torch.float16)
    noise = torch.randn(4, 1, 16, 16)
    out, _ = layer(scale_channels(features, own.scale), own, noise, following=None, keeps=True)
    assert out.dtype == torch.float16
    assert out.abs().max() <= 256 * 2**0.5 + 0.5
    images = (torch.randn(4, 3, 16, 16) * 2).half().requires_grad_(True)
    judged = block.conv1(block.conv0(block.fromrgb(images)))
    (slope,) = torch.autograd.grad(judged.float().mean(), images, create_graph=True)
    (out.float().mean() + slope.float().square().sum()).backward()
    assert w.grad is not None
    for gradient in (w.grad, layer.weight.grad, block.conv0.weight.grad):
        assert gradient.isfinite().all()
