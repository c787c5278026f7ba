"""Codes that other programs wrote: `projected_w.npz`, `.npy`, and tensors saved by torch, such as `latents.pt`.

Such a file names neither space nor model: the space comes from the shape, from the name of the array, or from the user.
No code from the file runs.
"""

import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from stylealign.checkpoints.untrusted.source import Source
from stylealign.checkpoints.untrusted.torch_files import (
    LEGACY_START,
    PICKLE_START,
    ZIP_START,
    read_legacy,
    read_pickle,
    read_zip,
)
from stylealign.checkpoints.untrusted.values import Array, StoredTensor
from stylealign.errors import StyleAlignError
from stylealign.files import UNREADABLE_ARRAYS, opened_zip
from stylealign.latents.spaces import SPACES, LatentSpace, most_detailed, space_of
from stylealign.networks.architecture import Architecture

KEYS = ("w", "ws", "w_plus", "wp", "z", "latent", "latents", "latent_code", "latent_codes", "codes", "arr_0")
"""Names under which programs keep their codes; the first there is taken (`arr_0` is NumPy's for an array without)."""
NUMPY_START = b"\x93NUMPY"


class ForeignCodes(NamedTuple):
    """What a file holds, of any shape."""

    values: NDArray[np.floating]
    """float32, or float64 where the file has it."""
    key: str
    """Name of the array, empty where it has none."""
    names: Sequence[str]
    """Names of the images, empty where the file has none."""


def read_foreign(path: str | Path) -> ForeignCodes | None:
    """Read codes of another program; None where the file holds none.

    Raises:
        StyleAlignError: missing, or a NumPy file with pickled objects, or a torch file that is damaged.
    """
    with Source(path) as source:
        start = source.data[:32]
        entries = _zip_entries(path) if start.startswith(ZIP_START) else []
        if start.startswith(NUMPY_START) or (entries and all(name.endswith(".npy") for name in entries)):
            return _codes_in(_numpy(path))
        if any(name.endswith("/data.pkl") for name in entries):
            return _codes_in(read_zip(source))
        if start.startswith(LEGACY_START):
            return _codes_in(read_legacy(source))
        return _codes_in(read_pickle(source)) if start.startswith(PICKLE_START) else None


def _zip_entries(path: str | Path) -> list[str]:
    try:
        with opened_zip(path) as archive:
            return archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return []


def _numpy(path: str | Path) -> Any:
    try:
        found = np.load(path, allow_pickle=False)
        if isinstance(found, np.ndarray):
            return found
        with found:
            return {name: found[name] for name in KEYS if name in found.files}
    except ValueError as error:
        if "pickle" not in str(error):
            return None
        raise StyleAlignError(
            f"{path}: holds pickled Python objects, which could run code; save the codes as a plain array of numbers"
        ) from error
    except UNREADABLE_ARRAYS:
        return None


def read_arrays(path: str | Path) -> ForeignCodes | None:
    """Read a NumPy file whose arrays are all meant, whole numbers too; None for any other, or unlike shapes.

    Several arrays are stacked, under their names; `[1, D]` is like `[D]`.
    """
    try:
        found = np.load(path, allow_pickle=False)
        arrays = {"": found} if isinstance(found, np.ndarray) else {name: found[name] for name in found.files}
    except UNREADABLE_ARRAYS:
        return None
    # Of a zip that is not NumPy's, members come as bytes.
    if not arrays or any(not isinstance(part, np.ndarray) or part.dtype.kind not in "fiu" for part in arrays.values()):
        return None
    alike = _alike([array.astype(np.float64) for array in arrays.values()])
    if alike is None:
        return None
    stacked = np.stack(alike)
    return ForeignCodes(stacked[0], "", []) if len(arrays) == 1 else ForeignCodes(stacked, "", list(arrays))


def _codes_in(value: Any) -> ForeignCodes | None:
    """Return the codes in an array, a list of arrays, or a dictionary: by a known key, or one entry an image."""
    whole = _array(value)
    if whole is not None:
        return ForeignCodes(whole, "", [])
    if isinstance(value, list | tuple):
        value = {str(index): part for index, part in enumerate(value)}
    if not isinstance(value, dict) or not value:
        return None
    for key in KEYS:
        found = _array(value.get(key))
        if found is not None:
            return ForeignCodes(found, key, [])
    parts = [_codes_in(part) for part in value.values()]
    arrays = _alike([part.values for part in parts if part is not None])
    if not parts or arrays is None or len(arrays) < len(parts):
        return None
    names = [Path(str(name)).name for name in value]
    first = arrays[0]
    # Of an image, a leading axis of length 1 is that of a batch of one.
    stacked = np.concatenate(arrays) if first.ndim > 1 and first.shape[0] == 1 else np.stack(arrays)
    return ForeignCodes(stacked, parts[0].key if parts[0] else "", names)


def _alike(arrays: list[NDArray[Any]]) -> list[NDArray[Any]] | None:
    """Return arrays of one shape, without leading axes of length 1 where they differ; None of unlike shapes."""
    if len({array.shape for array in arrays}) > 1:
        arrays = [_bare(array) for array in arrays]
    return arrays if len({array.shape for array in arrays}) == 1 else None


def _bare(array: NDArray[Any]) -> NDArray[Any]:
    while array.ndim > 1 and array.shape[0] == 1:
        array = array[0]
    return array


def _array(value: Any) -> NDArray[np.floating] | None:
    """Return numbers of one to four axes as float32, or float64 where they are; None for anything else."""
    if isinstance(value, StoredTensor | Array):
        value = value.read()
    if isinstance(value, torch.Tensor):
        value = (value if value.dtype == torch.float64 else value.float()).numpy()
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f" or not 1 <= value.ndim <= 4 or not value.size:
        return None
    return value.astype(np.float64 if value.dtype.itemsize > 4 else np.float32)


def typed(
    found: ForeignCodes, space: str | None, architecture: Architecture, source: str | Path
) -> tuple[NDArray[np.float32], str]:
    """Return codes `[N, *shape]` of a model and the name of their space.

    Of the spaces that the values fit, the most detailed one of w; one of z where the array is called so. `[num_ws,
    w_dim]` is one code.

    Args:
        found: what the file holds.
        space: the space, None to find it.
        architecture: shape of the model.
        source: the file, for errors.

    Raises:
        StyleAlignError: a shape that no code of the model has, or one of z or of w, without a name to tell.
    """
    with np.errstate(over="ignore"):  # what float32 cannot hold is no finite number, and refused as such
        values = found.values.astype(np.float32)
    fitting = {one.name: codes for one in SPACES if (codes := _as_codes(values, one, architecture)) is not None}
    shape = list(values.shape)
    if space is not None and space in fitting:
        return fitting[space], space
    if space is not None or not fitting:
        # What programs write most is named in the error.
        named = space or most_detailed(one.name for one in SPACES if one.vectors is not None)
        expected = list(space_of(named).shape(architecture))
        other = f"; {_say(fitting)}" if fitting else ""
        raise StyleAlignError(
            f"{source}: values of shape {shape} are no {named} codes of the model, which takes {expected}{other}"
        )
    by_name = found.key[:1] in ("z", "w")
    chosen = most_detailed([one for one in fitting if space_of(one).is_mapped == (found.key == "z")] or fitting)
    rivals = [one for one in fitting if space_of(one).vectors is None]
    if not by_name and chosen in rivals and len(rivals) > 1:
        raise StyleAlignError(f"{source}: values of shape {shape} may be {' or '.join(rivals)} codes; {_say(rivals)}")
    return fitting[chosen], chosen


def _say(spaces: Iterable[str]) -> str:
    return f"say which with --space {' or '.join(spaces)} (of stylealign convert, where a verb has no such flag)"


def _as_codes(
    values: NDArray[np.float32], space: LatentSpace, architecture: Architecture
) -> NDArray[np.float32] | None:
    """Return values as `[N, *shape]` codes of a space, None where they cannot be."""
    shape = space.shape(architecture)
    if values.shape == shape:
        return values[None]
    while values.ndim > len(shape) + 1 and 1 in values.shape[1:-1]:
        values = values.squeeze(1 + values.shape[1:-1].index(1))
    if space.vectors is None and not space.is_mapped and values.ndim == 3 and (values == values[:, :1]).all():
        values = values[:, 0]  # one w, repeated for every layer
    return values if values.shape[1:] == shape else None
