"""What `stylealign evaluate` does for each kind: from files to rows."""

import argparse
import contextlib
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from stylealign.cli.progress import Progress, warn
from stylealign.config import MetricSettings, Task
from stylealign.errors import StyleAlignError
from stylealign.metrics.rows import Row, RowKey

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from stylealign.checkpoints import Checkpoint
    from stylealign.datasets.annotations import Annotations
    from stylealign.datasets.images import ImageZip
    from stylealign.metrics.translation import Predict

Measured = tuple[list[Row], dict[str, Any]]
"""Rows, and facts for their provenance."""


def _labels(arguments: argparse.Namespace, table: str) -> RowKey:
    return RowKey(table, arguments.parent_name, arguments.child_name, arguments.method, arguments.setting)


def _labels_of_row(arguments: argparse.Namespace, table: str, label: str) -> RowKey:
    """Return the labels of a METHOD[/SETTING]=FILE argument."""
    method, _, setting = label.partition("/")
    setting = ", ".join(text for text in (setting, arguments.setting) if text)
    return RowKey(table, arguments.parent_name, arguments.child_name, method, setting)


def _extractor(settings: MetricSettings) -> "nn.Module":
    from stylealign.cli.models import compute_device
    from stylealign.metrics.features import feature_extractor

    return feature_extractor(settings.features, _weights(settings, settings.features)).to(compute_device())


def _weights(settings: MetricSettings, name: str) -> Path | None:
    return None if settings.weights_dir is None else Path(settings.weights_dir) / f"{name}.pth"


def _generators(arguments: argparse.Namespace, settings: MetricSettings) -> Measured:
    from stylealign import load
    from stylealign.datasets.images import ImageZip
    from stylealign.metrics import generators
    from stylealign.metrics.features import PROTOCOLS

    checkpoint, data = load(arguments.model), ImageZip(arguments.data)
    progress = Progress("evaluate", settings.samples + len(data), "images")
    with _few_images_named():
        rows = generators.generator_rows(
            checkpoint, data, _extractor(settings), _labels(arguments, "generators"), settings, progress.update
        )
    facts = {"features": PROTOCOLS[settings.features], "protocol": generators.PROTOCOL, "real_images": len(data)}
    return rows, facts


def _coverage(arguments: argparse.Namespace, settings: MetricSettings) -> Measured:
    import numpy as np

    from stylealign import load
    from stylealign.applications.zero_shot import attributes
    from stylealign.applications.zero_shot.learning import predict, require_matching
    from stylealign.applications.zero_shot.networks import load_label_network
    from stylealign.cli.models import compute_device
    from stylealign.datasets.annotations import Annotations
    from stylealign.datasets.images import ImageZip
    from stylealign.metrics import coverage, generators

    data, test = ImageZip(arguments.data), ImageZip(arguments.test_data)
    truth = Annotations.load(arguments.annotations)
    _require_annotated(test, truth, arguments.annotations)
    generators.require_resolution(test, data.resolution_px)
    device = compute_device()
    pose = _predictor(arguments.pose, "pose")
    network = load_label_network(arguments.attributes, "attributes", data.resolution_px)[0].to(device)
    require_matching(network.spec, arguments.attributes, truth, arguments.annotations)

    def seen(batches: "Iterator[np.ndarray]") -> coverage.Seen:
        parts = [(pose(images), predict(network, images)["attributes"]) for images in batches]
        poses, scores = (np.concatenate(part) for part in zip(*parts, strict=True))
        return coverage.Seen(poses, attributes.choices(network.spec.names, scores))

    tested = seen(generators.read_images(test))
    if arguments.model is None:
        measured = tested
    else:
        checkpoint = load(arguments.model)
        generators.require_resolution(data, checkpoint.architecture.resolution)
        measured = seen(generators.sample_images(checkpoint.generator.to(device), settings.samples, settings.seed))
    skills = {name: coverage.attribute_skill(tested.attributes[name], values)
              for name, values in attributes.numbered_like(network.spec, truth).items()}  # fmt: skip
    values = {name: len(names) for name, names in truth.attribute_values.items()}
    rows = coverage.coverage_rows(measured, seen(generators.read_images(data)), skills, values,
                                  _labels(arguments, coverage.TABLE), settings)  # fmt: skip
    return rows, {"protocol": coverage.PROTOCOL, "real_images": len(data)}


def _inversion(arguments: argparse.Namespace, settings: MetricSettings) -> Measured:
    from stylealign.cli.models import compute_device
    from stylealign.datasets.images import ImageZip
    from stylealign.files import read_json
    from stylealign.latents.codes import Codes
    from stylealign.metrics import inversion
    from stylealign.metrics.perceptual import PROTOCOLS, perceptual_distance

    codes, reconstructions = Codes.load(arguments.codes), ImageZip(arguments.reconstructions)
    images = _named(ImageZip(arguments.data), codes.names, arguments.codes)
    _require_as_many(reconstructions, len(images))
    distance = perceptual_distance(settings.perceptual, _weights(settings, settings.perceptual)).to(compute_device())
    timing = read_json(arguments.timing) if arguments.timing else {}
    labels = _labels(arguments, "inversion")
    labels = labels if labels.method else RowKey(labels.table, labels.parent, labels.child, codes.space, labels.setting)
    rows = inversion.inversion_rows(images, reconstructions.read(), distance, timing, labels, settings)
    facts = {"perceptual": PROTOCOLS[settings.perceptual], "protocol": inversion.PROTOCOL}
    return rows, facts


def _translation(arguments: argparse.Namespace, settings: MetricSettings) -> Measured:
    from stylealign.cli.models import compute_device
    from stylealign.datasets.images import ImageZip
    from stylealign.metrics import translation
    from stylealign.metrics.features import PROTOCOLS
    from stylealign.metrics.generators import require_resolution
    from stylealign.metrics.perceptual import PROTOCOLS as PERCEPTUAL
    from stylealign.metrics.perceptual import perceptual_distance

    data, test = ImageZip(arguments.source_data), ImageZip(arguments.target_data)
    zips = {label: ImageZip(path) for label, path in arguments.rows}
    for images in (test, *zips.values()):
        require_resolution(images, data.resolution_px)
    sources = _named(data, _source_names(zips), arguments.source_data)
    most = max(len(images) // len(sources) or 1 for images in zips.values() if "names" in images.info)
    outputs = {label: translation.Outputs.of(images, len(sources), most) for label, images in zips.items()}
    if arguments.untouched:
        outputs = {"untouched": translation.Outputs(sources)} | outputs
    extractor = _extractor(settings)
    distance = perceptual_distance(settings.perceptual, _weights(settings, settings.perceptual)).to(compute_device())
    structure = translation.Structure(sources, _structure_networks(arguments))
    progress = Progress("evaluate", len(outputs), "methods")
    rows = []
    with _few_images_named():
        train = None if arguments.target_train is None else ImageZip(arguments.target_train)
        target = translation.Target.of(test, train, extractor)
        for label, translated in outputs.items():
            labels = _labels_of_row(arguments, "translation", label)
            rows += translation.fit_rows(translated, target, extractor, labels, settings)
            rows += translation.diversity_rows(translated, distance, labels, settings)
            rows += structure.rows(translated, labels, settings)
            progress.advance()
    facts = {
        "features": PROTOCOLS[settings.features], "perceptual": PERCEPTUAL[settings.perceptual],
        "protocol": translation.PROTOCOL, "sources": len(sources), "sources_of": len(data),
        "outputs": {label: images.each for label, images in outputs.items()},
    }  # fmt: skip
    return rows, facts


def _source_names(zips: "dict[str, ImageZip]") -> list[str]:
    """Return the names of the sources, which the translations hold; samples that know no source hold none.

    Raises:
        StyleAlignError: no zip names its sources, or two name different ones.
    """
    named = {label: images.info["names"] for label, images in zips.items() if "names" in images.info}
    if not named:
        raise StyleAlignError(
            f"{next(iter(zips.values())).path}: names no sources; give images of stylealign translate"
        )
    first = next(iter(named))
    for label, names in named.items():
        if names != named[first]:
            raise StyleAlignError(
                f"{zips[label].path}: translations of other sources than {zips[first].path}; translate the same codes"
            )
    return list(named[first])


def _structure_networks(arguments: argparse.Namespace) -> "dict[str, tuple[Predict, Predict]]":
    """Return the functions that measure each task in the source's and in the target's domain, where both are given."""
    pairs = {task: _measuring(arguments, task) for task in ("keypoints", "pose", "segmentation")}
    return {task: pair for task, pair in pairs.items() if pair is not None}


def _measuring(arguments: argparse.Namespace, task: str, roles: tuple[str, str] = ("source", "target")
               ) -> "tuple[Predict, Predict] | None":  # fmt: skip
    """Return the functions that measure a task in the domains of two roles, None without networks."""
    paths = [getattr(arguments, f"{role}_{task}") for role in roles]
    if paths == [None, None]:
        return None
    if None in paths:
        raise StyleAlignError(f"--{roles[0]}-{task} and --{roles[1]}-{task} go together: give both or neither")
    return _predictor(paths[0], task), _predictor(paths[1], task)


def _predictor(path: str, task: str) -> "Predict":
    """Return a label network as a function from images to key points, poses or class maps."""
    from stylealign.applications.zero_shot.learning import predict
    from stylealign.applications.zero_shot.networks import load_label_network
    from stylealign.cli.models import compute_device

    network = load_label_network(path, task)[0].to(compute_device())
    answer = "classes" if task == "segmentation" else task
    return lambda images: predict(network, images)[answer]


def _morphing(arguments: argparse.Namespace, settings: MetricSettings) -> Measured:
    from stylealign.datasets.images import ImageZip
    from stylealign.files import read_json
    from stylealign.metrics import morphing
    from stylealign.metrics.features import PROTOCOLS

    labels = _labels(arguments, "morphing")
    rows = morphing.morphing_rows(read_json(arguments.metrics), arguments.metrics, labels, settings)
    if arguments.middle is None:
        return rows, {}
    if arguments.source_data is None or arguments.target_data is None:
        raise StyleAlignError("--middle: needs --source-data and --target-data, the test images of the two domains")
    domains = [ImageZip(path) for path in (arguments.source_data, arguments.target_data)]
    rows += morphing.middle_rows(ImageZip(arguments.middle), domains, _extractor(settings), labels, settings)
    return rows, {"features": PROTOCOLS[settings.features], "protocol": morphing.MIDDLE_PROTOCOL}


def _zero_shot(arguments: argparse.Namespace, settings: MetricSettings) -> Measured:
    from stylealign.applications.zero_shot.learning import require_matching
    from stylealign.applications.zero_shot.networks import load_label_network
    from stylealign.applications.zero_shot.scores import TABLES, zero_shot_rows
    from stylealign.cli.models import compute_device
    from stylealign.datasets.annotations import Annotations
    from stylealign.datasets.images import ImageZip
    from stylealign.metrics.structure import PROTOCOLS

    data, annotations = ImageZip(arguments.data), Annotations.load(arguments.annotations)
    _require_annotated(data, annotations, arguments.annotations)
    networks = {label: load_label_network(path, arguments.task, data.resolution_px) for label, path in arguments.rows}
    for (network, _), (_, path) in zip(networks.values(), arguments.rows, strict=True):
        require_matching(network.spec, path, annotations, arguments.annotations)
    images, rows = data.read(), []
    for label, (network, _) in networks.items():
        labels = _labels_of_row(arguments, TABLES[arguments.task], label)
        rows += zero_shot_rows(network.to(compute_device()), images, annotations, labels, settings)
    origins = {label: origin for label, (_, origin) in networks.items()}
    return rows, {"protocol": PROTOCOLS[arguments.task], "networks": origins}


def _require_annotated(data: "ImageZip", annotations: "Annotations", path: str) -> None:
    if not annotations.belong_to(len(data), data.resolution_px):
        raise StyleAlignError(f"{path}: annotations of other images than {data.path}; give those made with it")


def _alignment_weights(arguments: argparse.Namespace, settings: MetricSettings) -> Measured:
    from stylealign.alignment import weights
    from stylealign.cli.models import load_matching

    parent, child = load_matching(arguments.parent, arguments.child)
    rows = weights.weight_rows(parent.generator, child.generator, _labels(arguments, "alignment_weights"))
    return rows, {"protocol": weights.PROTOCOL}


def _alignment_reset(arguments: argparse.Namespace, settings: MetricSettings) -> Measured:
    from stylealign.alignment import reset
    from stylealign.cli.models import load_matching
    from stylealign.datasets.images import ImageZip
    from stylealign.metrics.features import PROTOCOLS, features_of
    from stylealign.metrics.generators import read_images, require_resolution

    parent, child = load_matching(arguments.parent, arguments.child)
    data, extractor = ImageZip(arguments.data), _extractor(settings)
    require_resolution(data, child.architecture.resolution)
    device = next(extractor.parameters()).device
    progress = Progress("evaluate", len(data) + len(reset.RESETS) * settings.samples, "images")
    real = features_of(read_images(data), extractor, progress=progress.update)
    with _few_images_named():
        rows = reset.reset_rows(
            parent.generator.to(device), child.generator.to(device), real, extractor, _labels(arguments, reset.TABLE),
            settings, lambda done: progress.update(len(data) + done),
        )  # fmt: skip
    return rows, {"features": PROTOCOLS[settings.features], "protocol": reset.PROTOCOL, "real_images": len(data)}


def _alignment_pointwise(arguments: argparse.Namespace, settings: MetricSettings) -> Measured:
    from dataclasses import replace

    from stylealign.alignment import pointwise
    from stylealign.cli.models import compute_device, load_matching

    parent, child = load_matching(arguments.parent, arguments.child)
    of_parent, of_child = _networks_by_role(arguments)
    progress = Progress("evaluate", 2 * settings.pairs, "images")

    def draw(model: "Checkpoint", networks: "dict[str, Predict]", before: int) -> pointwise.Drawn:
        return pointwise.draw_and_measure(model.generator.to(compute_device()), settings.pairs, settings.seed, networks,
                                          lambda done: progress.update(before + done))  # fmt: skip

    one, other = draw(parent, of_parent, 0), draw(child, of_child, settings.pairs)
    labels = _labels(arguments, pointwise.TABLE)
    rows = pointwise.pointwise_rows(one, other, labels, settings)
    if arguments.shuffled:
        labels = replace(labels, method=pointwise.SHUFFLED)
        rows += pointwise.pointwise_rows(one, other.shuffled(), labels, settings)
    return rows, {"protocol": pointwise.PROTOCOL}


def _networks_by_role(arguments: argparse.Namespace) -> "tuple[dict[str, Predict], dict[str, Predict]]":
    """Return the measuring functions of the parent's and of the child's domain by task, of the tasks that are given."""
    pairs = {task: _measuring(arguments, task, ("parent", "child")) for task in get_args(Task)}
    given = {task: pair for task, pair in pairs.items() if pair is not None}
    return {task: pair[0] for task, pair in given.items()}, {task: pair[1] for task, pair in given.items()}


def _curve(arguments: argparse.Namespace, settings: MetricSettings) -> Measured:
    from stylealign import load
    from stylealign.alignment import curve
    from stylealign.alignment.pointwise import draw_and_measure
    from stylealign.checkpoints.snapshots import read_snapshots
    from stylealign.datasets.images import ImageZip
    from stylealign.metrics.features import PROTOCOLS, features_of
    from stylealign.metrics.generators import require_resolution

    parent, images = load(arguments.parent), ImageZip(arguments.data)
    require_resolution(images, parent.architecture.resolution)
    of_parent, of_child = _networks_by_role(arguments)
    extractor, real = _extractor(settings), images.read()
    generator = parent.generator.to(next(extractor.parameters()).device)
    pose = of_child["pose"](real) if "pose" in of_child else None
    drawn = draw_and_measure(generator, settings.curve_images, settings.seed, of_parent)
    reference = curve.Reference(features_of(real, extractor), pose, drawn)

    def told(kimg: float) -> None:
        print(f"stylealign evaluate: measured after {kimg:g} kimg", file=sys.stderr)

    labels = _labels(arguments, curve.TABLE)
    with _few_images_named():
        rows = curve.curve_rows(
            read_snapshots(arguments.snapshots), reference, extractor, of_child, labels, settings, told
        )
    return rows, {"features": PROTOCOLS[settings.features], "protocol": curve.PROTOCOL, "real_images": len(images)}


def _named(data: "ImageZip", names: Sequence[str], codes: str) -> "np.ndarray":
    """Return the images of a zip that codes belong to, in the codes' order."""
    places = {name: place for place, name in enumerate(data.names)}
    missing = [name for name in names if name not in places]
    if missing:
        raise StyleAlignError(f"{codes}: belongs to other images: {missing[0]} is not in {data.path}")
    return data.read([places[name] for name in names])


def _require_as_many(images: "ImageZip", count: int) -> None:
    if len(images) != count:
        raise StyleAlignError(f"{images.path}: {len(images)} images where the sources are {count}; make it again")


@contextlib.contextmanager
def _few_images_named() -> Iterator[None]:
    """Print warnings of too few images as lines of the verb, once each."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for text in dict.fromkeys(str(warning.message) for warning in caught):
        warn("evaluate", text)


MEASURE: dict[str, Callable[[argparse.Namespace, MetricSettings], Measured]] = {
    "generators": _generators,
    "coverage": _coverage,
    "inversion": _inversion,
    "translation": _translation,
    "morphing": _morphing,
    "zero-shot": _zero_shot,
    "alignment-weights": _alignment_weights,
    "alignment-reset": _alignment_reset,
    "alignment-pointwise": _alignment_pointwise,
    "curve": _curve,
}
