"""Feature networks of FID, KID, precision and recall: `images in [-1, 1] -> [N, D]`.

`efficientnet-lite0` is offline and the default; `inception-v3` (the usual choice in the literature) needs its weights,
from a file or by download. Values of different features are not comparable: each number names its own.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from stylealign.errors import StyleAlignError
from stylealign.images import from_uint8
from stylealign.metrics.networks.registry import feature_protocols, network_of
from stylealign.sampling import BATCH_SIZE


def feature_extractor(name: str, weights: str | Path | None = None) -> nn.Module:
    """Return a frozen feature network.

    Args:
        name: one of `registry.feature_protocols()`.
        weights: file of its weights; None takes PyTorch's download cache, or downloads them.

    Returns:
        Module from `[N, 3, H, W]` float32 in [-1, 1] (asserted) to `[N, D]` float32.

    Raises:
        StyleAlignError: unknown name, or weights that cannot be had.
    """
    known = feature_protocols()
    if name not in known:
        raise StyleAlignError(f"features: no {name!r}; choose one of {', '.join(known)}")
    return network_of(name).function("features")(name, weights)  # type: ignore[no-any-return]


@torch.inference_mode()
def features_of(
    images: np.ndarray | Iterable[np.ndarray],
    name: str | nn.Module,
    batch: int = BATCH_SIZE,
    progress: Callable[[int], None] | None = None,
) -> Tensor:
    """Return the features of 8-bit images.

    Args:
        images: `[N, 3, H, W]` uint8, or an iterable of such batches (sizes of the batches do not matter).
        name: name of the features, or a network `feature_extractor` made.
        batch: images of one evaluation batch.
        progress: called with the number of images done so far.

    Returns:
        `[N, D]` float32 on the CPU.
    """
    network = feature_extractor(name) if isinstance(name, str) else name
    device = next(network.parameters()).device
    rows, done = [], 0
    for part in _rebatched(images, batch):
        rows.append(network(from_uint8(torch.from_numpy(part).to(device))).cpu())
        done += len(part)
        if progress is not None:
            progress(done)
    return torch.cat(rows)


def _rebatched(images: np.ndarray | Iterable[np.ndarray], batch: int) -> Iterator[np.ndarray]:
    if isinstance(images, np.ndarray):
        images = [images]
    held: list[np.ndarray] = []
    count = 0
    for part in images:
        assert part.dtype == np.uint8, "images must be uint8"
        assert part.ndim == 4, "images must be [N, 3, H, W]"
        held.append(part)
        count += len(part)
        if count >= batch:
            joined = np.concatenate(held) if len(held) > 1 else part
            whole = count - count % batch
            yield from (joined[start : start + batch] for start in range(0, whole, batch))
            held, count = [joined[whole:]], count - whole
    if count:
        yield np.concatenate(held)
