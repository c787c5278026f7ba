"""The perceptual distances: LPIPS against its package, the offline distance against its formula."""

import lpips
import pytest
import torch
from torch.nn import functional as F

from stylealign.errors import StyleAlignError
from stylealign.metrics import perceptual
from stylealign.metrics.networks.lpips_distance import Lpips
from stylealign.metrics.perceptual import perceptual_distance


def images(seed: int, size: int = 32, count: int = 2) -> torch.Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.fixture(scope="module")
def distance() -> perceptual.PerceptualDistance:
    return perceptual_distance("efficientnet-lite0")


def test_formula(distance: perceptual.PerceptualDistance) -> None:
    a, b = images(0), images(1)

    def layers(x: torch.Tensor) -> list[torch.Tensor]:
        x = distance.network.stem((x * 127.5 + 0.5) / 128)
        found = [x]
        for index, block in enumerate(distance.network.blocks):
            x = block(x)
            found += [x] if index in (2, 4, 10) else []
        return found

    terms = [
        (F.normalize(x) - F.normalize(y)).square().sum(1).mean((1, 2))
        for x, y in zip(layers(a), layers(b), strict=True)
    ]
    torch.testing.assert_close(distance(a, b), torch.stack(terms).mean(0), rtol=1e-4, atol=1e-6)


def test_is_a_distance(distance: perceptual.PerceptualDistance) -> None:
    a, b = images(0), images(1)
    assert distance(a, a).eq(0).all()
    torch.testing.assert_close(distance(a, b), distance(b, a))
    near = distance(a, (a + 0.05 * images(2)).clamp(-1, 1))
    assert (near > 0).all()
    assert (near < distance(a, b)).all()


def test_precomputed_features_give_the_same_value_and_gradient(distance: perceptual.PerceptualDistance) -> None:
    a, b = images(0), images(1).requires_grad_()
    target = distance.features(a)
    (gradient,) = torch.autograd.grad(distance.between(target, distance.features(b)).sum(), b)
    (expected,) = torch.autograd.grad(distance(a, b).sum(), b)
    torch.testing.assert_close(gradient, expected)
    assert gradient.abs().sum() > 0


def test_gradient_descent_lowers_the_distance(distance: perceptual.PerceptualDistance) -> None:
    target, image = images(0), images(1).requires_grad_()
    optimiser = torch.optim.Adam([image], lr=0.05)
    first = distance(target, image).mean().item()
    for _ in range(20):
        optimiser.zero_grad()
        distance(target, image).mean().backward()
        optimiser.step()
    assert distance(target, image).mean().item() < 0.7 * first


def test_overshoot_is_measured(distance: perceptual.PerceptualDistance) -> None:
    far = images(0) * 1.5
    far[:, :, 0, 0] = 40  # a young model's single pixels
    assert distance(far, images(1)).isfinite().all()


@pytest.mark.parametrize("scale", [127.5, 1e30, float("nan")])
def test_images_on_another_scale_or_of_a_diverged_model_are_refused(
    scale: float, distance: perceptual.PerceptualDistance
) -> None:
    with pytest.raises(StyleAlignError, match=r"\[-1, 1\].*diverged"):
        distance(images(0) * scale + scale, images(1))


@pytest.mark.filterwarnings("ignore:.*(pretrained|weight enum)")
@pytest.mark.parametrize("name", ["lpips-vgg", "lpips-alex"])
def test_lpips_against_its_package(name: str) -> None:
    torch.manual_seed(0)
    ours = Lpips(name, weights=None, random_backbone=True)
    package = lpips.LPIPS(net=name.removeprefix("lpips-"), pnet_rand=True, verbose=False)
    package.net.load_state_dict(ours.network.net.state_dict())
    a, b = images(0, size=64), images(1, size=64)
    torch.testing.assert_close(ours(a, b), package(a, b).flatten(), rtol=1e-4, atol=1e-6)


def test_lpips_takes_local_backbone_weights(tmp_path) -> None:  # type: ignore[no-untyped-def]
    import torchvision

    alexnet = torchvision.models.alexnet(weights=None)
    torch.save(alexnet.state_dict(), tmp_path / "alexnet.pth")
    ours = perceptual_distance("lpips-alex", weights=tmp_path / "alexnet.pth")
    x = ours.network.scaling_layer(images(0, size=64))
    torch.testing.assert_close(ours.network.net(x)[4], alexnet.features[:12](x))


def test_errors_name_the_remedy(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(StyleAlignError, match="lpips-vgg"):
        perceptual_distance("vgg")
    (tmp_path / "weights.pth").write_bytes(b"no weights")
    with pytest.raises(StyleAlignError, match=r"weights\.pth: not the weights"):
        perceptual_distance("lpips-alex", weights=tmp_path / "weights.pth")
