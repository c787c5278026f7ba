"""What each job of the workflow costs, by its rule. What a measurement costs, its kind declares."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from stylealign.applications.labels.methods import BOUNDS, method_of
from stylealign.applications.labels.tasks import task_of
from stylealign.config import Config, LabelSettings, Space, without_figures
from stylealign.datasets.large_arrays import PART_BYTES
from stylealign.measurements import registry
from stylealign.measurements.shared import MOST_PAIRS
from stylealign.metrics.networks.registry import network_of
from stylealign.work.cost import LARGEST_ON_CPU_PX, MEGABYTE, Cost, Work, measured_images, steps_kept
from stylealign.work.rates import CARD, feature_s, load_rates, perceptual_s

PHOTO_SHARE, DRAWING_SHARE = 0.6, 0.28
"""Size of a PNG as a share of its pixels: photographs (assumed), drawn avatars at 64 px (measured)."""

ALIGNMENT_NETWORK = "efficientnet-lite0"
"""What a training scores the alignment of its child by."""

LABEL_NETWORK_MB = 2500
"""Memory of the training of a label network, without its images."""


class Costs(Work):
    """Costs of the jobs of one configuration.

    Args:
        config: the configuration.
        download_mb: (kind, name) in the zoo -> megabytes of the download, None where they are not known.
        archive: name of a data set -> what its archive is known by.
        card: GPU of throughput.yaml.
    """

    def __init__(
        self,
        config: Config,
        download_mb: Callable[[str, str], float | None] = lambda kind, name: 0.0,
        archive: Callable[[str], str] = str,
        card: str = CARD,
    ) -> None:
        super().__init__(config, card)
        self.download_mb, self.archive = download_mb, archive

    def of(self, rule: str, wildcards: Mapping[str, str]) -> Cost:
        """Return the cost of a job; of a rule that is not known, that of a job which does next to nothing."""
        find = rules().get(rule)
        return Cost(is_known=False) if find is None else find(self, **wildcards)

    def is_large(self, wildcards: Mapping[str, str]) -> bool:
        """Return whether the images of a job are of a size at which a GPU is taken for granted."""
        return self._px(wildcards) > LARGEST_ON_CPU_PX

    def is_on_record(self, rule: str, wildcards: Mapping[str, str]) -> bool:
        """Return whether a job is a plain training of a size whose time on the GPU was published or measured."""
        if not rule.startswith("train_") or self._px(wildcards) not in load_rates().gpus[self.card].train_s_per_kimg:
            return False
        model = wildcards["model"]
        return steps_kept(self.config.training_of(model), self.model(model)) == 1

    def _px(self, wildcards: Mapping[str, str]) -> int:
        """Return the size of a job's images, 0 for a job that is of no single domain."""
        model = next((wildcards[key] for key in ("child", "subject", "model", "parent") if key in wildcards), "")
        domain = wildcards.get("domain") or (self.config.models[model].domain if model in self.config.models else None)
        return 0 if domain is None else self.config.domains[domain].resolution_px

    def archive_of(self, rule: str, wildcards: Mapping[str, str]) -> str:
        """Return what tells the download of one job from that of another; the parts of an archive are one download."""
        if rule not in ("fetch_domain", "fetch_validated_domain"):
            return " ".join([rule, *wildcards.values()])
        name = self.config.domains[wildcards["domain"]].fetch or ""
        return self.archive(name)


# Data and models


def _draw_domain(costs: "Costs", domain: str, split: str = "train") -> Cost:
    data = costs.config.domains[domain]
    images, px = getattr(data, f"{split}_images"), data.resolution_px
    disk = images * 3 * px**2 * DRAWING_SHARE / MEGABYTE
    return Cost(host_s=images / load_rates().cpu.draw_images_per_s * px / 64, disk_mb=disk)


def _draw_pairs(costs: "Costs", source: str, domain: str, kind: str) -> Cost:
    images, px = 2 * min(MOST_PAIRS, costs.config.metrics.pairs), costs.config.domains[domain].resolution_px
    disk = images * 3 * px**2 * DRAWING_SHARE / MEGABYTE
    return Cost(host_s=images / load_rates().cpu.draw_images_per_s * px / 64, disk_mb=disk)


def _import_domain(costs: "Costs", domain: str, download_mb: float | None = 0.0) -> Cost:
    data = costs.config.domains[domain]
    images, megapixels = sum(data.splits) + (data.val_images or 0), data.resolution_px**2 / 1e6
    seconds = images * (load_rates().cpu.import_ms_per_megapixel * megapixels + 1) / 1e3
    disk = images * 3 * megapixels * PHOTO_SHARE
    return Cost(host_s=seconds, memory_mb=3000, disk_mb=disk, download_mb=download_mb)


def _fetch_domain(costs: "Costs", domain: str) -> Cost:
    size = costs.download_mb("datasets", costs.config.domains[domain].fetch or "")
    cost = _import_domain(costs, domain, size)
    seconds = cost.host_s + (size or 0.0) / load_rates().download_mb_per_s
    return Cost(seconds, memory_mb=cost.memory_mb, disk_mb=cost.disk_mb, download_mb=size)


def _label_domain(costs: "Costs", domain: str) -> Cost:
    """Return the cost of labels: the pictures are converted again, and compared with the images. A published archive
    was downloaded with them."""
    return replace(_import_domain(costs, domain), disk_mb=0.0)


def _fetch_weights(costs: "Costs", network: str) -> Cost:
    size = costs.download_mb("weights", network)
    return Cost((size or 0.0) / load_rates().download_mb_per_s, disk_mb=size or 0.0, download_mb=size)


def _fetch_parent(costs: "Costs", model: str) -> Cost:
    size = costs.download_mb("models", costs.config.models[model].fetch or "")
    weights = costs.model(model).weights_mb
    seconds = (size or 0.0) / load_rates().download_mb_per_s
    return Cost(seconds, memory_mb=1500 + 8 * weights, disk_mb=3 * weights, download_mb=size)


def _train_child(costs: "Costs", model: str) -> Cost:
    settings, found = costs.config.training_of(model), costs.model(model)
    images = settings.kimg * 1000 * steps_kept(settings, found)
    train_images = costs.config.domains[costs.config.models[model].domain].splits.train_images
    data = found.pixels_mb(train_images)
    snapshots = settings.kimg / settings.snapshot_kimg * found.weights_mb
    measured = measured_images(settings, found.px)
    real = train_images * len(set(measured))  # looked at anew for another number of generated images
    rates, dimensions = load_rates().cpu, network_of(settings.evaluate_features).dimensions / 1280
    # The scores at snapshots are in the rate of a training's images, which is of whole jobs.
    scored = 0 if settings.keep.pull.is_off else 2 * (settings.alignment_latents or 0)
    return Cost(
        **found.passes(sum(measured) + scored),
        host_s=len(measured) * (rates.fid_s * dimensions**3 + rates.kid_s * dimensions),
        network_s=(sum(measured) + real) * feature_s(settings.evaluate_features, found.px)
        + scored * perceptual_s(ALIGNMENT_NETWORK, found.px),
        train_s=images * found.train_s,
        train_gpu_s=images * found.train_gpu_s,
        memory_mb=2000 + 12 * found.weights_mb + 1.2 * data,
        disk_mb=10 * found.weights_mb + snapshots,
    )


# What is done with models


def _encoder(costs: "Costs", model: str) -> Cost:
    settings, found, cpu = costs.config.encoder, costs.model(model), load_rates().cpu
    images = settings.steps * settings.batch_size
    return Cost(
        **found.passes(images * cpu.inversion_synthesis_passes),
        network_s=images * cpu.inversion_perceptual_passes * perceptual_s(settings.perceptual, found.px),
        memory_mb=2500 + 8 * found.weights_mb + 8 * found.pixels_mb(settings.batch_size * 32),
        disk_mb=found.weights_mb,
    )


def _invert(costs: "Costs", model: str, space: Space) -> Cost:
    settings, found, cpu = costs.config.inversion_of(space), costs.model(model), load_rates().cpu
    steps = settings.images * settings.steps
    pass_s = perceptual_s(settings.perceptual, min(found.px, settings.perceptual_px))
    return Cost(
        **found.passes(steps * cpu.inversion_synthesis_passes + settings.initial_candidates),
        network_s=steps * cpu.inversion_perceptual_passes * pass_s,
        memory_mb=2000 + 8 * found.weights_mb + 8 * found.pixels_mb(settings.images),
        disk_mb=found.pixels_mb(settings.images) * PHOTO_SHARE,
    )


def _translate(costs: "Costs", model: str, way: str) -> Cost:
    is_guided = way.endswith("-guided") or way == "random"
    images = costs.config.inversion.images * (costs.config.guided_outputs if is_guided else 1)
    found = costs.model(model)
    return Cost(
        **found.passes(images),
        memory_mb=1800 + 8 * found.weights_mb + 8 * found.pixels_mb(images),
        disk_mb=found.pixels_mb(images) * PHOTO_SHARE,
    )


def _random_samples(costs: "Costs", child: str) -> Cost:
    return _translate(costs, child, "random")


def _blend(costs: "Costs", child: str) -> Cost:
    weights = costs.model(child).weights_mb
    return Cost(memory_mb=1500 + 8 * weights, disk_mb=weights)


def _morph(costs: "Costs", child: str) -> Cost:
    settings, found = costs.config.morphing, costs.model(child)
    passes = settings.frames * settings.images * load_rates().cpu.morph_passes
    return Cost(
        **found.passes(passes),
        network_s=passes * perceptual_s(settings.perceptual, found.px),
        memory_mb=2500 + 16 * found.weights_mb + 4 * found.pixels_mb(settings.images * 8),
        disk_mb=found.pixels_mb(settings.frames * settings.images) * PHOTO_SHARE,
    )


def _supervise(
    costs: "Costs",
    task: str,
    domain: str,
    synthesised: dict[str, Any] | None = None,
    settings: LabelSettings | None = None,
) -> Cost:
    labels, px = settings or costs.config.labels, costs.config.domains[domain].resolution_px
    images, scale = labels.images, (px / 64) ** 2
    seconds = labels.epochs * images * load_rates().cpu.label_training_ms / 1e3 * scale
    seconds *= task_of(task).training_time
    return Cost(network_s=seconds, memory_mb=LABEL_NETWORK_MB + images * px**2 * 12 / MEGABYTE, **(synthesised or {}))


def _features(costs: "Costs", domain: str, split: str) -> Cost:
    """Return the cost of the features of a split of a domain's images."""
    data = costs.config.domains[domain]
    images: int = getattr(data.splits, f"{split}_images")
    return Cost(
        network_s=costs.features_s(images, data.resolution_px),
        memory_mb=2000 + costs.features_mb(images) + max(64 * 3 * data.resolution_px**2, PART_BYTES) / MEGABYTE,
        disk_mb=images * costs.dimensions * 1280 * 4 / MEGABYTE,
    )


def _labeller(costs: "Costs", task: str, domain: str) -> Cost:
    """Return the cost of a look at a network of one's own: one image."""
    return Cost(network_s=10, memory_mb=LABEL_NETWORK_MB)


def _transfers(costs: "Costs", task: str, model: str, names: Sequence[str]) -> Cost:
    """Return the cost of the networks of some methods, of every seed."""
    methods, seeds = [method_of(name) for name in names], costs.config.zero_shot.seeds
    drawn = sum(method.passes for method in methods) * 2 * costs.config.labels.images * seeds
    own = _supervise(costs, task, costs.config.models[model].domain, costs.model(model).passes(drawn))
    return replace(own, network_s=own.network_s * sum(method.training_time for method in methods) * seeds)


def _transfer(costs: "Costs", task: str, model: str) -> Cost:
    return _transfers(costs, task, model, costs.config.zero_shot.methods)


def _transfer_bounds(costs: "Costs", task: str, model: str) -> Cost:
    return _transfers(costs, task, model, BOUNDS)


def _transfer_untested(costs: "Costs", task: str, child: str) -> Cost:
    """Return the cost of one network of the first method, of fewer images."""
    labels, method = costs.config.untested_labels, method_of(costs.config.zero_shot.methods[0])
    drawn = method.passes * 2 * labels.images
    own = _supervise(costs, task, costs.config.models[child].domain, costs.model(child).passes(drawn))
    return replace(own, network_s=own.network_s * method.training_time * labels.images / costs.config.labels.images)


def _supervise_joint(costs: "Costs", task: str, px: str) -> Cost:
    """Return the cost of the network of all domains of a size: as many images of each as one of a domain sees."""
    used = {model.domain for model in costs.config.models.values()}
    of_size = {name: own.draw for name, own in costs.config.domains.items() if own.resolution_px == int(px)}
    figures = [name for name, draw in of_size.items() if draw and draw not in without_figures() and name in used]
    parts = [_supervise(costs, task, domain, settings=costs.config.rulers) for domain in figures]
    pixels = sum(part.memory_mb - LABEL_NETWORK_MB for part in parts)
    return Cost(network_s=sum(part.network_s for part in parts), memory_mb=LABEL_NETWORK_MB + pixels)


def _predict(costs: "Costs", task: str, child: str) -> Cost:
    """Return the cost of labelling the test images of a child's domain, a picture and two of labels written of each."""
    data = costs.config.domains[costs.config.models[child].domain]
    images, px = data.splits.test_images, data.resolution_px
    return Cost(
        network_s=costs.labels_s(images, px),
        memory_mb=LABEL_NETWORK_MB,
        disk_mb=3 * costs.model(child).pixels_mb(images) * PHOTO_SHARE,
    )


def _figure_ranking(costs: "Costs", child: str) -> Cost:
    """Return the cost of the hyperplanes of a figure: samples of the parent, and what two networks see in them."""
    found, samples = costs.model(child), costs.config.metrics.direction_samples
    seen_s = 2 * costs.labels_s(samples, found.px)
    return Cost(load_rates().cpu.figure_s, network_s=seen_s, memory_mb=2000, **found.passes(samples))


def _figure(costs: Costs, **wildcards: str) -> Cost:
    return Cost(load_rates().cpu.figure_s)


def _next_to_nothing(costs: Costs, **wildcards: str) -> Cost:
    return Cost()


RULES: dict[str, Callable[..., Cost]] = {
    "draw_domain": _draw_domain,
    "draw_held_out": _draw_domain,
    "draw_pairs": _draw_pairs,
    "import_domain": _import_domain,
    "import_validated_domain": _import_domain,
    "fetch_domain": _fetch_domain,
    "fetch_validated_domain": _fetch_domain,
    "label_domain": _label_domain,
    "label_validated_domain": _label_domain,
    "label_fetched_domain": _label_domain,
    "label_validated_fetched_domain": _label_domain,
    "fetch_weights": _fetch_weights,
    "fetch_parent": _fetch_parent,
    "fetch_child": _fetch_parent,
    "train_parent": _train_child,
    "train_child": _train_child,
    "encoder": _encoder,
    "invert": _invert,
    "translate": _translate,
    "random_samples": _random_samples,
    "blend": _blend,
    "morph": _morph,
    "supervise": _supervise,
    "labeller": _labeller,
    "supervise_joint": _supervise_joint,
    "predict": _predict,
    "features": _features,
    "transfer": _transfer,
    "transfer_bounds": _transfer_bounds,
    "transfer_untested": _transfer_untested,
    "figure_samples": _figure,
    "figure_aligned": _figure,
    "figure_edits": _figure,
    "figure_channels": _figure,
    "figure_recovery": _figure,
    "figure_translation": _figure,
    "figure_multi_modal": _figure,
    "figure_morphing": _figure,
    "figure_zero_shot": _figure,
    "figure_ranking": _figure_ranking,
    "figure_curve": _figure,
    "figure_ladder": _figure,
    "figure_front": _figure,
    "front": _figure,
    "wide_tables": _next_to_nothing,
    "tables": _next_to_nothing,
    "report_page": _next_to_nothing,
}
"""Rule -> its cost, from the costs of a configuration and the wildcards; those of measurements apart."""


def rules() -> dict[str, Callable[..., Cost]]:
    """Return the cost of every rule of the workflow."""
    return RULES | {rule: cost for kind in registry.KINDS for rule, cost in kind.costs.items()}
