"""ONNX networks, run by onnxruntime: no code of a file runs, and nothing but the file itself is read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from stylealign.errors import StyleAlignError

_SILENT = 4
TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
"""Types of images that a network may take."""


@dataclass(frozen=True)
class Port:
    """An input or output of an ONNX network.

    Attributes:
        name: of the port.
        shape: its sizes; None for one that is free.
        type: as ONNX writes it, `tensor(float)`.
    """

    name: str
    shape: tuple[int | None, ...]
    type: str

    def __str__(self) -> str:
        """Return name and shape: `image [N, 3, 64, 64]`."""
        return f"{self.name} [{', '.join('?' if size is None else str(size) for size in self.shape)}]"


class OnnxModel:
    """An ONNX network.

    Attributes:
        name: the file, for messages.
        content: its bytes.
        inputs, outputs: what it takes and gives.
    """

    def __init__(self, content: bytes, name: str) -> None:
        """Open a network, on the GPU where onnxruntime has one.

        Raises:
            StyleAlignError: no onnxruntime, or bytes that it cannot read.
        """
        runtime = _runtime()
        options = runtime.SessionOptions()
        options.log_severity_level = _SILENT
        options.intra_op_num_threads = torch.get_num_threads()
        options.inter_op_num_threads = 1
        has_gpu = torch.cuda.is_available() and "CUDAExecutionProvider" in runtime.get_available_providers()
        providers = [*(["CUDAExecutionProvider"] if has_gpu else []), "CPUExecutionProvider"]
        self.name, self.content = name, content
        try:
            self._session = runtime.InferenceSession(content, options, providers=providers)
        except _errors() as error:
            raise StyleAlignError(
                f"{name}: not an ONNX network that onnxruntime can run ({_reason(error)}); export it again, weights "
                "and all in one file, with operators of ONNX alone"
            ) from error
        self.inputs = tuple(map(_port, self._session.get_inputs()))
        self.outputs = tuple(map(_port, self._session.get_outputs()))

    def run(self, values: Mapping[str, NDArray[Any]], outputs: Sequence[str]) -> list[NDArray[Any]]:
        """Return some outputs for the inputs by name.

        Raises:
            StyleAlignError: onnxruntime refuses the values, or fails on them.
        """
        try:
            return list(self._session.run(list(outputs), dict(values)))
        except _errors() as error:
            raise StyleAlignError(f"{self.name}: onnxruntime cannot run it ({_reason(error)})") from error


def _runtime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise StyleAlignError(
            "ONNX files need onnxruntime; install it with pip install 'stylealign[onnx]', on a GPU also onnxruntime-gpu"
        ) from error
    return onnxruntime


def _errors() -> tuple[type[Exception], ...]:
    """Return what onnxruntime raises: classes of its own without a common base."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    own = [kind for kind in vars(state).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    return (*own, RuntimeError, ValueError)


def _port(value: Any) -> Port:
    sizes = tuple(size if isinstance(size, int) and size > 0 else None for size in value.shape)
    return Port(value.name, sizes, value.type)


def _reason(error: Exception) -> str:
    """Return the first line of a message, without onnxruntime's prefix and places in its sources."""
    words = " ".join(str(error).split())
    return words.rpartition("Status Message: ")[2].rpartition("[ONNXRuntimeError] : ")[2][:200]
