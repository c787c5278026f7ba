"""Directions of a model, by each of the ways to find them: from a checkpoint to `Directions`."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylealign.applications.labels.learning import predict
from stylealign.applications.labels.networks import Labeller
from stylealign.checkpoints.checkpoint import Checkpoint
from stylealign.config import DirectionSettings
from stylealign.errors import StyleAlignError
from stylealign.images import to_pixels
from stylealign.latents import direction_finding as finding
from stylealign.latents.codes import Codes, codes_to_ws
from stylealign.latents.directions import (
    Directions,
    channel_names,
    channel_place,
    imported,
    require_layers,
)
from stylealign.latents.kinship import fingerprint, require_kin
from stylealign.latents.spaces import space_of
from stylealign.networks.generator import Generator
from stylealign.sampling import images_per_batch, mean_label, seeded_z

_BATCH = 1024
_CHANCE = 0.5
"""Accuracy of a boundary that was drawn."""
_NOTHING = 1e-9
"""Share of the largest eigenvalue below which a direction changes no style."""
_SCALE_SAMPLES = 2_000
"""Samples that the scale of directions of many numbers (w+, s) is measured on."""


def closed_form(checkpoint: Checkpoint, settings: DirectionSettings, layers: Collection[int] | None) -> Directions:
    """Return the eigenvectors of the modulation weights, of some layers or of all; they move those layers.

    Args:
        checkpoint: the model; its averaged generator is looked at.
        settings: count of the directions; samples and seed of their scales.
        layers: numbers of w from 0 to `num_ws` - 1; None for all.

    Returns:
        Directions of w, `[K, w_dim]`, the strongest first, with the standard deviation of samples along each.

    Raises:
        StyleAlignError: a layer that the model does not have, or layers that the closed form takes nothing of.
    """
    if layers is not None:
        require_layers(layers, checkpoint.architecture.num_ws)
    vectors, values = finding.closed_form(checkpoint.generator, layers)
    moving = int((values > _NOTHING * values[0]).sum()) if values[0] > 0 else 0
    if not moving:
        raise StyleAlignError("layers: they modulate toRGB alone, of which the closed form takes nothing; name others")
    count = min(settings.count, moving)
    how = [f"closed form, eigenvalue {value:.4g}" for value in values[:count]]
    names = [f"closed-form-{number}" for number in range(count)]
    return _made(checkpoint, "w", vectors[:count], names, how, settings, layers)


def components(checkpoint: Checkpoint, settings: DirectionSettings, layers: Collection[int] | None) -> Directions:
    """Return the principal components of W.

    Args:
        checkpoint: the model; its averaged generator is looked at.
        settings: count of the directions; samples of w and their seed.
        layers: numbers of w from 0 to `num_ws` - 1 that the directions move; None for all.

    Returns:
        Directions of w, `[K, w_dim]`, the strongest first, with the standard deviation of samples along each.

    Raises:
        StyleAlignError: a layer that the model does not have.
    """
    architecture = checkpoint.architecture
    ws = finding.sampled_ws(checkpoint.generator, seeded_z(settings.samples, architecture.z_dim, settings.seed))
    vectors, spread = finding.principal_components(ws, settings.count)
    how = [f"principal component, {share:.2%} of the variance" for share in spread**2 / ws.var(axis=0).sum()]
    names = [f"pca-{number}" for number in range(len(vectors))]
    return _made(checkpoint, "w", vectors, names, how, settings, layers)


def boundaries(
    checkpoint: Checkpoint,
    codes: NDArray[np.floating],
    space: str,
    scores: Mapping[str, NDArray[np.floating]],
    settings: DirectionSettings,
    layers: Collection[int] | None,
    doubt: Callable[[str], None] = lambda text: None,
) -> Directions:
    """Return a boundary's normal for every label.

    Args:
        checkpoint: the model.
        codes: `[N, *shape]` of the space.
        space: w, w+ or s.
        scores: labels by name, `[N]`: two values, or more of which the ends count.
        settings: classifier and share.
        layers: what the directions are restricted to.
        doubt: is told of a boundary that is no better than chance.

    Raises:
        StyleAlignError: no label at all, one that is constant, or too few examples of one side.
    """
    if not scores:
        raise StyleAlignError(
            f"--labels: nothing that the network sees differs in {len(codes)} samples often enough to learn from; "
            "raise --labelled, or name what to learn with --label"
        )
    flat = codes.reshape(len(codes), -1).astype(np.float64)
    normals, how = [], []
    for name, values in scores.items():
        chosen, labels = finding.ends(values, settings.share, name)
        found = finding.boundary(flat[chosen], labels, name, settings.classifier)
        normals.append(found.normal)
        if found.accuracy <= _CHANCE:
            doubt(f"{name}: accuracy {found.accuracy:.3f} on held-out examples is chance: the direction means nothing")
        negative, positive = found.examples
        how.append(
            f"boundary ({settings.classifier}) of {positive} and {negative} examples, accuracy {found.accuracy:.3f}"
        )
    return _made(checkpoint, space, np.stack(normals), list(scores), how, settings, layers)


def distinctive_channels(checkpoint: Checkpoint, examples: Tensor, settings: DirectionSettings) -> Directions:
    """Return the style channels that examples have in common, the most distinctive first; toRGB's apart.

    Strength 1 goes one standard deviation towards the examples.

    Args:
        checkpoint: the model.
        examples: styles `[E, style_dim]`.
        settings: count, samples, seed.
    """
    mean, spread = _style_statistics(checkpoint.generator, settings)
    names = channel_names(checkpoint.architecture)
    allowed = np.array(["torgb" not in name for name in names])
    ranked, distance, centre = finding.distinctive_channels(examples.double().cpu().numpy(), mean, spread, allowed)
    ranked = ranked[: settings.count]
    signs = np.where(centre[ranked] < 0, -1.0, 1.0)
    how = [
        f"style channel of {len(examples)} examples, {distance[place]:.2f} of their spread from the mean"
        for place in ranked
    ]
    return channels(checkpoint, [names[place] for place in ranked], settings, signs, how, spread)


def channels(
    checkpoint: Checkpoint,
    names: Sequence[str],
    settings: DirectionSettings,
    signs: NDArray[np.floating] | None = None,
    how: Sequence[str] | None = None,
    spread: NDArray[np.floating] | None = None,
) -> Directions:
    """Return single style channels, named as "b32.conv0/17", as directions in S.

    Raises:
        StyleAlignError: no such channel.
    """
    places = [channel_place(checkpoint.architecture, name) for name in names]
    values = np.zeros((len(places), checkpoint.architecture.style_dim), np.float32)
    values[np.arange(len(places)), places] = 1 if signs is None else signs
    spread = _style_statistics(checkpoint.generator, settings)[1] if spread is None else spread
    made = ["style channel"] * len(places) if how is None else list(how)
    own = fingerprint(checkpoint.generator)
    return Directions(values, "s", checkpoint.sha256, list(names), made, spread[places], None, own)


def read_foreign(
    checkpoint: Checkpoint, path: Path, space: str, settings: DirectionSettings, layers: Collection[int] | None
) -> Directions:
    """Return the directions of another program's file; their length is set to 1, their scale measured."""
    values, names = imported(path, space, checkpoint.architecture)
    flat = values.reshape(len(values), -1).astype(np.float64)
    largest = np.abs(flat).max(axis=1)  # squares of it may be beyond a float
    flat = flat / largest[:, None]
    lengths = np.linalg.norm(flat, axis=1)
    with np.errstate(over="ignore"):
        how = [f"imported from {path.name}, of length {length:.4g} there" for length in lengths * largest]
    return _made(checkpoint, space, flat / lengths[:, None], names, how, settings, layers)


def conditional(
    checkpoint: Checkpoint,
    directions: Directions,
    others: Mapping[str, Directions],
    settings: DirectionSettings,
    model: str | Path,
) -> Directions:
    """Return directions made orthogonal to those of all files at once.

    Args:
        checkpoint: the model.
        directions: of that model.
        others: by their files, one or more.
        settings: samples and seed of the scales.
        model: the model's file, for errors.

    Raises:
        StyleAlignError: others of another space, shape or family, or nothing is left.
    """
    for source, part in others.items():
        if part.space != directions.space:
            raise StyleAlignError(
                f"{source}: directions in {part.space}, not in {directions.space} as those to be found"
            )
        require_kin(part, checkpoint, source, model)
    flat = [part.values.reshape(len(part), -1).astype(np.float64) for part in (directions, *others.values())]
    values = finding.conditional(flat[0], np.concatenate(flat[1:]), ", ".join(others))
    scales = _scales(checkpoint.generator, directions.space, values, settings)
    names = [name for part in others.values() for name in part.names]
    how = [f"{text}; orthogonal to {', '.join(names)}" for text in directions.how]
    return replace(directions, values=values.reshape(directions.values.shape), scales=scales, how=how)


def network_scores(
    network: Labeller, path: str | Path, images: NDArray[np.uint8], names: Sequence[str]
) -> dict[str, NDArray[np.float64]]:
    """Return what a label network says of images, by the names of its numbers: attributes as 0 or 1.

    Args:
        network: of numbers (a pose) or of attributes.
        path: its file, for errors.
        images: `[N, 3, r, r]` uint8.
        names: numbers, or values as `glasses=clear`; empty for all.

    Raises:
        StyleAlignError: a network of something else, or a name that it does not know.
    """
    known = network.spec.names
    unknown = [name for name in names if name not in known]
    if unknown:
        raise StyleAlignError(f"--label: {path} has no {unknown[0]!r}; it knows {', '.join(known)}")
    values = predict(network, images).get(network.spec.task)
    if values is None or values.ndim != 2 or values.shape[1] != len(known):
        raise StyleAlignError(
            f"{path}: labels {network.spec.task}, no numbers of an image; give a network of pose or attributes"
        )
    if network.spec.task == "attributes":
        values = _chosen(known, values)
    return {name: values[:, known.index(name)].astype(np.float64) for name in names or known}


def _chosen(names: Sequence[str], scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return `[N, V]`: 1 where a value scores highest among those of its attribute, 0 elsewhere."""
    attributes = np.array([name.partition("=")[0] for name in names])
    chosen = np.zeros(scores.shape)
    for attribute in dict.fromkeys(attributes):
        own = np.flatnonzero(attributes == attribute)
        chosen[np.arange(len(scores)), own[scores[:, own].argmax(axis=1)]] = 1
    return chosen


@torch.inference_mode()
def images_of(generator: Generator, z: Tensor) -> Iterator[NDArray[np.uint8]]:
    """Yield the images `[n, 3, r, r]` of z `[N, z_dim]` in batches, without truncation."""
    for part in z.split(images_per_batch(generator.architecture.resolution)):
        latents = part.to(generator.mapping.w_avg)
        yield to_pixels(generator(latents, mean_label(generator, len(latents))))


def codes_in(codes: Codes, space: str, generator: Generator, source: str | Path) -> Tensor:
    """Return codes of any space as codes of another, `[N, *shape]`: those closest to them.

    Raises:
        StyleAlignError: styles, which no w leads back to.
    """
    ws = codes_to_ws(codes, generator)
    if codes.space == space or (space_of(codes.space).is_styles and space == "s"):
        return torch.from_numpy(codes.values).to(ws)
    from_ws = space_of(space).from_ws
    if ws.ndim == 2 or from_ws is None:
        raise StyleAlignError(
            f"{source}: holds {codes.space} codes, which no {space} leads to; give pictures, codes of another space, or"
            " --space s for a boundary between styles"
        )
    return from_ws(ws, generator.synthesis)


def _made(
    checkpoint: Checkpoint,
    space: str,
    vectors: NDArray[np.float64],
    names: Sequence[str],
    how: Sequence[str],
    settings: DirectionSettings,
    layers: Collection[int] | None,
) -> Directions:
    """Return unit vectors `[K, D]` as directions of a model, with their scale."""
    architecture = checkpoint.architecture
    values = vectors.reshape(len(vectors), *space_of(space).shape(architecture))
    scales = _scales(checkpoint.generator, space, vectors, settings)
    own = fingerprint(checkpoint.generator)
    found = Directions(values, space, checkpoint.sha256, names, how, scales, None, own)
    return found if layers is None else found.within(layers, architecture.num_ws)


def _scales(
    generator: Generator, space: str, vectors: NDArray[np.float64], settings: DirectionSettings
) -> NDArray[np.float64]:
    """Return the standard deviation `[K]` of the model's samples along vectors `[K, D]`."""
    count = settings.samples if space == "w" else min(settings.samples, _SCALE_SAMPLES)
    parts = [codes.reshape(len(codes), -1) @ vectors.T for codes in _sampled(generator, space, count, settings.seed)]
    return np.concatenate(parts).std(axis=0)


def _style_statistics(generator: Generator, settings: DirectionSettings) -> tuple[Any, Any]:
    """Return mean and standard deviation `[style_dim]` of the styles of samples."""
    count = min(settings.samples, _SCALE_SAMPLES)
    styles = np.concatenate(list(_sampled(generator, "s", count, settings.seed)))
    return styles.mean(axis=0, dtype=np.float64), styles.std(axis=0, dtype=np.float64)


@torch.no_grad()
def _sampled(generator: Generator, space: str, count: int, seed: int) -> Iterator[NDArray[np.float32]]:
    """Yield codes `[n, *shape]` of samples in batches."""
    for z in seeded_z(count, generator.architecture.z_dim, seed).split(_BATCH):
        w = generator.mapping(z.to(generator.mapping.w_avg), mean_label(generator, len(z)))[:, 0]
        yield space_of(space).spread(w, generator).float().cpu().numpy()
