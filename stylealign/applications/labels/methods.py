"""The ways to carry labels from a parent's domain to a child's, and what bounds them. Imports no torch.

A further way is a module of `transfers/` and a line in `METHODS`. Its module has one function, which says what a
network is to learn from:

    training_set(source, settings)    images of the child with labels; `source` is a `Source` (`transfers/source.py`)
"""

import importlib
from dataclasses import dataclass
from types import ModuleType

STUDENT = "student"
SHUFFLED = "shuffled"
GOES_ON = 0.4
"""Time of a training that goes on from the labeller's weights, as a multiple of a student's."""
BOUNDS = (SHUFFLED, "oracle-on-generated")
"""What stands beside the ways of a child, whichever they are."""
UNALIGNED_END = " unaligned"
"""What is put behind the row of a way for the unaligned control."""
BACKWARDS = "zero-shot backwards"
"""Row of what the labeller says of test images that were inverted in the child and drawn by the parent: no network."""
TRANSFERRED = "transferred labels"
"""Row of what the labeller says of the parent's images, against the oracle on the child's of the same latents."""
BEST = "zero-shot best"
"""Row of the way that is best on validation images."""
DEFAULT_METHODS = (STUDENT, "filtered", "half-way", "averaged", "layer-swap")


@dataclass(frozen=True)
class Method:
    """A way to carry labels over.

    Attributes:
        name: its name in the command line, the configuration and file names.
        row: its name in the tables.
        text: what it learns from, for the help and the provenance.
        needs: further files: `oracle` (a label network of the child's domain), `data` (images of the child's domain).
        is_zero_shot: whether it is a way to be chosen from: not a control or a bound.
        training_time: time of its trainings as a multiple of one student's.
        passes: images that it draws as a multiple of a pair.
    """

    name: str
    row: str
    text: str
    needs: tuple[str, ...] = ()
    is_zero_shot: bool = True
    training_time: float = 1.0
    passes: float = 1.0

    @property
    def functions(self) -> ModuleType:
        """Return the method's module."""
        return importlib.import_module(f"{__package__}.transfers.{self.name.replace('-', '_')}")


METHODS: tuple[Method, ...] = (
    Method(STUDENT, "zero-shot", "what the labeller says of the parent's image of the same latent"),
    Method(
        "filtered",
        "zero-shot filtered",
        "the same where the labeller says it of the child's image too, from the labeller's weights on",
        training_time=GOES_ON,
    ),
    Method(
        "half-way",
        "zero-shot half-way",
        "as filtered, then weights half-way back to the labeller's (WiSE-FT, Wortsman et al. 2022)",
        training_time=GOES_ON,
    ),
    Method(
        "averaged",
        "zero-shot averaged",
        "the mean of what the labeller says of both images, from the labeller's weights on",
        training_time=GOES_ON,
    ),
    Method(
        "read-out",
        "zero-shot read-out",
        "a decoder of the parent's synthesis activations, read from the child's (DatasetGAN, Zhang et al. 2021)",
        training_time=3.0,
        passes=2.5,
    ),
    Method(
        "along-weights",
        "zero-shot along weights",
        "students between parent and child, each labelling images as drawn at the next step",
        training_time=4 * GOES_ON,
        passes=2.5,
    ),
    Method(
        "layer-swap",
        "zero-shot layer-swap",
        "the parent's labels, with images whose two finest resolutions alone are drawn by the child's layers;"
        " from the labeller's weights on",
        training_time=GOES_ON,
    ),
    Method(
        SHUFFLED,
        "zero-shot shuffled",
        "the parent's labels of other latents: what they teach with nothing aligned",
        is_zero_shot=False,
    ),
    Method(
        "oracle-on-generated",
        "oracle on generated images",
        "the labels of a network of the child's own domain on the child's images: what the generator costs",
        needs=("oracle",),
        is_zero_shot=False,
    ),
)


def method_names() -> tuple[str, ...]:
    """Return the names of all ways."""
    return tuple(method.name for method in METHODS)


def method_of(name: str) -> Method:
    """Return the way of a name."""
    return next(method for method in METHODS if method.name == name)


def zero_shot_methods() -> tuple[str, ...]:
    """Return the names of the ways that can be chosen."""
    return tuple(method.name for method in METHODS if method.is_zero_shot)
