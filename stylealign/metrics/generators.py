"""How close a generator's samples are to a domain: FID, KID, precision and recall."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn

from stylealign.checkpoints import Checkpoint
from stylealign.config import MetricSettings
from stylealign.datasets.images import ImageZip
from stylealign.errors import StyleAlignError
from stylealign.metrics import fid_kid
from stylealign.metrics.bootstrap import Estimate
from stylealign.metrics.features import features_of, images_per_batch, to_uint8
from stylealign.metrics.rows import Row, RowKey
from stylealign.networks.generator import Generator

PROTOCOL = f"samples of the averaged generator, no truncation, stored noise, against the whole set; {fid_kid.PROTOCOL}"


def generator_rows(
    checkpoint: Checkpoint,
    data: ImageZip,
    extractor: nn.Module,
    labels: RowKey,
    settings: MetricSettings,
    progress: Callable[[int], None] | None = None,
) -> list[Row]:
    """Return the rows `fid`, `kid`, `precision`, `recall`, and `kimg` where the checkpoint says it.

    Args:
        checkpoint: model to score.
        data: images of the domain.
        extractor: feature network, on the device that everything runs on.
        labels: labels of the rows.
        settings: number of samples, features, seed.
        progress: called with the images done, samples and data together.

    Raises:
        StyleAlignError: model and data of different resolution, or too few images.
    """
    require_resolution(data, checkpoint.architecture.resolution)
    device = next(extractor.parameters()).device
    samples = sample_images(checkpoint.generator.to(device), settings.samples, settings.seed)
    generated = features_of(samples, extractor, progress=progress)
    after = None if progress is None else (lambda done: progress(settings.samples + done))
    real = features_of(read_images(data), extractor, progress=after)
    rows = distribution_rows(generated, real, labels, settings)
    precision, recall = fid_kid.precision_recall(generated, real)
    rows += [labels.row("precision", precision, settings.features), labels.row("recall", recall, settings.features)]
    kimg = checkpoint.info.get("kimg")
    if isinstance(kimg, int | float):
        rows.append(labels.row("kimg", Estimate(float(kimg))))
    return rows


def distribution_rows(generated: Tensor, real: Tensor, labels: RowKey, settings: MetricSettings, setting: str = ""
                      ) -> list[Row]:  # fmt: skip
    """Return the rows `fid` and `kid` between two feature matrices.

    Raises:
        StyleAlignError: fewer than four images in one of them.
    """
    count = min(len(generated), len(real))
    if count < 4:
        raise StyleAlignError(
            f"{labels.table}: FID and KID need at least 4 images on each side, not {count}; give more"
        )
    fid, kid = fid_kid.fid(generated, real), fid_kid.kid(generated, real, seed=settings.seed)
    return [labels.row("fid", fid, settings.features, setting), labels.row("kid", kid, settings.features, setting)]


@torch.inference_mode()
def sample_images(generator: Generator, count: int, seed: int) -> Iterator[np.ndarray]:
    """Yield `count` samples as batches `[B, 3, r, r]` uint8; latents (and labels) are drawn on the CPU."""
    for z, c in sample_latents(generator, count, seed):
        yield to_uint8(generator.synthesis(generator.mapping(z, c))).cpu().numpy()


def sample_latents(generator: Generator, count: int, seed: int) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Yield `count` latents (and labels, in a conditional model) in batches, drawn on the CPU."""
    random = torch.Generator().manual_seed(seed)
    architecture = generator.architecture
    device = generator.mapping.w_avg.device
    batch = images_per_batch(architecture.resolution)
    for start in range(0, count, batch):
        size = min(batch, count - start)
        z = torch.randn(size, architecture.z_dim, generator=random).to(device)
        c = None
        if architecture.c_dim:
            classes = torch.randint(architecture.c_dim, (size,), generator=random)
            c = nn.functional.one_hot(classes, architecture.c_dim).to(z)
        yield z, c


def read_images(data: ImageZip, chunk: int = 1024) -> Iterator[np.ndarray]:
    """Yield the images of a zip as batches `[B, 3, r, r]` uint8."""
    for start in range(0, len(data), chunk):
        yield data.read(slice(start, start + chunk))


def require_resolution(data: ImageZip, resolution_px: int) -> None:
    """Raise StyleAlignError unless the images are `resolution_px` wide."""
    if data.resolution_px != resolution_px:
        raise StyleAlignError(f"{data.path}: images of {data.resolution_px} px where {resolution_px} px are needed; "
                              f"prepare them with `stylealign data --resolution-px {resolution_px}`")  # fmt: skip
