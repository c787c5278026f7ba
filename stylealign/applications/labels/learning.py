"""Training and use of label networks, the same for every task and for annotated and pseudo-labelled images."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from stylealign.applications.labels.networks import Labeller, LabelSpec, Scores, network_of
from stylealign.applications.labels.sharing import Shared
from stylealign.applications.labels.tasks import task_of
from stylealign.config import LabelSettings
from stylealign.datasets import large_arrays
from stylealign.datasets.annotations import Annotations, require_same_names
from stylealign.errors import StyleAlignError
from stylealign.images import from_uint8
from stylealign.metrics.seeing import Seeing
from stylealign.sampling import BATCH_SIZE
from stylealign.streams import seeded, torch_stream

_WEIGHT_DECAY = 1e-3
_WARM_UP = 0.2
_GAIN, _OFFSET = 0.25, 0.25


def spec_of(task: str, resolution_px: int, annotations: Annotations, path: str | Path) -> LabelSpec:
    """Return what a network of a task predicts on images with these annotations.

    Args:
        task: name of one of `TASKS`.
        resolution_px: size of the images.
        annotations: their names become the network's.
        path: the annotations' file, for the message.

    Raises:
        StyleAlignError: annotations that lack the task.
    """
    spec: LabelSpec | None = task_of(task).functions.spec(resolution_px, annotations)
    if spec is None:
        raise StyleAlignError(f"{path}: hold no {task}; give annotations that do, or another --task")
    return spec


def require_matching(spec: LabelSpec, path: str | Path, annotations: Annotations, annotations_path: str | Path) -> None:
    """Refuse a network and annotations that do not name the same things.

    Args:
        spec: what the network predicts.
        path: the network's file.
        annotations: what it is to be compared with.
        annotations_path: the annotations' file.

    Raises:
        StyleAlignError: naming both files.
    """
    annotated = spec_of(spec.task, spec.resolution_px, annotations, annotations_path)
    require_same_names(spec.task, spec.names, path, annotated.names, annotations_path)


def learn(
    images: np.ndarray,
    labels: dict[str, Tensor],
    settings: LabelSettings,
    device: torch.device,
    spec: LabelSpec,
    progress: Callable[[int, int, float], None] | None = None,
    start: Labeller | None = None,
) -> Labeller:
    """Train a network; the same seed, device and thread count give the same network.

    Args:
        images: `[N, 3, H, W]` uint8.
        labels: what the task's `annotated` or `pseudo` returned for these images.
        settings: length, batch, learning rate, seed.
        device: where to train.
        spec: what the network predicts (`spec_of`, or the spec of the network that labelled the images).
        progress: called with the step, the number of steps and the loss.
        start: network whose weights the training starts from, if it is of the same kind; it stays as it is.

    Returns:
        The network in evaluation mode, frozen.

    Raises:
        StyleAlignError: the training diverges.
    """
    module, spec = task_of(spec.task).functions, replace(spec, network=settings.network)
    with seeded("label network", settings.seed):
        network = network_of(spec).to(device)
    if start is not None and start.spec.network == spec.network:
        network.load_state_dict(start.state_dict())
    else:
        centre(getattr(network, "numbers", None), labels, spec)
    random = torch_stream("label training", settings.seed)
    batches = list(_batches(len(images), settings, random))
    optimiser = torch.optim.AdamW(network.parameters(), settings.learning_rate, weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, len(batches)))
    for step, chosen in enumerate(batches, start=1):
        x = from_uint8(torch.from_numpy(images[chosen.numpy()]).to(device))
        y = {name: value[chosen].to(device) for name, value in labels.items()}
        x, y = _augmented(x, y, spec, random)
        value = module.loss(network(x), y)
        if not value.isfinite():
            raise StyleAlignError(
                f"the loss became NaN or infinite at step {step} of {len(batches)}; lower its learning rate"
            )
        optimiser.zero_grad(set_to_none=True)
        value.backward()
        optimiser.step()
        schedule.step()
        if progress is not None and (step % 25 == 0 or step == len(batches)):
            progress(step, len(batches), value.item())
    return network.eval().requires_grad_(False)


def joined(parts: Iterable[dict[str, Tensor]], count: int) -> dict[str, Tensor]:
    """Return labels of `count` images that come part by part, each `[n, ...]` on the CPU; large ones lie in files."""
    found: dict[str, Tensor] = {}
    start = 0
    for part in parts:
        for name, value in part.items():
            if name not in found:
                dtype = value[:0].numpy().dtype
                found[name] = torch.from_numpy(large_arrays.empty((count, *value.shape[1:]), dtype))
            found[name][start : start + len(value)] = value
        start += len(next(iter(part.values())))
    assert start == count, "there are labels of every image"
    return found


@torch.no_grad()
def centre(layer: nn.Module | None, labels: dict[str, Tensor], spec: LabelSpec) -> None:
    """Let the layer that gives a task's numbers begin at those that the labels have, where the task says where."""
    module = task_of(spec.task).functions
    if isinstance(layer, nn.Linear) and hasattr(module, "centres"):
        layer.bias.add_(module.centres(labels, spec).to(layer.bias.device))


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


def _augmented(
    images: Tensor, labels: dict[str, Tensor], spec: LabelSpec, random: torch.Generator
) -> tuple[Tensor, dict[str, Tensor]]:
    """Mirror half of the images with their labels; jitter gain and offset where no label names colours."""
    count = len(images)
    which = (torch.rand(count, generator=random) < 0.5).to(images.device)
    images = torch.where(which[:, None, None, None], images.flip(-1), images)
    task = task_of(spec.task)
    labels = task.functions.mirrored(labels, which, spec)
    if task.keeps_colours:
        return images, labels
    gain = 1 + _GAIN * (2 * torch.rand(count, 3, 1, 1, generator=random) - 1).to(images.device)
    offset = _OFFSET * (2 * torch.rand(count, 3, 1, 1, generator=random) - 1).to(images.device)
    return (images * gain + offset).clamp(-1, 1), labels


@torch.inference_mode()
def predict(network: Labeller, images: np.ndarray) -> dict[str, np.ndarray]:
    """Return the decoded predictions for images.

    Args:
        network: a label network in evaluation mode.
        images: `[N, 3, H, W]` uint8.

    Returns:
        What the task's `decode` returns, as arrays: `classes`, or `keypoints` and `visible`, `pose`, or `attributes`.
    """
    assert not network.training, "the network must be in evaluation mode"
    module = task_of(network.spec.task).functions
    device = network.device
    parts = []
    for start in range(0, len(images), BATCH_SIZE):
        batch = torch.from_numpy(images[start : start + BATCH_SIZE]).to(device)
        parts.append(module.decode(network(from_uint8(batch)), network.spec))
    return {name: torch.cat([part[name] for part in parts]).cpu().numpy() for name in parts[0]}


@torch.inference_mode()
def encode(network: Labeller, images: np.ndarray) -> np.ndarray | None:
    """Return `Labeller.encoded` `[N, C]` float32 of images `[N, 3, H, W]` uint8; None where the network shows none."""
    assert not network.training, "the network must be in evaluation mode"
    batches = torch.from_numpy(images).split(BATCH_SIZE)
    parts = [network.encoded(from_uint8(batch.to(network.device))) for batch in batches]
    return _joined(parts)


@torch.inference_mode()
def look(network: Labeller, images: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
    """Return what `predict` and `encode` return of images `[N, 3, H, W]` uint8; the encoder runs once."""
    assert not network.training, "the network must be in evaluation mode"
    module = task_of(network.spec.task).functions
    answers, encoded = [], []
    for batch in torch.from_numpy(images).split(BATCH_SIZE):
        outputs, features = network.looked(from_uint8(batch.to(network.device)))
        answers.append(module.decode(outputs, network.spec))
        encoded.append(features)
    return {name: torch.cat([part[name] for part in answers]).cpu().numpy() for name in answers[0]}, _joined(encoded)


def _joined(parts: list[Tensor | None]) -> np.ndarray | None:
    found = [part.float().cpu() for part in parts if part is not None]
    return torch.cat(found).numpy() if found else None


def scores(network: Labeller, images: np.ndarray, annotations: Annotations, shared: Shared | None = None) -> Scores:
    """Return the scores of a network on annotated test images.

    Args:
        network: label network of a task with a table.
        images: `[N, 3, r, r]` uint8.
        annotations: of the same images; those that carry no label of the task are left out, and count nowhere.
        shared: what they are compared in, where the two do not name the same things.
    """
    named = () if shared is None or not shared.differ else (shared,)
    task = task_of(network.spec.task)
    functions, known = task.functions, annotations.only(set(task.labels)).known()
    if known.any() and not known.all():
        chosen = np.flatnonzero(known)
        images, annotations = large_arrays.rows(images, chosen), annotations.rows(chosen)
    found: Scores = functions.scores(predict(network, images), annotations, network.spec, *named)
    return found


def seeing(network: Labeller) -> Seeing:
    """Return a network of a task that compares images as what sees in them."""
    task = task_of(network.spec.task)

    def looking(images: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        answers, features = look(network, images)
        return answers[task.answer], features

    return Seeing(
        task.sees,
        network.spec.names,
        lambda images: predict(network, images)[task.answer],
        lambda images: encode(network, images),
        looking,
    )
