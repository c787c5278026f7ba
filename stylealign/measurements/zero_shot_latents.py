"""Rows of labels that come with latent codes: test images labelled backwards, and what carrying labels over costs."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stylealign.applications.labels.methods import BACKWARDS, TRANSFERRED
from stylealign.applications.labels.tasks import task_of
from stylealign.config import MetricSettings
from stylealign.errors import StyleAlignError
from stylealign.measurements.zero_shot_tables import (
    COSTS_TABLE,
    INVERTED,
    ORACLE,
    SOURCE_ONLY,
    TABLES,
    difference_rows,
    score_rows,
)

if TYPE_CHECKING:
    from stylealign.applications.labels.networks import Labeller, Scores
    from stylealign.applications.labels.sharing import Shared
    from stylealign.measurements.inputs import Inputs
    from stylealign.measurements.rows import Row, RowKey
    from stylealign.networks.generator import Generator

SHUFFLED = f"{TRANSFERRED} shuffled"
_DOMAINS = {SOURCE_ONLY: "parent's", ORACLE: "child's"}


def is_of_latents(name: str) -> bool:
    """Return whether the file of METHOD[/SETTING] is no network: codes of test images, or a model."""
    return name.startswith((BACKWARDS, TRANSFERRED))


def _need(name: str, network: str, networks: "dict[str, Labeller]") -> "Labeller":
    if network not in networks:
        raise StyleAlignError(f"{name}: needs {network}=NET, a network of the {_DOMAINS[network]} domain; give it")
    return networks[network]


def _require_parent(inputs: "Inputs", name: str) -> None:
    if not inputs.has("parent"):
        raise StyleAlignError(f"{name}: needs --parent MODEL, which draws the images of the codes; give it")


def backwards_rows(
    inputs: "Inputs", networks: "dict[str, Labeller]", shared: "Shared", settings: MetricSettings
) -> "list[Row]":
    """Return the rows of labels by codes, and first those of source-only on the images that have codes.

    Args:
        inputs: with the parent, test images and annotations; files of `BACKWARDS` hold codes found in a child.
        networks: by METHOD[/SETTING].
        shared: what is compared.
        settings: bootstrap draws and seed.

    Raises:
        StyleAlignError: no parent or no source-only, or codes of other images or of models of another shape.
    """
    rows: list[Row] = []
    task = inputs.options["task"]
    for name in (name for name in inputs.named_files if name.startswith(BACKWARDS)):
        _require_parent(inputs, name)
        own, base = _backwards_scores(inputs, name, _need(name, SOURCE_ONLY, networks), shared)
        if not rows:
            rows += score_rows([base], _of_inverted(inputs.key_of(TABLES[task].name, SOURCE_ONLY)), settings)
        key = _of_inverted(inputs.key_of(TABLES[task].name, name))
        rows += score_rows([own], key, settings)
        rows += difference_rows(task_of(task), [own], [base], key, settings)
    return rows


def _of_inverted(key: "RowKey") -> "RowKey":
    """Return the name of the same rows of inverted images alone."""
    return replace(key, setting=", ".join(filter(None, (INVERTED, key.setting))))


def _backwards_scores(inputs: "Inputs", name: str, labeller: "Labeller", shared: "Shared") -> "tuple[Scores, Scores]":
    """Return the scores of what a network says of the parent's images of test images' codes, and of the test images."""
    import numpy as np

    from stylealign.applications.labels.learning import scores
    from stylealign.applications.translation import draw
    from stylealign.devices import compute_device
    from stylealign.latents.codes import Codes, codes_to_ws
    from stylealign.measurements.inputs import images_named
    from stylealign.sampling import images_per_batch

    parent, data, path = inputs.model("parent"), inputs.images("data"), inputs.named_files[name]
    codes = Codes.load(path, architecture=parent.architecture)
    images = images_named(data, codes.names, path)
    annotations = inputs.annotations("annotations", data)
    annotations = annotations.rows(np.array([data.names.index(own) for own in codes.names]))
    generator = parent.generator.to(compute_device())
    parts = codes_to_ws(codes, generator).split(images_per_batch(parent.architecture.resolution))
    drawn = np.concatenate([draw(generator, part) for part in parts])
    own, base = (scores(labeller, pictures, annotations, shared) for pictures in (drawn, images))
    return own, base


def cost_rows(inputs: "Inputs", networks: "dict[str, Labeller]", settings: MetricSettings) -> "list[Row]":
    """Return how far labels of the parent's images agree with what the oracle says of the child's of the same latents.

    Args:
        inputs: with the parent; the files of `TRANSFERRED` are models that draw the child's images.
        networks: by METHOD[/SETTING], source-only and the oracle among them.
        settings: number of latents, shared classes, bootstrap draws and seed.

    Raises:
        StyleAlignError: no parent, source-only or oracle, or models of different architecture.
    """
    import numpy as np

    from stylealign.applications.labels.truth import as_annotations
    from stylealign.checkpoints.differences import load_matching
    from stylealign.devices import compute_device

    rows: list[Row] = []
    labels: dict[str, Any] = {}
    for name in (name for name in inputs.named_files if name.startswith(TRANSFERRED)):
        _require_parent(inputs, name)
        labeller, oracle = (_need(name, network, networks) for network in (SOURCE_ONLY, ORACLE))
        parent, child = load_matching(inputs.path("parent"), inputs.named_files[name])
        if not labels:
            labels = _said_of(parent.generator.to(compute_device()), (labeller,), settings)[0]
        true, seen = _said_of(child.generator.to(compute_device()), (oracle, labeller), settings)
        annotations = as_annotations(oracle.spec, true)
        if annotations is None:
            return []
        score = _scoring(inputs, labeller, oracle, annotations, settings)
        found = {name: score(labels)}
        if not rows:
            others = {what: np.roll(values, -1, axis=0) for what, values in labels.items()}
            found |= {SHUFFLED: score(others), SOURCE_ONLY: score(seen)}
        for method, own in found.items():
            rows += score_rows([own], inputs.key_of(COSTS_TABLE.name, method), settings)
    return rows


def _scoring(
    inputs: "Inputs", labeller: "Labeller", oracle: "Labeller", annotations: Any, settings: MetricSettings
) -> "Callable[[dict[str, Any]], Scores]":
    """Return what scores the labeller's predictions against annotations that the oracle made."""
    from stylealign.applications.labels.sharing import shared_names

    paths = {own: inputs.named_files[own] for own in (SOURCE_ONLY, ORACLE)}
    specs = {paths[SOURCE_ONLY]: labeller.spec, paths[ORACLE]: oracle.spec}
    shared = shared_names(specs, annotations, paths[ORACLE], settings.classes)
    functions = task_of(labeller.spec.task).functions
    named = (shared,) if shared.differ else ()

    def score(predicted: dict[str, Any]) -> "Scores":
        found: Scores = functions.scores(predicted, annotations, labeller.spec, *named)
        return found

    return score


def _said_of(
    generator: "Generator", networks: "tuple[Labeller, ...]", settings: MetricSettings
) -> list[dict[str, Any]]:
    """Return what each network predicts of a generator's images of the latents, which are the same for every model."""
    import numpy as np
    import torch

    from stylealign.applications.labels.learning import predict
    from stylealign.images import to_pixels
    from stylealign.sampling import sample_latents

    parts: list[list[dict[str, Any]]] = [[] for _ in networks]
    with torch.inference_mode():
        for z, c in sample_latents(generator, settings.pairs, settings.seed):
            images = to_pixels(generator.synthesis(generator.mapping(z, c)))
            for own, network in zip(parts, networks, strict=True):
                own.append(predict(network, images))
    return [{what: np.concatenate([part[what] for part in own]) for what in own[0]} for own in parts]
