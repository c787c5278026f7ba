"""The family of a model: whether directions hold for it, told by hash, header or weights."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stylealign.checkpoints.checkpoint import Checkpoint
from stylealign.errors import StyleAlignError
from stylealign.latents.directions import Directions
from stylealign.latents.relatives import KIN
from stylealign.latents.spaces import space_of
from stylealign.networks.generator import Generator

FINGERPRINT_VALUES = 4096


def fingerprint(generator: Generator) -> NDArray[np.float32]:
    """Return some weights by which a model's relatives are known, at most `FINGERPRINT_VALUES` of its mapping's last.

    Fine-tuning hardly moves the mapping network (its learning rate is a hundredth of the others').
    """
    weight = generator.mapping.state_dict()[f"fc{generator.architecture.mapping_layers - 1}.weight"].flatten()
    stride = -(-len(weight) // FINGERPRINT_VALUES)
    return weight[::stride].float().cpu().numpy()


def likeness(one: Generator, other: Generator) -> float:
    """Return the cosine of two models' fingerprints (0 where they differ in size); `KIN` tells relatives."""
    return _cosine(fingerprint(one), fingerprint(other))


def _cosine(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    if one.shape != other.shape:
        return 0.0
    lengths = np.linalg.norm(one) * np.linalg.norm(other)
    return float(one @ other / max(lengths, np.finfo(float).tiny))


def kin(directions: Directions, checkpoint: Checkpoint) -> str | None:
    """Return how a model is known to be of the directions' family, None where it is not: by hash, header or weights."""
    if checkpoint.sha256 == directions.model_sha256:
        return "the model itself"
    if directions.model_sha256 in _named(checkpoint):
        return "by its header"
    return (
        None if mixed(checkpoint) else _by_weights(_cosine(fingerprint(checkpoint.generator), directions.fingerprint))
    )


def kin_of_models(one: Checkpoint, other: Checkpoint) -> str | None:
    """Return how two models are known to be of one family, None where they are not: by hash, header or weights."""
    if one.sha256 == other.sha256:
        return "the model itself"
    if one.sha256 in _named(other) or other.sha256 in _named(one):
        return "by its header"
    return None if mixed(one) or mixed(other) else _by_weights(likeness(one.generator, other.generator))


def mixed(checkpoint: Checkpoint) -> bool:
    """Return whether a model is a blend of models of several families: it is of none but its own."""
    blended = checkpoint.info.get("blend")
    return isinstance(blended, dict) and blended.get("family") is False


def _by_weights(cosine: float) -> str | None:
    return f"by its weights (cosine {cosine:.3f})" if cosine > KIN else None


def _named(checkpoint: Checkpoint) -> set[str]:
    """Return what a model's header names: its relatives, too. A blend's counts where its models were of one family."""
    blended = checkpoint.info.get("blend")
    if blended is not None and not (isinstance(blended, dict) and blended.get("family")):
        return set()
    return set(_strings(checkpoint.info))


def require_kin(directions: Directions, checkpoint: Checkpoint, source: str | Path, model: str | Path) -> str:
    """Return how a model is known to be of the directions' family.

    Raises:
        StyleAlignError: it is of another shape, or of another family.
    """
    shape, layers = space_of(directions.space).shape(checkpoint.architecture), directions.layers
    if directions.values.shape[1:] != shape:
        raise StyleAlignError(
            f"{source}: {directions.space} directions of shape {list(directions.values.shape[1:])} do not fit {model}, "
            f"which takes {list(shape)}; find directions of this model"
        )
    if layers is not None and layers.shape[1] != checkpoint.architecture.num_ws:
        raise StyleAlignError(
            f"{source}: of {layers.shape[1]} layers do not fit {model}, which has {checkpoint.architecture.num_ws}; "
            "find directions of this model"
        )
    found = kin(directions, checkpoint)
    if found is None and mixed(checkpoint):
        raise StyleAlignError(
            f"{source}: directions of another model than {model}, which is a blend of models of several families and of"
            " none itself; find directions of this model with stylealign directions"
        )
    if found is None:
        raise StyleAlignError(
            f"{source}: directions of another family of models (sha256 {directions.model_sha256[:12]}...) than {model} "
            f"({checkpoint.sha256[:12]}...); find directions of this model with stylealign directions"
        )
    return found


def _strings(value: Any) -> list[str]:
    """Return all strings in a JSON value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [text for part in value for text in _strings(part)]
    return [value] if isinstance(value, str) else []
