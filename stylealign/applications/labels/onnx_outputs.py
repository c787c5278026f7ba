"""What an ONNX labeller gives, as the outputs of this project's label networks."""

import torch
from torch import Tensor
from torch.nn import functional as F

from stylealign.config import LabellerSettings
from stylealign.errors import StyleAlignError

FAINTEST = 1e-4
"""Least probability of a class, so that its logarithm is finite."""
SURE = 20.0
"""Log-odds of a key point that counts as seen in any case."""
_STEEP = 10.0
"""Log-odds for each unit of a heat map above what counts as seen."""
_OVERSHOT = 0.1
"""How far a probability may lie outside 0 and 1: maps that a network enlarges overshoot."""


def check_given(given: Tensor, settings: LabellerSettings, file: str) -> None:
    """Refuse an output that no label can be made of.

    Args:
        given: any output of the network; `-inf` is allowed, as the score of what is ruled out.
        settings: the kind of output, and the names.
        file: the network's file, for messages.

    Raises:
        StyleAlignError: NaN or infinity, a class without a name, or probabilities that are none.
    """
    if not given.is_floating_point():
        if settings.kind == "classes":
            _check_classes(given, len(settings.names), file)
        return
    if given.isnan().any() or given.isposinf().any():
        raise StyleAlignError(not_finite(file))
    low, high = given.min().item(), given.max().item()
    if settings.kind == "probabilities" and not -_OVERSHOT <= low <= high <= 1 + _OVERSHOT:
        raise StyleAlignError(
            f"{file}: gives numbers from {low:.4g} to {high:.4g} where probabilities are asked for; mend output: in "
            "its YAML, or export it with its last layer"
        )


def _check_classes(given: Tensor, count: int, file: str) -> None:
    low, high = int(given.min()), int(given.max())
    if low < 0 or high >= count:
        raise StyleAlignError(
            f"{file}: gives the class {low if low < 0 else high}, and its YAML names {count} (0 to {count - 1}); name "
            "every class there, in the order of the network"
        )


def not_finite(file: str) -> str:
    """Return the message about a network that gives numbers which are none."""
    return (
        f"{file}: gives NaN or infinity; mend mean, scale and white in its YAML, which say what pixels it takes, or "
        "export it again in float32"
    )


def class_maps(given: Tensor, settings: LabellerSettings, size: int) -> Tensor:
    """Return the logarithm of the probability of each class, `[N, C, size, size]`.

    Args:
        given: `[N, C, h, w]` scores or probabilities, or `[N, h, w]` numbers of classes.
        settings: the kind of output, and the names.
        size: height and width of the images.
    """
    if settings.kind == "classes":
        shares = F.one_hot(given.long(), len(settings.names)).permute(0, 3, 1, 2).float()
    elif settings.kind == "scores":
        shares = given.float().softmax(dim=1)
    else:
        shares = given.float().clamp(min=0)
    if shares.shape[-2:] != (size, size):
        shares = F.interpolate(shares, (size, size), mode="bilinear", antialias=True)
    return shares.clamp(min=FAINTEST).log()


def positions(given: Tensor, settings: LabellerSettings, size: int) -> Tensor:
    """Return key points `[N, K, 2]` (x, y) as shares of the frame.

    Args:
        given: heat maps `[N, K, h, w]`, or coordinates `[N, K, 2]` or `[N, 2 K]`.
        settings: the kind of output.
        size: height and width of the network's input, for coordinates in its pixels.
    """
    if settings.kind == "heatmaps":
        return peaks(given.float())[0]
    points = given.float().reshape(len(given), -1, 2)
    if settings.kind == "pixels":
        return points / size
    return points if settings.kind == "shares" else (points + 1) / 2


def peaks(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Return the places `[N, K, 2]` (x, y), as shares of the frame, and the heights `[N, K]` of the highest values.

    The place between pixels is the vertex of the parabola through the highest value and its neighbours on each axis.

    Args:
        maps: `[N, K, h, w]`.
    """
    height, width = maps.shape[2:]
    values, index = maps.flatten(2).max(dim=2)
    rows, columns = index // width, index % width
    along_x = _neighbours(maps.gather(2, rows[..., None, None].expand(-1, -1, 1, width))[:, :, 0], columns)
    along_y = _neighbours(maps.gather(3, columns[..., None, None].expand(-1, -1, height, 1))[..., 0], rows)
    x, y = columns + _vertex(along_x) + 0.5, rows + _vertex(along_y) + 0.5
    return torch.stack([x / width, y / height], dim=2), values


def _neighbours(line: Tensor, places: Tensor) -> Tensor:
    """Return the values `[N, K, 3]` of lines `[N, K, L]` before, at and behind a place; at an end, mirrored."""
    steps = places[..., None] + torch.arange(-1, 2, device=line.device)
    last = line.shape[2] - 1
    inside = (last - (last - steps.abs()).abs()).clamp(min=0)
    return line.gather(2, inside)


def _vertex(values: Tensor) -> Tensor:
    """Return how far from the middle one of three values `[..., 3]` their parabola is highest, at most half a step."""
    before, middle, behind = values.unbind(dim=-1)
    bend = before - 2 * middle + behind
    offset = torch.where(bend < 0, (before - behind) / (2 * bend.clamp(max=-1e-12)), torch.zeros_like(bend))
    return offset.clamp(-0.5, 0.5)


def seen(given: Tensor, scores: Tensor | None, settings: LabellerSettings) -> Tensor:
    """Return the log-odds `[N, K]` that each key point is seen: above 0 from `visible_from` on.

    Args:
        given: the output with the key points.
        scores: `[N, K]`, the output `visible_name`; None without one.
        settings: the kind of output, and from where on a point counts as seen.
    """
    if scores is None and settings.visible_from is not None:
        scores = given.float().flatten(2).amax(dim=2) * _STEEP
        return scores - settings.visible_from * _STEEP
    if scores is None:
        return given.new_full((len(given), len(settings.names)), SURE, dtype=torch.float32)
    return scores.float().flatten(1) - (settings.visible_from or 0.0)


def attribute_scores(given: Tensor, settings: LabellerSettings) -> Tensor:
    """Return a score `[N, V]` for every value of every attribute; of yes and no, `no` has the score 0."""
    if settings.kind == "scores":
        return given.float().flatten(1)
    yes = given.float().flatten(1)
    yes = yes.logit(eps=FAINTEST) if settings.kind == "probabilities" else yes
    return torch.stack([torch.zeros_like(yes), yes], dim=2).flatten(1)
