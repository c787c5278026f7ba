"""What every way to carry labels over is given: two aligned models, a labeller, and latents."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from stylealign.applications.labels.learning import joined
from stylealign.applications.labels.networks import Labeller, LabelSpec
from stylealign.applications.labels.onnx_network import OnnxLabeller
from stylealign.applications.labels.tasks import task_of
from stylealign.config import LabelSettings
from stylealign.datasets import large_arrays
from stylealign.datasets.large_arrays import parts
from stylealign.images import from_uint8, to_uint8
from stylealign.networks.generator import Generator
from stylealign.sampling import BATCH_SIZE, sample_latents

Labels = dict[str, Tensor]

_SLOWER = 0.2
"""Learning rate of a training that goes on from a network, as a share of one from random weights."""
_SHORTER = 3
"""How many times fewer epochs it has."""
_COMPARED = 12
"""What a comparison of labels needs in memory, in multiples of them: three sets of float32 for one of uint8."""


@dataclass(frozen=True)
class TrainingSet:
    """What a network learns from.

    Attributes:
        images: `[N, 3, r, r]` uint8.
        labels: what the task's `pseudo` returns of them, on the CPU.
        start: network whose weights the training starts from; None for random ones.
        spec: what the labels name; None: what the labeller does.
        back: how far the trained network's weights go back to those of `start`, 0 to 1.
    """

    images: np.ndarray
    labels: Labels
    start: Labeller | None = None
    spec: LabelSpec | None = None
    back: float = 0.0

    def settings(self, settings: LabelSettings) -> LabelSettings:
        """Return how to train on it: a network that starts from another's weights moves slowly, and not for long.

        One of another kind than `start` starts from random weights (`learn`), and has all of the training.
        """
        if self.start is None or self.start.spec.network != settings.network:
            return settings
        own = {"learning_rate": settings.learning_rate * _SLOWER, "epochs": max(1, settings.epochs // _SHORTER)}
        return settings.model_copy(update=own)

    def finish(self, network: Labeller) -> None:
        """Move a network that has learnt from it `back` towards `start`, where that is a network of the same kind."""
        if self.start is None or self.start.spec.network != network.spec.network:
            return
        states = zip(network.state_dict().values(), self.start.state_dict().values(), strict=True)
        for value, before in states:
            if value.is_floating_point():
                value.lerp_(before.to(value.device), self.back)


@dataclass(frozen=True, eq=False)
class Source:
    """Two aligned models and a network that labels the first one's images.

    For the unaligned control, `parent` is the model that was labelled and `child` one with another parent: the latents
    are the same numbers, and nothing else connects the images.

    Attributes:
        parent, child: generators of one architecture on one device.
        labeller: label network of the parent's domain, on that device.
        count: number of latents.
        truncation_psi: truncation of all generators, each towards its own mean.
        seed: seed of the latents, which are drawn on the CPU.
        oracle: label network of the child's domain, for the methods that need one.
        note: called with the number of images that were drawn.
    """

    parent: Generator
    child: Generator
    labeller: Labeller
    count: int
    truncation_psi: float
    seed: int
    oracle: Labeller | None = None
    note: Callable[[int], None] = field(default=lambda drawn: None)

    def latents(self) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Yield the latents, and labels of conditional models, in batches."""
        return sample_latents(self.parent, self.count, self.seed)

    def ws(self, generator: Generator, z: Tensor, c: Tensor | None) -> Tensor:
        """Return the ws of latents in a generator."""
        return generator.mapping(z, c, truncation_psi=self.truncation_psi)

    @torch.inference_mode()
    def drawn(self, generator: Generator) -> np.ndarray:
        """Return a generator's images of the latents, `[N, 3, r, r]` uint8."""
        found: np.ndarray | None = None
        start = 0
        for z, c in self.latents():
            images = to_uint8(generator.synthesis(self.ws(generator, z, c))).cpu().numpy()
            if found is None:
                found = large_arrays.empty((self.count, *images.shape[1:]), images.dtype)
            found[start : start + len(images)] = images
            start += len(images)
            self.note(len(z))
        assert found is not None and start == self.count, "every latent is drawn"
        return found

    @cached_property
    def parent_labels(self) -> Labels:
        """The labels of the parent's images, drawn once."""
        return labels_of(self.labeller, self.drawn(self.parent))

    @cached_property
    def child_images(self) -> np.ndarray:
        """The child's images, drawn once."""
        return self.drawn(self.child)

    @property
    def trained(self) -> Labeller | None:
        """The labeller, if a training can go on from its weights: not one of an ONNX file."""
        return None if isinstance(self.labeller, OnnxLabeller) else self.labeller


@torch.inference_mode()
def labels_of(network: Labeller, images: np.ndarray) -> Labels:
    """Return what a network says about images `[N, 3, r, r]` uint8, as labels on the CPU."""
    task = task_of(network.spec.task).functions

    def said() -> Iterator[Labels]:
        for start in range(0, len(images), BATCH_SIZE):
            outputs = network(from_uint8(torch.from_numpy(images[start : start + BATCH_SIZE]).to(network.device)))
            yield {name: value.cpu() for name, value in task.pseudo(outputs, network.spec).items()}

    return joined(said(), len(images))


def compared(labels: Labels, seen: Labels, function: Callable[[Labels, Labels], Labels]) -> Labels:
    """Return what a function makes of two sets of labels of the same images, image by image: it is given some at once.

    Args:
        labels, seen: on the CPU.
        function: from labels of n images to others of these.
    """
    count = len(next(iter(labels.values())))
    row_bytes = sum(value.nbytes for value in labels.values()) // count
    some = parts(count, row_bytes * _COMPARED)
    pairs = (tuple({name: value[part] for name, value in own.items()} for own in (labels, seen)) for part in some)
    return joined((function(*pair) for pair in pairs), count)
