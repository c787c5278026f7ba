"""What latent codes say about images: signed distances to hyperplanes between a parent's samples.

Regression: Nitzan et al. 2022, "LARGE: Latent-Based Regression through GAN Semantics" (arXiv 2107.11186). Attributes:
the side of a boundary that a code lies on (Shen et al. 2020, arXiv 1907.10786).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stylealign.latents import direction_finding as finding
from stylealign.metrics.effects import See, sampled
from stylealign.networks.generator import Generator
from stylealign.streams import numpy_stream

Array = NDArray[np.float64]

ENDS = 0.2
"""Share of the samples at each end of a number that its hyperplane lies between."""
LAYERS = 4
"""First layers whose distances a number is regressed on."""
IS_VALUE = "="
"""What the name of an attribute's value has, `hat=yes`, and the name of a number has not."""


@dataclass(frozen=True, eq=False)
class Plane:
    """A hyperplane between a parent's samples.

    Attributes:
        normal: `[w_dim]` unit vector, to the side of the higher numbers, or of the value.
        threshold: distance half-way between the means of both sides.
    """

    normal: Array
    threshold: float


def planes_of(generator: Generator, see: See, count: int, seed: int) -> dict[str, Plane]:
    """Return a hyperplane for each number and value that is seen in a parent's samples and varies there.

    Args:
        generator: the parent.
        see: from images to numbers by name; probabilities for `hat=yes`.
        count, seed: of the samples.
    """
    ws, seen = sampled(generator, count, seed, see)
    found = {}
    for name, values in seen.items():
        has = values > 0.5
        if IS_VALUE in name and min(has.sum(), (~has).sum()) >= finding.LEAST_EXAMPLES:
            values = has.astype(float)  # of a value that the samples hardly have, the likeliest are taken
        if not finding.have_ends(values, ENDS):  # as of a network that says 1 of nearly all
            continue
        chosen, sides = finding.ends(values, ENDS, name)
        if min(sides.sum(), (~sides).sum()) < finding.LEAST_EXAMPLES:
            continue
        normal = finding.boundary(ws[chosen], sides, name).normal
        means = [float((ws[chosen[sides == side]] @ normal).mean()) for side in (False, True)]
        found[name] = Plane(normal, sum(means) / 2)
    return found


def distances(codes: NDArray[np.float32], plane: Plane) -> Array:
    """Return the signed distance of each layer of W+ codes `[N, layers, w_dim]` to a hyperplane, `[N, layers]`."""
    return codes.astype(np.float64) @ plane.normal - plane.threshold


def regressed(features: Array, numbers: Array, others: Array, damping: float = 0.0) -> Array:
    """Return the numbers `[M]` that least squares predicts for `others` `[M, F]` from `features` `[N, F]`.

    Of fewer labels than features, the solution of least norm about their mean.

    Args:
        features: of the labelled images.
        numbers: their labels `[N]`.
        others: features to predict for.
        damping: squares that are added for each feature (ridge regression): a pull of the weights towards 0.
    """
    centre, mean = features.mean(axis=0), numbers.mean()
    added = np.sqrt(damping) * np.eye(features.shape[1])
    values = np.concatenate([numbers - mean, np.zeros(len(added))])
    weights = np.linalg.lstsq(np.concatenate([features - centre, added]), values, rcond=1e-6)[0]
    return (others - centre) @ weights + mean


def repeated(
    features: Array, numbers: Array, others: Array, labels: int, draws: int, seed: int, prior: float = 0.0
) -> list[NDArray[np.float32]]:
    """Return the predictions `[M]` for `others` from `labels` labels, for each of `draws` choices of these.

    All labels there are can be chosen in one way alone.

    Args:
        features: `[N, F]` of all labelled images.
        numbers: `[N]`.
        others: `[M, F]`.
        labels: how many are chosen.
        draws, seed: choices.
        prior: damping, in labels: each feature has as much weight towards 0 as so many images of the features' spread.
    """
    damping = prior * float(features.var(axis=0).mean())
    if labels >= len(numbers):
        return [regressed(features, numbers, others, damping).astype(np.float32)]
    random = numpy_stream("chosen labels", seed)
    found = []
    for _ in range(draws):
        chosen = random.choice(len(numbers), labels, replace=False)
        found.append(regressed(features[chosen], numbers[chosen], others, damping).astype(np.float32))
    return found


def scores_of(codes: NDArray[np.float32], planes: Mapping[str, Plane]) -> dict[str, Array]:
    """Return the mean distance over all layers `[N]` of W+ codes to the plane of each value; above 0: it has it."""
    return {name: distances(codes, plane).mean(axis=1) for name, plane in planes.items() if IS_VALUE in name}
