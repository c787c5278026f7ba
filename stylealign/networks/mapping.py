"""The mapping network: Z -> W, with truncation towards the mean of W."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from stylealign.networks.layers import FullyConnected, normalize_rms

W_AVG_BETA = 0.995


class MappingNetwork(nn.Module):
    """Map latents (and labels) to one w per synthesis layer (Karras et al. 2019, arXiv 1812.04948, section 2).

    Args:
        z_dim: dimension of z, 0 for a network of labels alone (the discriminator's).
        c_dim: labels, 0 for none.
        w_dim: dimension of w.
        num_ws: synthesis layers, or None to return `[N, w_dim]` and track no mean.
        num_layers: fully connected layers.
        lr_multiplier: learning-rate multiplier of the layers.
    """

    w_avg: Tensor

    def __init__(
        self, z_dim: int, c_dim: int, w_dim: int, num_ws: int | None, num_layers: int = 8, lr_multiplier: float = 0.01
    ) -> None:
        super().__init__()
        self.z_dim, self.c_dim, self.w_dim, self.num_ws, self.num_layers = z_dim, c_dim, w_dim, num_ws, num_layers
        if c_dim:
            self.embed = FullyConnected(c_dim, w_dim, linear=True)
        widths = [z_dim + (w_dim if c_dim else 0)] + [w_dim] * num_layers
        for i, (inner, outer) in enumerate(pairwise(widths)):
            setattr(self, f"fc{i}", FullyConnected(inner, outer, lr_multiplier=lr_multiplier))
        if num_ws is not None:
            self.register_buffer("w_avg", torch.zeros(w_dim))

    def forward(
        self,
        z: Tensor | None,
        c: Tensor | None = None,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
    ) -> Tensor:
        """Map `z` to `ws`.

        Args:
            z: `[N, z_dim]`, or `[N, num_ws, z_dim]` for one z per layer (Z+).
            c: one-hot labels `[N, c_dim]`, for a conditional network.
            truncation_psi: 1 keeps w, 0 returns the mean of W.
            truncation_cutoff: truncate only this many first layers; None for all.

        Returns:
            `[N, num_ws, w_dim]` float32 (`[N, w_dim]` where `num_ws` is None).
        """
        if z is not None and z.ndim == 3:
            labels = c.repeat_interleave(z.shape[1], dim=0) if c is not None else None
            ws = self.map(z.flatten(0, 1), labels).reshape(z.shape[0], z.shape[1], self.w_dim)
        else:
            w = self.map(z, c)
            if self.num_ws is None:
                return w
            ws = w[:, None, :].expand(-1, self.num_ws, -1)
        return self.truncate(ws, truncation_psi, truncation_cutoff)

    def map(self, z: Tensor | None, c: Tensor | None = None) -> Tensor:
        """Map `[N, z_dim]` (and labels) to untruncated w `[N, w_dim]`."""
        parts = []
        if self.z_dim:
            assert z is not None and z.shape[1] == self.z_dim, "z must be [N, z_dim]"
            parts.append(normalize_rms(z.to(torch.promote_types(z.dtype, torch.float32))))
        if self.c_dim:
            assert c is not None and c.shape[1] == self.c_dim, "a conditional network needs c [N, c_dim]"
            parts.append(normalize_rms(self.embed(c.to(self.embed.weight.dtype))))
        w = torch.cat(parts, dim=1)
        for i in range(self.num_layers):
            w = getattr(self, f"fc{i}")(w)
        return w

    def truncate(self, ws: Tensor, psi: float, cutoff: int | None = None) -> Tensor:
        """Move the first `cutoff` layers of `[N, num_ws, w_dim]` towards w_avg: ``w_avg + psi (w - w_avg)``."""
        if psi == 1.0:
            return ws
        truncated = torch.lerp(self.w_avg.to(ws.dtype), ws[:, :cutoff], psi)
        return truncated if cutoff is None else torch.cat([truncated, ws[:, cutoff:]], dim=1)

    @torch.no_grad()
    def track_mean(self, w: Tensor) -> None:
        """Move w_avg towards the mean of `[N, w_dim]` (training; beta 0.995)."""
        self.w_avg.copy_(w.detach().mean(dim=0).lerp(self.w_avg, W_AVG_BETA))
