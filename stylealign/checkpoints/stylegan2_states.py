"""Importer of state dicts of StyleGAN2-ADA (PyTorch) networks: `torch.save` of `G_ema.state_dict()`, or of several."""

from typing import Any

import torch
from torch import Tensor

from stylealign.checkpoints.inference import check_filter, infer_architecture
from stylealign.checkpoints.untrusted.source import Source
from stylealign.checkpoints.untrusted.values import StoredTensor
from stylealign.checkpoints.weights import AVERAGED, DISCRIMINATOR, RAW, Weights

FORMAT = "stylegan2-ada-pytorch-states"
UNKNOWN = "state dicts do not say whether activations are clamped (half-precision networks: at 256): here they are not"


def recognises(value: Any) -> bool:
    """Return whether an unpickled value is of this format."""
    return isinstance(value, dict) and bool(_states(value))


def _states(value: dict[Any, Any]) -> dict[str, dict[str, Any]]:
    """Return the state dicts by network; a lone generator's stands for itself."""
    if _is_generator(value):
        return {AVERAGED: value}
    found = {name: value[name] for name in (AVERAGED, RAW) if _is_generator(value.get(name))}
    if found and isinstance(value.get(DISCRIMINATOR), dict):
        found[DISCRIMINATOR] = value[DISCRIMINATOR]
    return found


def _is_generator(state: Any) -> bool:
    return isinstance(state, dict) and isinstance(state.get("synthesis.b4.const"), StoredTensor)


def read(source: Source, value: dict[str, Any]) -> Weights:
    """Return the weights of unpickled state dicts.

    Raises:
        StyleAlignError: a network of another kind or an incomplete one.
    """
    states, notices = _states(value), [UNKNOWN]
    networks = {name: _tensors(source, name, state) for name, state in states.items()}
    if AVERAGED not in networks:
        notices.append("no averaged generator (G_ema) in the file: the one in training (G) stands in for it")
        networks[AVERAGED] = networks[RAW]
    architecture = infer_architecture(networks[AVERAGED], {}, source.name)
    return Weights(architecture, networks, {"source_format": FORMAT, "notices": notices})


def _tensors(source: Source, network: str, state: dict[Any, Any]) -> dict[str, Tensor]:
    tensors = {}
    for name, stored in state.items():
        if not isinstance(name, str) or not isinstance(stored, StoredTensor):
            raise source.refuse(f"{network} holds something else than tensors; not supported")
        if name.endswith("resample_filter"):
            check_filter(stored.read(), 1.0, f"{network} {name[:80]}", source.name)
        else:
            tensors[name] = stored.read().to(torch.float32)
    return tensors
