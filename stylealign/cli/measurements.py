"""What `stylealign evaluate` does for each kind: from files to rows."""

import argparse
import contextlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylealign.cli.progress import Progress, warn
from stylealign.config import MetricSettings
from stylealign.errors import StyleAlignError
from stylealign.metrics.rows import Labels, Row

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from stylealign.datasets.annotations import Annotations
    from stylealign.datasets.images import ImageZip
    from stylealign.metrics.translation import Predict

Measured = tuple[list[Row], dict[str, Any]]
"""Rows, and facts for their provenance."""


def _labels(arguments: argparse.Namespace, table: str) -> Labels:
    return Labels(table, arguments.parent_name, arguments.child_name, arguments.method, arguments.setting)


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
    labels = labels if labels.method else Labels(labels.table, labels.parent, labels.child, codes.space, labels.setting)
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
    outputs = {label: translation.Outputs.of(images, len(sources)) for label, images in zips.items()}
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
            method, _, setting = label.partition("/")
            setting = ", ".join(text for text in (setting, arguments.setting) if text)
            labels = Labels("translation", arguments.parent_name, arguments.child_name, method, setting)
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
    keys = {"keypoints": "keypoints", "pose": "pose", "segmentation": "classes"}
    pairs = {task: _measuring(arguments, task, key) for task, key in keys.items()}
    return {task: pair for task, pair in pairs.items() if pair is not None}


def _measuring(arguments: argparse.Namespace, task: str, key: str) -> "tuple[Predict, Predict] | None":
    """Return the functions that predict `key` of a task in both domains, None without networks."""
    paths = [getattr(arguments, f"{role}_{task}") for role in ("source", "target")]
    if paths == [None, None]:
        return None
    if None in paths:
        raise StyleAlignError(f"--source-{task} and --target-{task} go together: give both or neither")
    from stylealign.applications.zero_shot.learning import predict
    from stylealign.applications.zero_shot.networks import load_label_network
    from stylealign.cli.models import compute_device

    networks = [load_label_network(path, task)[0].to(compute_device()) for path in paths]
    one, other = (lambda images, network=network: predict(network, images)[key] for network in networks)
    return one, other


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
    from stylealign.applications.zero_shot.networks import load_label_network
    from stylealign.applications.zero_shot.scores import TABLES, zero_shot_rows
    from stylealign.cli.models import compute_device
    from stylealign.datasets.annotations import Annotations
    from stylealign.datasets.images import ImageZip
    from stylealign.metrics.structure import PROTOCOLS

    data, annotations = ImageZip(arguments.data), Annotations.load(arguments.annotations)
    network, origin = load_label_network(arguments.network, arguments.task, data.resolution_px)
    _require_annotated(data, annotations, arguments.annotations)
    labels = _labels(arguments, TABLES[arguments.task])
    rows = zero_shot_rows(network.to(compute_device()), data.read(), annotations, labels, settings)
    return rows, {"protocol": PROTOCOLS[arguments.task], "network": origin}


def _require_annotated(data: "ImageZip", annotations: "Annotations", path: str) -> None:
    if len(annotations) != len(data) or annotations.segmentation.shape[1] != data.resolution_px:
        raise StyleAlignError(f"{path}: annotations of other images than {data.path}; give those made with it")


def _alignment_weights(arguments: argparse.Namespace, settings: MetricSettings) -> Measured:
    from stylealign.alignment import weights
    from stylealign.cli.models import load_matching

    parent, child = load_matching(arguments.parent, arguments.child)
    rows = weights.weight_rows(parent.generator, child.generator, _labels(arguments, "alignment_weights"))
    return rows, {"protocol": weights.PROTOCOL}


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
    "inversion": _inversion,
    "translation": _translation,
    "morphing": _morphing,
    "zero-shot": _zero_shot,
    "alignment-weights": _alignment_weights,
}
