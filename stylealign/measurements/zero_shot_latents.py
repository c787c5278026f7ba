"""What zero-shot tables say of labels that come with a latent code: test images labelled backwards, by their codes."""

from dataclasses import replace
from typing import TYPE_CHECKING

from stylealign.applications.labels.methods import BACKWARDS
from stylealign.errors import StyleAlignError

if TYPE_CHECKING:
    from stylealign.applications.labels.networks import Labeller, Scores
    from stylealign.applications.labels.sharing import Shared
    from stylealign.measurements.inputs import Inputs
    from stylealign.measurements.rows import RowKey

INVERTED = "inverted images"
"""Setting of rows that are of the inverted test images alone."""


def is_backwards(name: str) -> bool:
    """Return whether METHOD[/SETTING] labels test images by their codes; its file holds these."""
    return name.startswith(BACKWARDS)


def of_inverted(key: "RowKey") -> "RowKey":
    """Return the name of the same rows of inverted images alone."""
    return replace(key, setting=", ".join(filter(None, (INVERTED, key.setting))))


def backwards_scores(inputs: "Inputs", name: str, labeller: "Labeller", shared: "Shared") -> "tuple[Scores, Scores]":
    """Return the scores of the labels of test images' codes as the parent draws them, and of the labeller on the
    same test images.

    Args:
        inputs: with the parent, test images and annotations; the file `name` holds codes found in a child.
        name: METHOD[/SETTING] of the codes.
        labeller: network of the parent's domain.
        shared: what is compared.

    Raises:
        StyleAlignError: no parent, or codes of other images or of models of another shape.
    """
    import numpy as np

    from stylealign.applications.labels.learning import scores
    from stylealign.applications.translation import draw
    from stylealign.devices import compute_device
    from stylealign.latents.codes import Codes, codes_to_ws
    from stylealign.measurements.inputs import images_named
    from stylealign.sampling import images_per_batch

    if not inputs.has("parent"):
        raise StyleAlignError(f"{name}: needs --parent MODEL, which draws the images of the codes; give it")
    parent, data, path = inputs.model("parent"), inputs.images("data"), inputs.named_files[name]
    codes = Codes.load(path, architecture=parent.architecture)
    images = images_named(data, codes.names, path)
    annotations = inputs.annotations("annotations", data)
    annotations = annotations.rows(np.array([data.names.index(own) for own in codes.names]))
    generator = parent.generator.to(compute_device())
    parts = codes_to_ws(codes, generator).split(images_per_batch(parent.architecture.resolution))
    drawn = np.concatenate([draw(generator, part) for part in parts])
    own, base = (scores(labeller, pictures, annotations, shared) for pictures in (drawn, images))
    return own, base
