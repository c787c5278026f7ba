"""The networks against numbers of the reference implementation (tests/reference/*.npz)."""

from pathlib import Path

import numpy as np
import pytest
import torch

from stylealign.networks.architecture import Architecture
from stylealign.networks.discriminator import Discriminator
from stylealign.networks.generator import Generator
from tests.tolerances import REFERENCE_RELATIVE

REFERENCE = Path(__file__).parents[1] / "reference"
SMALL = Architecture(
    resolution=32, z_dim=16, w_dim=16, mapping_layers=2, channel_base=256, channel_max=16, mbstd_group_size=None
)
CONDITIONAL = Architecture(
    resolution=64, z_dim=24, w_dim=16, c_dim=3, mapping_layers=3, channel_base=512, channel_max=16,
    mbstd_group_size=None, conv_clamp=256,
)  # fmt: skip


class Case:
    """One reference file, its networks, and every number computed from them."""

    def __init__(self, name: str, architecture: Architecture) -> None:
        self.reference = {key: torch.from_numpy(value) for key, value in np.load(REFERENCE / f"{name}.npz").items()}
        self.generator = Generator(architecture)
        # The reference discriminator has no clamp.
        self.discriminator = Discriminator(architecture.model_copy(update={"conv_clamp": None}))
        self.generator.load_state_dict(self._weights("G/"))
        self.discriminator.load_state_dict(self._weights("D/"))
        self.computed = self._compute()

    def _weights(self, prefix: str) -> dict[str, torch.Tensor]:
        return {
            key.removeprefix(prefix): value
            for key, value in self.reference.items()
            if key.startswith(prefix) and not key.endswith("resample_filter")
        }

    def _compute(self) -> dict[str, torch.Tensor]:
        given, generator, discriminator = self.reference, self.generator, self.discriminator
        z, c = given["z"], given.get("c")
        mapping, synthesis = generator.mapping, generator.synthesis
        computed = {
            "ws": mapping(z, c),
            "ws_psi07": mapping(z, c, truncation_psi=0.7),
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


@pytest.mark.parametrize(("name", "architecture"), [("sg2_32", SMALL), ("sg2_64_cond_clamp", CONDITIONAL)])
def test_every_reference_number_is_reproduced(name: str, architecture: Architecture) -> None:
    case = Case(name, architecture)
    keys = {key for key in case.reference if "/" not in key} - INPUTS
    assert keys == case.computed.keys()
    for key in sorted(keys):
        expected, computed = case.reference[key], case.computed[key]
        assert computed.dtype == torch.float32, key
        assert computed.shape == expected.shape, key
        error = (computed.detach() - expected).abs().max() / expected.abs().max()
        assert error < REFERENCE_RELATIVE, f"{name}: {key} differs by {error:.2e}"
