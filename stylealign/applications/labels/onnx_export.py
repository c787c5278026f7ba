"""A label network as an ONNX file and the YAML that describes it: what other programs take, and this one takes back."""

from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor, nn

from stylealign.applications.labels.onnx_network import OnnxLabeller
from stylealign.applications.labels.spec import Labeller, LabelSpec
from stylealign.applications.labels.tasks import task_of
from stylealign.files import atomic_files
from stylealign.networks.onnx_export import checked_export
from stylealign.streams import torch_stream

_TRACED, _CHECKED = 2, 3
OUTPUTS = {
    "segmentation": ("scores",),
    "keypoints": ("points", "seen"),
    "pose": ("values",),
    "attributes": ("scores",),
}
"""Task -> names of the outputs of the file."""


class _Exported(nn.Module):
    """A label network with predictions as outputs that need no further formula, but for the largest score."""

    def __init__(self, network: Labeller) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs of `OUTPUTS` for images `[N, 3, r, r]` in [-1, 1]."""
        spec, outputs = self.network.spec, self.network(images)
        if spec.task == "segmentation":
            return (outputs["maps"],)
        found = task_of(spec.task).functions.decode(outputs, spec)
        if spec.task == "keypoints":
            return found["keypoints"] / spec.resolution_px, outputs["numbers"]
        return (found[task_of(spec.task).answer],)


def write(path: str | Path, network: Labeller) -> dict[str, Any]:
    """Write a label network as an ONNX file, and beside it a YAML of the same name, both or neither.

    Args:
        path: the ONNX file.
        network: a label network; one of an ONNX file comes out as it came in.

    Returns:
        Task, outputs, the YAML, and the largest difference between onnxruntime's and PyTorch's results.

    Raises:
        StyleAlignError: the results differ too much, or the files cannot be written.
    """
    path = Path(path)
    spec, description = network.spec, path.with_suffix(".yaml")
    if isinstance(network, OnnxLabeller):
        content, found = network.model.content, 0.0
        keys = network.settings.model_dump(mode="json", exclude_unset=True, exclude={"onnx"})
    else:
        images, others = (_images(count, spec.resolution_px) for count in (_TRACED, _CHECKED))
        outputs = OUTPUTS[spec.task]
        content, found = checked_export(
            path, _Exported(network).eval(), {"images": images}, {"images": others}, outputs
        )
        keys = _described(spec)
    with atomic_files(path.parent, path.name) as folder:
        (folder / path.name).write_bytes(content)
        text = yaml.safe_dump(keys, sort_keys=False, allow_unicode=True)
        (folder / description.name).write_text(text, encoding="utf-8")
    return {"task": spec.task, "description": str(description), "largest_difference": found}


def _images(count: int, size: int) -> Tensor:
    return torch.rand(count, 3, size, size, generator=torch_stream("examples of a label network", count)) * 2 - 1


def _described(spec: LabelSpec) -> dict[str, Any]:
    """Return the description of a network that takes pixels in [-1, 1]."""
    names: Any = list(spec.names)
    if spec.task == "attributes":
        names = {}
        for attribute, _, value in (name.partition("=") for name in spec.names):
            names.setdefault(attribute, []).append(value)
    keys: dict[str, Any] = {
        "task": spec.task,
        "size_px": spec.resolution_px,
        "mean": [0.5, 0.5, 0.5],
        "scale": [0.5, 0.5, 0.5],
    }
    if spec.task == "keypoints":
        keys |= {"output": "shares", "output_name": "points", "visible_name": "seen", "visible_from": 0.0}
    keys |= {"names": names, "swapped": [list(pair) for pair in spec.swapped]}
    if spec.task == "pose":
        keys |= {"negated": list(spec.negated)} | ({"spreads": list(spec.units)} if spec.units else {})
    return keys
