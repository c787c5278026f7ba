"""One training step of StyleGAN2: losses, lazy regularisers, optimisers and averaging."""

import copy
from typing import Any

import torch
from torch import Tensor

from stylealign.config import TrainSettings
from stylealign.networks.discriminator import Discriminator
from stylealign.networks.generator import Generator
from stylealign.networks.synthesis import NoiseMode
from stylealign.training.ema import ema_beta, update_average
from stylealign.training.losses import discriminator_loss, generator_loss, path_length_penalty, path_lengths, r1_penalty

ADAM_BETAS = (0.0, 0.99)
ADAM_EPSILON = 1e-8


def lazy_adam(network: torch.nn.Module, learning_rate: float, interval: int, regularised: bool) -> torch.optim.Adam:
    """Return Adam, corrected for one extra regularisation step every `interval` steps (Karras et al. 2020, appendix B)."""
    ratio = interval / (interval + 1) if regularised else 1.0
    betas = (ADAM_BETAS[0] ** ratio, ADAM_BETAS[1] ** ratio)
    return torch.optim.Adam(network.parameters(), lr=learning_rate * ratio, betas=betas, eps=ADAM_EPSILON)


class TrainingStep:
    """Networks, optimisers and running means; `step` moves them by one batch.

    Every random number of a step comes from torch's global generator, which the caller seeds per step.
    """

    def __init__(self, generator: Generator, average: Generator, discriminator: Discriminator, settings: TrainSettings) -> None:
        self.generator, self.average, self.discriminator = generator, average, discriminator
        self.settings = settings
        self.noise_mode: NoiseMode = "random" if settings.noise else "none"
        s = settings
        self.generator_adam = lazy_adam(generator, s.learning_rate, s.path_length_interval, s.path_length_weight > 0)
        self.discriminator_adam = lazy_adam(discriminator, s.learning_rate, s.r1_interval, s.r1_gamma > 0)
        self.mean_path_length = torch.zeros((), device=next(generator.parameters()).device)

    def step(self, index: int, real: Tensor) -> dict[str, Tensor]:
        """Train on one batch.

        Args:
            index: number of the step, from 0: decides on the lazy regularisers and the averaging.
            real: `[N, 3, H, W]` float32 in [-1, 1].

        Returns:
            Scalars by name, detached: the losses and, where they were computed, the penalties.
        """
        s = self.settings
        scalars, fake = self._train_generator(len(real))
        if s.path_length_weight > 0 and index % s.path_length_interval == 0:
            scalars |= self._regularise_generator(max(len(real) // s.path_length_batch_shrink, 1))
        scalars |= self._train_discriminator(real, fake)
        if s.r1_gamma > 0 and index % s.r1_interval == 0:
            scalars |= self._regularise_discriminator(real)
        beta = ema_beta(len(real), s.ema_kimg, index * len(real), s.ema_rampup)
        update_average(self.average, self.generator, beta)
        return scalars

    def _train_generator(self, batch: int) -> tuple[dict[str, Tensor], Tensor]:
        """Move G; return its loss and the images, which the discriminator step uses again."""
        self.discriminator.requires_grad_(False)
        fake = self.generator.synthesis(self._mixed_ws(batch), noise_mode=self.noise_mode)
        loss = generator_loss(self.discriminator(fake))
        _minimise(loss, self.generator_adam)
        return {"loss_g": loss.detach()}, fake.detach()

    def _regularise_generator(self, batch: int) -> dict[str, Tensor]:
        ws = self._mixed_ws(batch)
        lengths = path_lengths(self.generator.synthesis(ws, noise_mode=self.noise_mode), ws)
        penalty, self.mean_path_length = path_length_penalty(lengths, self.mean_path_length)
        _minimise(penalty * self.settings.path_length_weight * self.settings.path_length_interval, self.generator_adam)
        return {"path_length_penalty": penalty.detach(), "path_length": self.mean_path_length}

    def _train_discriminator(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        self.discriminator.requires_grad_(True)
        real_logits, fake_logits = self.discriminator(real), self.discriminator(fake)
        loss = discriminator_loss(real_logits, fake_logits)
        _minimise(loss, self.discriminator_adam)
        return {
            "loss_d": loss.detach(),
            "logit_real": real_logits.detach().mean(),
            "logit_fake": fake_logits.detach().mean(),
        }

    def _regularise_discriminator(self, real: Tensor) -> dict[str, Tensor]:
        images = real.clone().requires_grad_(True)
        penalty = r1_penalty(self.discriminator(images), images)
        _minimise(penalty * (self.settings.r1_gamma / 2) * self.settings.r1_interval, self.discriminator_adam)
        return {"r1_penalty": penalty.detach()}

    def _mixed_ws(self, batch: int) -> Tensor:
        """Return `[batch, num_ws, w_dim]` from random latents, a share of them with two mixed styles."""
        architecture = self.generator.architecture
        mapping = self.generator.mapping
        w = mapping.map(self._latents(batch))
        mapping.track_mean(w)
        ws = w[:, None].expand(-1, architecture.num_ws, -1)
        if self.settings.style_mixing_probability > 0 and architecture.num_ws > 1:
            second = mapping.map(self._latents(batch))[:, None]
            cutoff = torch.randint(1, architecture.num_ws, (batch, 1, 1))
            mixed = torch.rand(batch, 1, 1) < self.settings.style_mixing_probability
            from_second = mixed & (torch.arange(architecture.num_ws)[None, :, None] >= cutoff)
            ws = torch.where(from_second.to(ws.device), second, ws)
        return ws

    def _latents(self, batch: int) -> Tensor:
        return torch.randn(batch, self.generator.architecture.z_dim).to(self.mean_path_length.device)

    def state(self) -> dict[str, Any]:
        """Return everything a resumed run needs, besides the step index."""
        return {
            "G": self.generator.state_dict(),
            "G_ema": self.average.state_dict(),
            "D": self.discriminator.state_dict(),
            "adam_G": self.generator_adam.state_dict(),
            "adam_D": self.discriminator_adam.state_dict(),
            "mean_path_length": self.mean_path_length,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take over what `state` returned."""
        self.generator.load_state_dict(state["G"])
        self.average.load_state_dict(state["G_ema"])
        self.discriminator.load_state_dict(state["D"])
        self.generator_adam.load_state_dict(copy.deepcopy(state["adam_G"]))
        self.discriminator_adam.load_state_dict(copy.deepcopy(state["adam_D"]))
        self.mean_path_length = state["mean_path_length"].to(self.mean_path_length.device)


def _minimise(loss: Tensor, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
