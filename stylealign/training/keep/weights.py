"""L2-SP: weights are held near the parent's instead of near 0 (Li et al. 2018, arXiv 1802.01483, eq. 2)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from stylealign.config import KeepMethod


def weight_distance(weights: Sequence[Tensor], start: Sequence[Tensor]) -> Tensor:
    """Return half the squared distance of weights to those they started from, summed over all of them."""
    parts = [(weight - other).square().sum() for weight, other in zip(weights, start, strict=True)]
    return torch.stack(parts).sum() / 2


class WeightPull:
    """Pulls parameters towards a fixed start.

    The pull is added to gradients that are summed over the parts of a batch and the processes already: it does not
    depend on images.

    Args:
        name: of the distance in the log.
        method: how strong.
        parameters: what is trained.
        start: what it is pulled towards, tensors of the same shapes; copied where the method is on.
    """

    def __init__(
        self, name: str, method: KeepMethod, parameters: Sequence[nn.Parameter], start: Sequence[Tensor]
    ) -> None:
        self.name, self.method = name, method
        self._parameters: list[Tensor] = list(parameters)
        self._start = [tensor.detach().clone() for tensor in start] if method.weight > 0 else []

    @torch.no_grad()
    def pull_(self, kimg: float) -> dict[str, Tensor]:
        """Add the distance's gradient to the parameters' gradients; return the distance by name, {} where it is off."""
        strength = self.method.strength(kimg)
        if strength == 0:
            return {}
        differences = torch._foreach_sub(self._parameters, self._start)
        for parameter, difference in zip(self._parameters, differences, strict=True):
            if parameter.grad is not None:
                parameter.grad.add_(difference, alpha=strength)
        return {self.name: weight_distance(self._parameters, self._start)}
