"""What a run starts from: new networks, or a parent's."""

import copy

from stylealign.checkpoints import Checkpoint
from stylealign.config import LARGEST_PX, ArchitectureSettings, TrainSettings
from stylealign.errors import StyleAlignError
from stylealign.networks.architecture import Architecture
from stylealign.networks.discriminator import Discriminator
from stylealign.networks.generator import Generator
from stylealign.streams import seeded
from stylealign.training.judging import AnyDiscriminator, BothDiscriminators
from stylealign.training.projected import ProjectedDiscriminator

CLAMP = 256.0
"""Clamp of the activations of networks with half-precision layers: keeps them far below the largest half, 65504."""

Networks = tuple[Generator, Generator, AnyDiscriminator]
"""Training generator, averaged generator, discriminator."""


def new_networks(shape: ArchitectureSettings, settings: TrainSettings, resolution_px: int) -> Networks:
    """Return freshly initialised networks, the same for the same `settings.seed`.

    Args:
        shape: widths of the networks.
        settings: seed, precision, multipliers of learning rates, kind of discriminator.
        resolution_px: height and width of the images, a power of two.

    Returns:
        Training generator, averaged generator (without gradients), discriminator; on the CPU.

    Raises:
        StyleAlignError: layers without channels, or images that are too large.
    """
    if resolution_px > LARGEST_PX:
        raise StyleAlignError(f"the data set has {resolution_px} px, networks draw up to {LARGEST_PX} px; prepare less")
    if shape.channel_base < resolution_px:
        raise StyleAlignError(
            f"architecture: channel_base {shape.channel_base} leaves no channels at {resolution_px} px; give "
            f"{resolution_px} or more"
        )
    half = settings.fp16_resolutions or 0
    architecture = Architecture(
        resolution=resolution_px,
        fp16_resolutions=half,
        conv_clamp=CLAMP if half else None,
        mapping_lr_multiplier=settings.mapping_lr_multiplier,
        mbstd_group_size=settings.mbstd_group_size,
        **shape.model_dump(),
    )
    with seeded("new networks", settings.seed):
        generator, discriminator = Generator(architecture), Discriminator(architecture)
    return generator, copy.deepcopy(generator).requires_grad_(False), judge_of(discriminator, settings)


def networks_of_parent(parent: Checkpoint, path: str, resolution_px: int, settings: TrainSettings) -> Networks:
    """Return trainable copies of a parent's networks; a missing training generator starts from the averaged one.

    Both have the averaged generator's noise maps: the average of a child takes its maps from the training generator,
    and parent and child are compared by the same ones.

    A projected discriminator is new, and the parent's is not needed.

    Args:
        parent: the model to start from.
        path: its file, for messages.
        resolution_px: height and width of the images to train on, which have to be the parent's.
        settings: how to train.

    Returns:
        Training generator, averaged generator (without gradients), discriminator.

    Raises:
        StyleAlignError: no discriminator in the file, labels, or a data set of another resolution.
    """
    if parent.discriminator is None and settings.discriminator != "projected":
        raise StyleAlignError(
            f"{path}: has no discriminator; take a checkpoint that holds D, or fine-tune with"
            " `discriminator: projected`, which needs none"
        )
    if parent.architecture.c_dim:
        raise StyleAlignError(
            f"{path}: is conditional ({parent.architecture.c_dim} labels); fine-tuning takes unconditional models"
        )
    if parent.architecture.resolution != resolution_px:
        raise StyleAlignError(
            f"{path}: draws {parent.architecture.resolution} px images, the data set has {resolution_px} px;"
            f" prepare the data with --resolution-px {parent.architecture.resolution}"
        )
    architecture = child_architecture(parent.architecture, settings)
    generator, average = Generator(architecture), Generator(architecture)
    generator.load_state_dict((parent.generator_raw or parent.generator).state_dict())
    average.load_state_dict(parent.generator.state_dict())
    average.requires_grad_(False)
    for name, maps in average.named_buffers():
        if name.endswith("noise_const"):
            generator.get_buffer(name).copy_(maps)
    discriminator = Discriminator(architecture)
    if parent.discriminator is not None:
        discriminator.load_state_dict(parent.discriminator.state_dict())
    return generator, average, judge_of(discriminator, settings)


def judge_of(discriminator: Discriminator, settings: TrainSettings) -> AnyDiscriminator:
    """Return what is trained to tell images apart: this discriminator, a new projected one, or both."""
    if settings.discriminator == "stylegan2":
        return discriminator
    projected = ProjectedDiscriminator(settings.seed)
    return projected if settings.discriminator == "projected" else BothDiscriminators(discriminator, projected)


def child_architecture(parent: Architecture, settings: TrainSettings) -> Architecture:
    """Return the parent's shape, run as `settings` says: the group of the minibatch std, and half precision.

    Half precision needs clamped activations. A parent without a clamp keeps its numbers, and stays in full precision.
    So does a resolution whose features are held by how alike they are: such gradients are too small for half precision.
    """
    half = parent.fp16_resolutions if settings.fp16_resolutions is None else settings.fp16_resolutions
    ways = (settings.keep.similarity, settings.keep.distances)
    single_px = max((px for way in ways if way.weight for px in way.resolutions_px), default=0)
    half = min(half, sum(px > single_px for px in parent.resolutions))
    return parent.model_copy(
        update={
            "mbstd_group_size": settings.mbstd_group_size,
            "fp16_resolutions": half if parent.conv_clamp is not None else 0,
        }
    )
