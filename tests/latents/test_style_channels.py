"""Gradient maps of style channels: the reference, the plain Jacobian, the count of passes, channels known by hand."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from stylealign.errors import StyleAlignError
from stylealign.latents.cell_passes import backward_passes
from stylealign.latents.style_channels import gradient_maps, jacobian
from stylealign.metrics.style_channels import localized_regions, overlap_scores, regions_in_cells, win_shares
from stylealign.networks.architecture import Architecture
from stylealign.networks.generator import Generator
from tests.networks.test_reference import CASES, STYLES, Case
from tests.tolerances import FLOAT64, REFERENCE_RELATIVE


def test_gradient_maps_are_those_of_the_reference() -> None:
    generator = Case("sg2_32", *CASES["sg2_32"]).generator.requires_grad_(False)
    found = gradient_maps(generator, torch.from_numpy(STYLES["ws"]), cells=8)
    keys = [key for key in STYLES if key.startswith("gradient_map/")]
    assert len(keys) == 5
    for key in keys:
        expected = torch.from_numpy(STYLES[key])
        error = (found[key.removeprefix("gradient_map/")] - expected).abs().max() / expected.abs().max()
        assert error < REFERENCE_RELATIVE, key


def plain_jacobian(generator: Generator, ws: Tensor, cells: int) -> dict[str, Tensor]:
    """One backward pass a cell and colour, by autograd."""
    synthesis, size = generator.synthesis, generator.architecture.resolution // cells
    styles = synthesis.styles(ws).requires_grad_()
    seen = F.avg_pool2d(synthesis(styles), size).flatten(1)
    rows = [torch.autograd.grad(seen[:, cell].sum(), styles, retain_graph=True)[0] for cell in range(seen.shape[1])]
    whole = torch.stack(rows, dim=2).unflatten(2, (3, cells, cells)).transpose(1, 2)
    parts = whole.split(list(synthesis.style_channels.values()), dim=2)
    named = dict(zip(synthesis.style_channels, parts, strict=True))
    return {name: part for name, part in named.items() if not name.endswith("torgb")}


@pytest.mark.parametrize(("resolution", "cells", "clamp"), [(16, 16, None), (32, 4, None), (64, 8, 2.0), (8, 32, None)])
def test_shared_passes_give_the_plain_jacobian(resolution: int, cells: int, clamp: float | None) -> None:
    torch.manual_seed(0)
    shape = {"resolution": resolution, "channel_base": resolution * 3, "channel_max": 5, "conv_clamp": clamp}
    generator = Generator(Architecture(z_dim=6, w_dim=6, mapping_layers=2, **shape)).double().requires_grad_(False)
    for name, parameter in generator.named_parameters():
        if name.endswith("noise_strength"):
            parameter.fill_(0.1)
    ws = generator.mapping(torch.randn(2, 6, dtype=torch.float64))
    expected, found = plain_jacobian(generator, ws, min(cells, resolution)), jacobian(generator, ws, cells)
    assert list(found) == list(expected)
    for name in expected:
        assert found[name].dtype == torch.float64
        torch.testing.assert_close(found[name], expected[name], **FLOAT64)
    by_styles = jacobian(generator, generator.synthesis.styles(ws), cells)
    torch.testing.assert_close(by_styles, found)
    if min(cells, resolution) < resolution:
        passes = backward_passes(generator.architecture, cells)
        assert passes[resolution] < cells**2


def _multiplications(architecture: Architecture, resolution: int) -> int:
    """Return the multiplications of a block."""
    inside = architecture.channels(resolution)
    own = 9 * inside * inside * resolution**2
    if resolution == 4:
        return own
    return own + 9 * inside * architecture.channels(resolution // 2) * (resolution // 2) ** 2


def test_a_large_network_takes_a_tenth_of_the_passes() -> None:
    config_f = Architecture(resolution=1024)
    passes = backward_passes(config_f)
    assert list(passes) == config_f.resolutions[::-1]
    assert passes[1024] == 4
    assert max(passes.values()) == 1024
    work = {resolution: _multiplications(config_f, resolution) for resolution in config_f.resolutions}
    assert 10 * sum(work[resolution] * passes[resolution] for resolution in work) <= 1024 * sum(work.values())
    assert sum(c for name, c in config_f.style_channels.items() if not name.endswith("torgb")) == 6048


def test_cells_must_divide_the_image(generator: Generator) -> None:
    with pytest.raises(StyleAlignError, match="cells: must be a power of two, not 3"):
        gradient_maps(generator, generator.mapping(torch.randn(1, 12)), cells=3)


def test_channels_of_a_hand_made_generator_are_found_where_they_are() -> None:
    """The constant of channel c fills one quadrant; the convolution sums the channels; toRGB shows the sum."""
    architecture = Architecture(resolution=4, z_dim=4, w_dim=4, mapping_layers=1, channel_base=64, channel_max=16)
    generator = Generator(architecture).requires_grad_(False)
    block = generator.synthesis.b4
    for parameter in generator.synthesis.parameters():
        parameter.zero_()
    block.conv1.affine.bias.fill_(1)
    block.torgb.affine.bias.fill_(1)
    quadrants = [(slice(0, 2), slice(0, 2)), (slice(0, 2), slice(2, 4)), (slice(2, 4), slice(0, 2))]
    for channel, (rows, columns) in enumerate(quadrants):
        block.const[channel, rows, columns] = 1
    block.conv1.weight[0, :, 1, 1] = 1
    block.torgb.weight[:, 0] = 1
    labels = np.full((3, 4, 4), 3)
    for region, (rows, columns) in enumerate(quadrants):
        labels[:, rows, columns] = region
    maps = gradient_maps(generator, torch.randn(3, 2, 4), cells=4)["b4.conv1"].numpy()
    regions = regions_in_cells(labels, 4, 4)
    found = localized_regions(win_shares(overlap_scores(maps, regions), regions.any(axis=(2, 3))))
    assert found[:3].tolist() == [0, 1, 2]
