"""What graphs need of a training step: its inputs drawn before it, and every tensor that it changes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from stylealign.training.augment import Augmentation
from stylealign.training.draws import Draws
from stylealign.training.graphs import Kind, Scalars

if TYPE_CHECKING:
    from stylealign.training.step import TrainingStep


class RecordableStep:
    """A training step as `graphs.Stepping`.

    Args:
        step: the step.
    """

    def __init__(self, step: "TrainingStep") -> None:
        self._step = step

    @property
    def optimisers(self) -> tuple[torch.optim.Adam, torch.optim.Adam]:
        """Those of G and D."""
        return self._step.generator_adam, self._step.discriminator_adam

    def move(self, kind: Kind, real: Tensor) -> Scalars:
        """Take the step on a batch, but for ADA and the averaging."""
        return self._step.move(kind, real)

    def inputs_of(self, kind: Kind, batch: int) -> list[Draws | Augmentation]:
        """Draw its random inputs."""
        lengths_batch = self._step.lengths_batch(batch) if kind.lengths else 0
        return self._step.random.all_of_a_step(batch, lengths_batch, kind.penalty)

    @contextmanager
    def with_inputs(self, inputs: list[Draws | Augmentation]) -> Iterator[None]:
        """Take the random inputs of the step inside from these."""
        self._step.random.prepared = list(inputs)
        try:
            yield
        finally:
            self._step.random.prepared = None

    def moved_tensors(self) -> dict[str, list[Tensor]]:
        """Return every tensor that `move` changes by what it is, always in the same order."""
        found = {"mean_path_length": [self._step.mean_path_length]}
        networks = {"G": self._step.generator, "D": self._step.discriminator}
        for (name, network), adam in zip(networks.items(), self.optimisers, strict=True):
            found[f"{name} weights"] = list(network.parameters())
            found[f"{name} buffers"] = list(network.buffers())
            for state in adam.state.values():
                for key, value in state.items():
                    found.setdefault(f"{name} Adam {key}", []).append(value)
        return found

    def forget_gradients(self) -> None:
        """Drop the gradients that a step which was broken off has left."""
        for adam in self.optimisers:
            adam.zero_grad(set_to_none=True)
