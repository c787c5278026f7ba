"""`data/zoo.yaml`: the known models, data sets and feature networks, where to get them, and their checksums."""

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from stylealign.config import project_root, validate, zoo_of
from stylealign.config.places import ZOO
from stylealign.errors import StyleAlignError
from stylealign.files import atomic_path

ModelFormat = Literal["native", "stylegan2-ada-pytorch", "stylegan2-tensorflow", "rosinality"]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class ZooEntry(BaseModel):
    """A known model: bundled (`path`), downloadable (`urls`), or to be downloaded by hand (`page`)."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    description: str
    """One line a person can choose by."""
    path: str | None = None
    """Bundled file, relative to zoo.yaml."""
    urls: tuple[str, ...] = ()
    """Official address and mirrors of the same bytes."""
    page: str | None = None
    """Web page that leads to the file, where no lasting direct address is known."""
    sha256: Sha256 | None = None
    """Checksum of the file as published; null: recorded on the first download and checked from then on."""
    format: ModelFormat
    """Format of the published file (it is recognised by its content all the same)."""
    resolution_px: int | None = None
    """Height and width of its images; null where it is not known for certain."""
    size_mb: int | None = None
    """Size of the download, about; for planning."""
    discriminator: bool = True
    """Whether the file holds one; a generator alone is fine-tuned with `discriminator: projected`."""
    licence: str
    """Licence of the weights."""

    @model_validator(mode="after")
    def _some_origin(self) -> "ZooEntry":
        if not (self.path or self.urls or self.page):
            raise ValueError("give one of path, urls and page")
        return self


class FileEntry(BaseModel):
    """A file that is used as it was published: downloadable (`urls`), or to be downloaded by hand (`page`)."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    description: str
    """One line a person can choose by."""
    urls: tuple[str, ...] = ()
    """Official address and mirrors of the same bytes."""
    page: str | None = None
    """Web page that leads to the file, where no lasting direct address is known."""
    sha256: Sha256 | None = None
    """Checksum of the file as published; null: recorded on the first download and checked from then on."""
    size_mb: int | None = None
    """Size of the download, about; for planning."""
    licence: str
    """Licence of the content."""

    @model_validator(mode="after")
    def _some_origin(self) -> "FileEntry":
        if not (self.urls or self.page):
            raise ValueError("give one of urls and page")
        return self


class DatasetEntry(FileEntry):
    """A known data set: one archive of images."""

    format: Literal["zip", "lmdb"]
    """zip: image files; lmdb: a zip of an LMDB environment whose values are image files, as LSUN is published."""
    train: str = ""
    """Folder inside the archive that holds the training images; empty for all of it but those of `test`."""
    test: str | None = None
    """Folder inside the archive with the published test images; null: test images are drawn from the training ones."""


class Zoo(BaseModel):
    """The content of zoo.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    models: dict[str, ZooEntry]
    datasets: dict[str, DatasetEntry] = {}
    weights: dict[str, FileEntry] = {}


def default_zoo() -> Path:
    """Return the list of known models that is meant where none is named.

    It is `data/zoo.yaml` of the working folder (a checkout, or a list of one's own), else that of the checkout the
    package lies in, else the one installed with the package: the wheel carries the list and the bundled models as data
    files, `share/stylealign/zoo.yaml` and `zoo/` beside it, because they belong to no Python package.
    """
    project = project_root()
    return ZOO if ZOO.is_file() or project is None else zoo_of(project) or ZOO


def load_zoo(path: str | Path) -> Zoo:
    """Read a zoo file.

    Raises:
        StyleAlignError: missing, not YAML, or with an unknown or ill-typed key.
    """
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise StyleAlignError(f"{path}: cannot be read ({error}); give the list of known models with --zoo") from error
    except yaml.YAMLError as error:
        raise StyleAlignError(f"{path}: not YAML ({' '.join(str(error).split())})") from error
    return validate(Zoo, values, str(path))


def list_model(zoo: str | Path, name: str, entry: ZooEntry) -> None:
    """Write a bundled model's entry into a zoo file, in place of its old one or after the bundled ones that are there.

    The other lines, comments too, stay as they are.

    Raises:
        StyleAlignError: the file cannot be read, or its lines are not laid out as those of `data/zoo.yaml`; it stays as
            it is then.
    """
    before = load_zoo(zoo)
    known, lines = before.models, Path(zoo).read_text(encoding="utf-8").splitlines()
    bundled = [key for key, own in known.items() if own.path is not None]
    place = name if name in known else bundled[-1] if bundled else None
    start = _line_of_key(lines, "models") if place is None else _line_of_key(lines, place, "  ")
    by_hand = StyleAlignError(f"{zoo}: not laid out as data/zoo.yaml is; write the entry of {name} into it by hand")
    if start is None:
        raise by_hand
    end = start + 1
    while end < len(lines) and lines[end].startswith("    ") and place is not None:
        end += 1
    values = {name: entry.model_dump(exclude_none=True, exclude_defaults=True)}
    text = yaml.safe_dump(values, sort_keys=False, width=1000, allow_unicode=True, indent=2)
    lines[start if name in known else end : end] = [f"  {line}" for line in text.splitlines()]
    text = "\n".join(lines) + "\n"
    if not _is_zoo(text, before.model_copy(update={"models": known | {name: entry}})):
        raise by_hand
    with atomic_path(zoo) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _line_of_key(lines: list[str], key: str, indent: str = "") -> int | None:
    """Return the place of the line that opens the mapping `key`, None where there is none."""
    for place, line in enumerate(lines):
        inner = line.removeprefix(indent)
        if line.startswith(indent) and not inner.startswith((" ", "#")) and _parsed(inner) == {key: None}:
            return place
    return None


def _parsed(text: str) -> object:
    """Return what a text is as YAML, None where it is none."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None


def _is_zoo(text: str, wanted: Zoo) -> bool:
    """Return whether a text reads as the list that is wanted."""
    try:
        return validate(Zoo, _parsed(text), "") == wanted
    except StyleAlignError:
        return False


FEW_NAMES = 8
"""Known names that a message lists."""


def nearest_name(name: str, known: Iterable[str]) -> str:
    """Return a hint for a name that is not among the known ones."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    more = f" and {len(names) - FEW_NAMES} more" if len(names) > FEW_NAMES else ""
    return f"known names: {', '.join(names[:FEW_NAMES])}{more}"
