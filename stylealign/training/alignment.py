"""How aligned a child still is with its parent, while it is trained: the label-free score, at the same latents."""

from collections.abc import Callable

from stylealign.metrics.alignment_score import PARTS, SCORE, alignment_score
from stylealign.metrics.perceptual import PerceptualDistance, perceptual_distance
from stylealign.metrics.responses import Reference, reference_of, respond
from stylealign.networks.generator import Generator
from stylealign.streams import seed_of

ALIGNMENT = "alignment"
"""Name of the score in the log."""
NETWORK = "efficientnet-lite0"
"""The perceptual network; its weights come as a package."""


class Alignment:
    """Scores generators against one parent, with the same latents and steps at every call.

    Args:
        parent: averaged generator that the child starts from; on the device of the run.
        latents: number of latents; half as many steps in W.
        seed: of latents, steps and rotations.
        notify: gets a line before the first score, which takes longest: the parent is looked at too.
    """

    def __init__(
        self, parent: Generator, latents: int, seed: int, notify: Callable[[str], None] = lambda line: None
    ) -> None:
        self._notify = notify
        self._parent, self._latents, self._seed = parent, latents, seed_of("alignment of a training", seed)
        self._network: PerceptualDistance | None = None
        self._reference: Reference | None = None

    def __call__(self, generator: Generator) -> dict[str, float]:
        """Return `alignment`, in [0, 1], and its parts: `alignment_partner_rank`, `_activations`, `_perturbations`."""
        if self._network is None or self._reference is None:
            self._notify(f"measures how aligned the child is with its parent, by {self._latents} latents")
            self._network = perceptual_distance(NETWORK).to(self._parent.mapping.w_avg.device)
            self._reference = reference_of(self._parent, self._network, self._latents, self._seed)
        responses = respond(generator, self._reference.probe, self._network)
        found = alignment_score(self._reference.responses, responses, self._reference.unrelated)
        parts = {f"alignment_{name}": found[name].value for name in PARTS}
        return {ALIGNMENT: found[SCORE].value, **parts}
