"""What the page shows: a code, where it stands between parent and child, and how it is drawn. Knows no page."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylealign.applications.blending import blend
from stylealign.applications.translation import draw
from stylealign.config import BlendSettings
from stylealign.errors import StyleAlignError
from stylealign.explore.family import Family, Member
from stylealign.latents.codes import Codes
from stylealign.latents.directions import Directions, moved
from stylealign.latents.interpolation import interpolate
from stylealign.latents.spaces import space_of
from stylealign.networks.architecture import Architecture
from stylealign.networks.generator import Generator
from stylealign.sampling import mean_label, z_of_seeds

Pixels = NDArray[np.uint8]
ALL_LAYERS = "all"


@dataclass(frozen=True, eq=False)
class Scene:
    """All that the controls of the page say."""

    start: Codes
    """One code: what is shown."""
    end: Codes
    """One code: where the code goes."""
    code_t: float = 0.0
    """How far the code has gone from `start` to `end`, in [0, 1]."""
    weights_t: float = 1.0
    """How far the weights have gone from the parent to each child; more than 1 goes beyond the child."""
    layers: str = ALL_LAYERS
    """Which layers the child gives: `all`, `from 16 px` or `up to 16 px`; the others stay the parent's."""
    truncation_psi: float = 1.0
    """1 leaves the code; 0 is the model's mean image."""
    strengths: Mapping[str, float] = field(default_factory=dict)
    """Direction -> how far the code moves along it, in standard deviations of the model's samples."""


@dataclass(frozen=True, eq=False)
class Tile:
    """An image under a name."""

    name: str
    pixels: Pixels
    """`[3, r, r]` uint8."""


def seed_codes(seed: int, parent: Member) -> Codes:
    """Return the z code of a seed: the same image as `stylealign generate --seeds`."""
    z = z_of_seeds([seed], parent.checkpoint.architecture.z_dim).numpy()
    return Codes(z, "z", parent.checkpoint.sha256, [f"seed {seed}"])


def layer_choices(architecture: Architecture) -> list[str]:
    """Return the choices of `Scene.layers`: all, then from each resolution on, then up to each."""
    middle = architecture.resolutions[1:]
    return [ALL_LAYERS, *(f"from {px} px" for px in middle), *(f"up to {px} px" for px in middle[:-1])]


def shares(architecture: Architecture, layers: str, t: float) -> BlendSettings:
    """Return how much of the child the block of each resolution takes, and the mapping network.

    Raises:
        StyleAlignError: no such choice of layers.
    """
    if layers not in layer_choices(architecture):
        raise StyleAlignError(f"layers: no {layers!r}; choose one of {', '.join(layer_choices(architecture))}")
    if layers == ALL_LAYERS:
        return BlendSettings(schedule=dict.fromkeys(architecture.resolutions, t), mapping=t)
    words = layers.split()
    limit, is_from = int(words[-2]), words[0] == "from"
    inside = {px: (px >= limit) if is_from else (px <= limit) for px in architecture.resolutions}
    # As `stylealign blend` has it: the mapping network of a swap stays the parent's.
    return BlendSettings(schedule={px: t * share for px, share in inside.items()}, mapping=0.0)


class Explorer:
    """Draws scenes of a family.

    Args:
        family: the models, on the device to compute on.
        directions: by the name that the page shows, one direction each.
    """

    def __init__(self, family: Family, directions: Mapping[str, Directions]) -> None:
        self.family, self.directions = family, dict(directions)
        self._blends: dict[str, tuple[tuple[float, str], Generator]] = {}

    def tiles(self, scene: Scene) -> list[Tile]:
        """Return the image of the parent, then that of every child at its place on the way from the parent."""
        parent = self.family.parent
        members = [(parent, parent.checkpoint.generator)]
        members += [(child, self._between(child, scene)) for child in self.family.children]
        return [Tile(member.name, self._image(generator, scene)) for member, generator in members]

    def codes(self, scene: Scene) -> Codes:
        """Return the code that the parent draws, with directions and truncation in it: W+, or styles."""
        with torch.inference_mode():
            ws = self._ws(self.family.parent.checkpoint.generator, scene).cpu().numpy()
        return Codes(ws, "s" if ws.ndim == 2 else "w+", self.family.parent.checkpoint.sha256, scene.start.names)

    def morph(self, scene: Scene, frames: int) -> Iterator[Pixels]:
        """Yield the frames `[C, 3, r, r]` of a morph: from the code in the parent to the end code in each child."""
        for t in np.linspace(0.0, 1.0, frames).tolist():
            at = replace(scene, code_t=t, weights_t=t)
            drawn = self.tiles(at)
            yield np.stack([tile.pixels for tile in (drawn[1:] or drawn)])

    def _between(self, child: Member, scene: Scene) -> Generator:
        """Return the parent with a share of the child's weights; the last one of each child is kept."""
        if scene.layers == ALL_LAYERS and scene.weights_t == 1:
            return child.checkpoint.generator
        key = (scene.weights_t, scene.layers)
        if child.name not in self._blends or self._blends[child.name][0] != key:
            parent = self.family.parent.checkpoint.generator
            settings = shares(self.family.parent.checkpoint.architecture, scene.layers, scene.weights_t)
            _, earlier = self._blends.pop(child.name, (None, None))
            self._blends[child.name] = (key, blend(parent, child.checkpoint.generator, settings, into=earlier))
        return self._blends[child.name][1]

    def _image(self, generator: Generator, scene: Scene) -> Pixels:
        with torch.inference_mode():
            return draw(generator, self._ws(generator, scene))[0]

    def _ws(self, generator: Generator, scene: Scene) -> Tensor:
        """Return what the synthesis network takes, `[1, num_ws, w_dim]` or styles `[1, style_dim]`."""
        ws = _on_the_way(generator, scene)
        for name, strength in scene.strengths.items():
            if strength:
                ws = moved(ws, self.directions[name], [strength], generator.synthesis)
        return ws


def _on_the_way(generator: Generator, scene: Scene) -> Tensor:
    start, end, t = scene.start, scene.end, scene.code_t
    if t == 0:
        return _to_ws(start, generator, scene.truncation_psi)
    if t == 1:
        return _to_ws(end, generator, scene.truncation_psi)
    if start.space == end.space:
        values = [torch.from_numpy(codes.values).to(generator.mapping.w_avg) for codes in (start, end)]
        between = interpolate(values[0], values[1], t, start.space).cpu().numpy()
        psi = start.truncation_psi + t * (end.truncation_psi - start.truncation_psi)  # a file's may be another one
        return _to_ws(replace(start, values=between, truncation_psi=psi), generator, scene.truncation_psi)
    both: Sequence[Tensor] = [_to_ws(codes, generator, scene.truncation_psi) for codes in (start, end)]
    if both[0].ndim != both[1].ndim:
        both = [ws if ws.ndim == 2 else generator.synthesis.styles(ws) for ws in both]
    return torch.lerp(both[0], both[1], t)


def _to_ws(codes: Codes, generator: Generator, psi: float) -> Tensor:
    """Return the ws of a code; truncation pulls any code to this model's mean w (Karras et al. 2019, section 3.2).

    z codes go through the model's own mapping network. Styles are not truncated: they have no mean w.
    """
    space = space_of(codes.space)
    values = torch.from_numpy(codes.values).to(generator.mapping.w_avg)
    if space.is_mapped:
        return space.to_ws(values, generator, psi * codes.truncation_psi, mean_label(generator, len(values)))
    ws = space.to_ws(values, generator)
    return ws if ws.ndim == 2 or psi == 1 else torch.lerp(generator.mapping.w_avg.expand_as(ws), ws, psi)
