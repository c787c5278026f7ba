"""Attributes: of each (glasses, hair colour, ...) one value among those that the domain's annotations name."""

from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from stylealign.applications.labels.networks import LabelSpec
from stylealign.datasets.annotations import UNKNOWN_VALUE, Annotations, renumbered
from stylealign.datasets.label_names import pairs_among

_SEPARATOR = "="


def spec(resolution_px: int, annotations: Annotations) -> LabelSpec | None:
    """Return the network's shape, None for annotations without attributes.

    Its names are `glasses=none`, `glasses=clear`, ... in the annotations' order.
    """
    names = tuple(
        f"{name}{_SEPARATOR}{value}" for name, values in annotations.attribute_values.items() for value in values
    )
    if not names:
        return None
    swapped = tuple(
        pair
        for pair in pairs_among(annotations.names.swapped, annotations.attributes)
        if len({tuple(annotations.attribute_values[name]) for name in pair}) == 1
    )
    return LabelSpec("attributes", names, resolution_px, maps=0, numbers=len(names), swapped=swapped)


def annotated(annotations: Annotations, spec: LabelSpec) -> dict[str, Tensor]:
    """Return each attribute's values as `[N, V]` float, 1 at the annotated one, all 0 where none is known."""
    found = {}
    for name, numbers in numbered_like(spec, annotations).items():
        is_known = torch.from_numpy(numbers != UNKNOWN_VALUE)
        places = torch.from_numpy(numbers).where(is_known, 0)
        found[name] = F.one_hot(places, len(annotations.names.attributes[name])).float() * is_known[:, None]
    return found


def mirrored(labels: dict[str, Tensor], which: Tensor, spec: LabelSpec) -> dict[str, Tensor]:
    """Return the labels of images of which those in `which` `[N]` bool were mirrored: left and right change names."""
    other = {name: pair[1 - place] for pair in spec.swapped for place, name in enumerate(pair)}
    found = {
        name: torch.where(which[:, None], labels[other[name]], values) if name in other else values
        for name, values in labels.items()
    }
    if "kept" in labels:
        names = [name for name in labels if name != "kept"]
        order = [names.index(other.get(name, name)) for name in names]
        found["kept"] = torch.where(which[:, None], labels["kept"][:, order], labels["kept"])
    return found


def pseudo(outputs: dict[str, Tensor], spec: LabelSpec) -> dict[str, Tensor]:
    """Return a network's probabilities of each attribute's values as labels `[N, V]`."""
    groups = _groups(spec.names)
    scores = outputs["numbers"].split([len(values) for _, values in groups], dim=1)
    return {name: own.softmax(dim=1) for (name, _), own in zip(groups, scores, strict=True)}


def kept(labels: dict[str, Tensor], seen: dict[str, Tensor]) -> Tensor:
    """Return which attributes two sets of pseudo labels give one value, `[N, A]` bool."""
    return torch.stack([values.argmax(dim=1) == seen[name].argmax(dim=1) for name, values in labels.items()], dim=1)


def between(labels: dict[str, Tensor], seen: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the mean of two sets of pseudo labels."""
    return {name: (value + seen[name]) / 2 for name, value in labels.items()}


def loss(outputs: dict[str, Tensor], labels: dict[str, Tensor]) -> Tensor:
    """Return the mean over the attributes of the cross-entropy between their values, over the images where known.

    Where there is `kept` `[N, A]`, over those of them alone.
    """
    targets = [values for name, values in labels.items() if name != "kept"]
    if "kept" in labels:
        targets = [wanted * own[:, None] for wanted, own in zip(targets, labels["kept"].unbind(dim=1), strict=True)]
    scores = outputs["numbers"].split([values.shape[1] for values in targets], dim=1)
    entropies = [-(wanted * own.log_softmax(dim=1)).sum() for own, wanted in zip(scores, targets, strict=True)]
    counts = [wanted.sum().clamp(min=1) for wanted in targets]
    return torch.stack([entropy / count for entropy, count in zip(entropies, counts, strict=True)]).mean()


def decode(outputs: dict[str, Tensor], spec: LabelSpec) -> dict[str, Tensor]:
    """Return `attributes` `[N, V]`: the score of every value of every attribute."""
    return {"attributes": outputs["numbers"]}


def numbered_like(spec: LabelSpec, annotations: Annotations) -> dict[str, NDArray[np.int64]]:
    """Return the annotated values of each attribute `[N]` as indices into the network's values (`choices`)."""
    return {
        name: renumbered(annotations.attributes[name], annotations.names.attributes[name], values)
        for name, values in choices_of(spec.names).items()
    }


def _groups(names: tuple[str, ...]) -> list[tuple[str, list[str]]]:
    """Return the names `glasses=none`, ... of each attribute."""
    return [(name, list(values)) for name, values in groupby(names, key=lambda name: name.split(_SEPARATOR)[0])]


def choices_of(names: tuple[str, ...]) -> dict[str, list[str]]:
    """Return the values of each attribute of a network's names."""
    return {name: [value.split(_SEPARATOR, 1)[1] for value in values] for name, values in _groups(names)}


def choices(names: tuple[str, ...], scores: NDArray[np.float32]) -> dict[str, NDArray[np.int64]]:
    """Return the value with the highest score of each attribute.

    Args:
        names: names of the network's `LabelSpec`.
        scores: `[N, V]`, what `decode` returned.

    Returns:
        Attribute -> `[N]` indices into its values.
    """
    chosen, start = {}, 0
    for attribute, values in _groups(names):
        end = start + len(values)
        chosen[attribute] = scores[:, start:end].argmax(axis=1)
        start = end
    return chosen
