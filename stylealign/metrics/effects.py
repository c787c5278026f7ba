"""What directions do in a model: the change of numbers that networks see in its images, and of the images' features.

A direction's effect is the change from -k to +k standard deviations of the parent's samples along it, over the same
latents in every model (Shen et al. 2020; StyleAlign, section 4).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylealign.images import to_pixels
from stylealign.latents import direction_finding as finding
from stylealign.metrics.bootstrap import Estimate, mean_estimate
from stylealign.metrics.perceptual import PerceptualDistance
from stylealign.metrics.responses import features_of_pictures
from stylealign.metrics.seeing import Seeing
from stylealign.metrics.structure import POSE_NAMES
from stylealign.networks.generator import Generator
from stylealign.sampling import images_per_batch, sample_latents
from stylealign.streams import numpy_stream

Array = NDArray[np.float64]
See = Callable[[NDArray[np.uint8]], Mapping[str, Array]]
"""From images `[N, 3, r, r]` to numbers `[N]` by name."""

STRENGTH = 2.0
"""Standard deviations to either side."""

ENDS = 0.25
"""Share of the samples with the lowest, and with the highest numbers, that a boundary is learnt from."""

COUNT = 10
"""Principal components, and directions in closed form."""


@dataclass(frozen=True)
class Found:
    """Directions of a parent.

    Attributes:
        names: `[K]`, all different: "boundary rotation", "pca 0", "closed form 0".
        targets: `[K]`: the number that a boundary is about, empty for the others.
        vectors: `[K, w_dim]`, of unit length.
        scales: `[K]`: standard deviation of the samples along each.
    """

    names: tuple[str, ...]
    targets: tuple[str, ...]
    vectors: Array
    scales: Array

    def steps(self) -> Array:
        """Return the way from the middle to either end, `[K, w_dim]`."""
        return STRENGTH * self.scales[:, None] * self.vectors

    def random_steps(self, seed: int) -> Array:
        """Return as long ways in random directions, `[K, w_dim]`."""
        count, width = self.vectors.shape
        return STRENGTH * self.scales[:, None] * finding.random_directions(count, (width,), seed)


def directions_of(generator: Generator, ws: Array, labels: Mapping[str, Array]) -> Found:
    """Return a boundary for every number that varies, the first principal components, the first of the closed form.

    Args:
        generator: the parent.
        ws: `[N, w_dim]` samples.
        labels: what its images of them show, `[N]` by name: numbers, or the probability of a value (`hat=yes`).
    """
    flat = ws.astype(np.float64)
    labels = {name: (values > 0.5).astype(float) if "=" in name else values for name, values in labels.items()}
    names, targets, vectors = [], [], []
    for name, values in labels.items():
        if not finding.have_ends(values, ENDS):  # as of a network that says 1 of nearly all
            continue
        chosen, sides = finding.ends(values, ENDS, name)
        if min(sides.sum(), (~sides).sum()) >= finding.LEAST_EXAMPLES:
            vectors.append(finding.boundary(flat[chosen], sides, name).normal)
            names.append(f"boundary {name}")
            targets.append(name)
    for way, found in (
        ("pca", finding.principal_components(flat, COUNT)[0]),
        ("closed form", finding.closed_form(generator)[0]),
    ):
        own = found[:COUNT]
        vectors += list(own)
        names += [f"{way} {number}" for number in range(len(own))]
        targets += [""] * len(own)
    stacked = np.stack(vectors)
    return Found(tuple(names), tuple(targets), stacked, finding.spread_along(flat, stacked))


@torch.inference_mode()
def sampled(generator: Generator, count: int, seed: int, see: See | None) -> tuple[Array, dict[str, Array]]:
    """Return w `[N, w_dim]` of random latents, and the numbers that are seen in their images."""
    ws: list[NDArray[np.float32]] = []
    seen: list[Mapping[str, Array]] = []
    for z, c in sample_latents(generator, count, seed):
        codes = generator.mapping(z, c)
        ws.append(codes[:, 0].cpu().numpy())
        if see is not None:
            seen.append(see(to_pixels(generator.synthesis(codes))))
    names = seen[0] if seen else {}
    return np.concatenate(ws).astype(np.float64), {
        name: np.concatenate([part[name] for part in seen]) for name in names
    }


@dataclass(frozen=True)
class Effects:
    """Changes from one end of each direction to the other.

    Attributes:
        numbers: `[K, N]` by name of the number; empty where nothing sees numbers.
        features: `[K, N, F]`.
    """

    numbers: dict[str, Array]
    features: NDArray[np.float32]


@torch.inference_mode()
def effects(
    generator: Generator,
    steps: Array,
    latents: int,
    seed: int,
    network: PerceptualDistance,
    see: See | None,
    progress: Callable[[int], None] = lambda done: None,
) -> Effects:
    """Return what steps from the same latents change.

    Args:
        generator: on the device it runs on.
        steps: `[K, w_dim]`: the way from the middle to either end.
        latents, seed: number and seed of the latents.
        network: of the features.
        see: what sees numbers in images of the model's domain.
        progress: called after each direction with the images done.
    """
    ways = torch.from_numpy(steps).float().to(generator.mapping.w_avg.device)
    codes = torch.cat([generator.mapping(z, c) for z, c in sample_latents(generator, latents, seed)])
    numbers: dict[str, list[Array]] = {}
    features = []
    for done, way in enumerate(ways, start=1):
        ends = [_seen(generator, codes + side * way, network, see) for side in (1.0, -1.0)]
        features.append(ends[0][0] - ends[1][0])
        for name, values in ends[0][1].items():
            numbers.setdefault(name, []).append(values - ends[1][1][name])
        progress(2 * latents * done)
    return Effects({name: np.stack(values) for name, values in numbers.items()}, np.stack(features))


def _seen(
    generator: Generator, codes: Tensor, network: PerceptualDistance, see: See | None
) -> tuple[NDArray[np.float32], dict[str, Array]]:
    features, seen = [], []
    for part in codes.split(images_per_batch(generator.architecture.resolution)):
        images = generator.synthesis(part)
        features.append(features_of_pictures(images, network).cpu().numpy())
        if see is not None:
            seen.append(see(to_pixels(images)))
    names = seen[0] if seen else {}
    return np.concatenate(features), {name: np.concatenate([part[name] for part in seen]) for name in names}


def targets_of(found: Found, ws: Array, labels: Mapping[str, Array]) -> list[str]:
    """Return what each direction is about: its own number, or the one that goes with it most; "" if there is none.

    By the samples, and not by the effects: the largest effect of noise would pass for one.

    Args:
        found: K directions.
        ws: `[N, w_dim]` samples of the parent.
        labels: what its images of them show, `[N]` by name.
    """
    known = {name: values - values.mean() for name, values in labels.items() if values.std() > 0}
    along = (ws - ws.mean(axis=0)) @ found.vectors.T
    targets = []
    for own, position in zip(found.targets, along.T, strict=True):
        together = {name: abs(values @ position) / values.std() for name, values in known.items()}
        targets.append(own or max(together, key=together.__getitem__, default=""))
    return targets


def leakage(effects: Effects, place: int, target: str, spreads: Mapping[str, float]) -> Array:
    """Return by how many spreads a direction changes the other numbers, mean of their magnitudes, `[N]` by latent.

    Each other number counts with the sign that its mean change has in the other half of the latents. Noise has that
    sign as often as not: where a direction changes nothing, the mean over the latents is 0 on average. With the sign of
    the mean itself it would be a mean of magnitudes, which noise alone makes about 0.8 of their standard errors.
    """
    changes = _other_changes(effects, place, target, spreads)
    if not len(changes):
        return np.full(effects.features.shape[1], np.nan)
    return np.mean([change * _signs_of_the_other_half(change) for change in changes], axis=0)


def leakage_estimate(
    effects: Effects, place: int, target: str, spreads: Mapping[str, float], draws: int, seed: int
) -> Estimate:
    """Return the mean of `leakage` over the latents; its interval draws each half again, and takes the signs again.

    Changes below about two standard errors come out too small: their signs are chance.
    """
    found = mean_estimate(leakage(effects, place, target, spreads), draws, seed)
    changes = _other_changes(effects, place, target, spreads)
    if not len(changes) or not draws:
        return found
    random, sums = numpy_stream("leakage", seed), []
    for half in (changes[:, ::2], changes[:, 1::2]):
        count = half.shape[1]
        sums.append(half @ random.multinomial(count, np.full(count, 1 / count), draws).T)
    even, odd = sums
    samples = (np.sign(odd) * even + np.sign(even) * odd).mean(axis=0) / changes.shape[1]
    low, high = (float(value) for value in np.percentile(samples, (2.5, 97.5)))
    return replace(found, ci_low=low, ci_high=high)


def _other_changes(effects: Effects, place: int, target: str, spreads: Mapping[str, float]) -> Array:
    """Return by how many spreads a direction changes each number but its own, `[M, N]` by latent."""
    others = [name for name in effects.numbers if name != target and spreads.get(name, 0) > 0]
    return np.array([effects.numbers[name][place] / spreads[name] for name in others])


def _signs_of_the_other_half(values: Array) -> Array:
    """Return for each of `[N]` values, two or more, the sign of the mean of the half that it is not in."""
    is_odd = np.arange(len(values)) % 2 == 1
    return np.where(is_odd, *(np.sign(values[half].mean()) for half in (~is_odd, is_odd)))


def change_cosines(one: NDArray[np.float32], other: NDArray[np.float32]) -> Array:
    """Return the cosine of two changes of features `[N, F]`, image by image; 0 where one of them is 0."""
    product = (one.astype(np.float64) * other).sum(axis=1)
    norms = np.linalg.norm(one.astype(np.float64), axis=1) * np.linalg.norm(other.astype(np.float64), axis=1)
    return np.divide(product, norms, out=np.zeros(len(product)), where=norms > 0)


def mean_cosines(one: NDArray[np.float32], other: NDArray[np.float32]) -> Array:
    """Return the mean over directions of `change_cosines`, `[N]` by latent, of features `[K, N, F]`."""
    return np.mean([change_cosines(*both) for both in zip(one, other, strict=True)], axis=0, dtype=np.float64)


def shared_values(one: Sequence[str], other: Sequence[str]) -> list[str]:
    """Return the values, as `glasses=clear`, of the attributes that two networks name alike; of yes and no, yes alone.

    Args:
        one, other: names of two networks' values, attribute by attribute.
    """
    ours, theirs = (_by_attribute(names) for names in (one, other))
    shared = [values for name, values in ours.items() if theirs.get(name) == values]
    return [value for values in shared for value in (values[-1:] if len(values) == 2 else values)]


def _by_attribute(names: Sequence[str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name.partition("=")[0], []).append(name)
    return groups


def probabilities(names: Sequence[str], scores: NDArray[np.floating]) -> Array:
    """Return the probability of each value among those of its attribute, `[N, V]`, from their scores (logits)."""
    found = np.zeros(scores.shape)
    for group in _by_attribute(names).values():
        columns = [list(names).index(name) for name in group]
        own = np.exp(scores[:, columns] - scores[:, columns].max(axis=1, keepdims=True))
        found[:, columns] = own / own.sum(axis=1, keepdims=True)
    return found


def seeing_all(pose: Seeing | None, attributes: Seeing | None, shared: Sequence[str]) -> See | None:
    """Return what sees the numbers of a pose network and the probabilities of some values of an attribute network.

    Args:
        pose: sees numbers, which get the names of the tables (`POSE_NAMES`).
        attributes: sees scores of values.
        shared: names of the values.
    """
    if pose is None and attributes is None:
        return None

    def see(images: NDArray[np.uint8]) -> dict[str, Array]:
        found: dict[str, Array] = {}
        if pose is not None:
            values = pose(images).astype(np.float64)
            found |= {POSE_NAMES.get(name, name): values[:, place] for place, name in enumerate(pose.names)}
        if attributes is not None:
            chances = probabilities(attributes.names, attributes(images))
            found |= {name: chances[:, attributes.names.index(name)] for name in shared}
        return found

    return see
