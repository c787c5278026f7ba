"""The files of a label network that was trained elsewhere: a YAML and the ONNX file that it names."""

from pathlib import Path

from stylealign.config.labellers import LabellerSettings
from stylealign.config.messages import validate
from stylealign.config.reading import read_yaml

YAML = (".yaml", ".yml")


def is_description(path: str | Path) -> bool:
    """Return whether a file is the YAML of a label network, by its name."""
    return Path(path).suffix.lower() in YAML


def described(path: str | Path) -> tuple[LabellerSettings, Path]:
    """Return what the YAML of a label network says, and its ONNX file.

    Raises:
        StyleAlignError: no such YAML, or a mistake in it.
    """
    path = Path(path)
    settings = validate(LabellerSettings, read_yaml(path), str(path))
    return settings, path.parent / Path(settings.onnx).expanduser() if settings.onnx else path.with_suffix(".onnx")


def onnx_file_of(path: str | Path) -> Path:
    """Return the ONNX file that the YAML of a label network names.

    Raises:
        StyleAlignError: no such YAML, or a mistake in it.
    """
    return described(path)[1]
