"""That the kernels give what the plain form gives, with both derivatives, where they run: before anything is timed."""

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing import get_context
from typing import Any
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.card.forms import device, form, tf32
from benchmarks.card.records import Row
from benchmarks.training import CASES, new_step
from stylealign.config import ArchitectureSettings, TrainSettings
from stylealign.devices import usable_cpus
from stylealign.ops import reference
from stylealign.ops.bias_act import LEAKY_SLOPE
from stylealign.ops.native import colours, styled
from stylealign.ops.native import functions as native
from stylealign.training.loop import seed_step
from stylealign.training.trial import gradients_seen
from stylealign.training.warp import warp

ALLOWED = {torch.float64: 1e-10, torch.float32: 2e-4, torch.float16: 1e-2, torch.bfloat16: 6e-2}
"""Largest difference from float64, relative to the largest value: a few roundings of each type."""
STEP_ALLOWED = 2e-3
"""Of the scalars and gradients of a training step between two forms in float32."""
PADDINGS = ((1, 1, (-1, 2, 3, -2)), (2, 1, (2, 1, 2, 1)), (1, 2, (1, 1, 1, 1)), (2, 3, (4, -1, 3, 2)))
SIZES = ((3, 19, 9, 7), (2, 70, 23, 19), (1, 1, 33, 35), (2, 128, 32, 32))
INTERPRETED = torch.float16, ((1, 5, 4, 3),)
"""Type and size without a card, where an interpreted program takes milliseconds; the tests have the others."""


def checks() -> Iterator[Row]:
    """Check every operation and a whole step; a difference that is too large is an error of its row.

    On a card each has a process of its own, side by side: their time is that of Triton's compiler. Rows come as they
    are done.
    """
    if device().type != "cuda":
        yield from itertools.starmap(check, asked())
        return
    with ProcessPoolExecutor(usable_cpus(), mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        for done in as_completed([pool.submit(check, *one) for one in asked()]):
            yield done.result()


def asked() -> list[tuple[str, torch.dtype | None]]:
    """Return what is checked here, in which types."""
    on_card = device().type == "cuda"
    types = ALLOWED if on_card else INTERPRETED[:1]
    found: list[tuple[str, torch.dtype | None]] = [*itertools.product(OPERATIONS, types)]
    found += [("warp", dtype) for dtype in ((torch.float64, torch.float32) if on_card else (torch.float32,))]
    return [*found, ("step", None)]


def check(name: str, dtype: torch.dtype | None) -> Row:
    """Return the row of one check: of an operation in one type, of the warp, or of a step."""
    if dtype is None:
        return _row(f"check {name}", "float32", _step, None, STEP_ALLOWED)
    allowed = ALLOWED[torch.float16 if name == "warp" else dtype]
    with form("kernels"):
        return _row(
            f"check {name}", str(dtype).removeprefix("torch."), (OPERATIONS | {"warp": _warp})[name], dtype, allowed
        )


def _row(name: str, precision: str, check: Callable[[Any], float], dtype: Any, allowed: float) -> Row:
    torch.manual_seed(0)
    try:
        difference = check(dtype)
    except Exception as error:  # every check has its row, whatever a compiler or a driver raises
        return Row(name, precision=precision, error=f"{type(error).__name__}: {error}")
    wrong = "" if difference <= allowed else f"differs by {difference:.1e}, allowed are {allowed:.0e}"
    return Row(name, precision=precision, note=f"largest difference {difference:.1e}", error=wrong)


def _sizes() -> tuple[tuple[int, int, int, int], ...]:
    return SIZES if device().type == "cuda" else INTERPRETED[1]


def _difference(ours: Tensor, wanted: Tensor) -> float:
    """Return the largest difference, relative to the largest value; infinite for what is no number."""
    ours, wanted = ours.detach(), wanted.detach()
    size = float(wanted.abs().max().clamp_min(1e-30)) if wanted.numel() else 1.0
    difference = float((ours.double() - wanted).abs().max()) / size if wanted.numel() else 0.0
    return difference if difference == difference else float("inf")


def _random(*shape: int, dtype: torch.dtype) -> Tensor:
    values = torch.randn(shape, dtype=torch.float64, device=device()).to(dtype)
    return values.contiguous(memory_format=torch.channels_last) if len(shape) == 4 else values


def _short(*shape: int, dtype: torch.dtype) -> Tensor:
    """Return odd multiples of 1/8 between -2 and 2."""
    return (((_random(*shape, dtype=torch.float64).clamp(-1.9, 1.9) * 4).floor() * 2 + 1) / 8).to(dtype)


def _resample(dtype: torch.dtype) -> float:
    """Return the largest difference of results and gradients."""
    worst = 0.0
    for shape, (up, down, padding), is_last in itertools.product(_sizes(), PADDINGS, (True, False)):
        images = _random(*shape, dtype=dtype)
        images = (images if is_last else images.contiguous()).requires_grad_()
        exact = images.detach().double().requires_grad_()
        wanted = reference.upfirdn2d(exact, up, down, padding, gain=1.7)
        size = wanted.shape[2], wanted.shape[3]
        result = native.resample(images, size, up, down, (padding[2], padding[0]), 1.7)
        direction = torch.randn_like(wanted).to(dtype)
        (gradient,) = torch.autograd.grad(result, images, direction)
        (exact_gradient,) = torch.autograd.grad(wanted, exact, direction.double())
        worst = max(worst, _difference(result, wanted), _difference(gradient, exact_gradient))
    empty = native.resample(torch.zeros(0, 3, 4, 4, dtype=dtype, device=device()), (8, 8), 2, 1, (2, 2), 4.0)
    return worst if empty.shape == (0, 3, 8, 8) else float("inf")


def _plain(values: Tensor, scale: Any, bias: Any, noise: Any, slope: float, clamp: float | None) -> Tensor:
    z = values if scale is None else values * scale[:, :, None, None]
    z = z if bias is None else z + bias[:, None, None]
    z = F.leaky_relu(z if noise is None else z + noise, slope)
    return z if clamp is None else z.clamp(-clamp, clamp)


def _epilogue(dtype: torch.dtype) -> float:
    """Return the largest difference of results, first and second derivatives.

    What is drawn has few bits, so that no rounding decides on which side of a kink or of the clamp a value lies.
    """
    worst = 0.0
    cases = itertools.product(_sizes(), ((True, True, 1), (True, False, 2), (False, True, 0)), (None, 0.7))
    for (n, channels, height, width), (scaled, biased, noisy), clamp in cases:
        given = [
            _short(n, channels, height, width, dtype=dtype),
            2.0 * _short(n, channels, dtype=dtype).sign() if scaled else None,
            _short(channels, dtype=dtype) if biased else None,
            _short(n if noisy == 2 else 1, 1, height, width, dtype=dtype) if noisy else None,
        ]
        direction = _random(n, channels, height, width, dtype=dtype)
        seed = int(torch.randint(1 << 30, ()))
        ours = _derivatives(partial(native.epilogue, slope=LEAKY_SLOPE, clamp=clamp), given, direction, seed)
        exact = [None if t is None else t.detach().double() for t in given]
        theirs = _derivatives(partial(_plain, slope=LEAKY_SLOPE, clamp=clamp), exact, direction.double(), seed)
        worst = max([worst, *(_difference(a, b) for a, b in zip(ours, theirs, strict=True))])
    return worst


def _warp(dtype: torch.dtype) -> float:
    """Return the largest difference of results and both derivatives; where a pixel comes from is rounded, too."""
    worst = 0.0
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    for n, _, height, width in _sizes():
        images = _random(n, 3, height, width, dtype=wide).contiguous().requires_grad_()
        inverse = torch.eye(3, device=device()) + 0.3 * _random(n, 3, 3, dtype=wide)
        direction = _random(n, 3, height, width, dtype=wide).requires_grad_()
        found = []
        for is_on in (True, False):
            with patch.object(native, "fuses", lambda images, is_on=is_on: is_on):
                out = warp(images, inverse)
                (first,) = torch.autograd.grad(out, images, direction, create_graph=True)
                (second,) = torch.autograd.grad(first.square().sum(), direction)
                found.append([out, first, second])
        worst = max([worst, *(_difference(a, b.double()) for a, b in zip(*found, strict=True))])
    return worst


def _styled(dtype: torch.dtype) -> float:
    """Return the largest difference of results, first and second derivatives; both results are summed."""
    worst = 0.0
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    for (n, channels, height, width), noisy, clamp in itertools.product(_sizes(), (0, 1, 2), (None, 0.7001)):
        given: list[Tensor | None] = [
            _short(n, channels, height, width, dtype=dtype),
            2.0 * _short(n, channels, dtype=wide).sign(),
            _short(channels, dtype=wide),
            _short(n if noisy == 2 else 1, 1, height, width, dtype=wide) if noisy else None,
            _short(n, channels, dtype=wide),
        ]
        direction = _random(n, channels, height, width, dtype=wide)
        seed = int(torch.randint(1 << 30, ()))
        ours = _derivatives(partial(_kernel_styled, clamp=clamp), given, direction, seed)
        exact = [None if t is None else t.detach().double() for t in given]
        theirs = _derivatives(partial(_plain_styled, clamp=clamp), exact, direction.double(), seed)
        worst = max([worst, *(_difference(a, b) for a, b in zip(ours, theirs, strict=True))])
    return worst


def _kernel_styled(
    values: Tensor, scale: Tensor, bias: Tensor, noise: Any, style: Tensor, clamp: float | None
) -> Tensor:
    kept, scaled = styled.styled(values, scale, bias, noise, style, LEAKY_SLOPE, clamp, style.dtype, True)
    assert kept is not None
    return kept.to(style.dtype) + scaled


def _plain_styled(
    values: Tensor, scale: Tensor, bias: Tensor, noise: Any, style: Tensor, clamp: float | None
) -> Tensor:
    kept = _plain(values, scale, bias, noise, LEAKY_SLOPE, clamp)
    return kept + kept * style[:, :, None, None]


def _colours(dtype: torch.dtype) -> float:
    """Return the largest difference of results, first and second derivatives; nothing lies at the clamp."""
    worst = 0.0
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    for (n, channels, height, width), clamp, skip in itertools.product(_sizes(), (None, 0.7001), (True, False)):
        height, width = height // 2 * 2, width // 2 * 2
        given: list[Tensor | None] = [
            _short(n, channels, height, width, dtype=dtype),
            _short(n, 3, channels, dtype=wide),
            _short(3, dtype=wide),
            _random(n, 3, height // 2, width // 2, dtype=wide) if skip else None,
        ]
        direction = _random(n, 3, height, width, dtype=wide)
        seed = int(torch.randint(1 << 30, ()))
        ours = _derivatives(partial(_kernel_colours, clamp=clamp), given, direction, seed)
        exact = [None if t is None else t.detach().double() for t in given]
        theirs = _derivatives(partial(_plain_colours, clamp=clamp), exact, direction.double(), seed)
        worst = max([worst, *(_difference(a, b) for a, b in zip(ours, theirs, strict=True))])
    return worst


def _kernel_colours(features: Tensor, own: Tensor, bias: Tensor, image: Any, clamp: float | None) -> Tensor:
    return colours.colours(features, own, bias, image, clamp, own.dtype)


def _plain_colours(features: Tensor, own: Tensor, bias: Tensor, image: Any, clamp: float | None) -> Tensor:
    z = torch.einsum("nchw,noc->nohw", features, own) + bias[:, None, None]
    z = z if clamp is None else z.clamp(-clamp, clamp)
    return z if image is None else reference.upsample2d(image) + z


def _derivatives(function: Any, given: list[Tensor | None], direction: Tensor, seed: int) -> list[Tensor]:
    inputs = [t.requires_grad_() for t in given if t is not None]
    direction = direction.detach().requires_grad_()
    out = function(*given)
    first = torch.autograd.grad(out, inputs, direction, create_graph=True)
    generator = torch.Generator().manual_seed(seed)
    factors = [torch.randn(t.shape, generator=generator, dtype=torch.float64).to(t) for t in first]
    total = torch.stack([(f * factor).sum() for f, factor in zip(first, factors, strict=True)]).sum()
    second = torch.autograd.grad(total, [*inputs, direction], allow_unused=True)
    return [
        out,
        *first,
        *(torch.zeros_like(t) if s is None else s for s, t in zip(second, [*inputs, direction], strict=True)),
    ]


def _step(dtype: Any) -> float:
    """Return the largest difference of scalars and gradients of a step with both regularisers, kernels and plain form.

    The gradients of each loss and regulariser as one vector: the scalars hold no second derivative.
    """
    resolution, shape, changes = CASES["tiny" if device().type == "cuda" else "mini"]
    settings = TrainSettings(**changes)
    real = torch.rand(settings.batch_size, 3, resolution, resolution, generator=torch.Generator().manual_seed(1))
    found = []
    for name in ("plain", "kernels"):
        step = new_step(ArchitectureSettings(**shape), settings, resolution, device())
        gradients: dict[str, Tensor] = {}

        def see(which: str, each: list[Tensor], gradients: dict[str, Tensor] = gradients) -> None:
            gradients[which] = torch.cat([gradient.double().flatten() for gradient in each])

        with form(name), tf32(False), gradients_seen(step, see):
            seed_step(0, 0)
            torch.manual_seed(0)
            scalars = step.step(0, (real * 2 - 1).to(device()), measure=True)
            found.append(({k: float(v) for k, v in scalars.items()}, gradients))
    (plain, exact), (ours, close) = found
    apart = [abs(ours[key] - plain[key]) / max(abs(plain[key]), 1e-3) for key in plain]
    return max([*apart, *(float((close[key] - exact[key]).norm() / exact[key].norm()) for key in exact)])


OPERATIONS: dict[str, Callable[[torch.dtype], float]] = {
    "resample": _resample,
    "epilogue": _epilogue,
    "styled": _styled,
    "colours": _colours,
}
"""Name -> its check: the largest difference in a type."""
