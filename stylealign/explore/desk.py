"""What the page can do, without the page: from the values of its controls to images and files. Knows no gradio."""

import contextlib
import functools
import math
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stylealign.errors import StyleAlignError
from stylealign.explore.finding import Found, found_in, is_codes
from stylealign.explore.scene import Explorer, Scene, Tile, seed_codes
from stylealign.explore.tiles import save_morph, save_picture
from stylealign.explore.uploads import uploaded
from stylealign.latents.codes import Codes
from stylealign.metrics.perceptual import PerceptualDistance
from stylealign.networks.encoder import Encoder

FRAMES = 49
"""Frames of a saved morph from end to end."""
SEED, END_SEED = 8, 13
"""Seeds that the page starts with: of the first sixteen those that all bundled models draw well."""
LARGEST_SEED = 2**32 - 1
LARGEST_PSI, LARGEST_WEIGHTS, LARGEST_STRENGTH = 1.2, 1.5, 3.0
"""How far the sliders go; a direction's in standard deviations, to both sides."""
LABELS = {
    "seed": "Seed",
    "end_seed": "Seed that the code goes to",
    "code": "Code (1: the seed below)",
    "weights": "Weights (1: the child)",
    "both": "Both: moves the two below",
    "psi": "Truncation (0: the mean image)",
}
"""Names of the fields on the page and in messages about them."""


class Desk:
    """What the events of the page do.

    Args:
        explorer: draws.
        encoder: of the parent, for pictures.
        distance: makes the perceptual distance of the inversion; called once, at the first picture.
        folder: where the browser's files are, those that it sent and those that it is to take.
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
        # Nothing changes the models: whoever computes with them needs no turn. The explorer keeps and overwrites a
        # blend of each child, so one draws with it at a time. An inversion is long: one at a time, beside the drawing.
        self._drawing, self._finding = threading.Lock(), threading.Lock()

    def scene(self, found: Found | None, *values: Any) -> Scene:
        """Return the scene of the controls' values, in the order of `controls`.

        Raises:
            StyleAlignError: a value that its control does not take; names the control.
        """
        seed, end_seed, code_t, weights_t, layers, psi, names, *strengths = values
        start = seed_codes(_seed("seed", seed), self.parent) if found is None else found.codes
        end = seed_codes(_seed("end_seed", end_seed), self.parent)
        code_t, weights_t = position(code_t, "code"), position(weights_t, "weights", LARGEST_WEIGHTS)
        return Scene(
            start, end, code_t, weights_t, layers, position(psi, "psi", LARGEST_PSI), self._moves(names, strengths)
        )

    def _moves(self, names: Any, strengths: list[Any]) -> dict[str, float]:
        moves = dict(zip(names or [], strengths, strict=False))
        for name, strength in moves.items():
            if name not in self.explorer.directions:
                raise StyleAlignError(f"Directions: no {name!r}; choose from the list")
            moves[name] = _number(name, strength, -LARGEST_STRENGTH, LARGEST_STRENGTH)
        return moves

    def tiles(self, found: Found | None, *values: Any) -> list[Tile]:
        """Return the images, the dropped picture first."""
        scene = self.scene(found, *values)
        with self._drawing:
            drawn = self.explorer.tiles(scene)
        return drawn if found is None or found.picture is None else [Tile("your picture", found.picture), *drawn]

    def must_wait(self, path: Any) -> bool:
        """Tell whether `find` would begin with a file only after somebody else's picture."""
        return isinstance(path, str) and not is_codes(Path(path)) and self._finding.locked()

    def find(self, path: Any) -> Found:
        """Return the code of a dropped file; one picture at a time, while others go on drawing.

        Raises:
            StyleAlignError: not an upload, or neither a picture nor codes of the model; names the file as its owner
                does, without the folder that the server keeps it in.
        """
        file = uploaded(self.folder, path)
        if file is None:
            raise StyleAlignError("not a file that was dropped here; drop it again")
        with contextlib.nullcontext() if is_codes(file) else self._finding:
            try:
                return found_in(file, self.parent, self.encoder, self._distance)
            except StyleAlignError as error:
                raise StyleAlignError(str(error).replace(str(file), file.name)) from error

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
        return self.explorer.codes(self.scene(found, *values))

    def morph_file(self, found: Found | None, *values: Any) -> str:
        """Write the morph from parent to every child, from the code to the end code; return the file."""
        scene, path = self.scene(found, *values), self._new("morph.mp4")
        # An explorer of its own keeps blends of its own: the others draw meanwhile.
        save_morph(path, Explorer(self.explorer.family, self.explorer.directions).morph(scene, FRAMES))
        return str(path)

    def _new(self, name: str) -> Path:
        return Path(tempfile.mkdtemp(dir=self.folder)) / name


def position(value: Any, control: str, largest: float = 1.0) -> float:
    """Return the value of a slider that starts at 0, one of `LABELS`.

    Raises:
        StyleAlignError: no number that the slider reaches; names it.
    """
    return _number(LABELS[control], value, 0.0, largest)


def _number(label: str, value: Any, least: float, largest: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= largest:
        raise StyleAlignError(f"{label}: must be a number from {least:g} to {largest:g}")
    return float(value)


def _seed(control: str, value: Any) -> int:
    is_whole = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not is_whole or value != int(value) or not 0 <= value <= LARGEST_SEED:
        raise StyleAlignError(f"{LABELS[control]}: must be a whole number from 0 to {LARGEST_SEED}")
    return int(value)
