"""Pose: in-plane rotation, scale and shift of the figure, or whatever numbers the annotations name."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import smooth_l1_loss

from stylealign.applications.labels.sharing import Shared
from stylealign.applications.labels.spec import LabelSpec, Scores
from stylealign.datasets.annotations import Annotations
from stylealign.datasets.label_names import mirrored_order, pairs_among
from stylealign.metrics.seeing import Compare
from stylealign.metrics.structure import pose_scores, rotation_errors

_ROTATION = "rotation_deg"
_UNITS = {"rotation_deg": 15.0, "log2_scale": 0.13, "shift_x": 0.05, "shift_y": 0.05}
"""About one standard deviation of each number of a drawn pose: the network predicts in these units."""
_NEAR = 0.5
"""Largest difference, in the network's units, of two predictions that agree."""


def spec(resolution_px: int, annotations: Annotations) -> LabelSpec | None:
    """Return the network's shape, None for annotations without numbers.

    The unit of a number that is not one of a drawn pose is its standard deviation in the annotations.
    """
    if annotations.pose is None:
        return None
    names = annotations.names.values
    units = tuple(
        _UNITS.get(name) or _spread(column)
        for name, column in zip(names, annotations.pose.T.astype(np.float64), strict=True)
    )
    return LabelSpec(
        "pose",
        names,
        resolution_px,
        maps=0,
        numbers=len(names),
        swapped=pairs_among(annotations.names.swapped, names),
        negated=annotations.names.negated,
        units=units,
    )


def _spread(values: NDArray[np.float64]) -> float:
    """Return the standard deviation of the known ones of `[N]` numbers; 1 where they have none."""
    known = values[~np.isnan(values)]
    return (float(known.std()) or 1.0) if len(known) else 1.0


def annotated(annotations: Annotations, spec: LabelSpec) -> dict[str, Tensor]:
    """Return the annotated `pose` `[N, V]` in the network's units, NaN where it is not known."""
    pose = torch.from_numpy(annotations.pose).float()
    return {"pose": pose / _units(spec, pose)}


def pseudo(outputs: dict[str, Tensor], spec: LabelSpec) -> dict[str, Tensor]:
    """Return a network's prediction as labels, in the network's units."""
    return {"pose": outputs["numbers"]}


def mirrored(labels: dict[str, Tensor], which: Tensor, spec: LabelSpec) -> dict[str, Tensor]:
    """Return the labels of images of which those in `which` `[N]` bool were mirrored: some change sign or places."""
    pose = labels["pose"]
    order = mirrored_order(spec.names, spec.swapped)
    signs = pose.new_tensor([-1.0 if name in spec.negated else 1.0 for name in spec.names])
    units = _units(spec, pose)  # of the two numbers of a pair, each has its own
    found = {"pose": torch.where(which[:, None], pose[:, order] * (signs * units[order] / units), pose)}
    if "kept" in labels:
        found["kept"] = torch.where(which[:, None], labels["kept"][:, order], labels["kept"])
    return found


def centres(labels: dict[str, Tensor], spec: LabelSpec) -> Tensor:
    """Return where the network's numbers begin, `[V]` in its units: the means of the labels and of their mirrored ones.

    Years lie some hundred units from 0: on the way there a network learns nothing else. Numbers of a drawn pose lie
    about 0, and begin there.
    """
    pose = labels["pose"]
    other = mirrored({"pose": pose}, pose.new_ones(len(pose), dtype=torch.bool), spec)["pose"]
    means = torch.cat([pose, other]).nanmean(dim=0).nan_to_num()
    return means * pose.new_tensor([float(name not in _UNITS) for name in spec.names])


def kept(labels: dict[str, Tensor], seen: dict[str, Tensor]) -> Tensor:
    """Return which numbers two sets of pseudo labels agree on, `[N, V]` bool."""
    return (labels["pose"] - seen["pose"]).abs() < _NEAR


def between(labels: dict[str, Tensor], seen: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the mean of two sets of pseudo labels."""
    return {name: (value + seen[name]) / 2 for name, value in labels.items()}


def loss(outputs: dict[str, Tensor], labels: dict[str, Tensor]) -> Tensor:
    """Return the smooth L1 error of the known numbers (of those `kept`, if it is there) in the network's units."""
    is_known = ~labels["pose"].isnan()
    counts = is_known & labels["kept"] if "kept" in labels else is_known
    errors = smooth_l1_loss(outputs["numbers"], labels["pose"].nan_to_num(), reduction="none", beta=0.2)
    return (errors * counts).sum() / counts.sum().clamp(min=1)


def decode(outputs: dict[str, Tensor], spec: LabelSpec) -> dict[str, Tensor]:
    """Return `pose` `[N, V]` in the units of the annotations (degrees, binary logarithm, shares of the frame)."""
    return {"pose": outputs["numbers"] * _units(spec, outputs["numbers"])}


def _units(spec: LabelSpec, like: Tensor) -> Tensor:
    """Return the units `[V]`; networks of older files know those of a drawn pose alone."""
    return like.new_tensor(spec.units or [_UNITS[name] for name in spec.names])


def comparison(spec: LabelSpec, other: LabelSpec) -> Compare | None:
    """Return what compares the in-plane rotation, in degrees, that two networks see."""
    if not (_ROTATION in spec.names and _ROTATION in other.names):
        return None
    mine, theirs = spec.names.index(_ROTATION), other.names.index(_ROTATION)
    return lambda one, two: rotation_errors(one[:, mine], two[:, theirs])


def scores(
    predicted: Mapping[str, NDArray[Any]], annotations: Annotations, spec: LabelSpec, shared: Shared | None = None
) -> Scores:
    """Return `mae` and `r2` of each number, with `shared` of those numbers."""
    assert annotations.pose is not None
    names = spec.names if shared is None else shared.names
    truth = annotations.pose[:, [annotations.names.values.index(name) for name in names]]
    found = pose_scores(predicted["pose"][:, [spec.names.index(name) for name in names]], truth, names)
    return {
        (metric, name): score for name, pair in found.items() for metric, score in zip(("mae", "r2"), pair, strict=True)
    }
