"""What one job takes: its time on a CPU thread and on a GPU, memory, disk and download."""

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

from stylealign.config import ArchitectureSettings, Config, DatasetSettings, TrainSettings
from stylealign.config.keeping import KeepMethod
from stylealign.metrics.networks.registry import network_of
from stylealign.work.rates import (
    CARD,
    feature_s,
    interpolated,
    load_rates,
    parameters,
    slow_down,
)

MEGABYTE = 1e6
LARGEST_ON_CPU_PX = 128
"""Above this size a plan takes for granted that jobs which can use a GPU have one."""


@dataclass(frozen=True)
class Cost:
    """What one job takes.

    Attributes:
        host_s: seconds of a CPU thread for what no GPU does.
        train_s: the same for the training of a StyleGAN2; train_gpu_s on the GPU.
        synthesis_s: the same for other passes through one; synthesis_gpu_s on the GPU.
        network_s: the same for feature and label networks.
        memory_mb: main memory.
        disk_mb: output.
        download_mb: bytes from the network, None where their number is not known.
        is_known: whether the job is one that rates were measured for.
    """

    host_s: float = 0.0
    train_s: float = 0.0
    train_gpu_s: float = 0.0
    synthesis_s: float = 0.0
    synthesis_gpu_s: float = 0.0
    network_s: float = 0.0
    memory_mb: float = 1500.0
    disk_mb: float = 0.1
    download_mb: float | None = 0.0
    is_known: bool = True

    def cpu_s(self, threads: int = 1) -> float:
        """Return the seconds on so many CPU threads, of which a training makes use (Amdahl's law)."""
        rates = load_rates().cpu
        train_s = self.train_s * (1 - rates.train_parallel_share * (1 - 1 / threads))
        return rates.start_s + self.host_s + train_s + self.synthesis_s + self.network_s

    def gpu_s(self, card: str = CARD) -> float:
        """Return the seconds with one GPU, which is that of the model's times."""
        rates = load_rates()
        gpu = rates.gpus[card]
        on_gpu = self.train_gpu_s + self.synthesis_gpu_s + self.network_s / gpu.network_speed_up
        return rates.cpu.start_s + gpu.start_s + self.host_s + on_gpu


@dataclass(frozen=True)
class ModelWork:
    """What the costs of a model's jobs follow from: its shape, the size of its images, and the GPU."""

    shape: ArchitectureSettings
    px: int
    card: str = CARD

    @property
    def train_s(self) -> float:
        """Seconds of a CPU thread for an image of its training."""
        return slow_down(self.shape, self.px) / load_rates().cpu.train_images_per_s

    @property
    def train_gpu_s(self) -> float:
        """Seconds of a GPU for an image of its training."""
        return interpolated(load_rates().gpus[self.card].train_s_per_kimg, self.px) / 1000

    def passes(self, images: float) -> dict[str, Any]:
        """Return the cost of so many synthesised images."""
        rates = load_rates()
        return {
            "synthesis_s": images * slow_down(self.shape, self.px) * rates.cpu.synthesis_ms / 1e3,
            "synthesis_gpu_s": images * self.train_gpu_s * rates.gpus[self.card].synthesis_share,
        }

    @property
    def weights_mb(self) -> float:
        """Megabytes of its weights."""
        return parameters(self.shape, self.px) * 4 / MEGABYTE

    def pixels_mb(self, images: float) -> float:
        """Return the megabytes of so many images, 8 bits a value."""
        return images * 3 * self.px**2 / MEGABYTE


def steps_kept(settings: TrainSettings, model: ModelWork) -> float:
    """Return a training's steps as a multiple of plain ones: what keeps a child costs while it has a weight, and a
    projected discriminator the more, the smaller the networks are for their pixels."""
    rates = load_rates().cpu
    factor = 1.0
    if settings.discriminator != "stylegan2":
        factor += rates.projected_steps * (max(model.px, 64) / 64) ** 2 / slow_down(model.shape, model.px)
    if settings.discriminator == "projected":
        factor -= rates.stylegan2_discriminator_share
    for name, more in rates.keep_share_of_step.items():
        method: KeepMethod = getattr(settings.keep, name)
        if method.weight > 0:
            factor += more * min((method.fade_out_kimg or settings.kimg) / settings.kimg, 1.0)
    return factor


def measured_images(settings: TrainSettings, px: int) -> list[int]:
    """Return the images that a training generates for each measurement of FID and KID.

    A pull is taken to try every share at every place: the mapping network and each resolution from 4 px up.
    """
    found = []
    if settings.evaluate_kimg is not None:
        found += [settings.evaluate_images] * math.ceil(settings.kimg / settings.evaluate_kimg)
    pull = settings.keep.pull
    if not pull.is_off:
        places = px.bit_length() - 1
        found += [pull.images or settings.evaluate_images] * (1 + places * len(pull.shares))
    return found


class Work:
    """What the pieces of work of one configuration take.

    Args:
        config: the configuration.
        card: GPU of throughput.yaml.
    """

    def __init__(self, config: Config, card: str = CARD) -> None:
        self.config, self.card = config, card
        self.model = cache(self._look_up)

    def _look_up(self, name: str) -> ModelWork:
        model = self.config.models[name]
        px = self.config.domains[model.domain].resolution_px
        root = model
        while root.parent is not None:
            root = self.config.models[root.parent]
        return ModelWork(root.architecture or _published_shape(px), px, self.card)

    def data_of(self, model: str) -> DatasetSettings:
        """Return the data set of a model's domain."""
        return self.config.domains[self.config.models[model].domain]

    def features_s(self, images: float, px: int) -> float:
        """Return the seconds of a CPU thread for the features of so many images."""
        return images * feature_s(self.config.metrics.features, px)

    @property
    def dimensions(self) -> float:
        """Features of an image, as a multiple of those that the rates were measured with."""
        return network_of(self.config.metrics.features).dimensions / 1280

    def features_mb(self, images: float) -> float:
        """Return the memory in which FID and its like work on so many images' features."""
        return images * self.dimensions * 1280 * 12 / MEGABYTE

    def fid_s(self) -> float:
        """Return the seconds of one FID of many images."""
        return load_rates().cpu.fid_s * self.dimensions**3

    def kid_s(self) -> float:
        """Return the seconds of one KID."""
        return load_rates().cpu.kid_s * self.dimensions

    def labels_s(self, images: float, px: int) -> float:
        """Return the seconds of a CPU thread for what one label network predicts of so many images."""
        return images * load_rates().cpu.label_prediction_ms / 1e3 * (px / 64) ** 2


def _published_shape(px: int) -> ArchitectureSettings:
    """Return the shape of the published parents of a size, and of the bundled ones."""
    if px <= LARGEST_ON_CPU_PX:
        return ArchitectureSettings()
    base = 16384 if px == 256 else 32768
    return ArchitectureSettings(z_dim=512, w_dim=512, channel_base=base, channel_max=512)
