"""What one job of the workflow costs: its time on a CPU thread and on a GPU, memory, disk and download."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from stylealign.config import ArchitectureSettings, Config, Space
from stylealign.metrics.networks.registry import network_of
from stylealign.planning.rates import (
    feature_s,
    interpolated,
    load_rates,
    parameters,
    perceptual_s,
    slow_down,
)

MEGABYTE = 1e6
LARGEST_ON_CPU_PX = 128
"""Above this size a plan takes for granted that jobs which can use a GPU have one."""
PHOTO_SHARE, DRAWING_SHARE = 0.6, 0.28
"""Size of a PNG as a share of its pixels: photographs (assumed), drawn avatars at 64 px (measured)."""


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

    def cpu_s(self) -> float:
        """Return the seconds on one CPU thread."""
        return load_rates().cpu.start_s + self.host_s + self.train_s + self.synthesis_s + self.network_s

    def gpu_s(self) -> float:
        """Return the seconds with one GPU."""
        rates = load_rates()
        on_gpu = self.train_gpu_s + self.synthesis_gpu_s + self.network_s / rates.gpu.network_speed_up
        return rates.cpu.start_s + rates.gpu.start_s + self.host_s + on_gpu


@dataclass(frozen=True)
class _Model:
    """A model, with what the costs of its jobs follow from."""

    shape: ArchitectureSettings
    px: int

    @property
    def train_s(self) -> float:
        return slow_down(self.shape, self.px) / load_rates().cpu.train_images_per_s

    @property
    def train_gpu_s(self) -> float:
        return interpolated(load_rates().gpu.train_s_per_kimg, self.px) / 1000

    def passes(self, images: float) -> dict[str, Any]:
        """Return the cost of so many synthesised images."""
        rates = load_rates()
        return {
            "synthesis_s": images * slow_down(self.shape, self.px) * rates.cpu.synthesis_ms / 1e3,
            "synthesis_gpu_s": images * self.train_gpu_s * rates.gpu.synthesis_share,
        }

    @property
    def weights_mb(self) -> float:
        return parameters(self.shape, self.px) * 4 / MEGABYTE

    def pixels_mb(self, images: float) -> float:
        return images * 3 * self.px**2 / MEGABYTE


class Costs:
    """Costs of the jobs of one configuration.

    Args:
        config: the configuration.
        download_mb: (kind, name) in the zoo -> megabytes of the download, None where they are not known.
        archive: name of a data set -> what its archive is known by.
    """

    def __init__(
        self,
        config: Config,
        download_mb: Callable[[str, str], float | None] = lambda kind, name: 0.0,
        archive: Callable[[str], str] = str,
    ) -> None:
        self.config, self.download_mb, self.archive = config, download_mb, archive
        self._model = cache(self._look_up)

    def of(self, rule: str, wildcards: Mapping[str, str]) -> Cost:
        """Return the cost of a job; of a rule that is not known here, that of a job which does next to nothing."""
        find = getattr(self, f"_{rule}", None)
        if find is None:
            return Cost() if rule.startswith(("figure", "tables", "report")) else Cost(is_known=False)
        cost: Cost = find(**wildcards)
        return cost

    def is_large(self, wildcards: Mapping[str, str]) -> bool:
        """Return whether the images of a job are of a size at which a GPU is taken for granted."""
        return self._px(wildcards) > LARGEST_ON_CPU_PX

    def is_published(self, rule: str, wildcards: Mapping[str, str]) -> bool:
        """Return whether a job is a training of a size whose time on a GPU was published."""
        return rule.startswith("train_") and self._px(wildcards) in load_rates().gpu.train_s_per_kimg

    def _px(self, wildcards: Mapping[str, str]) -> int:
        """Return the size of a job's images, 0 for a job that is of no single domain."""
        model = next((wildcards[key] for key in ("child", "subject", "model", "parent") if key in wildcards), "")
        domain = wildcards.get("domain") or (self.config.models[model].domain if model in self.config.models else None)
        return 0 if domain is None else self.config.domains[domain].resolution_px

    def archive_of(self, rule: str, wildcards: Mapping[str, str]) -> str:
        """Return what tells the download of one job from that of another; the parts of an archive are one download."""
        if rule != "fetch_domain":
            return " ".join([rule, *wildcards.values()])
        name = self.config.domains[wildcards["domain"]].fetch or ""
        return self.archive(name)

    def _look_up(self, name: str) -> _Model:
        model = self.config.models[name]
        px = self.config.domains[model.domain].resolution_px
        root = model
        while root.parent is not None:
            root = self.config.models[root.parent]
        return _Model(root.architecture or _published_shape(px), px)

    # Data and models

    def _draw_domain(self, domain: str) -> Cost:
        data = self.config.domains[domain]
        images, px = data.splits.train_images + data.splits.test_images, data.resolution_px
        disk = images * 3 * px**2 * DRAWING_SHARE / MEGABYTE
        return Cost(host_s=images / load_rates().cpu.draw_images_per_s * px / 64, disk_mb=disk)

    def _import_domain(self, domain: str, download_mb: float | None = 0.0) -> Cost:
        data = self.config.domains[domain]
        images, megapixels = data.splits.train_images + data.splits.test_images, data.resolution_px**2 / 1e6
        seconds = images * (load_rates().cpu.import_ms_per_megapixel * megapixels + 1) / 1e3
        disk = images * 3 * megapixels * PHOTO_SHARE
        return Cost(host_s=seconds, memory_mb=3000, disk_mb=disk, download_mb=download_mb)

    def _fetch_domain(self, domain: str) -> Cost:
        size = self.download_mb("datasets", self.config.domains[domain].fetch or "")
        cost = self._import_domain(domain, size)
        seconds = cost.host_s + (size or 0.0) / load_rates().download_mb_per_s
        return Cost(seconds, memory_mb=cost.memory_mb, disk_mb=cost.disk_mb, download_mb=size)

    def _fetch_weights(self, network: str) -> Cost:
        size = self.download_mb("weights", network)
        return Cost((size or 0.0) / load_rates().download_mb_per_s, disk_mb=size or 0.0, download_mb=size)

    def _fetch_parent(self, model: str) -> Cost:
        size = self.download_mb("models", self.config.models[model].fetch or "")
        weights = self._model(model).weights_mb
        seconds = (size or 0.0) / load_rates().download_mb_per_s
        return Cost(seconds, memory_mb=1500 + 8 * weights, disk_mb=3 * weights, download_mb=size)

    def _train_child(self, model: str) -> Cost:
        settings, found = self.config.training_of(model), self._model(model)
        images = settings.kimg * 1000
        data = found.pixels_mb(self.config.domains[self.config.models[model].domain].splits.train_images)
        snapshots = settings.kimg / settings.snapshot_kimg * found.weights_mb
        return Cost(
            train_s=images * found.train_s,
            train_gpu_s=images * found.train_gpu_s,
            memory_mb=2000 + 12 * found.weights_mb + 1.2 * data,
            disk_mb=10 * found.weights_mb + snapshots,
        )

    _train_parent = _train_child

    # What is done with models

    def _encoder(self, model: str) -> Cost:
        settings, found, cpu = self.config.encoder, self._model(model), load_rates().cpu
        images = settings.steps * settings.batch_size
        return Cost(
            **found.passes(images * cpu.inversion_synthesis_passes),
            network_s=images * cpu.inversion_perceptual_passes * perceptual_s(settings.perceptual, found.px),
            memory_mb=2500 + 8 * found.weights_mb + 8 * found.pixels_mb(settings.batch_size * 32),
            disk_mb=found.weights_mb,
        )

    def _invert(self, model: str, space: Space) -> Cost:
        settings, found, cpu = self.config.inversion_of(space), self._model(model), load_rates().cpu
        steps = settings.images * settings.steps
        pass_s = perceptual_s(settings.perceptual, min(found.px, settings.perceptual_px))
        return Cost(
            **found.passes(steps * cpu.inversion_synthesis_passes + settings.initial_candidates),
            network_s=steps * cpu.inversion_perceptual_passes * pass_s,
            memory_mb=2000 + 8 * found.weights_mb + 8 * found.pixels_mb(settings.images),
            disk_mb=found.pixels_mb(settings.images) * PHOTO_SHARE,
        )

    def _translate(self, model: str, way: str) -> Cost:
        is_guided = way.endswith("-guided") or way == "random"
        images = self.config.inversion.images * (self.config.guided_outputs if is_guided else 1)
        found = self._model(model)
        return Cost(
            **found.passes(images),
            memory_mb=1800 + 8 * found.weights_mb + 8 * found.pixels_mb(images),
            disk_mb=found.pixels_mb(images) * PHOTO_SHARE,
        )

    def _random_samples(self, child: str) -> Cost:
        return self._translate(child, "random")

    def _blend(self, child: str) -> Cost:
        weights = self._model(child).weights_mb
        return Cost(memory_mb=1500 + 8 * weights, disk_mb=weights)

    def _morph(self, child: str) -> Cost:
        settings, found = self.config.morphing, self._model(child)
        passes = settings.frames * settings.images * load_rates().cpu.morph_passes
        return Cost(
            **found.passes(passes),
            network_s=passes * perceptual_s(settings.perceptual, found.px),
            memory_mb=2500 + 16 * found.weights_mb + 4 * found.pixels_mb(settings.images * 8),
            disk_mb=found.pixels_mb(settings.frames * settings.images) * PHOTO_SHARE,
        )

    def _supervise(self, task: str, domain: str, synthesised: dict[str, Any] | None = None) -> Cost:
        labels, px = self.config.labels, self.config.domains[domain].resolution_px
        images, scale = labels.images, (px / 64) ** 2
        seconds = labels.epochs * images * load_rates().cpu.label_training_ms / 1e3 * scale
        if task == "pose":
            seconds *= 0.55
        return Cost(network_s=seconds, memory_mb=2500 + images * px**2 * 12 / MEGABYTE, **(synthesised or {}))

    def _transfer(self, task: str, model: str) -> Cost:
        passes = self._model(model).passes(2 * self.config.labels.images)
        return self._supervise(task, self.config.models[model].domain, passes)

    # Measurements

    def _features(self, images: float, px: int) -> float:
        return images * feature_s(self.config.metrics.features, px)

    @property
    def _dimensions(self) -> float:
        return network_of(self.config.metrics.features).dimensions / 1280

    def _generators(self, subject: str, model: str) -> Cost:
        metrics, found, cpu = self.config.metrics, self._model(model), load_rates().cpu
        real = self.config.domains[self.config.models[subject].domain].splits.train_images
        pairs = metrics.samples * real / 4000**2
        statistics = cpu.fid_s * self._dimensions**3 + cpu.kid_s * self._dimensions
        return Cost(
            **found.passes(metrics.samples),
            host_s=statistics + pairs * cpu.precision_recall_s * self._dimensions,
            network_s=self._features(metrics.samples + real, found.px),
            memory_mb=2000 + 8 * found.weights_mb + found.pixels_mb(1024) * 2
            + (metrics.samples + real) * self._dimensions * 1280 * 12 / MEGABYTE + max(metrics.samples, real) * 0.04,
        )  # fmt: skip

    def _inversion(self, model: str, space: str) -> Cost:
        found, images = self._model(model), self.config.inversion.images
        seconds = images * perceptual_s(self.config.metrics.perceptual, found.px) * 2
        return Cost(network_s=seconds, memory_mb=1500 + 10 * found.pixels_mb(images))

    def _translation(self, child: str) -> Cost:
        found, data = self._model(child), self.config.domains[self.config.models[child].domain]
        sources, outputs, spaces = (
            self.config.inversion.images,
            self.config.guided_outputs,
            len(self.config.inversion_spaces),
        )
        images = sources * (3 * outputs + 2 * spaces + 2)  # two guides and random samples; spaces, the control's, swap
        pairs = 2 * sources * outputs * (outputs - 1) / 2  # diversity
        statistics = (2 * spaces + 5) * 2 * load_rates().cpu.fid_s * self._dimensions**3
        features = self._features(data.splits.train_images + data.splits.test_images + images, found.px)
        distances = pairs * perceptual_s(self.config.metrics.perceptual, found.px)
        memory = 2000 + found.pixels_mb(1024 + 2 * images) * 2
        return Cost(statistics, network_s=features + distances, memory_mb=memory)

    def _morphing(self, child: str) -> Cost:
        found = self._model(child)
        model = self.config.models[child]
        domains = [model.domain, self.config.models[model.parent or child].domain]
        images = sum(self.config.domains[domain].splits.test_images for domain in domains)
        statistics = 2 * load_rates().cpu.fid_s * self._dimensions
        return Cost(statistics, network_s=self._features(images, found.px), memory_mb=2000 + found.pixels_mb(2048))

    def _zero_shot(self, task: str, child: str) -> Cost:
        data = self.config.domains[self.config.models[child].domain]
        scale = (data.resolution_px / 64) ** 2
        seconds = data.splits.test_images * load_rates().cpu.label_prediction_ms / 1e3 * scale
        return Cost(network_s=seconds, memory_mb=1500 + data.splits.test_images * data.resolution_px**2 * 20 / MEGABYTE)

    def _coverage(self, model: str) -> Cost:
        domain, samples = self.config.models[model].domain, self.config.metrics.samples
        cost = self._coverage_of_domain(domain, samples)
        return dataclasses.replace(cost, **self._model(model).passes(samples))

    def _coverage_of_domain(self, domain: str, samples: int = 0) -> Cost:
        """Pose and attributes of all images of the domain, and of samples."""
        data = self.config.domains[domain]
        scale = (data.resolution_px / 64) ** 2
        images = data.splits.train_images + data.splits.test_images + samples
        seconds = 2 * images * load_rates().cpu.label_prediction_ms / 1e3 * scale
        return Cost(network_s=seconds, memory_mb=2000 + 2048 * data.resolution_px**2 * 24 / MEGABYTE)

    def _alignment_pointwise(self, model: str) -> Cost:
        return self._same_latents(model, self.config.metrics.pairs)

    def _alignment_curve(self, model: str) -> Cost:
        settings, metrics = self.config.training_of(model), self.config.metrics
        points = sum(kimg < settings.kimg for kimg in settings.curve_kimg) + 1
        cost = self._same_latents(model, metrics.curve_images * points)
        found, data = self._model(model), self.config.domains[self.config.models[model].domain]
        features = self._features(metrics.curve_images * points + data.splits.train_images, found.px)
        statistics = points * (load_rates().cpu.fid_s + load_rates().cpu.kid_s) * self._dimensions
        return dataclasses.replace(cost, host_s=statistics, network_s=cost.network_s + features)

    def _same_latents(self, model: str, images: float) -> Cost:
        """Images of parent and child, each seen by three label networks."""
        found = self._model(model)
        seconds = 6 * images * load_rates().cpu.label_prediction_ms / 1e3 * (found.px / 64) ** 2
        memory = 2000 + 16 * found.weights_mb + 8 * found.pixels_mb(1024)
        return Cost(network_s=seconds, memory_mb=memory, **found.passes(2 * images))

    def _alignment_reset(self, model: str) -> Cost:
        resets = 6  # the child as it is, and with each of its five components reset
        metrics, found = self.config.metrics, self._model(model)
        real, images = (
            self.config.domains[self.config.models[model].domain].splits.train_images,
            resets * metrics.samples,
        )
        cpu = load_rates().cpu
        statistics = resets * (cpu.fid_s * self._dimensions**3 + cpu.kid_s * self._dimensions)
        memory = 2000 + 16 * found.weights_mb + found.pixels_mb(1024) * 2
        memory += (metrics.samples + real) * self._dimensions * 1280 * 12 / MEGABYTE
        features = self._features(images + real, found.px)
        return Cost(statistics, network_s=features, memory_mb=memory, **found.passes(images))

    def _alignment_weights(self, model: str) -> Cost:
        return Cost(memory_mb=1500 + 16 * self._model(model).weights_mb)


def _published_shape(px: int) -> ArchitectureSettings:
    """Return the shape of the published parents of a size, and of the bundled ones."""
    if px <= LARGEST_ON_CPU_PX:
        return ArchitectureSettings()
    base = 16384 if px == 256 else 32768
    return ArchitectureSettings(z_dim=512, w_dim=512, channel_base=base, channel_max=512)
