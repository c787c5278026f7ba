"""Where directions come from: pure functions from weights, or from codes and labels, to unit vectors.

Closed form: Shen and Zhou 2021 (arXiv 2007.06600). Principal components: Harkonen et al. 2020 (arXiv 2004.02546).
Boundary: Shen et al. 2020 (arXiv 1907.10786). Style channels from examples: Wu et al. 2021 (arXiv 2011.12799).
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from stylealign.errors import StyleAlignError
from stylealign.networks.generator import Generator
from stylealign.sampling import mean_label
from stylealign.streams import numpy_stream

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC

Array = NDArray[np.float64]
Classifier = Literal["logistic", "svm"]

LEAST_EXAMPLES = 5
"""Labelled examples that each side of a boundary needs."""
HELD_OUT = 5
"""One example in so many is held out to score a boundary."""
_VANISHED = 1e-4


def closed_form(generator: Generator, layers: Collection[int] | None = None) -> tuple[Array, Array]:
    """Return the directions of w that change the styles most, and by how much: Shen and Zhou 2021, eq. 7.

    They are the eigenvectors of the sum of A^T A over the affine weights A of the convolutions, toRGB apart, with their
    run-time gain.

    Args:
        generator: any.
        layers: numbers of the w whose layers count; None for all.

    Returns:
        `[w_dim, w_dim]`, a direction a row, the entry of largest magnitude positive, and their eigenvalues `[w_dim]`,
        the largest first.
    """
    synthesis = generator.synthesis
    total = np.zeros((generator.architecture.w_dim,) * 2)
    for name, affine in synthesis.affines.items():
        if not name.endswith("torgb") and (layers is None or synthesis.style_ws[name] in layers):
            weight = affine.weight.detach().double().cpu().numpy() * affine.weight_gain
            total += weight.T @ weight
    values, vectors = np.linalg.eigh(total)
    return positive(vectors.T[::-1]), values[::-1].copy()


def principal_components(codes: Array, count: int) -> tuple[Array, Array]:
    """Return the first principal components of codes `[N, D]`, rows `[count, D]`, and the codes' spread along each."""
    centred = codes - codes.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred / len(codes))
    count = min(count, len(values))
    return positive(vectors.T[::-1][:count]), np.sqrt(np.maximum(values[::-1][:count], 0))


def positive(directions: Array) -> Array:
    """Return directions `[K, D]` with the sign that makes each one's entry of largest magnitude positive."""
    largest = np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1)
    return directions * np.where(largest < 0, -1.0, 1.0)


@dataclass(frozen=True, eq=False)
class Boundary:
    """A hyperplane between two kinds of codes."""

    normal: Array
    """`[D]` unit vector, from the negative to the positive side."""
    accuracy: float
    """Share of held-out examples (as many of either side count) that lie on their side."""
    examples: tuple[int, int]
    """Negative and positive examples."""


def boundary(codes: Array, labels: NDArray[np.bool_], what: str, classifier: Classifier = "logistic") -> Boundary:
    """Return the hyperplane between codes whose label is false and those whose label is true.

    Args:
        codes: `[N, D]`.
        labels: `[N]`.
        what: name of the label, for errors.
        classifier: logistic regression, or a linear support-vector machine.

    Raises:
        StyleAlignError: too few examples of one side.
    """
    sides = int((~labels).sum()), int(labels.sum())
    if min(sides) < LEAST_EXAMPLES:
        raise StyleAlignError(
            f"{what}: {sides[1]} positive and {sides[0]} negative examples; a boundary needs {LEAST_EXAMPLES} of each"
        )
    # One scale for all axes: the classifier's regularisation then means the same for every model.
    scaled = (codes - codes.mean(axis=0)) / max(codes.std(axis=0).mean(), np.finfo(float).tiny)
    held = np.zeros(len(labels), bool)
    for side in (False, True):
        members = np.flatnonzero(labels == side)
        held[members[HELD_OUT - 1 :: HELD_OUT]] = True
    tested = _fit(scaled[~held], labels[~held], classifier).predict(scaled[held])
    right = [float((tested[labels[held] == side] == side).mean()) for side in (False, True)]
    normal = np.asarray(_fit(scaled, labels, classifier).coef_[0], dtype=np.float64)
    return Boundary(normal / np.linalg.norm(normal), float(np.mean(right)), sides)


def _fit(codes: Array, labels: NDArray[np.bool_], classifier: Classifier) -> "LogisticRegression | LinearSVC":
    from sklearn.linear_model import LogisticRegression  # takes a second, and most of what imports this never fits
    from sklearn.svm import LinearSVC

    kind = LogisticRegression if classifier == "logistic" else LinearSVC
    return kind(class_weight="balanced", max_iter=10_000).fit(codes, labels)


def ends(scores: NDArray[np.floating], share: float, what: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return which examples are labelled, and how: of two values both, of more the `share` with the lowest and highest.

    Args:
        scores: `[N]`.
        share: of the examples at each end.
        what: name of the label, for errors.

    Returns:
        Numbers of the examples `[M]` and their labels `[M]`.

    Raises:
        StyleAlignError: scores that are all the same, or one that both ends have.
    """
    values = np.unique(scores)
    if len(values) < 2:
        raise StyleAlignError(f"{what}: the label is the same for all {len(scores)} examples; nothing can be learnt")
    if len(values) == 2:
        return np.arange(len(scores)), scores == values[1]
    order = np.argsort(scores, kind="stable")
    count = _end(len(scores), share)
    chosen = np.concatenate([order[:count], order[len(order) - count :]])
    low, high = scores[order[count - 1]], scores[order[len(order) - count]]
    if low >= high:
        raise StyleAlignError(
            f"{what}: the score {low:g} stands on both sides of the boundary, too many of {len(scores)} have it; give"
            " two values (0 and 1), scores that tell examples apart, or a smaller --share"
        )
    return chosen, np.arange(len(chosen)) >= count


def have_ends(scores: Array, share: float) -> bool:
    """Return whether `ends` finds two ends: scores that differ, and none that stands at both."""
    if (different := len(np.unique(scores))) <= 2:
        return different == 2
    ordered, count = np.sort(scores), _end(len(scores), share)
    return bool(ordered[count - 1] < ordered[-count])


def _end(examples: int, share: float) -> int:
    """Return how many of the examples are an end."""
    return min(max(LEAST_EXAMPLES, round(share * examples)), examples // 2)


def distinctive_channels(
    examples: Array, mean: Array, spread: Array, allowed: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.int64], Array, Array]:
    """Rank style channels by how far the examples' mean is from the population's: Wu et al. 2021, section 5.

    With d the examples' difference to the population's mean in units of the population's spread, it is the mean of d in
    units of the spread of d over the examples.

    Args:
        examples: styles `[E, S]` of examples that have something in common.
        mean, spread: mean and standard deviation `[S]` of the population's styles.
        allowed: `[S]`: channels to rank; None for all.

    Returns:
        Numbers of the channels, the most distinctive first; for all channels `[S]` that distance, and the mean of d.

    Raises:
        StyleAlignError: fewer examples than a spread needs.
    """
    if len(examples) < LEAST_EXAMPLES:
        raise StyleAlignError(f"examples: {len(examples)} images; channels are found from {LEAST_EXAMPLES} or more")
    moves = spread > _VANISHED * spread.max()
    d = np.where(moves, (examples - mean) / np.where(moves, spread, 1), 0)
    centre, own = d.mean(axis=0), d.std(axis=0)
    distance = np.where(moves, np.abs(centre) / np.maximum(own, _VANISHED), 0)
    usable = moves if allowed is None else moves & allowed
    ranked = np.argsort(-np.where(usable, distance, -1), kind="stable")
    return ranked[: int(usable.sum())], distance, centre


def conditional(directions: Array, others: Array, what: str) -> Array:
    """Return directions `[K, D]` made orthogonal to all of `others [M, D]`, of unit length: Shen et al. 2020, fig. 2.

    Raises:
        StyleAlignError: a direction that lies within the others.
    """
    basis, strengths, _ = np.linalg.svd(others.T, full_matrices=False)
    basis = basis[:, strengths > _VANISHED * strengths.max()]
    left = directions - directions @ basis @ basis.T
    lengths = np.linalg.norm(left, axis=1, keepdims=True)
    if (lengths < _VANISHED * np.linalg.norm(directions, axis=1, keepdims=True)).any():
        raise StyleAlignError(f"{what}: nothing is left of a direction made orthogonal to the others; name fewer")
    return left / lengths


def random_directions(count: int, shape: tuple[int, ...], seed: int) -> Array:
    """Return unit vectors `[count, *shape]`, evenly spread over all directions."""
    drawn = numpy_stream("random directions", seed).standard_normal((count, *shape))
    return drawn / np.linalg.norm(drawn.reshape(count, -1), axis=1).reshape(count, *[1] * len(shape))


def spread_along(codes: Array, directions: Array) -> Array:
    """Return the standard deviation `[K]` of codes `[N, D]` along directions `[K, D]` of unit length."""
    return (codes @ directions.T).std(axis=0)


@torch.no_grad()
def sampled_ws(generator: Generator, z: torch.Tensor, truncation_psi: float = 1.0) -> Array:
    """Return w `[N, w_dim]` in float64 of z `[N, z_dim]`; in a conditional model under the label of no class."""
    parts = []
    for part in z.split(1024):
        ws = generator.mapping(part.to(generator.mapping.w_avg), mean_label(generator, len(part)), truncation_psi)
        parts.append(ws[:, 0].double().cpu().numpy())
    return np.concatenate(parts)
