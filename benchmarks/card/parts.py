"""The parts of a run on a card, what is worth most first."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.card import timings
from benchmarks.card.beside import beside
from benchmarks.card.checks import checks
from benchmarks.card.records import Row
from benchmarks.counting import H100, Ceilings
from stylealign.networks.architecture import Architecture

PAPER256 = Architecture(resolution=256, channel_base=16384)
PAPER512 = Architecture(resolution=512)
PAPER512_HALF = Architecture(resolution=512, conv_clamp=256.0, fp16_resolutions=4)
PAPER1024 = Architecture(resolution=1024)
MINI = Architecture(resolution=8, z_dim=8, w_dim=8, channel_base=32, channel_max=4)


@dataclass(frozen=True)
class Part:
    """A part of the run.

    Attributes:
        limit_s: it is stopped where it takes longer.
        rows: measures, at the card's ceilings.
    """

    limit_s: float
    rows: Callable[[Ceilings], Iterator[Row]]


ON_A_CARD: dict[str, Part] = {
    "checks": Part(200, lambda c: checks()),
    "ceilings": Part(30, lambda c: timings.ceilings()),
    "default kernels graphs": Part(60, lambda c: timings.step("default", "kernels", False, c, recorded=True)),
    "aligned64 kernels graphs": Part(60, lambda c: timings.step("aligned64", "kernels", False, c, recorded=True)),
    "aligned64-both kernels graphs": Part(
        60, lambda c: timings.step("aligned64-both", "kernels", False, c, recorded=True)
    ),
    "default torch graphs": Part(60, lambda c: timings.step("default", "torch", False, c, recorded=True)),
    "default torch": Part(60, lambda c: timings.step("default", "torch", False, c)),
    "paper256 half graphs": Part(80, lambda c: timings.step("paper256", "kernels", True, c, recorded=True)),
    "paper256 half kernels": Part(60, lambda c: timings.step("paper256", "kernels", True, c)),
    "inversion 512": Part(90, lambda c: timings.inversion(PAPER512, 16)),
    "inversion 512 half": Part(90, lambda c: timings.inversion(PAPER512_HALF, 32)),
    "default beside a peer": Part(60, lambda c: beside("default", "kernels", (False,), 16)),
    "stylegan2 half kernels": Part(80, lambda c: timings.step("stylegan2", "kernels", True, c, 2)),
    "paper512 half graphs": Part(90, lambda c: timings.step("paper512", "kernels", True, c, 2, recorded=True)),
    "paper256 beside a peer": Part(120, lambda c: beside("paper256", "kernels", (False, True), 16, 1)),
    "kernels": Part(45, lambda c: timings.kernels(256, 64, 32, c)),
    "where": Part(45, lambda c: timings.profile("paper256", "kernels", c)),
    "paper256 half torch": Part(180, lambda c: timings.step("paper256", "torch", True, c, 1)),
    "synthesis 256": Part(30, lambda c: timings.synthesis(PAPER256, 32)),
    "synthesis 1024": Part(40, lambda c: timings.synthesis(PAPER1024, 8)),
    "paper256 half tuned": Part(80, lambda c: timings.step("paper256", "kernels", True, c, tuned=True)),
    "paper256 float32 kernels": Part(60, lambda c: timings.step("paper256", "kernels", False, c, 2)),
    "paper512 half kernels": Part(70, lambda c: timings.step("paper512", "kernels", True, c, 2)),
    "default kernels": Part(60, lambda c: timings.step("default", "kernels", False, c)),
    "paper512 half torch": Part(180, lambda c: timings.step("paper512", "torch", True, c, 1)),
    "stylegan2 half torch": Part(180, lambda c: timings.step("stylegan2", "torch", True, c, 1)),
    "paper256 float32 torch": Part(180, lambda c: timings.step("paper256", "torch", False, c, 1)),
    "paper256 half plain": Part(180, lambda c: timings.step("paper256", "plain", True, c, 1)),
    "paper512 float32 kernels": Part(80, lambda c: timings.step("paper512", "kernels", False, c, 1)),
    "stylegan2 float32 kernels": Part(90, lambda c: timings.step("stylegan2", "kernels", False, c, 1)),
}
"""PyTorch's own form has long limits: at its first use cuDNN chose among its algorithms for more than a minute."""

WITHOUT_A_CARD_S = 3600.0
"""Limit of a part there: a busy machine is no failure."""

TINY_PARTS: dict[str, Part] = {
    "checks": Part(WITHOUT_A_CARD_S, lambda c: checks()),
    "ceilings": Part(WITHOUT_A_CARD_S, lambda c: timings.ceilings(64, 1)),
    "step": Part(WITHOUT_A_CARD_S, lambda c: timings.step("mini", "torch", False, c, 1)),
    "step graphs": Part(WITHOUT_A_CARD_S, lambda c: timings.step("mini", "torch", False, c, 1, recorded=True)),
    "beside a peer": Part(WITHOUT_A_CARD_S, lambda c: beside("tiny", "torch", (False,), 4, 1)),
    "inversion": Part(WITHOUT_A_CARD_S, lambda c: timings.inversion(MINI, 1, (1, 2))),
    "where": Part(WITHOUT_A_CARD_S, lambda c: timings.profile("mini", "torch", c, 3)),
    "kernels": Part(WITHOUT_A_CARD_S, lambda c: timings.kernels(4, 4, 1, c)),
    "synthesis": Part(WITHOUT_A_CARD_S, lambda c: timings.synthesis(MINI, 1, 1)),
}
"""The same measures where there is no card: that they run."""


def measured_ceilings(rows: list[Row]) -> Ceilings:
    """Return what the card reached, or an H100's ceilings where that was not measured."""
    found = {name: value for row in rows for name, value in (row.values or {}).items()}
    names = ("bytes_per_s", "half_flops", "single_flops")
    return Ceilings(*(found.get(name, getattr(H100, name)) for name in names))
