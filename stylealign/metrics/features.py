"""Feature networks of FID, KID, precision and recall: `images in [-1, 1] -> [N, D]`.

`efficientnet-lite0` is offline and the default; `inception-v3` (the usual choice in the literature) needs its weights,
from a file or by download. Values of different features are not comparable: each number names its own.
"""

import contextlib
import pickle
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from stylealign.errors import StyleAlignError
from stylealign.metrics import backbone

BATCH_SIZE = 64
"""Images of one evaluation batch, fixed: the last digits of features may depend on the batch."""
LARGEST_OF_A_FULL_BATCH_PX = 256

DIMENSIONS = {"efficientnet-lite0": 1280, "inception-v3": 2048}
PROTOCOLS = {
    "efficientnet-lite0": f"{backbone.PROTOCOL}, global average pool of the head, 1280 features",
    "inception-v3": "torch-fidelity inception-v3-compat, TensorFlow-like bilinear to 299 px, pool features, 2048",
}


class _EfficientNetFeatures(nn.Module):
    """Pooled activations of EfficientNet-Lite0's head."""

    def __init__(self) -> None:
        super().__init__()
        self.network = backbone.EfficientNetLite0()

    def forward(self, images: Tensor) -> Tensor:
        _check_range(images)
        x = self.network.stem(backbone.network_input(images))
        for block in self.network.blocks:
            x = block(x)
        return self.network.head(x).mean(dim=(2, 3))


class _InceptionFeatures(nn.Module):
    """Pool features of torch-fidelity's Inception-v3, which takes 8-bit images."""

    def __init__(self, weights: str | Path | None) -> None:
        super().__init__()
        from torch_fidelity import FeatureExtractorInceptionV3

        path = None if weights is None else str(weights)
        with loading_weights("inception-v3", weights):
            self.network = FeatureExtractorInceptionV3(
                "inception-v3-compat", ["2048"], feature_extractor_weights_path=path, verbose=False
            )

    def forward(self, images: Tensor) -> Tensor:
        _check_range(images)
        (features,) = self.network(to_uint8(images))
        return features


def feature_extractor(name: str, weights: str | Path | None = None) -> nn.Module:
    """Return a frozen feature network.

    Args:
        name: `efficientnet-lite0` or `inception-v3`.
        weights: file of Inception's weights; None takes PyTorch's download cache, or downloads them.

    Returns:
        Module from `[N, 3, H, W]` float32 in [-1, 1] (asserted) to `[N, D]` float32.

    Raises:
        StyleAlignError: unknown name, or weights that cannot be had.
    """
    if name == "efficientnet-lite0":
        return _EfficientNetFeatures()
    if name == "inception-v3":
        return _InceptionFeatures(weights)
    raise StyleAlignError(f"features: no {name!r}; choose one of {', '.join(DIMENSIONS)}")


def images_per_batch(resolution_px: int) -> int:
    """Return how many images to generate at once: `BATCH_SIZE` up to 256 px, and as many pixels above."""
    return max(1, min(BATCH_SIZE, BATCH_SIZE * LARGEST_OF_A_FULL_BATCH_PX**2 // resolution_px**2))


@torch.inference_mode()
def features_of(images: np.ndarray | Iterable[np.ndarray], name: str | nn.Module, batch: int = BATCH_SIZE,
                progress: Callable[[int], None] | None = None) -> Tensor:  # fmt: skip
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


def from_uint8(pixels: Tensor) -> Tensor:
    """Return 8-bit pixels as float32 in [-1, 1]."""
    return pixels.to(torch.float32) / 127.5 - 1


def to_uint8(images: Tensor) -> Tensor:
    """Return float images in [-1, 1] (clamped) as 8-bit pixels, rounded to the nearest."""
    return (images * 127.5 + 127.5).round().clamp(0, 255).to(torch.uint8)


def _check_range(images: Tensor) -> None:
    assert images.is_floating_point(), "images must be float"
    assert images.ndim == 4, "images must be [N, 3, H, W]"
    low, high = images.aminmax()
    assert max(-low, high) <= 1.001, f"images must lie in [-1, 1], not [{low:.3g}, {high:.3g}]"


@contextlib.contextmanager
def loading_weights(name: str, weights: str | Path | None) -> Iterator[None]:
    """Turn what goes wrong while downloaded weights are loaded into one line that says what to do."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except (OSError, RuntimeError, KeyError, ValueError, AttributeError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        if weights is not None:
            raise StyleAlignError(f"{weights}: not the weights of {name} ({reason})") from error
        raise StyleAlignError(f"{name}: its weights cannot be downloaded ({reason}); give weights_dir, "
                              "or use efficientnet-lite0, which needs no download") from error  # fmt: skip
