"""Attributes: of each (glasses, hair colour, ...) one value among those that the domain's annotations name."""

from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from stylealign.applications.zero_shot.networks import LabelSpec
from stylealign.datasets.annotations import Annotations
from stylealign.errors import StyleAlignError

_SEPARATOR = "="


def spec(resolution_px: int, annotations: Annotations) -> LabelSpec:
    """Return the network's shape; its names are `glasses=none`, `glasses=clear`, ... in the annotations' order.

    Raises:
        StyleAlignError: annotations without attributes.
    """
    names = tuple(f"{name}{_SEPARATOR}{value}" for name, values in annotations.attribute_values.items()
                  for value in values)  # fmt: skip
    if not names:
        raise StyleAlignError("--annotations: hold no attributes; give those of a drawn domain, or another --task")
    return LabelSpec("attributes", names, resolution_px, maps=0, numbers=len(names))


def annotated(annotations: Annotations) -> dict[str, Tensor]:
    """Return each attribute's values as `[N, V]` float, 1 at the annotated one."""
    return {
        name: F.one_hot(torch.from_numpy(annotations.attributes[name]), len(values)).float()
        for name, values in annotations.attribute_values.items()
    }


def mirrored(labels: dict[str, Tensor], which: Tensor) -> dict[str, Tensor]:
    """Return the labels as they are: a mirrored figure has the same attributes."""
    return labels


def loss(outputs: dict[str, Tensor], labels: dict[str, Tensor]) -> Tensor:
    """Return the mean over the attributes of the cross-entropy between their values."""
    scores = outputs["numbers"].split([values.shape[1] for values in labels.values()], dim=1)
    return torch.stack([F.cross_entropy(*pair) for pair in zip(scores, labels.values(), strict=True)]).mean()


def decode(outputs: dict[str, Tensor], resolution_px: int) -> dict[str, Tensor]:
    """Return `attributes` `[N, V]`: the score of every value of every attribute."""
    return {"attributes": outputs["numbers"]}


def choices(names: tuple[str, ...], scores: NDArray[np.float32]) -> dict[str, NDArray[np.int64]]:
    """Return the value with the highest score of each attribute.

    Args:
        names: names of the network's `LabelSpec`.
        scores: `[N, V]`, what `decode` returned.

    Returns:
        Attribute -> `[N]` indices into its values.
    """
    chosen, start = {}, 0
    for attribute, values in groupby(names, key=lambda name: name.split(_SEPARATOR)[0]):
        end = start + len(list(values))
        chosen[attribute] = scores[:, start:end].argmax(axis=1)
        start = end
    return chosen
