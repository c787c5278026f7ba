"""Inception-v3, whose features are the usual choice in the literature, through the `torch-fidelity` package."""

from pathlib import Path

from torch import Tensor, nn
from torch_fidelity import FeatureExtractorInceptionV3

from stylealign.images import to_uint8
from stylealign.metrics.networks.loading import check_range, loading_weights


class _Features(nn.Module):
    """Pool features of torch-fidelity's Inception-v3, which takes 8-bit images."""

    def __init__(self, weights: str | Path | None) -> None:
        super().__init__()
        path = None if weights is None else str(weights)
        with loading_weights("inception-v3", weights):
            self.network = FeatureExtractorInceptionV3(
                "inception-v3-compat", ["2048"], feature_extractor_weights_path=path, verbose=False
            )

    def forward(self, images: Tensor) -> Tensor:
        check_range(images)
        (features,) = self.network(to_uint8(images))
        return features


def features(name: str, weights: str | Path | None) -> nn.Module:
    """Return the feature network.

    Raises:
        StyleAlignError: weights that cannot be had.
    """
    return _Features(weights)
