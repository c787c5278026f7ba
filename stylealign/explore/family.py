"""The models of the page: a parent and the children that are drawn beside it, bundled ones or one's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stylealign import load
from stylealign.checkpoints import Checkpoint
from stylealign.checkpoints.differences import require_same_architecture
from stylealign.checkpoints.native import read_header
from stylealign.checkpoints.zoo import load_zoo, nearest_name
from stylealign.errors import StyleAlignError
from stylealign.latents.kinship import KIN, fingerprint

BUNDLED_PARENT = "human-64-a"


@dataclass(frozen=True, eq=False)
class Member:
    """A model of the page."""

    name: str
    path: Path
    checkpoint: Checkpoint
    is_kin: bool = True
    """Whether its weights look like the parent's fine-tuned ones."""


@dataclass(frozen=True, eq=False)
class Family:
    """A parent and its children, all of one architecture."""

    parent: Member
    children: Sequence[Member]


def family_of(parent: str | None, children: Sequence[tuple[str, str]], zoo: Path) -> Family:
    """Return the models that a user named.

    Args:
        parent: path, or name of a bundled model; None for the bundled parent.
        children: name (empty: that of the file) and path, or name of a bundled model. Without any, the bundled models
            whose weights look like the parent's fine-tuned ones.
        zoo: the list of known models.

    Raises:
        StyleAlignError: no such file or name, an unreadable model, a name twice, or models of two architectures.
    """
    head = _member("", parent or BUNDLED_PARENT, zoo)
    if not children:
        return Family(head, _bundled_children(head, zoo))
    found: list[Member] = []
    for name, text in children:
        member = _member(name, text, zoo)
        names = (str(head.path), str(member.path))
        require_same_architecture(head.checkpoint.architecture, member.checkpoint.architecture, names)
        if member.name in (other.name for other in [head, *found]):
            raise StyleAlignError(f"--child: two models are called {member.name!r}; name one: --child NAME={text}")
        found.append(Member(member.name, member.path, member.checkpoint, _are_kin(head.checkpoint, member.checkpoint)))
    return Family(head, found)


def _member(name: str, text: str, zoo: Path) -> Member:
    path = _file_of(text, zoo)
    # Files of a run are all called model.safetensors: their folder tells them apart.
    own = path.absolute().parent.name if path.stem in ("model", "child", "parent") else path.stem
    return Member(name or own, path, load(path))


def _file_of(text: str, zoo: Path) -> Path:
    path = Path(text)
    if path.is_file():
        return path
    if path.is_dir():
        raise StyleAlignError(f"{text}: is a folder; give the model in it (model.safetensors of a run)")
    if zoo.is_file() and not path.suffix and len(path.parts) == 1:
        known = load_zoo(zoo).models
        entry = known.get(text)
        if entry is None:
            raise StyleAlignError(f"{text}: no such file, and no such name in {zoo}; {nearest_name(text, known)}")
        if entry.path is None:
            raise StyleAlignError(f"{text}: is not bundled; stylealign fetch {text} --out {text}.safetensors first")
        return zoo.parent / entry.path
    raise StyleAlignError(f"{text}: no such file; give a model (.safetensors, .pkl, .pt) or the name of a bundled one")


def _bundled_children(parent: Member, zoo: Path) -> list[Member]:
    """Return the bundled models that are fine-tuned from a parent, by their weights; one that is called after another
    (`toon-64-plain`) is there to be compared with it, and is drawn by name alone."""
    if not zoo.is_file():
        return []
    found = []
    known = load_zoo(zoo).models
    for name, entry in known.items():
        if name.rpartition("-")[0] in known:
            continue
        path = None if entry.path is None else zoo.parent / entry.path
        if path is None or not path.is_file() or path.resolve() == parent.path.resolve():
            continue
        if read_header(path)["architecture"].get("resolution") != parent.checkpoint.architecture.resolution:
            continue
        checkpoint = load(path)
        if _are_kin(parent.checkpoint, checkpoint):
            found.append(Member(name, path, checkpoint))
    return found


def _are_kin(parent: Checkpoint, child: Checkpoint) -> bool:
    """Tell by the weights of the mapping network, which fine-tuning hardly moves."""
    if parent.generator.synthesis.num_ws != child.generator.synthesis.num_ws:
        return False
    first, second = fingerprint(parent.generator), fingerprint(child.generator)
    if first.shape != second.shape or parent.sha256 == child.sha256:
        return False
    lengths = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) > KIN * max(lengths, float(np.finfo(float).tiny))
