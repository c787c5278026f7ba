"""Training and use of label networks, the same for every task and for annotated and pseudo-labelled images."""

import math
from collections.abc import Callable, Iterator
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from stylealign.applications.zero_shot import attributes, keypoints, regression, segmentation
from stylealign.applications.zero_shot.networks import LabelNetwork, LabelSpec
from stylealign.config import LabelSettings

TASKS: dict[str, ModuleType] = {
    "segmentation": segmentation, "keypoints": keypoints, "pose": regression, "attributes": attributes
}  # fmt: skip
"""Task -> module with `spec`, `annotated`, `pseudo`, `mirrored`, `loss` and `decode` (attributes without `pseudo`)."""

NEEDS_COLOURS = frozenset({"attributes"})
"""Tasks whose labels name colours: their training images keep them."""

BATCH_SIZE = 64
"""Images of one evaluation batch, fixed."""

_WEIGHT_DECAY = 1e-3
_WARM_UP = 0.2
_GAIN, _OFFSET = 0.25, 0.25


def learn(task: str, images: np.ndarray, labels: dict[str, Tensor], settings: LabelSettings, device: torch.device,
          progress: Callable[[int, int, float], None] | None = None, spec: LabelSpec | None = None
          ) -> LabelNetwork:  # fmt: skip
    """Train a network; the same seed, device and thread count give the same network.

    Args:
        task: segmentation, keypoints, pose or attributes.
        images: `[N, 3, H, W]` uint8.
        labels: what the task's `annotated` or `pseudo` returned for these images.
        settings: length, batch, learning rate, seed.
        device: where to train.
        progress: called with the step, the number of steps and the loss.
        spec: shape of the network; default: the task's own (attributes have none: it depends on the annotations).

    Returns:
        The network in evaluation mode, frozen.
    """
    module = TASKS[task]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = LabelNetwork(spec or module.spec(images.shape[-1])).to(device)
    random = torch.Generator().manual_seed(settings.seed)
    batches = list(_batches(len(images), settings, random))
    optimiser = torch.optim.AdamW(network.parameters(), settings.learning_rate, weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, len(batches)))
    for step, chosen in enumerate(batches, start=1):
        x = to_float(torch.from_numpy(images[chosen.numpy()]).to(device))
        y = {name: value[chosen].to(device) for name, value in labels.items()}
        x, y = _augmented(x, y, module, random, colours=task not in NEEDS_COLOURS)
        value = module.loss(network(x), y)
        optimiser.zero_grad(set_to_none=True)
        value.backward()
        optimiser.step()
        schedule.step()
        if progress is not None and (step % 25 == 0 or step == len(batches)):
            progress(step, len(batches), value.item())
    return network.eval().requires_grad_(False)


def _rate(step: int, steps: int) -> float:
    """Return the learning rate of a step as a share of its peak: linear warm-up, cosine to zero."""
    warm_up = max(1.0, _WARM_UP * steps)
    if step < warm_up:
        return (step + 1) / (warm_up + 1)
    return 0.5 + 0.5 * math.cos(math.pi * (step - warm_up) / max(1.0, steps - warm_up))


def _batches(count: int, settings: LabelSettings, random: torch.Generator) -> Iterator[Tensor]:
    """Yield the indices of each step's images; a short last batch is dropped unless it is the only one."""
    for _ in range(settings.epochs):
        order = torch.randperm(count, generator=random)
        whole = max(count - count % settings.batch_size, min(count, settings.batch_size))
        yield from order[:whole].split(settings.batch_size)


def _augmented(images: Tensor, labels: dict[str, Tensor], module: ModuleType, random: torch.Generator, colours: bool
               ) -> tuple[Tensor, dict[str, Tensor]]:  # fmt: skip
    """Mirror half of the images with their labels; with `colours`, jitter gain and offset of each channel."""
    count = len(images)
    which = (torch.rand(count, generator=random) < 0.5).to(images.device)
    images = torch.where(which[:, None, None, None], images.flip(-1), images)
    if not colours:
        return images, module.mirrored(labels, which)
    gain = 1 + _GAIN * (2 * torch.rand(count, 3, 1, 1, generator=random) - 1).to(images.device)
    offset = _OFFSET * (2 * torch.rand(count, 3, 1, 1, generator=random) - 1).to(images.device)
    return (images * gain + offset).clamp(-1, 1), module.mirrored(labels, which)


@torch.inference_mode()
def predict(network: LabelNetwork, images: np.ndarray) -> dict[str, np.ndarray]:
    """Return the decoded predictions for images.

    Args:
        network: a label network in evaluation mode.
        images: `[N, 3, H, W]` uint8.

    Returns:
        What the task's `decode` returns, as arrays: `classes`, or `keypoints` and `visible`, `pose`, or `attributes`.
    """
    assert not network.training, "the network must be in evaluation mode"
    module, size = TASKS[network.spec.task], network.spec.resolution_px
    device = next(network.parameters()).device
    parts = [module.decode(network(to_float(torch.from_numpy(images[start : start + BATCH_SIZE]).to(device))), size)
             for start in range(0, len(images), BATCH_SIZE)]  # fmt: skip
    return {name: torch.cat([part[name] for part in parts]).cpu().numpy() for name in parts[0]}


def to_float(pixels: Tensor) -> Tensor:
    """Return 8-bit pixels as float32 in [-1, 1]."""
    assert pixels.dtype == torch.uint8, "images must be uint8"
    return pixels.to(torch.float32) / 127.5 - 1
