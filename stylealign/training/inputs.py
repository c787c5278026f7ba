"""The random inputs of a step: drawn when they are asked for, or all of them before it."""

from dataclasses import fields, replace
from typing import Any

import torch
from torch import Tensor

from stylealign.config import TrainSettings
from stylealign.devices import moved
from stylealign.networks.generator import Generator
from stylealign.training.ada import AdaptiveStrength
from stylealign.training.augment import Augmentation, draw_augmentation
from stylealign.training.draws import Draws, draw


class RandomInputs:
    """Gives the parts of a step their random inputs.

    Args:
        generator: network they are for.
        settings: of the training.
        ada: how strong the augmentation is; None for none.
    """

    def __init__(self, generator: Generator, settings: TrainSettings, ada: AdaptiveStrength | None) -> None:
        self._generator, self._settings, self._ada = generator, settings, ada
        self.prepared: list[Draws | Augmentation] | None = None
        """What is given out, in the order of the step, in place of new draws; None to draw."""

    @property
    def augments(self) -> bool:
        """Say whether images are transformed now."""
        return self._ada is not None and self._ada.p > 0

    def draws(self, batch: int, direction: bool = False) -> Draws:
        """Return the inputs of a generator pass; `direction` as of `draw`."""
        if self.prepared is not None:
            drawn = self.prepared.pop(0)
            assert isinstance(drawn, Draws), "a step asks for its inputs in another order than they were drawn in"
            return drawn
        s = self._settings
        return draw(self._generator, batch, s.style_mixing_probability, s.noise, direction)

    def augmentation(self, batch: int) -> Augmentation | None:
        """Return the transforms of a batch on the networks' device, or None where images stay as they are."""
        if self._ada is None or not self.augments:
            return None
        if self.prepared is not None:
            drawn = self.prepared.pop(0)
            assert isinstance(drawn, Augmentation), (
                "a step asks for its inputs in another order than they were drawn in"
            )
            return drawn
        size, like = self._generator.architecture.resolution, self._generator.mapping.w_avg
        drawn = draw_augmentation(batch, self._ada.p, size, size)
        inverse, colour = (moved(matrices.to(like.dtype), like.device) for matrices in (drawn.inverse, drawn.colour))
        return Augmentation(inverse, colour)

    def all_of_a_step(self, batch: int, lengths_batch: int, penalty: bool) -> list[Draws | Augmentation]:
        """Draw what a step asks for, in its order.

        Args:
            batch: images of the step.
            lengths_batch: images of the path-length penalty, 0 for none.
            penalty: whether the discriminator is regularised.
        """
        drawn: list[Draws | Augmentation | None] = [self.draws(batch), self.augmentation(batch)]
        drawn += [self.draws(lengths_batch, direction=True)] if lengths_batch else []
        drawn += [self.augmentation(batch), self.augmentation(batch)]
        drawn += [self.augmentation(batch)] if penalty else []
        return [one for one in drawn if one is not None]


def tensors_of(inputs: list[Draws | Augmentation]) -> list[Tensor]:
    """Return the tensors of inputs, always in the same order."""
    found: list[Tensor] = []
    for one in inputs:
        for name in (field.name for field in fields(one)):
            value = getattr(one, name)
            found += value.values() if isinstance(value, dict) else [] if value is None else [value]
    return found


def copied(inputs: list[Draws | Augmentation]) -> list[Draws | Augmentation]:
    """Return inputs with tensors of their own, which later ones can be copied into."""
    return [_copied(one) for one in inputs]


def _copied(one: Draws | Augmentation) -> Draws | Augmentation:
    own: dict[str, Any] = {}
    for name in (field.name for field in fields(one)):
        value = getattr(one, name)
        if isinstance(value, dict):
            own[name] = {key: tensor.clone() for key, tensor in value.items()}
        else:
            own[name] = value.clone() if isinstance(value, Tensor) else value
    return replace(one, **own)


def copy_into(inputs: list[Draws | Augmentation], new: list[Draws | Augmentation]) -> None:
    """Overwrite inputs of one shape with others.

    Raises:
        ValueError: they have another shape.
    """
    old_tensors, new_tensors = tensors_of(inputs), tensors_of(new)
    shapes = [[tensor.shape for tensor in tensors] for tensors in (old_tensors, new_tensors)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"inputs of shapes {shapes[1]}, not {shapes[0]}")
    with torch.no_grad():
        for old, fresh in zip(old_tensors, new_tensors, strict=True):
            old.copy_(fresh)
