"""An encoder: image -> W+ code, the shape of the discriminator with another end."""

import torch
from torch import Tensor, nn

from stylealign.networks.architecture import Architecture
from stylealign.networks.discriminator import Discriminator, DiscriminatorBlock
from stylealign.networks.layers import FullyConnected

HIDDEN_PER_LAYER = 64
INITIAL_OUTPUT = 0.1


class Encoder(nn.Module):
    """Images `[N, 3, r, r]` float32 in [-1, 1] -> W+ codes `[N, num_ws, w_dim]`.

    The network predicts offsets from the mean of W in units of its spread, as an encoder of Richardson et al. 2021
    (arXiv 2008.00951, section 3) does from the mean: untrained, it returns codes near the mean.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        for resolution in architecture.resolutions[:0:-1]:
            setattr(self, f"b{resolution}", DiscriminatorBlock(architecture, resolution))
        if architecture.resolution == 4:
            raise ValueError("an encoder needs images of at least 8 px")
        hidden = HIDDEN_PER_LAYER * architecture.num_ws
        self.fc = FullyConnected(architecture.channels(4) * 16, hidden)
        self.out = FullyConnected(hidden, architecture.num_ws * architecture.w_dim, linear=True)
        self.register_buffer("w_mean", torch.zeros(architecture.w_dim))
        self.register_buffer("w_std", torch.ones(architecture.w_dim))
        with torch.no_grad():
            self.out.weight.mul_(INITIAL_OUTPUT)

    w_mean: Tensor
    w_std: Tensor

    def forward(self, images: Tensor) -> Tensor:
        features = images.to(memory_format=torch.channels_last)
        for resolution in self.architecture.resolutions[:0:-1]:
            features = getattr(self, f"b{resolution}")(features)
        features = features.float() if features.dtype == torch.float16 else features
        offsets = self.out(self.fc(features.flatten(1)))
        shape = (len(images), self.architecture.num_ws, self.architecture.w_dim)
        return self.w_mean + self.w_std * offsets.reshape(shape)

    @torch.no_grad()
    def start_from(self, discriminator: Discriminator) -> None:
        """Take over the blocks of a discriminator of the same architecture: it has learned to look at these images."""
        for resolution in self.architecture.resolutions[:0:-1]:
            getattr(self, f"b{resolution}").load_state_dict(getattr(discriminator, f"b{resolution}").state_dict())
