"""Operations and bytes of a training step, counted from the program itself, and the time a GPU's ceilings leave it.

Run from the repository: `python -m benchmarks.counting`. A step runs on tensors that have shapes and no content, so
that the largest network takes no memory and no GPU; every tensor operation on the way is counted: its multiplications
and additions (two operations a multiply-add) and the bytes of what it reads and writes once. Views count nothing. The
form `torch` is the step of PyTorch's own operations; `kernels` has one read and one write where a kernel of
`stylealign.ops.native` does the work of several operations. The time of an operation is the longer of what its
arithmetic and its bytes take at the ceilings; a step's is their sum. With `--json` the last line is one JSON object.
"""

import functools
import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from unittest.mock import patch

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from benchmarks.common import parser, report
from benchmarks.training import CASES, CYCLE, step_kinds
from stylealign.config import ArchitectureSettings, TrainSettings
from stylealign.networks import precision
from stylealign.ops import upfirdn2d
from stylealign.ops.native import functions as native
from stylealign.ops.native import gpu
from stylealign.training.loop import seed_step
from stylealign.training.start import new_networks
from stylealign.training.step import TrainingStep

Form = Literal["torch", "kernels"]
FORMS: tuple[Form, ...] = ("torch", "kernels")
COUNTED = [
    name
    for name, (_, _, changes) in CASES.items()
    if changes.get("augment", "none") == "none" and "discriminator" not in changes
]
"""What can be counted: ADA reads the discriminator's signs, and a projected one has weights of a file."""
KINDS = {
    "convolutions": ("convolution", "convolution_backward", "cudnn"),
    "products": ("mm", "addmm", "bmm", "baddbmm"),
    "kernels": tuple(gpu.LAUNCHES),
}
"""What operations are added up as; the rest is `passes`: sums, products and copies element by element."""


@dataclass(frozen=True)
class Ceilings:
    """What a GPU reaches.

    Attributes:
        bytes_per_s: of its memory.
        half_flops, single_flops: operations a second of products in half and in single (TF32) precision.
    """

    bytes_per_s: float
    half_flops: float
    single_flops: float


H100 = Ceilings(3.0e12, 798e12, 399e12)
"""Two measured ceilings, memory and bfloat16; single precision through TF32 units is half of the latter by design."""


@dataclass
class Counts:
    """What a pass takes, by kind of operation (`KINDS`).

    Attributes:
        flops, bytes, calls, roof_s: each by kind; `roof_s` at the ceilings.
    """

    flops: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    bytes: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    calls: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    roof_s: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def add(self, name: str, flops: float, moved: float, is_half: bool, ceilings: Ceilings) -> None:
        """Count one operation."""
        kind = next((kind for kind, names in KINDS.items() if name in names), "passes")
        peak = ceilings.half_flops if is_half else ceilings.single_flops
        self.flops[kind] += flops
        self.bytes[kind] += moved
        self.calls[kind] += 1
        self.roof_s[kind] += max(flops / peak, moved / ceilings.bytes_per_s)

    def add_scaled(self, other: "Counts", factor: float) -> None:
        """Add `factor` times what another pass takes."""
        for name in ("flops", "bytes", "calls", "roof_s"):
            for kind, value in getattr(other, name).items():
                getattr(self, name)[kind] += factor * value

    def total(self, name: Literal["flops", "bytes", "calls", "roof_s"]) -> float:
        """Return the sum over the kinds."""
        return float(sum(getattr(self, name).values()))


OVERWRITE = ("copy_", "fill_", "zero_")
"""Operations that do not read what they write to."""
ALLOCATE = ("empty", "empty_strided", "empty_like", "new_empty", "new_empty_strided", "scalar_tensor", "lift_fresh")


class Counting(TorchDispatchMode):
    """Counts the tensor operations inside."""

    def __init__(self, ceilings: Ceilings) -> None:
        super().__init__()
        self.ceilings, self.counts = ceilings, Counts()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and count it."""
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        name = func.overloadpacket.__name__
        if func.namespace == "aten" and not func.is_view and name not in ALLOCATE:
            reckon = flop_registry.get(func.overloadpacket)
            flops = reckon(*args, **kwargs, out_val=result) if reckon else 0
            written = self._mutated(func, args) or _tensors(result)
            read = _tensors([args[1:] if name in OVERWRITE else args, kwargs])
            self._count(name, float(flops), read, written)
        return result

    def call(self, name: str, tensors: Sequence[Tensor | None], sizes: Any, like: Tensor) -> None:
        """Count a native operation, which reads or writes every tensor once."""
        self._count(name, 0.0, _tensors(tensors), [])

    def _count(self, name: str, flops: float, read: list[Tensor], written: list[Tensor]) -> None:
        moved = sum(_bytes(tensor) for tensor in [*read, *written])
        is_half = any(tensor.dtype in (torch.float16, torch.bfloat16) for tensor in read)
        self.counts.add(name, flops, moved, is_half, self.ceilings)

    @staticmethod
    def _mutated(func: Any, args: Any) -> list[Tensor]:
        """Return the arguments that an operation writes to."""
        declared = zip(func._schema.arguments, args, strict=False)
        return _tensors([value for known, value in declared if known.alias_info and known.alias_info.is_write])


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def _bytes(tensor: Tensor) -> int:
    """Return the bytes of what a tensor really holds: what is repeated by a stride of 0 lies there once."""
    held = [size for size, step in zip(tensor.shape, tensor.stride(), strict=True) if step or not size]
    count = 1
    for size in held:
        count *= size
    return count * tensor.element_size()


class _WithoutContent(FakeTensorMode):
    """Tensors with shapes alone, whose copies belong to the same mode."""

    def __deepcopy__(self, memo: Any) -> "_WithoutContent":
        return self


@contextmanager
def counted(form: Form, ceilings: Ceilings = H100) -> Iterator[Counting]:
    """Count what is done inside, on tensors without content; half-precision blocks are in half precision."""
    counting = Counting(ceilings)
    with ExitStack() as stack:
        stack.enter_context(patch.object(precision, "runs_half", lambda features: True))
        stack.enter_context(patch.object(native, "supported", lambda images: form == "kernels"))
        stack.enter_context(patch.object(native, "fuses", lambda images: form == "kernels"))
        stack.enter_context(patch.object(native, "_fills_vectors", lambda *channels, like: False))
        stack.enter_context(
            patch.object(native, "FEW", 0)
        )  # as on a GPU, where PyTorch's colours are an ordinary product
        stack.enter_context(patch.object(native, "call", counting.call))
        # The filter is kept from step to step, but not beyond: what is made here has no content.
        afresh = functools.cache(upfirdn2d._low_pass_filter.__wrapped__)
        stack.enter_context(patch.object(upfirdn2d, "_low_pass_filter", afresh))
        stack.enter_context(_WithoutContent())
        stack.enter_context(counting)
        yield counting


def count_kinds(
    settings: TrainSettings, shape: ArchitectureSettings, resolution: int, form: Form, ceilings: Ceilings = H100
) -> dict[int, Counts]:
    """Return what each kind of step takes, by a step index of the kind (`step_kinds`)."""
    found = {}
    with counted(form, ceilings) as counting:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Accessing the data pointer of FakeTensor")  # in copies
            step = TrainingStep(*new_networks(shape, settings, resolution), settings)
        real = torch.zeros(settings.batch_size, 3, resolution, resolution)
        step.step(1, real)  # makes room for the optimisers' means
        for index in step_kinds(settings):
            counting.counts = Counts()
            seed_step(0, index)
            step.step(index, real)
            found[index] = counting.counts
    return found


def average(kinds: dict[int, Counts], settings: TrainSettings) -> Counts:
    """Return what a step of a cycle takes on average, the lazy regularisers at their frequencies."""
    mean = Counts()
    for index, count in step_kinds(settings).items():
        mean.add_scaled(kinds[index], count / CYCLE)
    return mean


def measure(case: str, ceilings: Ceilings = H100) -> dict[str, object]:
    """Return the counts of a case in both forms, an average step, for printing."""
    resolution, shape, changes = CASES[case]
    settings = TrainSettings(**changes)
    result: dict[str, object] = {"case": case, "batch_size": settings.batch_size}
    for form in FORMS:
        mean = average(count_kinds(settings, ArchitectureSettings(**shape), resolution, form, ceilings), settings)
        images = settings.batch_size
        result[f"{form}_gflop_per_image"] = short(mean.total("flops") / images / 1e9)
        result[f"{form}_mb_per_image"] = short(mean.total("bytes") / images / 1e6)
        result[f"{form}_operations"] = round(mean.total("calls"))
        result[f"{form}_roof_s_per_kimg"] = short(mean.total("roof_s") * 1000 / images)
        for kind in sorted(mean.roof_s):
            result[f"{form}_{kind}_mb_per_image"] = short(mean.bytes[kind] / images / 1e6)
            result[f"{form}_{kind}_roof_s_per_kimg"] = short(mean.roof_s[kind] * 1000 / images)
    return result


def short(value: float) -> float:
    """Return a value to three digits."""
    return float(f"{value:.3g}")


def main() -> None:
    """Count and print."""
    arguments = parser(__doc__, COUNTED, ["paper256", "paper512", "stylegan2"]).parse_args()
    report("counting", arguments, measure)


if __name__ == "__main__":
    main()
