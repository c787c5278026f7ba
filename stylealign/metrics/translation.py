"""How well translated images fit the target domain, how they differ, and how much of their sources they keep."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray

from stylealign.datasets.images import ImageZip
from stylealign.errors import StyleAlignError
from stylealign.images import from_uint8
from stylealign.metrics.bootstrap import Estimate, mean_estimate
from stylealign.metrics.fid_kid import Reference
from stylealign.metrics.kernel_distance import UNTIED, Tied
from stylealign.metrics.perceptual import PerceptualDistance
from stylealign.metrics.seeing import Ruler

_CHUNK = 256


@dataclass(frozen=True)
class Outputs:
    """Translations of some sources, source after source.

    Attributes:
        images: `len(sources) * each` images; the first `each` are the outputs of the first source.
        each: outputs of a source.
        references: name of the reference that guided each image; None where none did.
    """

    images: ImageZip | NDArray[np.uint8]
    each: int = 1
    references: Sequence[str] | None = None

    @classmethod
    def of(cls, images: ImageZip, sources: int, most: int | None = None) -> "Outputs":
        """Return the images of a zip as outputs of `sources` images, as many of each.

        Of samples that know no source, the first are taken where there are more than `most` for each.

        Raises:
            StyleAlignError: not a whole number of images for each source, or not a reference for each image.
        """
        if most is not None and "names" not in images.info:
            images = images.first(sources * most)
        each, left = divmod(len(images), sources)
        if left or not each or images.info.get("outputs", each) != each:
            raise StyleAlignError(
                f"{images.path}: {len(images)} images for {sources} sources; give as many for each, one or more"
            )
        references = images.listed("references")
        made = images.info.get("provenance")
        settings = made.get("settings") if isinstance(made, dict) else None
        if references is None and isinstance(settings, dict) and settings.get("guide") == "reference":
            raise StyleAlignError(
                f"{images.path}: does not say which reference guided each image; make it again with "
                "`stylealign translate`"
            )
        if references is not None and len(references) != len(images):
            raise StyleAlignError(f"{images.path}: {len(references)} references of {len(images)} images; make it again")
        return cls(images, each, references)

    def chunks(self) -> list[slice]:
        """Return the slices in which the images are read: whole sources."""
        step = self.each * max(1, _CHUNK // self.each)
        return [slice(start, start + step) for start in range(0, len(self.images), step)]

    def ties(self, names: Sequence[str]) -> Tied:
        """Return which images have one reference, and which of the images `names` that reference is."""
        if self.references is None:
            return UNTIED
        numbers = {name: number for number, name in enumerate(names)}
        for name in self.references:
            numbers.setdefault(name, len(numbers))
        references = torch.tensor([numbers[name] for name in self.references])
        return Tied(shared=references, own=references)

    def read(self, part: slice) -> NDArray[np.uint8]:
        """Return the images of a slice, `[n, 3, r, r]` uint8."""
        return self.images[part] if isinstance(self.images, np.ndarray) else self.images.read(part)


@dataclass(frozen=True)
class Target:
    """Features of the target domain's images.

    Attributes:
        of_test, of_training: features of each split; without training images there are no rows of them.
    """

    of_test: Reference
    of_training: Reference | None


@torch.inference_mode()
def diversity(outputs: Outputs, distance: PerceptualDistance, draws: int, seed: int) -> Estimate:
    """Return the mean distance over all pairs of a source's outputs, two or more (StarGAN v2, appendix C).

    One value a source, so the interval is over sources.
    """
    assert outputs.each > 1, "a single output has no diversity"
    device = next(distance.parameters()).device
    one, other = torch.tensor(list(combinations(range(outputs.each), 2)), device=device).T
    means = []
    for part in outputs.chunks():
        for images in torch.from_numpy(outputs.read(part)).split(outputs.each):
            features = distance.features(from_uint8(images.to(device)))
            pairs = distance.between([layer[one] for layer in features], [layer[other] for layer in features])
            means.append(float(pairs.mean()))
    return mean_estimate(np.array(means), draws, seed)


class Structure:
    """What label networks see in the sources, to be compared with what they see in translations.

    Args:
        sources: `[S, 3, r, r]` uint8.
        rulers: for each task what measures sources and translations alike; a task that is left out is not measured.
    """

    def __init__(self, sources: NDArray[np.uint8], rulers: Mapping[str, Ruler]) -> None:
        self.rulers = rulers
        self.seen = {task: ruler.seeing(sources) for task, ruler in rulers.items()}

    def values(self, outputs: Outputs) -> dict[str, NDArray[np.float64]]:
        """Return by metric how translations differ from their sources, or agree: one value a source, `[S]`."""
        values: dict[str, list[NDArray[np.float64]]] = {task: [] for task in self.rulers}
        for part in outputs.chunks():
            images = outputs.read(part)
            first = part.start // outputs.each
            for task, ruler in self.rulers.items():
                sources = self.seen[task][first : first + len(images) // outputs.each]
                measured = ruler.compare(sources.repeat(outputs.each, axis=0), ruler.seeing(images))
                values[task].append(measured.reshape(-1, outputs.each).mean(axis=1))
        return {self.rulers[task].metric: np.concatenate(parts) for task, parts in values.items()}
