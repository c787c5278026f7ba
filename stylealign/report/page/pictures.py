"""Pictures and videos of the report page: embedded, with their words, and how a section lays them out."""

import base64
import dataclasses
import io
import json
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from stylealign.config import Config, DatasetSettings, validate
from stylealign.datasets.domains import artwork_of
from stylealign.errors import StyleAlignError
from stylealign.files import read_json
from stylealign.report.page import words
from stylealign.report.sheets import CLASSES_NOTE, ROWS_NOTE

WIDEST_PX = 2400
"""Wider images are embedded at this width; the file itself stays as it is."""

LARGEST_VIDEO_BYTES = 12_000_000
"""Larger videos are named, not embedded."""


@dataclasses.dataclass(frozen=True)
class Picture:
    """An embedded image or video; a video too large to embed has no `src`."""

    name: str
    src: str
    title: str
    alt: str
    caption: str
    width: int = 0
    height: int = 0
    path: str = ""
    megabytes: float = 0.0
    rows: str = ""
    """Where its rows are, as `sheets.rows_note` says it; empty where they are not known."""
    kind: str = ""
    subject: str = ""


@dataclasses.dataclass(frozen=True)
class Layout:
    """How a section shows its pictures.

    Attributes:
        open: what is seen first.
        tabs: pictures by what they show, where the same kind is shown of several: one of them is seen at a time.
        folded: the others.
    """

    open: tuple[Picture, ...]
    tabs: tuple[tuple[str, tuple[Picture, ...]], ...]
    folded: tuple[Picture, ...]


def arranged(pictures: Sequence[Picture]) -> Layout:
    """Return the layout of a section's pictures: its first kind is open, others are folded, repeated ones in tabs."""
    kinds = [picture.kind for picture in pictures]
    repeated = [picture for picture in pictures if picture.subject and kinds.count(picture.kind) > 1]
    single = [picture for picture in pictures if picture not in repeated]
    subjects = dict.fromkeys(picture.subject for picture in repeated)
    tabs = tuple((name, tuple(one for one in repeated if one.subject == name)) for name in subjects)
    first = [picture for picture in single if picture.kind == kinds[0] or picture.kind not in words.FIGURES]
    return Layout(tuple(first), tabs, tuple(picture for picture in single if picture not in first))


def figure(path: Path) -> Picture:
    text = words.figure_text(path.stem)
    src, width, height = embedded_png(path)
    kind, subject = words.kind_and_subject(path.stem)
    return Picture(
        path.stem,
        src,
        text.title,
        text.alt,
        text.caption,
        width,
        height,
        str(path),
        rows=_rows_of(path),
        kind=kind,
        subject=subject,
    )


def _rows_of(path: Path) -> str:
    """Return what a PNG says of its rows, where there are two or more to compare."""
    with Image.open(path) as image:
        note = str(image.info.get(ROWS_NOTE, ""))
        width, height = image.size
    try:
        rows = json.loads(note) if note else {"labels": []}
        whole = {"width_px": width, "height_px": height, **rows}
        return json.dumps(whole) if len(rows["labels"]) > 1 else ""
    except (ValueError, KeyError, TypeError):  # the note of another program
        return ""


def classes_of(paths: Sequence[Path]) -> dict[str, list[int]]:
    """Return the classes that figures show, with their RGB, as PNGs say it of themselves."""
    found: dict[str, list[int]] = {}
    for path in paths:
        with Image.open(path) as image:
            note = str(image.info.get(CLASSES_NOTE, ""))
        try:
            for name, (red, green, blue) in json.loads(note or "{}").items():
                found.setdefault(name, [int(red), int(green), int(blue)])
        except (ValueError, TypeError, AttributeError):  # the note of another program
            continue
    return found


def preview(domain: str, path: Path, config: Config | None) -> Picture:
    src, width, height = embedded_png(path)
    settings = config.domains.get(domain) if config else None
    caption = ""
    made = path.with_name("config.json")
    if settings and settings.path and made.is_file():  # the numbers of one's own pictures may be found only there
        settings = validate(DatasetSettings, read_json(made), str(made))
    if settings and settings.train_images and settings.test_images:
        train, test = settings.splits
        caption = words.PREVIEW_CAPTION.format(train=train, test=test, size=settings.resolution_px)
    if settings and settings.draw:
        owed = artwork_of(settings.draw).attribution
        caption += f" {owed.replace('https://', '')}"  # the page holds no address that a browser could follow
    return Picture(
        f"preview-{domain}", src, domain, f"A grid of images of the domain {domain}.", caption, width, height
    )


def video(child: str, path: Path, config: Config | None) -> Picture:
    content = _bytes(path)
    model = config.models.get(child) if config else None
    even = config is not None and config.morphing.even
    caption = words.VIDEO_CAPTION.format(
        parent=model.parent if model else "the parent",
        child=child,
        timing="re-timed to even perceptual steps" if even else "spaced evenly in the parameter that moves them",
    )
    src = "" if len(content) > LARGEST_VIDEO_BYTES else data_uri(content, "video/mp4")
    alt = f"Video: test images of the parent's domain turn into images of {child}."
    return Picture(
        f"morph-{child}",
        src,
        f"Morphs to {child}",
        alt,
        caption,
        path=str(path),
        megabytes=len(content) / 1e6,
        kind="morph",
        subject=child,
    )


def embedded_png(path: Path) -> tuple[str, int, int]:
    """Return an image file as a data URI with its width and height, no wider than `WIDEST_PX`.

    Raises:
        StyleAlignError: missing or not an image.
    """
    content = _bytes(path)
    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.width <= WIDEST_PX and image.format == "PNG":
                return data_uri(content, "image/png"), image.width, image.height
            height = round(image.height * min(1.0, WIDEST_PX / image.width))
            smaller = image.convert("RGB").resize((min(image.width, WIDEST_PX), height), Image.Resampling.LANCZOS)
    except (OSError, SyntaxError, ValueError) as error:
        raise StyleAlignError(f"{path}: cannot be read as an image ({error}); make it again") from error
    text = io.BytesIO()
    smaller.save(text, "PNG", optimize=True)
    return data_uri(text.getvalue(), "image/png"), smaller.width, smaller.height


def data_uri(content: bytes, media_type: str) -> str:
    """Return bytes as a data URI."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StyleAlignError(f"{path}: {error.strerror}; make it or leave it out") from error
