"""A generator as an ONNX file: the whole of it, or its mapping or synthesis alone."""

from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from stylealign.checkpoints.checkpoint import Checkpoint
from stylealign.networks.architecture import Architecture
from stylealign.networks.generator import Generator
from stylealign.networks.onnx_export import checked_export, write_bytes
from stylealign.streams import torch_stream

Part = Literal["generator", "mapping", "synthesis"]
PARTS: tuple[Part, ...] = get_args(Part)
PSI = "truncation_psi"
_TRACED, _CHECKED = 2, 3
"""Images that a network is traced with, and those that it is checked with: any number will do."""


class _Exported(nn.Module):
    """A part of a generator as a function of its inputs alone; the stored noise maps are part of it."""

    def __init__(self, generator: Generator, part: Part) -> None:
        super().__init__()
        self.generator, self.part = generator, part

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return `ws` of the mapping, images of another part."""
        if self.part == "synthesis":
            return self.generator.synthesis(inputs[0])
        z, *labels, psi = inputs
        mapping = self.generator.mapping
        ws = mapping(z, *labels)
        ws = mapping.w_avg + psi * (ws - mapping.w_avg)
        return ws if self.part == "mapping" else self.generator.synthesis(ws)


def write(path: str | Path, checkpoint: Checkpoint, part: Part) -> dict[str, Any]:
    """Write the averaged generator of a checkpoint, or a part of it, as an ONNX file.

    Inputs: `z` `[N, z_dim]`, `labels` `[N, c_dim]` of a conditional network, and the number `truncation_psi`; of the
    synthesis alone `ws` `[N, num_ws, w_dim]`. Output: `images` `[N, 3, r, r]`, nominally in [-1, 1]; of the mapping
    `ws`.

    Returns:
        Inputs, outputs, and the largest difference between onnxruntime's and PyTorch's results.

    Raises:
        StyleAlignError: the results differ too much, or the file cannot be written.
    """
    output = "ws" if part == "mapping" else "images"
    shape = checkpoint.architecture
    inputs, others = (_inputs(shape, checkpoint.generator, part, count) for count in (_TRACED, _CHECKED))
    network = _Exported(checkpoint.generator, part).eval()
    content, found = checked_export(path, network, inputs, others, [output], [PSI])
    write_bytes(path, content)
    return {"part": part, "inputs": list(inputs), "outputs": [output], "largest_difference": found}


def _inputs(shape: Architecture, generator: Generator, part: Part, count: int) -> dict[str, Tensor]:
    """Return an example of every input for `count` images."""
    random = torch_stream("examples of a generator", count)
    z = torch.randn(count, shape.z_dim, generator=random)
    labels = torch.eye(shape.c_dim)[torch.arange(count) % shape.c_dim] if shape.c_dim else None
    if part == "synthesis":
        with torch.inference_mode():
            return {"ws": generator.mapping(z, labels).clone()}
    psi = torch.tensor(0.5 + 0.1 * count)
    return {"z": z, **({} if labels is None else {"labels": labels}), PSI: psi}
