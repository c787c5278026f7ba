"""Two models that should be of one architecture: what differs, as a table a person can read."""

from pathlib import Path

from stylealign.checkpoints.checkpoint import Checkpoint, load
from stylealign.errors import StyleAlignError
from stylealign.networks.architecture import Architecture

RUN_TIME_FIELDS = frozenset({"fp16_resolutions", "mbstd_group_size", "label_lr_multiplier"})
"""Fields that change how a network runs, or what the discriminator's weights mean, but not the generator's."""


def architecture_difference(a: Architecture, b: Architecture, names: tuple[str, str] = ("first", "second")) -> str:
    """Return a table of the fields in which two architectures differ, or an empty string.

    Args:
        a: one architecture.
        b: the other.
        names: heads of their columns.
    """
    first, second = a.model_dump(), b.model_dump()
    rows = [(field, _text(first[field]), _text(second[field])) for field in first if first[field] != second[field]]
    rows += [
        (f"channels at {resolution} px", str(a.channels(resolution)), str(b.channels(resolution)))
        for resolution in a.resolutions
        if resolution in b.resolutions and a.channels(resolution) != b.channels(resolution)
    ]
    if not rows:
        return ""
    table = [("", *names), *rows]
    widths = [max(len(row[column]) for row in table) for column in range(3)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table
    )


def require_same_architecture(
    parent: Architecture, child: Architecture, names: tuple[str, str] = ("parent", "child")
) -> None:
    """Check that the weights of two models correspond one to one.

    Fields that only matter at run time (half precision, minibatch-std group) may differ.

    Raises:
        StyleAlignError: they do not; the message names each field with both values.
    """
    ignored = dict.fromkeys(RUN_TIME_FIELDS, 0)
    if parent.model_copy(update=ignored) == child.model_copy(update=ignored):
        return
    first, second = parent.model_dump(), child.model_dump()
    fields = [
        f"{field} {_text(first[field])} / {_text(second[field])}"
        for field in first
        if first[field] != second[field] and field not in RUN_TIME_FIELDS
    ]
    where = f"{names[0]} / {names[1]}"
    raise StyleAlignError(
        f"{where}: of different architecture: {', '.join(fields)}; use a child fine-tuned from this parent"
    )


def _text(value: object) -> str:
    return "none" if value is None else str(value)


def load_matching(first: str | Path, second: str | Path) -> tuple[Checkpoint, Checkpoint]:
    """Return two models of one architecture.

    Raises:
        StyleAlignError: a file that cannot be read, or two models of different architecture.
    """
    one, other = load(first), load(second)
    require_same_architecture(one.architecture, other.architecture, (str(first), str(second)))
    return one, other
