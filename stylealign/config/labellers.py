"""A label network that was trained elsewhere: what its ONNX file takes and gives."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from stylealign.config.base import Positive, PositiveFloat, Settings

Three = tuple[float, float, float]
Scale = tuple[PositiveFloat, PositiveFloat, PositiveFloat]
LabelTaskName = Literal["segmentation", "keypoints", "pose", "attributes"]
OUTPUTS: dict[str, tuple[str, ...]] = {
    "segmentation": ("scores", "probabilities", "classes"),
    "keypoints": ("heatmaps", "pixels", "shares", "centred"),
    "pose": ("values",),
    "attributes": ("scores", "logits", "probabilities"),
}
"""Task -> kinds of output that its networks may give; the first is the default."""


class LabellerSettings(Settings):
    """A label network as an ONNX file, described by a YAML beside it."""

    onnx: str | None = None
    """The ONNX file, relative to this one. Default: the name of this file with .onnx."""
    task: LabelTaskName
    """What it predicts: segmentation, keypoints, pose (any numbers of an image) or attributes."""
    size_px: Positive | None = None
    """Height and width of the images that it takes. Default: as the ONNX file says."""
    white: Literal[1, 255] = 1
    """Value of a white pixel before mean and scale; black is 0."""
    mean: Three = (0.0, 0.0, 0.0)
    """Subtracted from red, green and blue."""
    scale: Scale = (1.0, 1.0, 1.0)
    """What red, green and blue are divided by then."""
    colours: Literal["rgb", "bgr"] = "rgb"
    """Order of the colours in its input."""
    layout: Literal["nchw", "nhwc"] = "nchw"
    """Order of the axes of its input and of its maps: channels before or behind the pixels."""
    output: str | None = None
    """Kind of its output. Segmentation: scores (before a softmax), probabilities, or classes (their numbers).
    Key points: heatmaps, or coordinates (x, y) in pixels of the input, shares of the frame, or centred (-1 to 1).
    Numbers: values. Attributes: scores (one for every value), or logits or probabilities (one for every attribute)."""
    output_name: str | tuple[str, ...] | None = None
    """The output that is meant, where there are several; a list is put together."""
    names: tuple[str, ...] | dict[str, tuple[str, ...]]
    """Names of classes (the background first), key points, numbers or attributes, in the order of the output. Of
    attributes with more than two values: a mapping of each to its values."""
    visible_name: str | None = None
    """Output with a score of each key point."""
    visible_from: float | None = None
    """Score, or peak of the heat map, from which on a key point counts as seen. Default: all are seen."""
    swapped: tuple[tuple[str, str], ...] | None = None
    """Names that change places when an image is mirrored. Default: those that differ in left and right, or l and r."""
    negated: tuple[str, ...] | None = None
    """Numbers that change sign when an image is mirrored. Default: rotation_deg and shift_x."""
    spreads: tuple[PositiveFloat, ...] | None = None
    """About one standard deviation of each number, as networks that learn from it count in it. Default: 15 of a number
    whose name ends in _deg, 1 of another."""

    @model_validator(mode="after")
    def _kinds_agree(self) -> "LabellerSettings":
        known = OUTPUTS[self.task]
        if self.output is not None and self.output not in known:
            raise ValueError(f"output: {self.output!r} is no output of {self.task}; give {', '.join(known)}")
        if isinstance(self.names, dict) != (self.task == "attributes" and self.kind == "scores"):
            form = "a mapping of each attribute to its values" if self.task == "attributes" else "a list"
            raise ValueError(f"names: of {self.task} with the output {self.kind} they are {form}")
        odd = next((name for name in self.names if "=" in name), None)
        if odd is not None and self.task in ("pose", "attributes"):
            raise ValueError(f"names: {odd!r} has =, which stands between attributes and values; give another name")
        if not self.names or len(set(self.names)) < len(self.names):
            raise ValueError("names: give at least one, and each one once")
        seen = self.visible_name is not None or self.kind == "heatmaps"
        if self.visible_from is not None and not (self.task == "keypoints" and seen):
            raise ValueError("visible_from: goes with heat maps, or with visible_name")
        if self.visible_name is not None and self.task != "keypoints":
            raise ValueError("visible_name: only key points are seen or not")
        self._check_lists()
        return self

    def _check_lists(self) -> None:
        """Check the keys that go with some tasks alone, and that name names."""
        known = set(self.names)
        if self.negated is not None and self.task != "pose":
            raise ValueError("negated: goes with the task pose")
        swapped = [name for pair in self.swapped or () for name in pair]
        for key, given in (("swapped", swapped), ("negated", list(self.negated or ()))):
            if set(given) - known:
                raise ValueError(f"{key}: {min(set(given) - known)!r} is not among the names")
        if self.spreads is not None and (self.task != "pose" or len(self.spreads) != len(self.names)):
            raise ValueError("spreads: goes with the task pose, one for each name")

    @property
    def kind(self) -> str:
        """The kind of its output."""
        return self.output or OUTPUTS[self.task][0]


if TYPE_CHECKING:
    Labellers = dict[str, str]
else:
    Labellers = dict[LabelTaskName, Annotated[str, Field(min_length=1)]]
"""Task -> the YAML file of a network, or a network of `stylealign supervise`, that labels a domain's images."""
