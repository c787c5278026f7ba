"""What a run starts from: new networks, or a parent's."""

import copy

import torch

from stylealign.checkpoints import Checkpoint
from stylealign.config import ArchitectureSettings, TrainSettings
from stylealign.errors import StyleAlignError
from stylealign.networks.architecture import Architecture
from stylealign.networks.discriminator import Discriminator
from stylealign.networks.generator import Generator

Networks = tuple[Generator, Generator, Discriminator]
"""Training generator, averaged generator, discriminator."""


def new_networks(shape: ArchitectureSettings, settings: TrainSettings, resolution_px: int) -> Networks:
    """Return freshly initialised networks, the same for the same `settings.seed`."""
    architecture = Architecture(
        resolution=resolution_px,
        mapping_lr_multiplier=settings.mapping_lr_multiplier,
        mbstd_group_size=settings.mbstd_group_size,
        **shape.model_dump(),
    )
    torch.manual_seed(settings.seed)
    generator = Generator(architecture)
    return generator, copy.deepcopy(generator).requires_grad_(False), Discriminator(architecture)


def networks_of_parent(parent: Checkpoint, path: str, resolution_px: int) -> Networks:
    """Return trainable copies of a parent's networks; a missing training generator starts from the averaged one.

    Raises:
        StyleAlignError: no discriminator in the file, labels, or a data set of another resolution.
    """
    if parent.discriminator is None:
        raise StyleAlignError(f"{path}: has no discriminator; fine-tuning needs a checkpoint that holds D")
    if parent.architecture.c_dim:
        raise StyleAlignError(f"{path}: is conditional ({parent.architecture.c_dim} labels); fine-tuning takes unconditional models")
    if parent.architecture.resolution != resolution_px:
        raise StyleAlignError(
            f"{path}: draws {parent.architecture.resolution} px images, the data set has {resolution_px} px;"
            f" prepare the data with --resolution-px {parent.architecture.resolution}"
        )
    generator = copy.deepcopy(parent.generator_raw or parent.generator).requires_grad_(True).train()
    average = copy.deepcopy(parent.generator).requires_grad_(False)
    return generator, average, copy.deepcopy(parent.discriminator).requires_grad_(True).train()
