"""Between two codes, along the geometry of their space."""

import torch
from torch import Tensor

from stylealign.config import Space
from stylealign.latents.spaces import space_of

_PARALLEL = 1e-4


def interpolate(start: Tensor, end: Tensor, t: float, space: Space) -> Tensor:
    """Return the codes at `t` between `start` (0) and `end` (1), all `[N, *shape]`.

    Codes of mapped spaces (Z, Z+) lie near a sphere in many dimensions: they move along its great circle. W and W+ have
    no such shape: their codes move along the straight line.

    Args:
        start, end: codes `[N, *shape]` of one space.
        t: 0 is the start, 1 the end; beyond them the way goes on.
        space: the space of the codes.
    """
    if not space_of(space).is_mapped:
        return torch.lerp(start, end, t)
    if t in (0.0, 1.0):
        return start if t == 0.0 else end
    return slerp(start, end, t)


def slerp(start: Tensor, end: Tensor, t: float) -> Tensor:
    """Return vectors `[..., dim]` on the great circle from `start` to `end`; their lengths change linearly.

    Shoemake 1985, "Animating Rotation with Quaternion Curves", section 3.3. Nearly parallel vectors move straight.
    """
    start_length, end_length = start.norm(dim=-1, keepdim=True), end.norm(dim=-1, keepdim=True)
    a, b = start / start_length, end / end_length
    angle = torch.acos((a * b).sum(dim=-1, keepdim=True).clamp(-1, 1))
    sine = torch.sin(angle)
    circle = (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / sine.clamp_min(_PARALLEL)
    direction = torch.where(sine < _PARALLEL, torch.lerp(a, b, t), circle)
    return direction * torch.lerp(start_length, end_length, t)
