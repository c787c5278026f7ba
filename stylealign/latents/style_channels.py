"""What each style channel changes, and where: the Jacobian of the image with respect to the styles.

The image is averaged in square cells (Wu et al. 2021, arXiv 2011.12799, section 4). Late layers act locally: a cell
feels only the features near it. Cells that are far enough apart share one backward pass through a block, and what
belongs to which is told by the place. The passes go block by block, from the image down: each block has its own
distance at which cells are apart, so the small blocks are passed once a cell and the large ones a few times in all.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from stylealign.latents.cell_passes import cell_spacing, cells_of, pixel_owners
from stylealign.networks.architecture import Architecture
from stylealign.networks.generator import Generator
from stylealign.networks.synthesis import SynthesisBlock, SynthesisLayer
from stylealign.ops.bias_act import bias_act
from stylealign.ops.modulated_conv2d import conv2d_resampled, demodulation
from stylealign.ops.upfirdn2d import upsample2d

PASS_VALUES = 1 << 25
"""Activations of one layer that one batch of backward passes may hold."""


def gradient_maps(generator: Generator, codes: Tensor, cells: int = 32) -> dict[str, Tensor]:
    """Return the mean over the colours of the absolute `jacobian`: `[N, C, k, k]` by layer, k = min(cells, r).

    The channels of all layers, one behind another, are `torch.cat(list(maps.values()), dim=1)`.
    """
    maps = [
        {name: part.abs().mean(dim=1) for name, part in jacobian(generator, codes[index : index + 1], cells).items()}
        for index in range(len(codes))
    ]
    return {name: torch.cat([part[name] for part in maps]) for name in maps[0]}


def jacobian(generator: Generator, codes: Tensor, cells: int = 32) -> dict[str, Tensor]:
    """Return the derivative of the cells' mean colours with respect to the styles of the convolutions.

    Args:
        generator: any; it runs with its stored noise, in float32 (or float64) whatever its blocks run in elsewhere.
        codes: ws `[N, num_ws, w_dim]` or styles `[N, style_dim]`.
        cells: cells on each axis, a power of two; no more than the image has pixels.

    Returns:
        By layer name ("b8.conv0"), 4 px first, toRGB apart: `[N, 3, C, k, k]`, k = min(cells, r).

    Raises:
        StyleAlignError: cells that do not divide the image.
    """
    count = cells_of(generator.architecture, cells)
    synthesis = generator.synthesis
    with torch.no_grad():
        styles = synthesis.by_layer(synthesis.styles(codes) if codes.ndim == 3 else codes.clone())
        inputs = list(_inputs(generator, styles))
    found: dict[str, Tensor] = {}
    wanted = _image_gradients(generator.architecture, len(codes), count, codes)
    for block, given in reversed(list(zip(synthesis.blocks, inputs, strict=True))):
        groups = cell_spacing(generator.architecture, count)[block.resolution]
        wanted, parts = _block_pass(block, given, styles, _regrouped(wanted, groups))
        found |= parts
    return {name: found[name] for name in styles if name in found}


@dataclass(frozen=True)
class _Gradients:
    """Gradients of the cells' colours with respect to the features and the image behind a block.

    The pass of group (a, b) holds the cells (a + i * spacing, b + j * spacing): see `pixel_owners`.
    """

    features: Tensor | None
    """`[spacing, spacing, 3, N, C, h, h]`, None behind the last block."""
    image: Tensor
    """`[spacing, spacing, 3, N, 3, h, h]`."""
    spacing: int
    cells: int


def _image_gradients(architecture: Architecture, batch: int, cells: int, like: Tensor) -> _Gradients:
    """Return the gradients of the cells' mean colours with respect to the image: in one pass, each at its place."""
    resolution = architecture.resolution
    share = (cells / resolution) ** 2
    colours = torch.eye(3, dtype=like.dtype, device=like.device) * share
    image = colours[None, None, :, None, :, None, None].expand(1, 1, 3, batch, 3, resolution, resolution)
    return _Gradients(None, image, 1, cells)


def _regrouped(given: _Gradients, spacing: int) -> _Gradients:
    """Return the same gradients with the cells of a pass further apart: no closer than before, so nothing overlaps."""
    spacing = max(spacing, given.spacing)
    if spacing == given.spacing:
        return given

    def moved(maps: Tensor) -> Tensor:
        px = maps.shape[-1]
        new = pixel_owners(spacing, given.cells, px, maps.device)
        old = pixel_owners(given.spacing, given.cells, px, maps.device)
        # Of pass a each pixel is taken from the pass that held its owner, where that held it there at all.
        source = new % given.spacing
        held = torch.stack([old[source[group], torch.arange(px)] == new[group] for group in range(spacing)])
        along = torch.arange(px, device=maps.device)
        flat = maps.flatten(2, 4)
        rows = [
            [
                flat[source[a][:, None], source[b][None, :], :, along[:, None], along[None, :]].permute(2, 0, 1)
                * (held[a][:, None] & held[b][None, :])
                for b in range(spacing)
            ]
            for a in range(spacing)
        ]
        return torch.stack([torch.stack(row) for row in rows]).unflatten(2, maps.shape[2:5])

    features = None if given.features is None else moved(given.features)
    return _Gradients(features, moved(given.image), spacing, given.cells)


@dataclass(frozen=True)
class _Inputs:
    """What a block starts from."""

    features: Tensor
    """`[N, C, h, h]`: of the first block the constant."""
    image: Tensor | None
    """`[N, 3, h, h]`, None at the first block."""


def _inputs(generator: Generator, styles: dict[str, Tensor]) -> Iterator[_Inputs]:
    """Yield what each block starts from, 4 px first."""
    batch = len(next(iter(styles.values())))
    blocks = generator.synthesis.blocks
    given = _Inputs(blocks[0].const[None].expand(batch, -1, -1, -1), None)
    for block in blocks:
        yield given
        features, image, _ = _run(block, given, styles)
        given = _Inputs(features, image)


@dataclass(frozen=True)
class _Convolved:
    """What tells how a layer's result follows from its style."""

    features: Tensor
    """`[N, I, h, h]`: its input."""
    scaled: Tensor
    """`[N, I, h, h]`: that times the style."""
    modulated: Tensor
    """`[N, O, r, r]`: convolved and demodulated, before noise and activation."""


def _run(
    block: SynthesisBlock, given: _Inputs, styles: dict[str, Tensor]
) -> tuple[Tensor, Tensor, dict[str, _Convolved]]:
    """Return the features and the image behind a block, and what its layers did by name."""
    features, steps = given.features, {}
    for short, conv in block.layers.items():
        name = f"b{block.resolution}.{short}"
        step = _convolved(conv, features, styles[name])
        noise = conv.noise("const", len(features), None)
        assert noise is not None, "the stored noise"
        features = bias_act(step.modulated + noise * conv.noise_strength, conv.bias, clamp=conv.clamp)
        steps[name] = step
    colours = block.torgb(features, styles[f"b{block.resolution}.torgb"])
    return features, colours if given.image is None else upsample2d(given.image) + colours, steps


def _convolved(conv: SynthesisLayer, features: Tensor, style: Tensor) -> _Convolved:
    scaled = features * style[:, :, None, None]
    factor = demodulation(conv.weight, style)
    return _Convolved(features, scaled, conv2d_resampled(scaled, conv.weight, up=conv.up) * factor[:, :, None, None])


def _block_pass(
    block: SynthesisBlock, given: _Inputs, styles: dict[str, Tensor], wanted: _Gradients
) -> tuple[_Gradients, dict[str, Tensor]]:
    """Pass gradients back through a block.

    Returns:
        The gradients with respect to what the block starts from, and the Jacobian `[N, 3, C, k, k]` of its layers.
    """
    batch, passes = len(given.features), wanted.spacing**2 * 3
    image = wanted.image.expand(wanted.spacing, wanted.spacing, *wanted.image.shape[2:]).flatten(0, 2)
    features = None if wanted.features is None else wanted.features.flatten(0, 2)
    largest = max(conv.weight.shape[0] for conv in block.layers.values()) * block.resolution**2
    at_once = max(1, PASS_VALUES // (largest * batch))
    parts = []
    for start in range(0, passes, at_once):
        part = slice(start, min(start + at_once, passes))
        cotangent = image[part], None if features is None else features[part]
        groups = torch.arange(part.start, part.stop, device=image.device) // 3
        parts.append(_chunk_pass(block, given, styles, cotangent, (groups, wanted)))
    whole = [
        torch.cat(tensors).unflatten(0, (wanted.spacing, wanted.spacing, 3))
        for tensors in zip(*(part.back for part in parts), strict=True)
    ]
    back = _Gradients(whole[0], whole[1] if len(whole) > 1 else whole[0], wanted.spacing, wanted.cells)
    found = {}
    for name in parts[0].sums:
        sums = torch.cat([part.sums[name] for part in parts])  # [passes, N, C, members, members]
        by_group = sums.unflatten(0, (wanted.spacing, wanted.spacing, 3))
        # A cell is member * spacing + group along each axis.
        places = by_group.permute(3, 2, 4, 5, 0, 6, 1).flatten(5, 6).flatten(3, 4)
        found[name] = places[..., : wanted.cells, : wanted.cells]
    return back, found


@dataclass(frozen=True)
class _Chunk:
    """What some passes through a block gave."""

    back: list[Tensor]
    """Gradients of the features before it and, but for the first block, of the image."""
    sums: dict[str, Tensor]
    """Derivatives by the style of each layer, `[passes, N, C, members, members]`: of each pass's cells."""


def _chunk_pass(
    block: SynthesisBlock,
    given: _Inputs,
    styles: dict[str, Tensor],
    cotangent: tuple[Tensor, Tensor | None],
    groups: tuple[Tensor, _Gradients],
) -> _Chunk:
    passes, batch = cotangent[0].shape[:2]

    def repeated(tensor: Tensor) -> Tensor:
        return tensor[None].expand(passes, *tensor.shape).flatten(0, 1)

    own = {name: repeated(style) for name, style in styles.items() if name.startswith(f"b{block.resolution}.")}
    before = None if given.image is None else repeated(given.image).requires_grad_()
    start = _Inputs(repeated(given.features).requires_grad_(), before)
    with torch.enable_grad():
        features, image, steps = _run(block, start, own)
    leaves = [start.features] + ([] if start.image is None else [start.image])
    inner = [tensor for step in steps.values() for tensor in (step.scaled, step.modulated)]
    results, gradients = [image], [cotangent[0].flatten(0, 1)]
    if cotangent[1] is not None:
        results.append(features)
        gradients.append(cotangent[1].flatten(0, 1))
    found = torch.autograd.grad(results, [*leaves, *inner], gradients)
    sums = {}
    for number, (name, step) in enumerate(steps.items()):
        by_scaled, by_modulated = found[len(leaves) + 2 * number : len(leaves) + 2 * number + 2]
        conv = block.layers[name.partition(".")[2]]
        direct = _summed((step.features * by_scaled).detach(), passes, groups)
        through_factor = _summed((step.modulated * by_modulated).detach(), passes, groups)
        # The factor is (sum over c of s_c^2 E_oc)^-1/2 with E the energy of the weights: eq. 3 of Karras et al. 2020.
        energy = conv.weight.square().sum(dim=(2, 3))
        slope = -demodulation(conv.weight, styles[name]).square()[:, :, None] * styles[name][:, None] * energy
        sums[name] = direct + torch.einsum("pnoij,noc->pncij", through_factor, slope.detach())
    return _Chunk([tensor.unflatten(0, (passes, batch)) for tensor in found[: len(leaves)]], sums)


def _summed(maps: Tensor, passes: int, groups: tuple[Tensor, _Gradients]) -> Tensor:
    """Return the sums `[passes, N, C, members, members]` of maps `[passes * N, C, h, h]` over what each cell owns."""
    numbers, wanted = groups
    spacing, px = wanted.spacing, maps.shape[-1]
    owners = pixel_owners(spacing, wanted.cells, px, maps.device)
    members = -(-wanted.cells // spacing)
    # [spacing, members, px]: whether a pixel belongs to the member of a group.
    owned = (owners[:, None] // spacing == torch.arange(members, device=maps.device)[:, None]).to(maps)
    rows, columns = owned[numbers // spacing], owned[numbers % spacing]
    narrow = maps.unflatten(0, (passes, -1)) @ columns.transpose(1, 2)[:, None, None]
    return rows[:, None, None] @ narrow
