"""How a network moves by its gradients: summed over the processes, cut, pulled towards the parent, applied."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from stylealign.training.keep.weights import WeightPull
from stylealign.training.parts import Sums
from stylealign.training.workers import Workers

HALF_GRADIENT_LIMIT = 1e5
"""What an infinite gradient of a half-precision layer is cut to."""


@dataclass(frozen=True, eq=False)
class Mover:
    """What moves one network.

    Attributes:
        adam: its optimiser.
        parameters: what is trained.
        pull: what holds the weights near the parent's.
        workers: the processes of the run.
        cuts_gradients: some layers compute in half precision, and their gradients may be infinite.
    """

    adam: torch.optim.Adam
    parameters: list[nn.Parameter]
    pull: WeightPull
    workers: Workers
    cuts_gradients: bool

    def move(self, sums: Sums, measure: bool = False, pull_at_kimg: float | None = None) -> Tensor | None:
        """Sum gradients and scalars over the processes, and step; return the gradients' norm where it is asked for."""
        return self.begin(sums, measure, pull_at_kimg)()

    def begin(
        self, sums: Sums, measure: bool = False, pull_at_kimg: float | None = None
    ) -> Callable[[], Tensor | None]:
        """Begin to sum gradients and scalars over the processes; return what waits for the sums, and steps.

        Args:
            sums: scalars of this process's parts; the pull's distance is added.
            measure: return the norm, of the gradients without the pull.
            pull_at_kimg: how long the training is, in thousands of images, for the pull's strength; None: no pull.
        """
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        arrive = self.workers.begin_sum([*gradients, *sums.values.values()])

        def finish() -> Tensor | None:
            arrive()
            if self.cuts_gradients:
                for gradient in gradients:
                    gradient.nan_to_num_(0.0, HALF_GRADIENT_LIMIT, -HALF_GRADIENT_LIMIT)
            norm = torch.stack(torch._foreach_norm(gradients)).norm() if measure else None
            if pull_at_kimg is not None:
                sums.add(**self.pull.pull_(pull_at_kimg))
            self.adam.step()
            self.adam.zero_grad(set_to_none=True)
            return norm

        return finish
