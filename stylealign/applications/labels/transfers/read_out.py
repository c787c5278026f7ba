"""A decoder of the parent's synthesis activations, read from the child's: the labels follow the child's outline.

DatasetGAN (Zhang et al. 2021, arXiv 2104.06490): a generator's activations know the parts of what it draws. The decoder
here is light: one 1x1 convolution a resolution, summed from 4 px up, and two 3x3 convolutions at the end.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stylealign.applications.labels.learning import centre, joined
from stylealign.applications.labels.networks import LabelSpec
from stylealign.applications.labels.tasks import task_of
from stylealign.applications.labels.transfers.source import Labels, Source, TrainingSet
from stylealign.config import LabelSettings
from stylealign.networks.generator import Generator
from stylealign.streams import seeded

_WIDTH = 32
_NUMBERS_PX = 8
"""Resolution of the activations that numbers are read from."""
_LEARNING_RATE = 4e-3


class ReadOut(nn.Module):
    """Decoder from the activations of each resolution to the outputs of a label network.

    Args:
        spec: what it predicts.
        channels: channels of the activations, 4 px first.
    """

    def __init__(self, spec: LabelSpec, channels: list[int]) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.BatchNorm2d(count, affine=False) for count in channels)
        self.laterals = nn.ModuleList(nn.Conv2d(count, _WIDTH, 1) for count in channels)
        if spec.maps:
            self.maps = nn.Sequential(
                nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1), nn.ReLU(), nn.Conv2d(_WIDTH, spec.maps, 3, padding=1)
            )
        if spec.numbers:
            size = min(_NUMBERS_PX, 4 * 2 ** (len(channels) - 1))
            hidden = nn.Linear(_WIDTH * size**2, 4 * _WIDTH)
            self.numbers = nn.Sequential(
                nn.Flatten(), nn.ReLU(), hidden, nn.ReLU(), nn.Linear(4 * _WIDTH, spec.numbers)
            )

    def forward(self, activations: list[Tensor]) -> dict[str, Tensor]:
        """Return `maps` and `numbers`, those that the spec has, of activations `[N, C, s, s]`, 4 px first."""
        outputs: dict[str, Tensor] = {}
        x: Tensor | None = None
        for norm, lateral, features in zip(self.norms, self.laterals, activations, strict=True):
            own = lateral(norm(features))
            x = own if x is None else F.interpolate(x, scale_factor=2.0, mode="bilinear") + own
            if x.shape[-1] <= _NUMBERS_PX and hasattr(self, "numbers"):
                small = x
        if hasattr(self, "numbers"):
            outputs["numbers"] = self.numbers(small)
        if hasattr(self, "maps"):
            outputs["maps"] = self.maps(x)
        return outputs


def training_set(source: Source, settings: LabelSettings) -> TrainingSet:
    """Return the child's images with what the decoder reads from the child's activations."""
    decoder = fitted(source, settings)
    return TrainingSet(source.child_images, read(decoder, source, source.child))


def fitted(source: Source, settings: LabelSettings) -> ReadOut:
    """Return a decoder of the parent's activations that learnt the labeller's labels of the same latents."""
    spec = source.labeller.spec
    task = task_of(spec.task).functions
    generator = source.parent
    with seeded("label decoder", settings.seed):
        channels = [generator.architecture.channels(px) for px in generator.architecture.resolutions]
        decoder = ReadOut(spec, channels).to(generator.mapping.w_avg.device)
    if spec.numbers:
        centre(decoder.numbers[-1], source.parent_labels, spec)
    optimiser = torch.optim.AdamW(decoder.parameters(), _LEARNING_RATE)
    passes = settings.epochs
    # Activations are of what is drawn at once, at large sizes less than a batch: each part ends with a short step.
    steps = passes * sum(-(-len(z) // settings.batch_size) for z, _ in source.latents())
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(passes):
        done = 0
        for z, c in source.latents():
            with torch.no_grad():
                activations = _activations(generator, source.ws(generator, z, c))
            for chosen in torch.arange(len(z)).split(settings.batch_size):
                labels = {name: value[done + chosen].to(z.device) for name, value in source.parent_labels.items()}
                loss = task.loss(decoder([own[chosen.to(z.device)] for own in activations]), labels)
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                optimiser.step()
                schedule.step()
            done += len(z)
            source.note(len(z))
    return decoder


def _activations(generator: Generator, ws: Tensor) -> list[Tensor]:
    return [stage.features.float() for stage in generator.synthesis.stages(ws)]


@torch.no_grad()
def read(decoder: ReadOut, source: Source, generator: Generator) -> Labels:
    """Return the labels that a decoder reads from a generator's activations, scaled by that generator's own statistics.

    A child's activations differ from its parent's in size as well; each channel's mean and spread are its own.
    """
    spec = source.labeller.spec
    task = task_of(spec.task).functions
    _adopt_statistics(decoder, source, generator)
    decoder.eval()

    def said() -> Iterator[Labels]:
        for z, c in source.latents():
            outputs = decoder(_activations(generator, source.ws(generator, z, c)))
            yield {name: value.cpu() for name, value in task.pseudo(outputs, spec).items()}
            source.note(len(z))

    return joined(said(), source.count)


def _adopt_statistics(decoder: ReadOut, source: Source, generator: Generator) -> None:
    """Set the running statistics of the decoder's normalisation to those of a generator's activations."""
    for norm in decoder.norms:
        assert isinstance(norm, nn.BatchNorm2d)
        norm.reset_running_stats()
        norm.momentum = None  # a cumulative mean
    decoder.train()
    for z, c in source.latents():
        decoder(_activations(generator, source.ws(generator, z, c)))
        source.note(len(z))
