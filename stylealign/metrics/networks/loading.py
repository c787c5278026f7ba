"""Loading a measuring network's weights, and the range of the images it takes."""

import contextlib
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

from torch import Tensor

from stylealign.errors import StyleAlignError
from stylealign.metrics.networks.registry import NETWORKS


def check_range(images: Tensor) -> None:
    """Refuse images that are not `[N, 3, H, W]` float in [-1, 1]."""
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
        free = next(network.name for network in NETWORKS if network.is_bundled)
        raise StyleAlignError(
            f"{name}: its weights cannot be downloaded ({reason}); give weights_dir, "
            f"or use {free}, which needs no download"
        ) from error
