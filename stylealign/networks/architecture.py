"""The one description of a network's shape, stored in every checkpoint file."""

import math
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from stylealign.config import LARGEST_PX

Multiplier = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Architecture(BaseModel):
    """Shape of a StyleGAN2 generator and discriminator (Karras et al. 2020, arXiv 1912.04958).

    Channels at resolution r are ``min(channel_base // r, channel_max)``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    resolution: int
    """Height and width of the image, a power of two from 4 to 1024."""
    z_dim: int = 512
    """Dimension of Z."""
    w_dim: int = 512
    """Dimension of W."""
    c_dim: int = 0
    """Labels of a conditional network, 0 for an unconditional one."""
    mapping_layers: int = 8
    """Fully connected layers of the mapping network."""
    mapping_lr_multiplier: Multiplier = 0.01
    """Learning-rate multiplier of the mapping network."""
    label_lr_multiplier: Multiplier = 0.01
    """Learning-rate multiplier of a conditional discriminator's mapping of the labels (0.1 in TensorFlow files)."""
    channel_base: int = 32768
    """Channels times resolution, before the cap."""
    channel_max: int = 512
    """Most channels of any layer."""
    img_channels: int = 3
    """Colour channels of the image."""
    conv_clamp: Multiplier | None = None
    """Largest magnitude of an activation, behind its gain (256 in networks with half precision), or None."""
    fp16_resolutions: int = 0
    """Highest resolutions that run in half precision on a GPU."""
    mbstd_group_size: Annotated[int, Field(ge=1)] | None = 4
    """Group size of the minibatch standard deviation, None for the whole batch."""

    @field_validator("resolution")
    @classmethod
    def _power_of_two(cls, value: int) -> int:
        if not 4 <= value <= LARGEST_PX or value & (value - 1):
            raise ValueError(f"resolution must be a power of two from 4 to {LARGEST_PX}, not {value}")
        return value

    @property
    def resolutions(self) -> list[int]:
        """Resolutions of the synthesis blocks, 4 px first."""
        return [2**power for power in range(2, int(math.log2(self.resolution)) + 1)]

    @property
    def num_ws(self) -> int:
        """Number of layers that take a w of their own."""
        return 2 * int(math.log2(self.resolution)) - 2

    def channels(self, resolution: int) -> int:
        """Return the channels of the layers at `resolution`."""
        return min(self.channel_base // resolution, self.channel_max)

    def uses_fp16(self, resolution: int) -> bool:
        """Return whether the block at `resolution` runs in half precision on a GPU."""
        return resolution in self.resolutions[max(len(self.resolutions) - self.fp16_resolutions, 0) :]

    @property
    def style_channels(self) -> dict[str, int]:
        """Channels of the style of each layer by name ("b8.conv0"), in the order of the network: those of its input."""
        channels = {}
        for resolution in self.resolutions:
            if resolution > 4:
                channels[f"b{resolution}.conv0"] = self.channels(resolution // 2)
            channels |= {f"b{resolution}.{name}": self.channels(resolution) for name in ("conv1", "torgb")}
        return channels

    @property
    def style_ws(self) -> dict[str, int]:
        """Number of the w that each layer's style comes from; a toRGB shares that of the convolution behind it."""
        places, convolutions = {}, 0
        for name in self.style_channels:
            places[name] = min(convolutions, self.num_ws - 1)
            convolutions += not name.endswith("torgb")
        return places

    @property
    def style_dim(self) -> int:
        """Dimension of S: all style channels, toRGB's included."""
        return sum(self.style_channels.values())
