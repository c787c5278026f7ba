"""Names of the ids or colours of masks."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stylealign.config.reading import loaded_yaml
from stylealign.datasets.annotations import UNKNOWN_CLASS
from stylealign.errors import StyleAlignError
from stylealign.files import own_path

IGNORE = "ignore"
"""Name of an id or colour whose pixels count nowhere."""

Colour = tuple[int, int, int]


class UnknownIdError(Exception):
    """A mask has an id or colour without a name."""


class ClassTable:
    """Ids or colours of masks, and the classes that they are.

    Without names, every id that occurs is a class of its own, named by its number.

    Attributes:
        names: the classes.
    """

    def __init__(self, entries: Mapping[str, str] | None) -> None:
        """Read what the ids or colours are called.

        Args:
            entries: "7", "#rrggbb" or "r,g,b" -> class, or `IGNORE`; None: classes are named by their ids.

        Raises:
            ValueError: a key that is neither, ids beside colours, or more classes than a map can hold.
        """
        self._grows = entries is None
        keys = [_key(key) for key in entries or {}]
        self.is_of_colours = bool(keys) and isinstance(keys[0], tuple)
        if any(isinstance(key, tuple) != self.is_of_colours for key in keys):
            raise ValueError("ids stand beside colours")
        self.names = list(dict.fromkeys(name for name in (entries or {}).values() if name != IGNORE))
        if len(self.names) > UNKNOWN_CLASS:
            raise ValueError(f"{len(self.names)} classes, more than {UNKNOWN_CLASS}")
        numbers = [_number(key) for key in keys]
        twice = [text for text, number in zip(entries or {}, numbers, strict=True) if numbers.count(number) > 1]
        if twice:
            raise ValueError(f"{' and '.join(twice)} are the same")
        self._places = {
            _number(key): UNKNOWN_CLASS if name == IGNORE else self.names.index(name)
            for key, name in zip(keys, (entries or {}).values(), strict=True)
        }

    def classes_of(self, mask: Image.Image) -> NDArray[np.uint8]:
        """Return the class of each pixel `[h, w]`, `UNKNOWN_CLASS` where it is to be ignored.

        Raises:
            UnknownIdError: an id or colour without a name, or a mask of colours where ids are named.
        """
        ids = _colours(mask) if self.is_of_colours else _ids(mask)
        found, inverse = np.unique(ids, return_inverse=True)
        if self._grows:
            self._grow(found)
        unknown = [int(one) for one in found if int(one) not in self._places]
        if unknown:
            kind = f"colour #{unknown[0]:06x}" if self.is_of_colours else f"id {unknown[0]}"
            raise UnknownIdError(f"unknown {kind} ({len(unknown)} of them)" if len(unknown) > 1 else f"unknown {kind}")
        places = np.array([self._places[int(one)] for one in found], np.uint8)
        return places[inverse].reshape(ids.shape)

    def _grow(self, found: NDArray[np.int64]) -> None:
        for one in found:
            if int(one) not in self._places and len(self.names) < UNKNOWN_CLASS:
                self._places[int(one)] = len(self.names)
                self.names.append(str(one))

    def sorted_names(self) -> list[str]:
        """Return the names in the order of their ids where they are ids, as they were given otherwise."""
        return sorted(self.names, key=int) if self._grows else list(self.names)


def read_classes(given: str | Mapping[str, str] | None) -> ClassTable:
    """Return the table of what `classes` says.

    Args:
        given: a YAML or JSON file, or its content: a mapping of ids or colours to names.

    Raises:
        StyleAlignError: unreadable, or no such mapping.
    """
    where = given if isinstance(given, str) else "classes"
    try:
        entries = _loaded(Path(own_path(given))) if isinstance(given, str) else given
        return ClassTable(entries)
    except UnicodeDecodeError as error:
        raise StyleAlignError(f"{where}: is not UTF-8; save the file in that encoding") from error
    except OSError as error:
        raise StyleAlignError(f"{where}: {error.strerror}; give a YAML file of ids or colours and names") from error
    except ValueError as error:
        said = " ".join(str(error).split())
        raise StyleAlignError(f"{where}: no names of classes ({said}); give {{0: background, 1: hair}}") from error


def _loaded(path: Path) -> dict[str, str]:
    content = loaded_yaml(path.read_text(encoding="utf-8-sig"), str(path))
    if isinstance(content, Sequence) and not isinstance(content, str):
        content = dict(enumerate(content))
    if not isinstance(content, dict) or not content:
        raise ValueError("it holds no mapping")
    for key, name in content.items():
        if isinstance(name, bool) or not isinstance(name, str | int | float):
            hint = "; YAML reads no and yes as such unless they stand in quotes" if isinstance(name, bool) else ""
            raise ValueError(f"{key} is called {name!r}, which is no text{hint}")
    return {str(key): str(name) for key, name in content.items()}


def _key(text: str) -> int | Colour:
    if text.isascii() and text.isdigit():
        return int(text)
    match = re.fullmatch(r"#?([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})", text)
    parts = [int(part, 16) for part in match.groups()] if match else []
    if not parts and re.fullmatch(r"\[?\(?\s*\d+\s*,\s*\d+\s*,\s*\d+\s*\)?\]?", text):
        parts = [int(part) for part in re.findall(r"\d+", text)]
    if len(parts) != 3 or max(parts) > 255:
        raise ValueError(f"{text!r} is no id and no colour")
    return parts[0], parts[1], parts[2]


def _number(key: int | Colour) -> int:
    return key if isinstance(key, int) else (key[0] << 16) + (key[1] << 8) + key[2]


def _ids(mask: Image.Image) -> NDArray[np.int64]:
    """Return palette indices or grey values; a colour image counts where it is grey."""
    if mask.mode in ("LA", "La", "PA"):
        mask = mask.getchannel(0)
    if len(mask.getbands()) > 1:
        mask = mask.convert("RGB")
        pixels = np.asarray(mask)
        if (pixels != pixels[..., :1]).any():
            raise UnknownIdError("a mask of colours (name its colours in `classes`)")
        return pixels[..., 0].astype(np.int64)
    return np.asarray(mask).astype(np.int64)


def _colours(mask: Image.Image) -> NDArray[np.int64]:
    pixels = np.asarray(mask.convert("RGB")).astype(np.int64)
    return (pixels[..., 0] << 16) + (pixels[..., 1] << 8) + pixels[..., 2]
