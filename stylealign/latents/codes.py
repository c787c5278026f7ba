"""Latent codes in a file, typed by their space and by the model they belong to."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylealign.config import Space
from stylealign.errors import StyleAlignError
from stylealign.files import UNREADABLE_ARRAYS, printable
from stylealign.latents import spaces
from stylealign.latents.archives import DIRECTIONS, write_vectors
from stylealign.latents.foreign import read_foreign, typed
from stylealign.networks.architecture import Architecture
from stylealign.networks.generator import Generator
from stylealign.sampling import mean_label

_FORMAT = "stylealign-codes-1"


@dataclass(frozen=True, eq=False)
class Codes:
    """Codes of `N` images.

    Raises:
        StyleAlignError: unknown space, or values whose shape cannot be of that space.
    """

    values: NDArray[np.float32]
    """`[N, dim]` or, in spaces of several vectors (Z+, W+), `[N, vectors, dim]` float32."""
    space: Space
    """Latent space."""
    model_sha256: str
    """SHA-256 of the checkpoint file whose generator the codes belong to."""
    names: Sequence[str] = field(default_factory=list)
    """Name of each image in its data set; by default the index."""
    truncation_psi: float = 1.0
    """Truncation under which Z and Z+ codes were found; W and W+ codes know none: 1."""

    def __post_init__(self) -> None:
        values = np.ascontiguousarray(np.asarray(self.values, dtype=np.float32))
        if self.space not in spaces.names():
            raise StyleAlignError(f"space: no {self.space!r}; choose one of {', '.join(spaces.names())}")
        space = spaces.space_of(self.space)
        if values.ndim != (2 if space.vectors is None else 3):
            raise StyleAlignError(f"codes of shape {list(values.shape)} cannot be of space {self.space}")
        names = [str(name) for name in self.names] or [str(index) for index in range(len(values))]
        if len(names) != len(values):
            raise StyleAlignError(f"{len(values)} codes but {len(names)} names")
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "names", names)
        if not space.is_mapped:
            object.__setattr__(self, "truncation_psi", 1.0)

    def __len__(self) -> int:
        return len(self.values)

    def first(self, count: int) -> "Codes":
        """Return the first `count` codes."""
        return Codes(self.values[:count], self.space, self.model_sha256, self.names[:count], self.truncation_psi)

    def require_fits(self, architecture: Architecture, source: str | Path) -> None:
        """Raise StyleAlignError, naming `source`, unless the codes have the shape that `architecture` takes."""
        expected = spaces.space_of(self.space).shape(architecture)
        if self.values.shape[1:] != expected:
            raise StyleAlignError(
                f"{source}: {self.space} codes of shape {list(self.values.shape[1:])} do not fit the model, "
                f"which takes {list(expected)}; invert the images with this model"
            )

    def save(self, path: str | Path) -> None:
        """Write `path` (.npz), atomically; the same codes give the same bytes."""
        write_vectors(path, _FORMAT, self, truncation_psi=np.array(self.truncation_psi, dtype=np.float64))

    @classmethod
    def load(
        cls,
        path: str | Path,
        space: Space | None = None,
        model_sha256: str | None = None,
        architecture: Architecture | None = None,
    ) -> "Codes":
        """Read codes.

        Args:
            path: file that `save` wrote, or codes of another program, which are taken as those of the model.
            space: the space the caller needs, None for any.
            model_sha256: the model the caller will use them with, None for any.
            architecture: shape of that model; without it, codes of other programs are refused.

        Raises:
            StyleAlignError: missing or damaged file, or codes of another space, shape or model.
        """
        codes = cls._read(path)
        if codes is None:
            return _finite(cls._read_foreign(path, space, model_sha256, architecture), path)
        if space is not None and codes.space != space:
            raise StyleAlignError(
                f"{path}: holds {codes.space} codes where {space} codes are needed; invert with --space {space}"
            )
        if model_sha256 is not None and codes.model_sha256 != model_sha256:
            raise StyleAlignError(
                f"{path}: belongs to another model (sha256 {codes.model_sha256[:12]}..., not {model_sha256[:12]}...); "
                "invert the images with this model"
            )
        if architecture is not None:
            codes.require_fits(architecture, path)
        return _finite(codes, path)

    @classmethod
    def _read(cls, path: str | Path) -> "Codes | None":
        """Read a file that `save` wrote; None for any other file."""
        try:
            with np.load(path, allow_pickle=False) as file:
                if str(file["format"]) == DIRECTIONS:
                    raise StyleAlignError(
                        f"{path}: a file of directions, not of codes; give it to stylealign edit --directions"
                    )
                if str(file["format"]) != _FORMAT:
                    raise StyleAlignError(
                        f"{path}: unknown code format {str(file['format'])!r}; invert again with this version"
                    )
                parts = (
                    file["values"],
                    str(file["space"]),
                    str(file["model_sha256"]),
                    file["names"].tolist(),
                    float(file["truncation_psi"]),
                )
        except FileNotFoundError as error:
            raise StyleAlignError(f"{path}: no such file; make it with stylealign invert") from error
        except UNREADABLE_ARRAYS:
            return None
        try:
            return cls(*parts)  # type: ignore[arg-type]
        except StyleAlignError as error:
            raise StyleAlignError(
                f"{path}: a damaged file of codes ({error}); make it with stylealign invert"
            ) from error
        except (ValueError, TypeError):
            return None

    @classmethod
    def _read_foreign(
        cls, path: str | Path, space: Space | None, model_sha256: str | None, architecture: Architecture | None
    ) -> "Codes":
        found = read_foreign(path)
        if found is None:
            raise StyleAlignError(f"{path}: not a code file, or a damaged one; make it again with stylealign invert")
        if model_sha256 is None or architecture is None:
            raise StyleAlignError(
                f"{path}: codes of another program, which name no model; convert them: "
                "stylealign convert FILE codes.npz --codes-of MODEL"
            )
        values, named = typed(found, space, architecture, path)
        print(f"{path}: {len(values)} {named} codes of another program, taken as this model's", file=sys.stderr)
        return cls(values, named, model_sha256, found.names)


def _finite(codes: Codes, path: str | Path) -> Codes:
    broken = [name for name, values in zip(codes.names, codes.values, strict=True) if not np.isfinite(values).all()]
    if broken:
        raise StyleAlignError(
            f"{path}: {len(broken)} of {len(codes)} codes are no numbers (NaN or infinite), e.g. of "
            f"{printable(broken[0])}; invert again, with a lower learning rate"
        )
    return codes


def codes_to_ws(codes: Codes, generator: Generator, truncation_psi: float | None = None) -> Tensor:
    """Return the `ws [N, num_ws, w_dim]` of `codes` on the generator's device.

    Z and Z+ codes go through `generator`'s mapping network, which may be a child's. `truncation_psi` None takes the
    truncation the codes were found under; W and W+ codes are never truncated.
    """
    values = torch.from_numpy(codes.values).to(generator.mapping.w_avg)
    psi = codes.truncation_psi if truncation_psi is None else truncation_psi
    return spaces.space_of(codes.space).to_ws(values, generator, psi, mean_label(generator, len(values)))
