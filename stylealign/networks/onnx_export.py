"""Networks as ONNX files, checked by onnxruntime before anything is written."""

import importlib.util
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from stylealign.errors import StyleAlignError
from stylealign.files import atomic_path
from stylealign.networks.onnx_session import OnnxModel
from stylealign.ops.plain import plain_form

OPSET = 17
TOLERANCE = 1e-4
"""Largest difference to PyTorch's result, where that lies between -1 and 1; of larger results, as a share of them."""


def exported(
    network: nn.Module, inputs: Mapping[str, Tensor], outputs: Sequence[str], single: Sequence[str] = ()
) -> bytes:
    """Return a network as an ONNX file that takes any number of images, traced in float32 on the CPU.

    Args:
        network: in evaluation mode, on the CPU; it takes the inputs in their order.
        inputs: an example of each input by name, with two or more images.
        outputs: names of the outputs.
        single: inputs that are the same for all images.

    Raises:
        StyleAlignError: the package onnx is not installed.
    """
    if importlib.util.find_spec("onnx") is None:
        raise StyleAlignError(
            "writing ONNX files needs the package onnx; install it with pip install 'stylealign[onnx]'"
        )
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), plain_form(), torch.inference_mode():
        warnings.simplefilter("ignore")  # of the tracer: shapes become constants, but for the number of images
        torch.onnx.export(
            network,
            tuple(inputs.values()),
            f"{folder}/network.onnx",
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes={name: {0: "N"} for name in (*inputs, *outputs) if name not in single},
            opset_version=OPSET,
            dynamo=False,
        )
        given = network(*inputs.values())
        return _sized(Path(folder, "network.onnx"), given if isinstance(given, tuple) else (given,))


def _sized(path: Path, examples: Sequence[Tensor]) -> bytes:
    """Return an ONNX file whose outputs have the sizes of examples, but for the number of images.

    The exporter gives a size that it cannot follow a name of its own.
    """
    import onnx

    model = onnx.load(path)
    for output, example in zip(model.graph.output, examples, strict=True):
        for axis, size in list(zip(output.type.tensor_type.shape.dim, example.shape, strict=True))[1:]:
            axis.dim_value = size
    return bytes(model.SerializeToString())


def difference(content: bytes, name: str, network: nn.Module, inputs: Mapping[str, Tensor]) -> float:
    """Return the largest difference between what onnxruntime and PyTorch make of some inputs, over all outputs.

    Args:
        content: the ONNX file.
        name: its name, for messages.
        network: the network that it is of.
        inputs: other inputs than those it was traced with, of another number of images.

    Returns:
        The difference, in shares of the largest value of an output where that is above 1.
    """
    model = OnnxModel(content, name)
    found = model.run({key: value.numpy() for key, value in inputs.items()}, [port.name for port in model.outputs])
    with torch.inference_mode():
        given = network(*inputs.values())
    wanted = [tensor.numpy() for tensor in (given if isinstance(given, tuple) else (given,))]
    shares = [
        float(np.abs(one - other).max()) / max(1.0, float(np.abs(other).max()))
        for one, other in zip(found, wanted, strict=True)
    ]
    return max(shares)


def checked_export(
    path: str | Path,
    network: nn.Module,
    inputs: Mapping[str, Tensor],
    others: Mapping[str, Tensor],
    outputs: Sequence[str],
    single: Sequence[str] = (),
) -> tuple[bytes, float]:
    """Return a network as an ONNX file that onnxruntime runs with the same results, and their largest difference.

    Args:
        path: where it is to be written, for messages.
        network, inputs, outputs, single: see `exported`.
        others: inputs to check it with.

    Raises:
        StyleAlignError: the results differ by more than `TOLERANCE`, or a package is not installed.
    """
    content = exported(network, inputs, outputs, single)
    found = difference(content, str(path), network, others)
    if not found <= TOLERANCE:
        raise StyleAlignError(
            f"{path}: onnxruntime's results differ by {found:.2g} from PyTorch's, more than {TOLERANCE:g}; nothing was "
            "written. Numbers of the model may be too large for float32"
        )
    return content, found


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a file, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
