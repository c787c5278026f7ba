"""Measured rates (throughput.yaml), and how they scale with the size of the networks."""

import math
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import yaml
from pydantic import BaseModel, ConfigDict

from stylealign.config import ArchitectureSettings
from stylealign.metrics.networks.registry import network_of

CARD = "v100"
"""GPU that is reckoned with where nobody names another: the slowest on record."""


class _Rates(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CpuRates(_Rates):
    """One CPU thread; units are in the names, meanings in throughput.yaml."""

    train_images_per_s: float
    train_parallel_share: float
    keep_share_of_step: dict[str, float]
    projected_steps: float
    stylegan2_discriminator_share: float
    synthesis_ms: float
    start_s: float
    figure_s: float
    draw_images_per_s: float
    import_ms_per_megapixel: float
    label_training_ms: float
    label_prediction_ms: float
    label_scores_s: float
    inversion_synthesis_passes: float
    inversion_perceptual_passes: float
    morph_passes: float
    fid_s: float
    kid_s: float
    precision_recall_s: float
    feature_ms: dict[str, float]
    perceptual_ms: dict[str, float]
    slow_down_of_gmac: dict[float, float]
    slow_down_of_pixels: float


class GpuRates(_Rates):
    """One GPU.

    Attributes:
        source: where the times of its trainings come from.
        is_published: they are somebody else's figures, not measured with this program.
        train_s_per_kimg: resolution in pixels -> seconds for a thousand images.
        kept: resolution -> the row of a measured time in `benchmarks/results/`: run, case, form, precision.
        not_kept: resolutions whose time was measured, but is in none of the tables there.
    """

    source: str
    is_published: bool
    train_s_per_kimg: dict[int, float]
    kept: dict[int, tuple[str, str, str, str]] = {}
    not_kept: list[int] = []
    network_speed_up: float
    synthesis_share: float
    start_s: float


class Rates(_Rates):
    """The content of throughput.yaml."""

    cpu: CpuRates
    gpus: dict[str, GpuRates]
    download_mb_per_s: float


@cache
def load_rates() -> Rates:
    """Return the rates that come with the package."""
    return Rates.model_validate(yaml.safe_load(files(__package__).joinpath("throughput.yaml").read_text("utf-8")))


def channels(shape: ArchitectureSettings, resolution_px: int) -> int:
    """Return the channels of a network at a resolution."""
    return min(shape.channel_base // resolution_px, shape.channel_max)


def _blocks(resolution_px: int) -> list[int]:
    return [1 << power for power in range(3, resolution_px.bit_length())]


def synthesis_gmac(shape: ArchitectureSettings, resolution_px: int) -> float:
    """Return the multiplications of the convolutions of one synthesised image, in thousands of millions."""
    total = 9 * channels(shape, 4) ** 2 * 16
    for px in _blocks(resolution_px):
        before, here = channels(shape, px // 2), channels(shape, px)
        total += 9 * before * here * (px // 2) ** 2 + (9 * here * here + 3 * here) * px**2
    return total / 1e9


def parameters(shape: ArchitectureSettings, resolution_px: int) -> float:
    """Return about how many parameters a generator has; its discriminator has about as many."""
    total = shape.mapping_layers * shape.w_dim**2 + channels(shape, 4) ** 2 * 9
    for px in _blocks(resolution_px):
        before, here = channels(shape, px // 2), channels(shape, px)
        total += 9 * here * (before + here) + shape.w_dim * (before + 2 * here)
    return float(total)


def interpolated(points: Mapping[float, float] | Mapping[int, float], at: float) -> float:
    """Return the value at `at` of a line through `points` in logarithms, continued beyond its ends."""
    known = sorted((math.log(x), math.log(y)) for x, y in points.items())
    x = math.log(at)
    index = min(max(sum(left <= x for left, _ in known) - 1, 0), len(known) - 2)
    (x0, y0), (x1, y1) = known[index : index + 2]
    return math.exp(y0 + (y1 - y0) * (x - x0) / (x1 - x0))


def slow_down(shape: ArchitectureSettings, resolution_px: int) -> float:
    """Return the time of an image on a CPU as a multiple of the default network's at 64 px."""
    cpu = load_rates().cpu
    more_pixels = max((resolution_px / 64) ** 2 - 1, 0.0)
    multiplied = interpolated(cpu.slow_down_of_gmac, synthesis_gmac(shape, resolution_px))
    return multiplied + cpu.slow_down_of_pixels * more_pixels


def feature_s(network: str, resolution_px: int) -> float:
    """Return the seconds of a CPU thread for the features of one image."""
    return _network_s(load_rates().cpu.feature_ms, network, resolution_px)


def perceptual_s(network: str, resolution_px: int) -> float:
    """Return the seconds of a CPU thread for one forward pass of a perceptual distance."""
    return _network_s(load_rates().cpu.perceptual_ms, network, resolution_px)


def _network_s(times_ms: Mapping[str, float], network: str, resolution_px: int) -> float:
    """Return the seconds of one image; a network without a time on record counts as the slowest one."""
    return times_ms.get(network, max(times_ms.values())) / 1e3 * network_of(network).time_factor(resolution_px)
