"""Any known format to the native one or to a rosinality-style file."""

import shutil
from pathlib import Path
from typing import Any

from stylealign.checkpoints import native, rosinality_export
from stylealign.checkpoints.recognise import NATIVE, Recognised, read_any
from stylealign.checkpoints.weights import DISCRIMINATOR, Weights
from stylealign.errors import StyleAlignError
from stylealign.files import atomic_path, sha256_of_file

NO_DISCRIMINATOR = (
    "holds no discriminator: a child is trained from it with `discriminator: projected` alone, and invert --reference"
    " compares nothing; everything else works. Give the complete training snapshot for a model with D"
)


def convert(source: str | Path, out: str | Path) -> dict[str, Any]:
    """Convert a checkpoint to the format that the suffix of `out` names.

    Returns:
        A JSON object: path, format, sha256, source_format, source_sha256, notices.

    Raises:
        StyleAlignError: an unreadable source, another suffix, or a model that the format cannot express.
    """
    suffix = Path(out).suffix
    if suffix not in (".safetensors", ".pt"):
        raise StyleAlignError(f"{out}: no known format; name it .safetensors (native), .pt (rosinality style) or .onnx")
    recognised = read_any(source)
    found = sha256_of_file(source)
    notices = notices_of(recognised.weights)
    if suffix == ".pt":
        notices += rosinality_export.write(out, recognised.weights)
    else:
        write_native(source, recognised, out, {"source_sha256": found})
    return {
        "path": str(out),
        "format": "rosinality" if suffix == ".pt" else NATIVE,
        "sha256": sha256_of_file(out),
        "source_format": recognised.format,
        "source_sha256": found,
        "notices": notices,
    }


def notices_of(weights: Weights) -> list[str]:
    """Return what a user should know of a model that was read: what was made of it, and what it cannot do."""
    notices = list(weights.info.get("notices", []))
    return notices if DISCRIMINATOR in weights.networks else [*notices, NO_DISCRIMINATOR]


def write_native(source: str | Path, recognised: Recognised, out: str | Path, provenance: dict[str, Any]) -> None:
    """Write what was read from `source` as a native checkpoint.

    A native file is copied byte for byte, our own exports come back as they were, and a foreign one keeps
    `provenance` in its info.
    """
    source_format, weights = recognised
    if source_format == NATIVE:
        if Path(source).resolve() != Path(out).resolve():
            with atomic_path(out) as temporary:
                shutil.copyfile(source, temporary)
        return
    info = provenance | weights.info if "source_format" in weights.info else weights.info
    native.write(out, Weights(weights.architecture, weights.networks, info))
