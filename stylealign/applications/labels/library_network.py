"""Label networks of segmentation-models-pytorch, for images larger than the small network is made for."""

from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from stylealign.applications.labels.spec import Labeller, LabelSpec
from stylealign.errors import StyleAlignError

LEAST_PX = 32
"""Smallest images: the encoders halve them five times."""
_CELLS = 4
"""Cells on each axis of the features that numbers are read from: they tell where something is."""


class LibraryNetwork(Labeller):
    """An encoder and decoder of the library, named ARCHITECTURE/ENCODER, with random weights at first.

    Maps are the decoder's; numbers are read from the encoder's last features, pooled to 4 x 4 cells.
    """

    def __init__(self, spec: LabelSpec) -> None:
        """Make the network.

        Raises:
            StyleAlignError: the library is not installed or knows no such network, or the images are too small.
        """
        super().__init__()
        self.spec = spec
        library = _library(spec.network)
        if spec.resolution_px < LEAST_PX:
            raise StyleAlignError(f"labels.network: {spec.network}: takes images of {LEAST_PX} px or more; set small")
        architecture, _, encoder = spec.network.partition("/")
        try:
            if spec.maps:
                self.model = library.create_model(architecture, encoder, encoder_weights=None, classes=spec.maps)
            else:
                self.model = nn.ModuleDict({"encoder": library.encoders.get_encoder(encoder, weights=None)})
        except (KeyError, ValueError, TypeError) as error:
            reason = " ".join(str(error).split())[:160]
            raise StyleAlignError(
                f"labels.network: {spec.network}: unknown to segmentation-models-pytorch ({reason}); give "
                "ARCHITECTURE/ENCODER such as unet/resnet18"
            ) from error
        if spec.numbers:
            self.numbers = nn.Linear(self._encoder.out_channels[-1] * _CELLS**2, spec.numbers)

    @property
    def _encoder(self) -> Any:
        return self.model["encoder"] if isinstance(self.model, nn.ModuleDict) else self.model.encoder

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Return `maps` and `numbers`, those that the network has, for `[N, 3, r, r]` float32 in [-1, 1]."""
        return self._outputs(self._features(images))

    def encoded(self, images: Tensor) -> Tensor:
        """Return the encoder's last features, averaged over places, `[N, C]`, of images as `forward` takes them."""
        features: Tensor = self._features(images)[-1]
        return features.mean(dim=(2, 3))

    def looked(self, images: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Return what `forward` and `encoded` return; the encoder runs once."""
        features = self._features(images)
        encoded = features[-1].mean(dim=(2, 3))  # before a decoder has them
        return self._outputs(features), encoded

    def _outputs(self, features: list[Tensor]) -> dict[str, Tensor]:
        outputs = {}
        if self.spec.numbers:
            outputs["numbers"] = self.numbers(_cells(features[-1]).flatten(1))
        if self.spec.maps:
            outputs["maps"] = self.model.segmentation_head(self.model.decoder(features))
        return outputs

    def _features(self, images: Tensor) -> list[Tensor]:
        size = self.spec.resolution_px
        assert images.shape[1:] == (3, size, size), f"images must be [N, 3, {size}, {size}], not {list(images.shape)}"
        features: list[Tensor] = self._encoder(images)
        return features


def _cells(features: Tensor) -> Tensor:
    """Return features `[N, C, h, w]` as `[N, C, 4, 4]`; smaller ones are enlarged."""
    if features.shape[-1] < _CELLS:
        return F.interpolate(features, (_CELLS, _CELLS), mode="nearest")
    return F.avg_pool2d(features, int(features.shape[-1]) // _CELLS)


def _library(name: str) -> Any:
    try:
        import segmentation_models_pytorch
    except ImportError as error:
        raise StyleAlignError(
            f"labels.network: {name}: needs segmentation-models-pytorch; install it with "
            "pip install 'stylealign[segmentation]', or set small"
        ) from error
    return segmentation_models_pytorch
