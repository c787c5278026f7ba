"""The published peer that runs on a CPU, as a training step and a synthesis of the same size as ours.

`stylegan2-pytorch` is no dependency: `pip install stylegan2-pytorch` in a separate environment beside this project.
Only its public constructors are used. Its generator has our channels where its capacity is the channels of the top
resolution halved; its discriminator has them with half that capacity again, one more small block and no minibatch
standard deviation. The step is the one of Karras et al. 2020 with its networks and plain PyTorch: logistic losses,
R1 and path lengths at the frequencies of the settings, Adam, and the averaged generator; the images of the generator's
step are used again for the discriminator's, as in ours.

The other peer, `stylegan2-torch` 1.3.0, is not here: importing it compiles CUDA kernels, which takes a GPU or a list of
architectures and the development files of the CUDA toolkit, and its layers call them for CPU tensors as well.
"""

import argparse
import copy
import importlib.util
import sys
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylealign.config import TrainSettings
from stylealign.networks.architecture import Architecture
from stylealign.training.ema import ema_beta, update_average
from stylealign.training.losses import moved_path_length, path_length_penalty
from stylealign.training.optimisers import lazy_adam, rated

PEER = "stylegan2-pytorch"


def installed() -> bool:
    """Say whether the peer can be imported."""
    name = PEER.replace("-", "_")
    return name in sys.modules or importlib.util.find_spec(name) is not None


class Peer(nn.Module):
    """The peer's networks in the size of an architecture of ours."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        with patch("torch.cuda.is_available", lambda: True):  # it refuses to be imported without a GPU
            from stylegan2_pytorch import stylegan2_pytorch as package  # type: ignore[import-not-found]
        a = architecture
        self.resolution, self.w_dim = a.resolution, a.w_dim
        capacity = a.channels(a.resolution) // 2
        self.layers = len(a.resolutions)
        self.mapping = package.StyleVectorizer(a.w_dim, a.mapping_layers, lr_mul=0.01)
        self.generator = package.Generator(a.resolution, a.w_dim, network_capacity=capacity, fmap_max=a.channel_max)
        self.discriminator = package.Discriminator(a.resolution, network_capacity=capacity // 2, fmap_max=a.channel_max)
        top = [tuple(p.shape) for p in self.generator.parameters() if p.ndim == 4][-1]
        assert top[1] == a.channels(a.resolution), f"{PEER}: a generator of another size, {top[1]} channels at the top"

    def synthesize(self, ws: Tensor) -> Tensor:
        """Return images `[N, 3, r, r]` of `ws [N, L, w_dim]`, with fresh noise."""
        images: Tensor = self.generator(ws, torch.rand(len(ws), self.resolution, self.resolution, 1, device=ws.device))
        return images

    def draw_ws(self, batch: int) -> Tensor:
        """Return random styles `[N, L, w_dim]`, half of them mixed from two."""
        device = next(self.parameters()).device
        first, second = (self.mapping(torch.randn(batch, self.w_dim, device=device)) for _ in range(2))
        cut = self.layers // 2
        return torch.stack([first] * cut + [second] * (self.layers - cut), dim=1)

    def logits(self, images: Tensor) -> Tensor:
        """Return `[N]`."""
        logits: Tensor = self.discriminator(images)[0]
        return logits


class PeerStep:
    """One training step after another, like `stylealign.training.step.TrainingStep`."""

    def __init__(self, peer: Peer, settings: TrainSettings) -> None:
        s = self.settings = settings
        self.peer = peer
        self.generator = nn.ModuleList([peer.mapping, peer.generator])
        self.average = copy.deepcopy(self.generator)
        self.mean_path_length = torch.zeros((), device=next(peer.parameters()).device)
        self.adam_g = lazy_adam(rated(self.generator), s.learning_rate, s.path_length_interval, True)
        self.adam_d = lazy_adam(rated(peer.discriminator), s.learning_rate, s.r1_interval, True)

    def step(self, index: int, real: Tensor) -> dict[str, Tensor]:
        """Train on one batch `[N, 3, r, r]`; return the losses."""
        s, peer = self.settings, self.peer
        peer.discriminator.requires_grad_(False)
        fake = peer.synthesize(peer.draw_ws(len(real)))
        loss_g = F.softplus(-peer.logits(fake)).mean()
        self._move(self.adam_g, loss_g)
        if index % s.path_length_interval == 0:
            self._move(self.adam_g, self._path_length_term(len(real) // s.path_length_batch_shrink))
        peer.discriminator.requires_grad_(True)
        loss_d = F.softplus(peer.logits(fake.detach())).mean() + F.softplus(-peer.logits(real)).mean()
        self._move(self.adam_d, loss_d)
        if index % s.r1_interval == 0:
            images = real.clone().requires_grad_(True)
            (gradient,) = torch.autograd.grad(peer.logits(images).sum(), images, create_graph=True)
            penalty = gradient.square().sum(dim=(1, 2, 3)).mean()
            self._move(self.adam_d, penalty * (s.r1_gamma / 2 * s.r1_interval))
        update_average(self.average, self.generator, ema_beta(len(real), s.ema_kimg, index * len(real), s.ema_rampup))
        return {"loss_g": loss_g.detach(), "loss_d": loss_d.detach()}

    def _path_length_term(self, batch: int) -> Tensor:
        ws = self.peer.draw_ws(batch)
        images = self.peer.synthesize(ws)
        direction = torch.randn_like(images) / self.peer.resolution
        (gradient,) = torch.autograd.grad((images * direction).sum(), ws, create_graph=True)
        lengths = gradient.square().sum(dim=2).mean(dim=1).sqrt()
        self.mean_path_length = moved_path_length(self.mean_path_length, lengths.detach().mean())
        penalty = path_length_penalty(lengths, self.mean_path_length)
        return penalty * self.settings.path_length_weight * self.settings.path_length_interval

    @staticmethod
    def _move(adam: torch.optim.Adam, loss: Tensor) -> None:
        loss.backward()
        adam.step()
        adam.zero_grad(set_to_none=True)


def hint(flags: argparse.ArgumentParser) -> None:
    """Say how to get the peer where it is missing."""
    if not installed():
        message = f"note: {PEER} is not installed (pip install {PEER}, in an environment of its own): timed without it"
        print(f"{flags.prog}: {message}", file=sys.stderr)
