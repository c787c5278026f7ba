"""Importer of rosinality-style `.pt` files: whole training snapshots, bare generators, e4e and pSp decoders."""

import json
import re
from collections.abc import Iterable
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from stylealign.checkpoints.inference import check_filter, infer_architecture
from stylealign.checkpoints.rosinality_names import (
    Entry,
    Layout,
    discriminator_entries,
    discriminator_filters,
    generator_entries,
    generator_filters,
    noise_layers,
)
from stylealign.checkpoints.untrusted.source import Source, shown
from stylealign.checkpoints.untrusted.values import StoredTensor
from stylealign.checkpoints.weights import AVERAGED, DISCRIMINATOR, RAW, Weights, empty_network
from stylealign.networks.architecture import Architecture
from stylealign.networks.generator import Generator

FORMAT = "rosinality"
OWN_KEY = "stylealign"
"""Key of our own exports for what the format has no place for: the exact architecture, the info, w_avg of `g`."""
DECODER = "decoder."
MEAN_SAMPLES = 16384
MAPPING_LAYERS = 8
RESOLUTIONS = [2**power for power in range(2, 11)]


def recognises(value: Any) -> bool:
    """Return whether an unpickled value is of this format."""
    return isinstance(value, dict) and AVERAGED in _states(value, [])


def _states(value: dict[Any, Any], notices: list[str]) -> dict[str, dict[str, Any]]:
    """Return the state dicts of a file by network."""
    found = {name: value[key] for name, key in ((AVERAGED, "g_ema"), (RAW, "g")) if _is_generator(value.get(key))}
    if isinstance(value.get("d"), dict):
        found[DISCRIMINATOR] = value["d"]
    if AVERAGED not in found and RAW in found:
        notices.append("no averaged generator (g_ema) in the file: the one in training (g) stands in for it")
        found[AVERAGED] = found[RAW]
    inner = value.get("state_dict")
    inner = inner if isinstance(inner, dict) else {}
    decoder = {key.removeprefix(DECODER): inner[key] for key in inner if str(key).startswith(DECODER)}
    if AVERAGED not in found and _is_generator(decoder):
        notices.append("decoder of an encoder's file: the encoder was left out")
        return {AVERAGED: decoder}
    if AVERAGED not in found and _is_generator(value):
        return {AVERAGED: value}
    return found


def _is_generator(state: Any) -> bool:
    return isinstance(state, dict) and "input.input" in state and "conv1.conv.weight" in state


def read(source: Source, value: dict[str, Any]) -> Weights:
    """Return the weights of an unpickled rosinality-style file.

    Raises:
        StyleAlignError: a network of another kind or an incomplete one.
    """
    notices: list[str] = []
    states = _states(value, notices)
    own, hints, info = _own_record(source, value.get(OWN_KEY))
    networks = {AVERAGED: _generator(source, states[AVERAGED], notices)}
    architecture = infer_architecture(networks[AVERAGED], hints, source.name)
    inner = value.get("state_dict")
    stored_mean = value.get("latent_avg", inner.get("latent_avg") if isinstance(inner, dict) else None)
    mean = _mean_of_w(source, stored_mean, architecture, networks[AVERAGED], notices)
    networks[AVERAGED]["mapping.w_avg"] = mean
    if RAW in states:
        raw_mean = own.get("w_avg")
        raw_mean = _float(raw_mean) if isinstance(raw_mean, StoredTensor) else mean.clone()
        networks[RAW] = _generator(source, states[RAW], []) | {"mapping.w_avg": raw_mean}
    if DISCRIMINATOR in states:
        filters = discriminator_filters(architecture.resolutions)
        entries = discriminator_entries(architecture.resolutions)
        networks[DISCRIMINATOR] = _tensors(source, "d", states[DISCRIMINATOR], entries, filters, 1.0)
    return Weights(architecture, networks, info if own else {"source_format": FORMAT, "notices": notices})


def _generator(source: Source, state: dict[str, Any], notices: list[str]) -> dict[str, Tensor]:
    """Return a generator's tensors under our names, without w_avg."""
    blocks = sum(re.fullmatch(r"to_rgbs\.\d+\.conv\.weight", str(key)) is not None for key in state)
    if blocks + 1 > len(RESOLUTIONS):
        raise source.refuse(
            f"a generator of {blocks + 1} resolutions; at most {len(RESOLUTIONS)} (1024 px) are supported"
        )
    resolutions = RESOLUTIONS[: blocks + 1]
    layers = sum(re.fullmatch(r"style\.\d+\.weight", str(key)) is not None for key in state)
    has_noise = any(str(key).startswith("noises.") for key in state)
    entries = generator_entries(resolutions, layers)
    entries = (entry for entry in entries if has_noise or not entry[0].startswith("noises."))
    tensors = _tensors(source, "generator", state, entries, generator_filters(resolutions), 4.0)
    if not has_noise:
        notices.append("no noise maps in the file: drawn anew from a fixed seed")
        tensors |= _drawn_noise(resolutions)
    if not layers:
        notices.append("no mapping network in the file: only W and W+ codes can be used, every z gives the same w")
        tensors |= _empty_mapping(tensors["synthesis.b4.conv1.affine.weight"].shape[1])
    return tensors


def _tensors(
    source: Source, network: str, state: dict[str, Any], entries: Iterable[Entry], filters: Iterable[str], gain: float
) -> dict[str, Tensor]:
    """Read the tensors of `entries`, check the low-pass filters, and refuse anything else."""
    remaining = dict(state)
    tensors = {}
    for theirs, ours, layout in entries:
        stored = remaining.pop(theirs, None)
        if not isinstance(stored, StoredTensor):
            raise source.refuse(f"{network} has no tensor {theirs}; incomplete, or not a StyleGAN2 model")
        # Early versions kept biases as [1, C, 1, 1].
        tensor = _float(stored).flatten() if theirs.endswith("activate.bias") else _float(stored)
        tensors[ours] = _to_ours(source, f"{network} {theirs}", tensor, layout)
    for name in filters:
        stored = remaining.pop(name, None)
        if isinstance(stored, StoredTensor):
            check_filter(stored.read(), gain, f"{network} {name}", source.name)
    surplus = [key for key, value in remaining.items() if isinstance(value, StoredTensor) and key != "latent_avg"]
    if surplus:
        raise source.refuse(f"{network} has a tensor {shown(surplus[0])}, which no supported StyleGAN2 has")
    return tensors


def _to_ours(source: Source, what: str, tensor: Tensor, layout: Layout) -> Tensor:
    try:
        ours = layout.to_ours(tensor)
        fits = layout.to_theirs(ours).shape == tensor.shape
    except IndexError:
        fits = False
    if not fits:
        raise source.refuse(f"{what} has the shape {list(tensor.shape)}; the file is damaged")
    return ours.contiguous()


def _float(stored: StoredTensor) -> Tensor:
    return stored.read().to(torch.float32)


def _repeatable() -> torch.Generator:
    """Return the stream that a file's missing parts are drawn from: one file must stay one model, by its hash."""
    return torch.Generator().manual_seed(0)


def _drawn_noise(resolutions: list[int]) -> dict[str, Tensor]:
    draw = _repeatable()
    sizes = [4] + [resolution for resolution in resolutions[1:] for _ in (0, 1)]
    layers = zip(noise_layers(resolutions), sizes, strict=True)
    return {f"{layer}.noise_const": torch.randn(size, size, generator=draw) for layer, size in layers}


def _empty_mapping(w_dim: int) -> dict[str, Tensor]:
    weights = {f"mapping.fc{i}.weight": torch.zeros(w_dim, w_dim) for i in range(MAPPING_LAYERS)}
    return weights | {f"mapping.fc{i}.bias": torch.zeros(w_dim) for i in range(MAPPING_LAYERS)}


def _mean_of_w(
    source: Source, stored: Any, architecture: Architecture, tensors: dict[str, Tensor], notices: list[str]
) -> Tensor:
    """Return w_avg `[w_dim]`: the file's `latent_avg`, or else the mean over random latents."""
    if isinstance(stored, StoredTensor):
        if not stored.shape or stored.shape[-1] != architecture.w_dim:
            raise source.refuse(f"latent_avg has the shape {list(stored.shape)}; the file is damaged")
        rows = _float(stored).reshape(-1, architecture.w_dim)
        if len(rows) > 1 and not torch.equal(rows, rows[:1].expand_as(rows)):
            notices.append("latent_avg differs from layer to layer: its mean over the layers became w_avg")
            return rows.mean(dim=0)
        return rows[0].clone()
    notices.append(f"no latent_avg in the file: w_avg is the mean over {MEAN_SAMPLES} latents of a fixed seed")
    generator = empty_network(architecture, AVERAGED)
    assert isinstance(generator, Generator)
    prefix = "mapping."
    state = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    try:
        generator.mapping.load_state_dict(state | {"w_avg": torch.zeros(architecture.w_dim)}, assign=True)
    except RuntimeError as error:
        raise source.refuse("the shapes of style.* do not fit together; the file is damaged") from error
    z = torch.randn(MEAN_SAMPLES, architecture.z_dim, generator=_repeatable())
    with torch.no_grad():
        return generator.mapping.map(z).mean(dim=0)


def _own_record(source: Source, record: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return what our exporter added: the record, the architecture's fields and the info (all empty elsewhere)."""
    if not isinstance(record, dict) or not isinstance(record.get("header"), str):
        return {}, {}, {}
    try:
        header = json.loads(record["header"])
        return record, Architecture.model_validate(header["architecture"]).model_dump(), dict(header["info"])
    except (ValueError, KeyError, TypeError, RecursionError, ValidationError) as error:
        raise source.refuse(f"a damaged {OWN_KEY!r} entry; make or fetch it again") from error
