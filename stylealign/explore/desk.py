"""What the page can do, without the page: from the values of its controls to images and files. Knows no gradio."""

import functools
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stylealign.errors import StyleAlignError
from stylealign.explore.finding import Found, found_in
from stylealign.explore.scene import Explorer, Scene, Tile, seed_codes
from stylealign.explore.tiles import save_morph, save_picture
from stylealign.latents.codes import Codes
from stylealign.metrics.perceptual import PerceptualDistance
from stylealign.networks.encoder import Encoder

FRAMES = 49
"""Frames of a saved morph from end to end."""
LARGEST_SEED = 2**32 - 1


class Desk:
    """What the events of the page do.

    Args:
        explorer: draws.
        encoder: of the parent, for pictures.
        distance: makes the perceptual distance of the inversion; called once, at the first picture.
        folder: where saved files are written for the browser to take.
    """

    def __init__(
        self,
        explorer: Explorer,
        encoder: Encoder | None,
        distance: Callable[[], PerceptualDistance],
        folder: Path,
        found: Found | None = None,
    ) -> None:
        self.explorer, self.encoder, self.folder, self.first = explorer, encoder, folder, found
        self.parent = explorer.family.parent
        self._distance = functools.cache(distance)
        # The models are one for all events: one draws at a time.
        self._turn = threading.Lock()

    def scene(self, found: Found | None, *values: Any) -> Scene:
        """Return the scene of the controls' values, in the order of `controls`."""
        seed, end_seed, code_t, weights_t, layers, psi, names, *strengths = values
        start = seed_codes(_seed(seed), self.parent) if found is None else found.codes
        end = seed_codes(_seed(end_seed), self.parent)
        moves = dict(zip(names or [], map(float, strengths), strict=False))
        return Scene(start, end, float(code_t), float(weights_t), layers, float(psi), moves)

    def tiles(self, found: Found | None, *values: Any) -> list[Tile]:
        """Return the images, the dropped picture first."""
        scene = self.scene(found, *values)
        with self._turn:
            drawn = self.explorer.tiles(scene)
        return drawn if found is None or found.picture is None else [Tile("your picture", found.picture), *drawn]

    def find(self, path: str) -> Found:
        """Return the code of a dropped file.

        Raises:
            StyleAlignError: neither a picture nor codes of the model; names the file as its owner does, without the
                folder that the server keeps it in.
        """
        with self._turn:
            try:
                return found_in(Path(path), self.parent, self.encoder, self._distance)
            except StyleAlignError as error:
                raise StyleAlignError(str(error).replace(path, Path(path).name)) from error

    def picture_file(self, found: Found | None, *values: Any) -> str:
        """Write what is shown; return the file."""
        path = self._new("aligned.png")
        save_picture(path, self.tiles(found, *values))
        return str(path)

    def code_file(self, found: Found | None, *values: Any) -> str:
        """Write the code that is shown, for every verb that takes codes; return the file."""
        path = self._new("codes.npz")
        self.code(found, *values).save(path)
        return str(path)

    def code(self, found: Found | None, *values: Any) -> Codes:
        """Return the code that is shown."""
        with self._turn:
            return self.explorer.codes(self.scene(found, *values))

    def morph_file(self, found: Found | None, *values: Any) -> str:
        """Write the morph from parent to every child, from the code to the end code; return the file."""
        path = self._new("morph.mp4")
        with self._turn:
            save_morph(path, self.explorer.morph(self.scene(found, *values), FRAMES))
        return str(path)

    def _new(self, name: str) -> Path:
        return Path(tempfile.mkdtemp(dir=self.folder)) / name


def _seed(value: Any) -> int:
    if value is None or not 0 <= int(value) <= LARGEST_SEED:
        raise StyleAlignError(f"seed: must be a whole number from 0 to {LARGEST_SEED}")
    return int(value)
