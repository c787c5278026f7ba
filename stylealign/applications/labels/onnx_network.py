"""Label networks that were trained elsewhere: an ONNX file and a YAML that says what it takes and gives.

onnxruntime runs the file: no code of it does. Everything that takes a label network takes one of these.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from stylealign.applications.labels import onnx_outputs
from stylealign.applications.labels.spec import Labeller, LabelSpec
from stylealign.config import LabellerSettings
from stylealign.config.labeller_files import described
from stylealign.datasets.label_names import LabelNames, sides_of
from stylealign.datasets.shared_attributes import NO_YES
from stylealign.errors import StyleAlignError, did_you_mean
from stylealign.networks.onnx_session import TYPES, OnnxModel

_BATCH = 4
"""Images at once, where a file takes any number: maps of many classes at a large size take much memory."""


class OnnxLabeller(Labeller):
    """A label network in an ONNX file; it takes images of any size, and resizes them to its own.

    Attributes:
        spec: what it predicts, on images of the size that the caller has.
        settings: what the file takes and gives.
        model: the file.
        size_px: height and width of its own input.
    """

    _marker: Tensor

    def __init__(self, model: OnnxModel, settings: LabellerSettings, source: str, resolution_px: int | None) -> None:
        """Check the file against its description and run it once.

        Args:
            model: the file.
            settings: its description.
            source: file of the description, for messages.
            resolution_px: size of the caller's images; None for the network's own.

        Raises:
            StyleAlignError: the two do not go together; the message says in what.
        """
        super().__init__()
        self.settings, self.model = settings, model
        self._input = _image_input(model, settings, source)
        self.size_px = _size(model, settings, source)
        self._outputs = _outputs(model, settings, source)
        self.register_buffer("_marker", torch.zeros(0), persistent=False)
        self.spec = _spec(settings, resolution_px or self.size_px)
        self._check_outputs(source)
        self.eval()

    @property
    def device(self) -> torch.device:
        """The device that it takes images on; onnxruntime chooses its own."""
        return self._marker.device

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Return the outputs of `Labeller`; of key points `positions` `[N, K, 2]` in place of `maps`.

        Raises:
            StyleAlignError: the file gives something that no label can be made of.
        """
        size = self.spec.resolution_px
        assert images.shape[1:] == (3, size, size), f"images must be [N, 3, {size}, {size}], not {list(images.shape)}"
        batch = self._input.shape[0] or _BATCH
        parts = [self._labels(part) for part in images.split(batch)]
        return {name: torch.cat([part[name] for part in parts]).to(images.device) for name in parts[0]}

    def _labels(self, images: Tensor) -> dict[str, Tensor]:
        """Return the outputs for images that the file takes at once."""
        given, scores = self._run(images)
        found = self._read(given, scores)
        if not all(values.isfinite().all() for values in found.values()):
            raise StyleAlignError(onnx_outputs.not_finite(self.model.name))
        return found

    def _read(self, given: Tensor, scores: Tensor | None) -> dict[str, Tensor]:
        """Return the outputs of `Labeller` for what the file gave."""
        settings, size = self.settings, self.spec.resolution_px
        onnx_outputs.check_given(given, settings, self.model.name)
        if settings.task == "segmentation":
            return {"maps": onnx_outputs.class_maps(given, settings, size)}
        if settings.task == "keypoints":
            points = onnx_outputs.positions(given, settings, self.size_px)
            return {"positions": points, "numbers": onnx_outputs.seen(given, scores, settings)}
        if settings.task == "pose":
            return {"numbers": given.float().flatten(1) / given.new_tensor(self.spec.units, dtype=torch.float32)}
        return {"numbers": onnx_outputs.attribute_scores(given, settings)}

    def _run(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the output that is meant, channels first, and that of visibility, if one is named."""
        count, fixed = len(images), self._input.shape[0]
        values = self._prepared(images)
        if fixed is not None and count < fixed:
            values = np.concatenate([values, np.repeat(values[-1:], fixed - count, axis=0)])
        visible = self.settings.visible_name
        found = self.model.run({self._input.name: values}, [*self._outputs, *([visible] if visible else [])])
        tensors = [torch.from_numpy(np.ascontiguousarray(array[:count])) for array in found]
        scores = tensors.pop() if visible else None
        if len(tensors) > 1:
            tensors = [torch.cat([tensor.flatten(1) for tensor in tensors], dim=1)]
        return self._channels_first(tensors[0]), scores

    def _prepared(self, images: Tensor) -> NDArray[Any]:
        """Return images `[N, 3, r, r]` in [-1, 1] as the file takes them."""
        pixels = images.detach().cpu().float() / 2 + 0.5
        if pixels.shape[-1] != self.size_px:
            pixels = F.interpolate(pixels, (self.size_px, self.size_px), mode="bilinear", antialias=True)
        of_colours = (
            pixels.new_tensor(values).reshape(3, 1, 1) for values in (self.settings.mean, self.settings.scale)
        )
        mean, scale = of_colours
        values = (pixels.clamp(0, 1) * self.settings.white - mean) / scale
        if self.settings.colours == "bgr":
            values = values.flip(1)
        if self.settings.layout == "nhwc":
            values = values.permute(0, 2, 3, 1)
        return np.ascontiguousarray(values.numpy(), dtype=TYPES[self._input.type])

    def _channels_first(self, given: Tensor) -> Tensor:
        if self.settings.kind == "classes" and given.ndim == 4:
            return given.flatten(1).reshape(len(given), *[size for size in given.shape[1:] if size > 1])
        return given.permute(0, 3, 1, 2) if given.ndim == 4 and self.settings.layout == "nhwc" else given

    def _check_outputs(self, source: str) -> None:
        """Run the file on a grey image; refuse outputs that are not what the description says."""
        size, settings = self.spec.resolution_px, self.settings
        given, scores = self._run(torch.zeros(1, 3, size, size))
        count, shape = len(settings.names), list(given.shape)
        wanted, fits = {
            "scores": (f"[N, {count}, h, w]", given.ndim == 4 and shape[1] == count),
            "probabilities": (f"[N, {count}, h, w]", given.ndim == 4 and shape[1] == count),
            "classes": ("[N, h, w]", given.ndim == 3 and not given.is_floating_point()),
            "heatmaps": (f"[N, {count}, h, w]", given.ndim == 4 and shape[1] == count),
        }.get(settings.kind if settings.task in ("segmentation", "keypoints") else "", ("", True))
        if not wanted:
            numbers = self.spec.numbers * (2 if settings.task == "keypoints" else 1)
            numbers = numbers // 2 if settings.task == "attributes" and settings.kind != "scores" else numbers
            wanted, fits = f"{numbers} numbers of each image", given[0].numel() == numbers
        if not fits:
            raise StyleAlignError(
                f"{self.model.name}: its output {', '.join(self._outputs)} is {_shape(shape)}; {settings.kind} of "
                f"{count} names are {wanted}: mend output, output_name, layout or names in {source}"
            )
        if scores is not None and scores[0].numel() != count:
            raise StyleAlignError(
                f"{self.model.name}: its output {settings.visible_name} is {_shape(list(scores.shape))}, no score of "
                f"each of {count} key points; mend visible_name in {source}"
            )


def read_labeller(path: str | Path, resolution_px: int | None = None) -> OnnxLabeller:
    """Read a label network from its YAML, and the ONNX file that it names.

    Raises:
        StyleAlignError: a file that is missing or no such file, or two that do not go together.
    """
    path = Path(path)
    settings, file = described(path)
    try:
        content = file.read_bytes()
    except OSError as error:
        raise StyleAlignError(f"{file}: {error.strerror}; name the ONNX file in {path}, as onnx: FILE") from error
    return OnnxLabeller(OnnxModel(content, str(file)), settings, str(path), resolution_px)


def _image_input(model: OnnxModel, settings: LabellerSettings, source: str) -> Any:
    """Return the one input of a file, which takes images.

    Raises:
        StyleAlignError: there are others, or it takes no images.
    """
    if len(model.inputs) != 1:
        found = ", ".join(map(str, model.inputs)) or "none"
        raise StyleAlignError(f"{model.name}: has {len(model.inputs)} inputs ({found}); one is needed, the image")
    port = model.inputs[0]
    channels = 1 if settings.layout == "nchw" else -1
    if port.type not in TYPES or len(port.shape) != 4 or port.shape[channels] not in (3, None):
        raise StyleAlignError(
            f"{model.name}: its input {port} of {port.type} takes no RGB images in the layout "
            f"{settings.layout}; export it so, with float pixels, or mend layout in {source}"
        )
    return port


def _size(model: OnnxModel, settings: LabellerSettings, source: str) -> int:
    """Return the size of the images that a file takes.

    Raises:
        StyleAlignError: it takes no square images, another size than the description says, or any and none is said.
    """
    shape = model.inputs[0].shape
    height, width = shape[2:] if settings.layout == "nchw" else shape[1:3]
    if height is not None and width is not None and height != width:
        raise StyleAlignError(f"{model.name}: takes images of {width}x{height} pixels; only square ones can be given")
    size = height or width
    if size is None and settings.size_px is None:
        raise StyleAlignError(f"{source}: size_px: is missing, and {model.name} takes images of any size; say which")
    if size is not None and settings.size_px not in (None, size):
        raise StyleAlignError(
            f"{source}: size_px: {settings.size_px}, but {model.name} takes images of {size} px; leave it out"
        )
    return size or settings.size_px or 0


def _outputs(model: OnnxModel, settings: LabellerSettings, source: str) -> list[str]:
    """Return the names of the outputs that are meant.

    Raises:
        StyleAlignError: several and none is named, or a name that is no output.
    """
    known = [port.name for port in model.outputs]
    asked = settings.output_name
    wanted = [asked] if isinstance(asked, str) else list(asked or ())
    for key, name in [("output_name", name) for name in wanted] + [("visible_name", settings.visible_name or "")]:
        if name and name not in known:
            raise StyleAlignError(
                f"{source}: {key}: {model.name} has no output {name!r}; it has {', '.join(known)}"
                f"{did_you_mean(name, known)}"
            )
    rest = [name for name in known if name != settings.visible_name]
    if not wanted and len(rest) != 1:
        found = ", ".join(map(str, model.outputs))
        raise StyleAlignError(
            f"{model.name}: has {len(known)} outputs ({found}); say in {source} which is meant, as output_name: "
            f"{rest[0] if rest else 'NAME'}"
        )
    return wanted or rest


def _spec(settings: LabellerSettings, resolution_px: int) -> LabelSpec:
    """Return what the network predicts on images of a size; networks that learn from it take the shape from here."""
    names, task = tuple(settings.names), settings.task
    swapped = sides_of(names) if settings.swapped is None else settings.swapped
    count = len(names)
    if task == "segmentation":
        return LabelSpec(task, names, resolution_px, maps=count, numbers=0, swapped=swapped)
    if task == "keypoints":
        return LabelSpec(task, names, resolution_px, maps=count, numbers=count, swapped=swapped)
    if task == "pose":
        negated = LabelNames(values=names).negated if settings.negated is None else settings.negated
        units = settings.spreads or tuple(15.0 if name.endswith("_deg") else 1.0 for name in names)
        return LabelSpec(
            task, names, resolution_px, maps=0, numbers=count, swapped=swapped, negated=negated, units=units
        )
    values = settings.names if isinstance(settings.names, dict) else dict.fromkeys(names, NO_YES)
    flat = tuple(f"{name}={value}" for name, of_name in values.items() for value in of_name)
    return LabelSpec(task, flat, resolution_px, maps=0, numbers=len(flat), swapped=swapped)


def _shape(sizes: list[int]) -> str:
    return f"[{', '.join(map(str, ['N', *sizes[1:]]))}]"
