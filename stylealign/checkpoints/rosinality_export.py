"""Exporter of rosinality-style `.pt` files, for tools such as e4e and pSp."""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stylealign.checkpoints.inference import RESAMPLE_FILTER
from stylealign.checkpoints.rosinality import OWN_KEY
from stylealign.checkpoints.rosinality_names import (
    Entry,
    discriminator_entries,
    discriminator_filters,
    generator_entries,
    generator_filters,
    not_expressible,
)
from stylealign.checkpoints.weights import AVERAGED, DISCRIMINATOR, RAW, Weights, checked
from stylealign.errors import StyleAlignError
from stylealign.files import atomic_path
from stylealign.networks.architecture import Architecture

THEIR_NAMES = {AVERAGED: "g_ema", RAW: "g", DISCRIMINATOR: "d"}


def write(path: str | Path, weights: Weights) -> list[str]:
    """Write a rosinality-style file atomically, and return what its readers will do otherwise than we do.

    Raises:
        StyleAlignError: a network that the format cannot express, or a file that cannot be written.
    """
    problem = not_expressible(weights.architecture)
    if problem is not None:
        raise StyleAlignError(f"{path}: the model {problem}; convert to .safetensors instead")
    content = to_rosinality(checked(weights, str(path)))
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        try:
            torch.save(content, file)
        except RuntimeError as error:  # torch's archive writer hides the system's error
            raise StyleAlignError(
                f"{path}: cannot be written ({str(error).splitlines()[0]}); nothing was changed"
            ) from error
    clamp = weights.architecture.conv_clamp
    return (
        [] if clamp is None else [f"rosinality-style tools do not clamp activations at {clamp:g}, as this model does"]
    )


def to_rosinality(weights: Weights) -> dict[str, Any]:
    """Return the content of a rosinality-style file: state dicts `g_ema`, `g`, `d`, and `latent_avg`."""
    architecture = weights.architecture
    header = {"architecture": architecture.model_dump(), "info": weights.info}
    own: dict[str, Any] = {"header": json.dumps(header)}
    if RAW in weights.networks:
        own["w_avg"] = weights.networks[RAW]["mapping.w_avg"]
    states = {THEIR_NAMES[name]: _state_dict(architecture, name, state) for name, state in weights.networks.items()}
    return {**states, "latent_avg": weights.networks[AVERAGED]["mapping.w_avg"], OWN_KEY: own}


def _state_dict(architecture: Architecture, network: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    resolutions = architecture.resolutions
    entries: list[Entry]
    if network == DISCRIMINATOR:
        entries, filters, gain = list(discriminator_entries(resolutions)), discriminator_filters(resolutions), 1.0
    else:
        entries = list(generator_entries(resolutions, architecture.mapping_layers))
        filters, gain = generator_filters(resolutions), 4.0
    row = torch.tensor(RESAMPLE_FILTER)
    kernel = torch.outer(row, row) / row.sum() ** 2 * gain
    tensors = {theirs: layout.to_theirs(state[ours]).contiguous() for theirs, ours, layout in entries}
    return tensors | {name: kernel.clone() for name in filters}
