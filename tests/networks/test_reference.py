"""The networks, in every form, against numbers of the reference implementation (tests/reference/*.npz)."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch

from benchmarks.plain import plain_form
from stylealign.networks.architecture import Architecture
from stylealign.networks.discriminator import Discriminator
from stylealign.networks.generator import Generator
from stylealign.networks.mapping import W_AVG_BETA
from stylealign.ops.native import build
from stylealign.ops.native import functions as native
from tests.tolerances import REFERENCE_RELATIVE

REFERENCE = Path(__file__).parents[1] / "reference"
SMALL = Architecture(
    resolution=32, z_dim=16, w_dim=16, mapping_layers=2, channel_base=256, channel_max=16, mbstd_group_size=None
)
CONDITIONAL = Architecture(
    resolution=64,
    z_dim=24,
    w_dim=16,
    c_dim=3,
    mapping_layers=3,
    channel_base=512,
    channel_max=16,
    mbstd_group_size=None,
    conv_clamp=256,
)
CASES = {
    "sg2_32": (SMALL, SMALL),
    # This file's discriminator has no clamp.
    "sg2_64_cond_clamp": (CONDITIONAL, CONDITIONAL.model_copy(update={"conv_clamp": None})),
    "sg2_32_clamp": (SMALL.model_copy(update={"conv_clamp": 0.5}),) * 2,
    "sg2_32_cond_d_lr": (SMALL.model_copy(update={"c_dim": 3, "label_lr_multiplier": 0.1}),) * 2,
}
"""Architectures of the generator and of the discriminator, by file."""
MEAN_MOVED = {"sg2_32_clamp", "sg2_32_cond_d_lr"}
"""Files whose mean of W took one step of training behind `ws_psi07`, before the other numbers were computed."""


def form(name: str) -> AbstractContextManager[object]:
    """Return the context for networks in native form, in that of PyTorch's functions, or as the papers write them."""
    if name == "native":
        if build.cpu_library() is None:
            pytest.skip("no C++ compiler")
        return nullcontext()
    return plain_form() if name == "plain" else patch.object(native, "supported", lambda images: False)


class Case:
    """One reference file, its networks, and every number computed from them."""

    def __init__(self, name: str, generator: Architecture, discriminator: Architecture) -> None:
        self.reference = {key: torch.from_numpy(value) for key, value in np.load(REFERENCE / f"{name}.npz").items()}
        self.generator, self.discriminator = Generator(generator), Discriminator(discriminator)
        self.generator.load_state_dict(self._weights("G/"))
        self.discriminator.load_state_dict(self._weights("D/"))
        self.mean_moved = name in MEAN_MOVED
        self.computed = self._compute()

    def _weights(self, prefix: str) -> dict[str, torch.Tensor]:
        return {
            key.removeprefix(prefix): value
            for key, value in self.reference.items()
            if key.startswith(prefix) and not key.endswith("resample_filter")
        }

    def _move_mean_back(self) -> None:
        """Undo one step of the mean of W over this file's latents."""
        mean, latents = self.generator.mapping.w_avg, self.reference["ws"][:, 0].mean(dim=0)
        mean.copy_((mean - (1 - W_AVG_BETA) * latents) / W_AVG_BETA)

    def _compute(self) -> dict[str, torch.Tensor]:
        given, generator, discriminator = self.reference, self.generator, self.discriminator
        z, c = given["z"], given.get("c")
        mapping, synthesis = generator.mapping, generator.synthesis
        computed = {"ws": mapping(z, c)}
        if self.mean_moved:
            self._move_mean_back()
        computed["ws_psi07"] = mapping(z, c, truncation_psi=0.7)
        if self.mean_moved:
            mapping.track_mean(given["ws"][:, 0])
            torch.testing.assert_close(mapping.w_avg, given["G/mapping.w_avg"], rtol=1e-6, atol=1e-6)
        computed |= {
            "ws_psi05_cutoff4": mapping(z, c, truncation_psi=0.5, truncation_cutoff=4),
        }
        ws = given["ws"].clone().requires_grad_()
        computed["img_const"] = synthesis(ws)
        computed["img_none"] = synthesis(ws, noise_mode="none")
        computed["img_psi07_const"] = synthesis(given["ws_psi07"])
        computed["img_wplus_none"] = synthesis(given["wplus"], noise_mode="none")
        (computed["grad_ws"],) = torch.autograd.grad((computed["img_const"] * given["proj"]).sum(), ws)
        images = given["img_const"].clamp(-1, 1).requires_grad_()
        computed["logits"] = discriminator(images, c)
        (gradient,) = torch.autograd.grad(computed["logits"].sum(), images, create_graph=True)
        computed["r1"] = gradient.square().sum(dim=(1, 2, 3))
        computed["r1"].mean().backward()
        resolution = generator.architecture.resolution
        weight = discriminator.get_parameter(f"b{resolution}.conv1.weight")
        computed[f"r1_grad_b{resolution}_conv1_weight"] = weight.grad
        return computed


INPUTS = {"z", "c", "wplus", "proj"}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("how", ["native", "pytorch", "plain"])
def test_every_reference_number_is_reproduced(name: str, how: str) -> None:
    with form(how):
        case = Case(name, *CASES[name])
    keys = {key for key in case.reference if "/" not in key} - INPUTS
    assert keys == case.computed.keys()
    for key in sorted(keys):
        expected, computed = case.reference[key], case.computed[key]
        assert computed.dtype == torch.float32, key
        assert computed.shape == expected.shape, key
        error = (computed.detach() - expected).abs().max() / expected.abs().max()
        assert error < REFERENCE_RELATIVE, f"{name}: {key} differs by {error:.2e}"


def test_the_clamp_of_the_reference_bites() -> None:
    """Or the case above would say nothing about it."""
    case = Case("sg2_32_clamp", *CASES["sg2_32_clamp"])
    peaks = []
    for name, module in case.generator.synthesis.named_modules():
        if name.endswith(("conv0", "conv1")):
            module.register_forward_hook(lambda module, inputs, out: peaks.append(float(out[0].detach().abs().max())))
    case.generator.synthesis(case.reference["ws"])
    assert peaks == [0.5] * 7


STYLES = dict(np.load(REFERENCE / "sg2_32_style.npz"))


def test_styles_and_their_image_are_those_of_the_reference() -> None:
    """`style/LAYER` is the output of the layer's affine map; toRGB's before its weight gain."""
    case = Case("sg2_32", *CASES["sg2_32"])
    ws, generator = torch.from_numpy(STYLES["ws"]), case.generator.requires_grad_(False)
    found = generator.synthesis.by_layer(generator.synthesis.styles(ws))
    keys = {key.removeprefix("style/") for key in STYLES if key.startswith("style/")}
    assert keys == found.keys()
    for key in sorted(keys):
        torch.testing.assert_close(found[key], torch.from_numpy(STYLES[f"style/{key}"]), rtol=1e-5, atol=1e-5)
    expected = torch.from_numpy(STYLES["image"])
    for codes in (ws, generator.synthesis.styles(ws)):
        error = (generator.synthesis(codes) - expected).abs().max() / expected.abs().max()
        assert error < REFERENCE_RELATIVE


def test_images_of_edited_channels_are_those_of_the_reference() -> None:
    """`edited/LAYER/CHANNEL` has 2 added to that one style."""
    synthesis = Case("sg2_32", *CASES["sg2_32"]).generator.requires_grad_(False).synthesis
    styles = synthesis.styles(torch.from_numpy(STYLES["ws"]))
    edited = {key for key in STYLES if key.startswith("edited/")}
    assert len(edited) == 5
    for key in edited:
        _, layer, channel = key.split("/")
        moved = styles.clone()
        synthesis.by_layer(moved)[layer][:, int(channel)] += 2
        expected = torch.from_numpy(STYLES[key])
        error = (synthesis(moved) - expected).abs().max() / expected.abs().max()
        assert error < REFERENCE_RELATIVE, key
