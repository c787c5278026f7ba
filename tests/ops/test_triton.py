"""The Triton kernels without a GPU: interpreted on the CPU, and compiled for the chips they are meant for."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from stylealign.ops.native import gpu

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="Triton is not installed")
FLAGS = {
    "epilogue": ("SCALED", "BIASED", "NOISY"),
    "epilogue_backward": ("SCALED", "ACTIVATED", "OF_SCALE", "OF_BIAS", "OF_NOISE"),
    "epilogue_double_backward": (
        "VIA_VALUES",
        "VIA_SCALE",
        "VIA_BIAS",
        "VIA_NOISE",
        "SCALED",
        "ACTIVATED",
        "TO_VALUES",
        "TO_SCALE",
    ),
    "styled": ("NOISY", "KEPT"),
    "styled_backward": ("NOISY", "KEPT", "NEXT", "OF_NOISE"),
    "styled_double_backward": (
        *("NOISY", "KEPT", "NEXT"),
        *("VIA_VALUES", "VIA_SCALE", "VIA_BIAS", "VIA_NOISE", "VIA_STYLE", "TO_NOISE"),
    ),
    "colours": ("SKIP", "CUT"),
    "colours_backward": ("TO_OWN", "TO_BIAS", "CUT"),
    "colours_double_backward": ("VIA_FEATURES", "VIA_OWN", "VIA_BIAS", "TO_FEATURES", "TO_OWN", "CUT"),
}
SUMS = (
    "scale_sums",
    "bias_sums",
    "noise_sums",
    "style_sums",
    "own_sums",
    "own",
    "of_own",
    "image",
    "style",
    "of_style",
)
BYTES = ("passes",)
SINGLE = {
    "colours": ("bias", "of_bias", "target", "grad", "grad_grad"),
    "styled": ("scale", "bias", "noise", "of_scale", "of_bias", "of_noise"),
    "sample": ("fine", "inverse", "samples", "target"),
}
"""In single precision where the activations need not be, by the first word of a kernel's name."""
POINTERS = (
    "source",
    "target",
    "values",
    "scale",
    "bias",
    "noise",
    "grad",
    "out",
    "grad_values",
    "grad_grad",
    "of_values",
    "of_scale",
    "of_bias",
    "of_noise",
    "features",
    "grad_features",
    "of_features",
    "scaled",
    "grad_scaled",
    "grad_grad_scaled",
)


@pytest.mark.parametrize(
    "interpret",
    ["1", pytest.param("0", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"))],
)
def test_kernels_equal_the_plain_form(interpret: str) -> None:
    """In a process of its own: whether kernels are interpreted is settled when Triton is imported."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/ops/triton_menu.py"]
    environment = os.environ | {"TRITON_INTERPRET": interpret}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "skipped" not in done.stdout


WIDTHS = (3, 32, 512), (3, 128, 256, 512)
"""Channels for which kernels are compiled apart: of others, and of those with the colours, which take all at a time."""
NARROWEST = gpu.block_shape(3)["C"], gpu.whole_pixels(3, 3)["C"]


def variants() -> list[tuple[str, dict[str, Any]]]:
    """Return the kernels with the compile-time arguments that a training uses."""
    found: list[tuple[str, dict[str, Any]]] = []
    for up, down, before in ((1, 1, 1), (2, 1, 2), (1, 2, 1), (2, 1, -1)):
        found.append(("resample", gpu.resample_options(up, down, 4.0) | {"LEFT": before, "TOP": before}))
    for name, flags in FLAGS.items():
        for channels in WIDTHS[name.startswith("colours")]:
            options: dict[str, Any] = dict.fromkeys(flags, True)
            if name.startswith("colours"):
                options |= gpu.whole_pixels(channels, 3)
                options |= {"CLAMP": 256.0} if name == "colours" else gpu.rows_of_sums(3)
            else:
                options |= gpu.block_shape(channels) | {"SLOPE": 0.2, "CLAMP": 256.0}
                options |= {} if name in ("epilogue", "styled") else {"STEPS": gpu.STEPS}
            found.append((name, options))
    for name in ("sample", "sample_adjoint"):
        found.append((name, {"DELAY": 5.5, "REACH": 3, "BLOCK": gpu.SAMPLE_BLOCK}))
    return found


def launched() -> list[tuple[str, dict[str, Any], bool]]:
    """Return the variants, aligned or not, that a training launches.

    Triton compiles a kernel apart where pointers and sizes are multiples of 16: nearly all of a training are. Other
    sizes are of images and of few channels; a wide network has none.
    """
    found = [(name, options, True) for name, options in variants()]
    few = [one for one in variants() if one[0] == "resample" or one[1].get("C") in (None, *NARROWEST)]
    return found + [(name, options, False) for name, options in few]


def pointer(kernel: str, argument: str, dtype: str) -> str:
    """Return the type of an argument that is no compile-time one."""
    if argument in BYTES:
        return "*i8"
    if argument in SUMS or argument in SINGLE.get(kernel.split("_")[0], ()):
        return "*fp32"
    return f"*{dtype}" if argument in POINTERS else "i32"


def compiled(name: str, options: dict[str, Any], dtype: str, capability: int, aligned: bool = False) -> Any:
    """Compile as a launch does. `aligned`: where all pointers and sizes are multiples of 16, which it looks at."""
    from triton import compile as compile_kernel
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    kernels = gpu.kernels()
    assert kernels is not None
    kernel = kernels[name]
    signature = {
        argument: "constexpr" if argument in options else pointer(name, argument, dtype)
        for argument in kernel.arg_names
    }
    known = [["tt.divisibility", 16]]
    attributes = {(i,): known for i, a in enumerate(kernel.arg_names) if aligned and a not in options}
    source = ASTSource(kernel, signature, options, attributes)
    return compile_kernel(source, target=GPUTarget("cuda", capability, 32), options=gpu.COMPILED.get(name))


@pytest.mark.parametrize("name", dict(variants()))
def test_sizes_of_one_compile(name: str) -> None:
    """Triton makes constants of them: a batch of one image, one channel, images one pixel wide."""
    kernels = gpu.kernels()
    assert kernels is not None
    options = dict(variants())[name]
    sizes = [a for a in kernels[name].arg_names if a not in options and pointer(name, a, "fp16") == "i32"]
    compiled(name, options | dict.fromkeys(sizes, 1), "fp16", 90)


@pytest.mark.parametrize("capability", [80, 90])
@pytest.mark.parametrize("dtype", ["fp32", "fp16", "bf16"])
def test_compiled_kernels_spill_no_registers(dtype: str, capability: int, tmp_path: Path) -> None:
    import triton

    tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    for number, (name, options, aligned) in enumerate(launched()):
        (tmp_path / f"{number}.cubin").write_bytes(compiled(name, options, dtype, capability, aligned).asm["cubin"])
        command = [str(tool), "--dump-resource-usage", str(tmp_path / f"{number}.cubin")]
        usage = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        stack, local = (int(re.search(rf"\b{key}:(\d+)", usage)[1]) for key in ("STACK", "LOCAL"))  # type: ignore[index]
        assert (stack, local) == (0, 0), f"{name} {options} {aligned=}, sm_{capability}, {dtype}: {usage}"


def test_launches_at_1024_px_fit_the_axes_of_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """A grid's second and third axes end at 65,535; config-f's highest resolution has more blocks of pixels."""
    grids: dict[str, tuple[int, ...]] = {}

    class Kernel:
        def __init__(self, name: str) -> None:
            self.name = name

        def __getitem__(self, grid: tuple[int, ...]) -> Any:
            grids[self.name] = grid
            return lambda *tensors, **options: None

    monkeypatch.setattr(gpu, "_kernel", Kernel)
    some = torch.empty(1, device="meta")
    sizes = {"batch": 32, "pixels": 1024**2, "height": 1024, "width": 1024, "channels": 32, "few": 3, "clamp": 256.0}
    styles = {"slope": 0.2, "noise_step": 0}
    for name, count in {"epilogue": 5, "styled": 7, "colours": 6, "colours_backward": 5}.items():
        gpu.call(name, [some] * (count - 2) + [None] * 2, SimpleNamespace(**sizes, **styles))  # type: ignore[arg-type]
    warped = {"border_y": 0, "border_x": 0, "fine_height": 1, "fine_width": 1, "delay": 0, "reach": 0}
    gpu.call("sample", [some] * 4, SimpleNamespace(**sizes, **warped))  # type: ignore[arg-type]
    planes = {"planes": 32, "out_height": 1024, "out_width": 1024, "inner": 32, "up": 1, "down": 1, "gain": 1.0}
    gpu.call("resample", [some] * 2, SimpleNamespace(**sizes, **planes, left=0, top=0))  # type: ignore[arg-type]
    assert grids["colours"][0] == 65536 and len(grids) == 6
    assert all(max(grid[1:]) <= 65535 for grid in grids.values())
