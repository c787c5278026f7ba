"""Directions in a latent space, in a file typed by space and by the family of models they hold for."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylealign.errors import StyleAlignError, did_you_mean
from stylealign.files import UNREADABLE_ARRAYS
from stylealign.latents.archives import DIRECTIONS, form_of, write_vectors
from stylealign.latents.foreign import read_arrays, read_foreign
from stylealign.latents.spaces import space_of
from stylealign.networks.architecture import Architecture
from stylealign.networks.synthesis import SynthesisNetwork

SPACES = ("w", "w+", "s")
"""Spaces in which a straight line means something."""


@dataclass(frozen=True, eq=False)
class Directions:
    """Directions of one model and its relatives.

    Raises:
        StyleAlignError: values that are no directions of the space.
    """

    values: NDArray[Any]
    """`[K, *shape]` float32 in codes of the space, each of unit length (or zero)."""
    space: str
    """w, w+ or s."""
    model_sha256: str
    """SHA-256 of the checkpoint file of the model they were found in."""
    names: Sequence[str]
    """`[K]`, all different."""
    how: Sequence[str]
    """`[K]`: how each was found, for people."""
    scales: NDArray[Any]
    """`[K]`: standard deviation of the model's samples along each: strength 1 is that far."""
    layers: NDArray[np.bool_] | None = None
    """`[K, num_ws]`: the w that each moves (a style channel belongs to the w that it comes from); None for all."""
    fingerprint: NDArray[Any] = field(default_factory=lambda: np.zeros(0, np.float32))
    """Some weights of the model (`fingerprint`), by which its relatives are known; empty where they are not."""

    def __post_init__(self) -> None:
        with np.errstate(over="ignore"):  # what float32 cannot hold is refused below
            for name in ("values", "scales", "fingerprint"):
                numbers = np.asarray(getattr(self, name), dtype=np.float32)
                object.__setattr__(self, name, np.ascontiguousarray(numbers))
        if self.space not in SPACES:
            raise StyleAlignError(f"space: no directions in {self.space!r}; choose one of {', '.join(SPACES)}")
        if self.values.ndim != (3 if space_of(self.space).vectors else 2):
            raise StyleAlignError(f"directions of shape {list(self.values.shape)} cannot be of space {self.space}")
        count = len(self.values)
        if not len(self.names) == len(self.how) == len(self.scales) == count:
            raise StyleAlignError(f"{count} directions need a name, an origin and a scale each")
        if self.layers is not None and (self.layers.ndim != 2 or len(self.layers) != count):
            raise StyleAlignError(f"layers of shape {list(self.layers.shape)} are not those of {count} directions")
        if len(set(self.names)) < count:
            twice = next(name for name in self.names if list(self.names).count(name) > 1)
            raise StyleAlignError(f"names of directions must differ; two are called {twice!r}")
        if not (np.isfinite(self.values).all() and np.isfinite(self.scales).all()):
            raise StyleAlignError("directions must be finite numbers")

    def __len__(self) -> int:
        return len(self.values)

    def named(self, names: Sequence[str], source: str | Path) -> "Directions":
        """Return some of the directions, in the order of the names.

        Raises:
            StyleAlignError: a name that none has.
        """
        for name in names:
            if name not in self.names:
                close = did_you_mean(name, list(self.names)) or f"; it holds {', '.join(self.names[:8])}"
                raise StyleAlignError(f"{source}: no direction {name!r}{close}")
        return self.at([list(self.names).index(name) for name in names])

    def at(self, places: Sequence[int]) -> "Directions":
        """Return the directions at some places."""
        return replace(
            self,
            values=self.values[list(places)],
            names=[self.names[place] for place in places],
            how=[self.how[place] for place in places],
            scales=self.scales[list(places)],
            layers=None if self.layers is None else self.layers[list(places)],
        )

    def under(self, names: Sequence[str]) -> "Directions":
        """Return the same directions under other names `[K]`."""
        return replace(self, names=list(names))

    def within(self, layers: Collection[int], num_ws: int) -> "Directions":
        """Return the directions restricted to some w: what of them moves others does no longer.

        Raises:
            StyleAlignError: a layer that the model does not have, or directions of another number of layers.
        """
        require_layers(layers, num_ws)
        kept = np.isin(np.arange(num_ws), list(layers))
        if self.layers is not None and self.layers.shape[1] != num_ws:
            raise StyleAlignError(f"directions of {self.layers.shape[1]} layers do not fit a model of {num_ws}")
        own = np.ones((len(self), num_ws), bool) if self.layers is None else self.layers
        return replace(self, layers=own & kept)

    def save(self, path: str | Path) -> None:
        """Write `path` (.npz), atomically; the same directions give the same bytes."""
        write_vectors(
            path,
            DIRECTIONS,
            self,
            how=np.array(list(self.how), dtype=np.str_),
            scales=self.scales,
            layers=np.zeros((len(self), 0), bool) if self.layers is None else self.layers,
            fingerprint=self.fingerprint,
        )

    @classmethod
    def load(cls, path: str | Path) -> "Directions":
        """Read directions.

        Raises:
            StyleAlignError: a missing or damaged file, or one of another program.
        """
        remedy = "make it with stylealign directions (--method import for a file of another program)"
        try:
            with np.load(path, allow_pickle=False) as file:
                if "format" not in file or str(file["format"]) != DIRECTIONS:
                    raise StyleAlignError(f"{path}: not a file of directions; {remedy}")
                layers = file["layers"]
                parts = (
                    file["values"],
                    str(file["space"]),
                    str(file["model_sha256"]),
                    list(file["names"].tolist()),
                    list(file["how"].tolist()),
                    file["scales"],
                    layers.astype(bool) if layers.shape[1] else None,
                    file["fingerprint"],
                )
        except FileNotFoundError as error:
            raise StyleAlignError(f"{path}: no such file; {remedy}") from error
        except UNREADABLE_ARRAYS as error:
            raise StyleAlignError(f"{path}: not a file of directions, or a damaged one; {remedy}") from error
        try:
            return cls(*parts)
        except (StyleAlignError, ValueError, TypeError) as error:
            raise StyleAlignError(f"{path}: a damaged file of directions ({error}); {remedy}") from error


def require_layers(layers: Collection[int], num_ws: int) -> None:
    """Raise StyleAlignError unless all layers are of a model with `num_ws` of them."""
    beyond = [layer for layer in layers if not 0 <= layer < num_ws]
    if beyond or not layers:
        what = f"no layer {beyond[0]}" if beyond else "none given"
        raise StyleAlignError(f"layers: {what}; the model has 0 to {num_ws - 1}")


def imported(path: str | Path, space: str, architecture: Architecture) -> tuple[NDArray[np.floating], list[str]]:
    """Return the directions `[K, *shape]` of another program's file, of any length, and their names.

    Raises:
        StyleAlignError: no numbers in it, or of a shape that no direction of the space has.
    """
    if form_of(path) == DIRECTIONS:
        raise StyleAlignError(f"{path}: already is a file of directions; give it to stylealign edit --directions")
    found = read_foreign(path) or read_arrays(path)
    if found is None or not found.values.size:
        raise StyleAlignError(
            f"{path}: no directions in it, or arrays of several shapes; give a .npy, .npz or .pt file of plain numbers"
        )
    shape, values = space_of(space).shape(architecture), found.values
    while values.ndim > len(shape) + 1 and 1 in values.shape:
        values = values.squeeze(values.shape.index(1))
    values = values[None] if values.shape == shape else values
    if values.shape[1:] != shape:
        raise StyleAlignError(
            f"{path}: values of shape {list(found.values.shape)} are no {space} directions of the model, which have "
            f"{list(shape)}; name another --space or another model"
        )
    if not np.isfinite(values).all() or not np.abs(values.reshape(len(values), -1)).max(axis=1).all():
        raise StyleAlignError(f"{path}: a direction in it is zero or no number")
    stem = Path(path).stem
    if len(found.names) == len(values) and len(set(found.names)) == len(values):
        return values, list(found.names)
    return values, [stem] if len(values) == 1 else [f"{stem}-{number}" for number in range(len(values))]


def channel_place(architecture: Architecture, name: str) -> int:
    """Return the place in S of a style channel named as "b32.conv0/17".

    Raises:
        StyleAlignError: no such layer or channel.
    """
    layer, _, number = name.partition("/")
    channels = architecture.style_channels
    if layer not in channels:
        close = did_you_mean(layer, list(channels)) or f"; layers are {', '.join(channels)}"
        raise StyleAlignError(f"channel {name!r}: the model has no layer {layer!r}{close}")
    if not number.isdecimal() or int(number) >= channels[layer]:
        raise StyleAlignError(f"channel {name!r}: {layer} has the channels 0 to {channels[layer] - 1}")
    return sum(channels[before] for before in list(channels)[: list(channels).index(layer)]) + int(number)


def channel_names(architecture: Architecture) -> list[str]:
    """Return the names of all style channels `[style_dim]`, as "b32.conv0/17"."""
    return [f"{layer}/{number}" for layer, count in architecture.style_channels.items() for number in range(count)]


def moves_anything(directions: Directions, synthesis: SynthesisNetwork) -> bool:
    """Return whether directions of a model's shape move anything in the layers that they are restricted to."""
    values, layers = directions.values, directions.layers
    if layers is not None:
        kept = layers[:, synthesis.places_of_styles().numpy()] if directions.space == "s" else layers[:, :, None]
        values = values * kept if values.ndim == kept.ndim else values[:, None] * kept
    return bool(np.any(values))


def moved(
    codes: Tensor, directions: Directions, strengths: Tensor | Sequence[float], synthesis: SynthesisNetwork
) -> Tensor:
    """Return codes moved along directions; what the synthesis network takes.

    Strengths 0 leave the images as they are, to the bit. Styles move along directions of w as their w would: the
    styles follow from it linearly.

    Args:
        codes: ws `[N, num_ws, w_dim]` or styles `[N, style_dim]`.
        directions: K of them, of a model of this architecture.
        strengths: `[K]` or, for each code its own, `[N, K]`, in units of the directions' scales.
        synthesis: of the model that draws the codes.

    Returns:
        ws, or styles where the codes or the directions are styles.
    """
    values = torch.from_numpy(directions.values).to(codes)
    steps = torch.as_tensor(strengths).to(codes) * torch.from_numpy(directions.scales).to(codes)
    steps = steps.expand(len(codes), -1) if steps.ndim == 1 else steps
    kept = None if directions.layers is None else torch.from_numpy(directions.layers).to(codes)
    if directions.space == "s":
        if kept is not None:
            values = values * kept[:, synthesis.places_of_styles()]
        return (codes if codes.ndim == 2 else synthesis.styles(codes)) + steps @ values
    values = values if values.ndim == 3 else values[:, None].expand(-1, synthesis.num_ws, -1)
    if kept is not None:
        values = values * kept[:, :, None]
    change = torch.einsum("nk,kld->nld", steps, values)
    if codes.ndim == 3:
        return codes + change
    return codes + (synthesis.styles(change) - synthesis.styles(torch.zeros_like(change)))
