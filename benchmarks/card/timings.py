"""What a card reaches, and what it takes for kernels, training steps, synthesis and inversion."""

import functools
import gc
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from benchmarks.card.forms import Form, device, form, tf32
from benchmarks.card.recording import OperationRecording
from benchmarks.card.records import Row
from benchmarks.counting import Ceilings, average, count_kinds
from benchmarks.training import CASES, alternating, mean_step_s, new_step, timed_step
from stylealign.applications.inversion import invert
from stylealign.config import ArchitectureSettings, InvertSettings, TrainSettings
from stylealign.images import to_uint8
from stylealign.metrics.perceptual import perceptual_distance
from stylealign.networks.architecture import Architecture
from stylealign.networks.generator import Generator
from stylealign.ops.bias_act import scaled_bias_act
from stylealign.ops.modulated_conv2d import Modulation, act_and_scale
from stylealign.ops.to_rgb import to_rgb
from stylealign.ops.upfirdn2d import upfirdn2d
from stylealign.training.graphs import CudaRecording, Graphs
from stylealign.training.recordable import RecordableStep
from stylealign.training.step import TrainingStep
from stylealign.training.warp import warp

WARM = 2
"""Rounds of steps before those that are measured: the first makes room, the second records."""
MOST_PARTS = 16
"""A batch that does not fit the memory is computed in up to so many parts."""


def seconds(run: Callable[[], Any], repeats: int = 10) -> float:
    """Return the median seconds of a call, the card's work included, after two calls that warm up (of a CPU: once)."""
    times = []
    warm = 2 if device().type == "cuda" else 0
    for repeat in range(warm + (repeats if warm else 1)):
        wait()
        started = time.perf_counter()
        run()
        wait()
        if repeat >= warm:
            times.append(time.perf_counter() - started)
    return statistics.median(times)


def wait() -> None:
    """Wait until the card has done what it was given."""
    if device().type == "cuda":
        torch.cuda.synchronize()


def fresh() -> None:
    """Give back what an earlier part held, and count memory anew."""
    gc.collect()
    if device().type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def memory_gib() -> float | None:
    """Return the most memory held since `fresh`, None without a card."""
    return torch.cuda.max_memory_allocated() / 2**30 if device().type == "cuda" else None


def ceilings(size: int = 8192, megabytes: int = 1024) -> Iterator[Row]:
    """Measure what the memory and the products of square matrices reach; the rows' values are `Ceilings`.

    Args:
        size: rows of the matrices.
        megabytes: what is copied at a time.
    """
    source = torch.zeros(megabytes * 2**18, device=device())
    target = torch.empty_like(source)
    moved = 2 * source.numel() * 4 / seconds(functools.partial(target.copy_, source))
    values = {"bytes_per_s": moved}
    yield Row("ceiling", "memory", note=f"{moved / 1e12:.3g} TB/s", values=dict(values))
    del source, target
    with tf32(True):
        for dtype, name in (
            (torch.bfloat16, "bfloat16"),
            (torch.float16, "half_flops"),
            (torch.float32, "single_flops"),
        ):
            a, b = (torch.randn(size, size, device=device()).to(dtype) for _ in range(2))
            reached = 2 * size**3 / seconds(lambda a=a, b=b: a @ b)  # type: ignore[misc]
            precision = str(dtype).removeprefix("torch.")
            yield Row(
                "ceiling", "products", "", precision, note=f"{reached / 1e12:.4g} TFLOP/s", values={name: reached}
            )
            del a, b


def _warped(images: Tensor, inverse: Tensor, _: Tensor) -> Tensor:
    """Transform images, whatever the other operations are timed with."""
    return warp(images, inverse)


def kernels(px: int, channels: int, batch: int, ceiling: Ceilings) -> Iterator[Row]:
    """Time the operations that are bound by memory at one size, forwards, in each form.

    Args:
        px, channels, batch: of the activations.
        ceiling: of the card.
    """
    dtypes = (torch.float16, torch.float32) if device().type == "cuda" else (torch.float32,)
    for dtype in dtypes:
        images = torch.randn(batch, channels, px, px, device=device()).to(dtype)
        images = images.contiguous(memory_format=torch.channels_last)
        scale, bias = torch.rand(batch, channels, device=device()), torch.rand(channels, device=device())
        noise = torch.randn(batch, 1, px, px, device=device())
        size = images.numel() * images.element_size()
        act = functools.partial(scaled_bias_act, scale=scale, bias=bias, noise=noise, clamp=256.0)
        mixed, image = torch.randn(3, channels, 1, 1, device=device()), torch.randn(batch, 3, px // 2, px // 2)
        colours = functools.partial(
            to_rgb,
            weight=mixed,
            styles=scale,
            bias=bias[:3],
            image=image.to(device()),
            clamp=256.0,
            dtype=torch.float32,
        )
        following = Modulation(mixed.to(dtype), scale, scale)
        both = functools.partial(
            act_and_scale, scale=scale, bias=bias, noise=noise, clamp=256.0, following=following, keeps=True
        )
        three = images[:, :3].float().contiguous()
        inverse = torch.eye(3, device=device()) + 0.1 * torch.randn(batch, 3, 3, device=device())
        runs: dict[str, tuple[float, Callable[[Tensor], Any]]] = {
            "filter": (2 * size, lambda x: upfirdn2d(x, padding=(2, 1, 2, 1))),
            "down 2": (1.25 * size, lambda x: upfirdn2d(x, down=2, padding=(1, 1, 1, 1))),
            "up 2": (5 * size, lambda x: upfirdn2d(x, up=2, padding=(2, 1, 2, 1), gain=4.0)),
            "epilogue": (2 * size, act),
            "styled": (3 * size, both),
            "warp": (18 * 12 * batch * px * px, functools.partial(_warped, three, inverse)),
            "colours": (size + 15 * batch * px * px, colours),
        }
        with torch.inference_mode():
            for name, (moved, run) in runs.items():
                for chosen in ("torch", "kernels"):
                    with form(chosen):  # type: ignore[arg-type]
                        took = seconds(functools.partial(run, images))
                    note = f"{took * 1e6:.0f} us, {moved / took / 1e9:.4g} GB/s"
                    precision = str(dtype).removeprefix("torch.")
                    share = moved / ceiling.bytes_per_s / took
                    yield Row(
                        f"kernel {name}",
                        f"{batch} x {channels} x {px} px",
                        chosen,
                        precision,
                        None,
                        None,
                        share,
                        note=note,
                    )


def step(
    case: str,
    chosen: Form,
    half: bool,
    ceiling: Ceilings,
    repeats: int = 3,
    tuned: bool = False,
    recorded: bool = False,
) -> Iterator[Row]:
    """Time training steps of one case in one form: every kind of step of a cycle, medians.

    Args:
        case: of `benchmarks.training`.
        chosen: form.
        half: half precision in the high resolutions, else none.
        ceiling: of the card.
        repeats: measured steps of a kind.
        tuned: let cuDNN try its algorithms first.
        recorded: take the steps as CUDA graphs where they pass their test; without a card, as recorded operations.
    """
    settings, shape, resolution = setting(case, half)
    parts, told = 1, list[str]()
    while True:  # until the batch fits
        fresh()
        own = settings.model_copy(update={"accumulate": parts})
        try:
            training = new_step(shape, own, resolution, device())
            if recorded and parts == 1:
                record(training, told)
            times, graphs = _times(training, chosen, repeats, tuned), training.graphs
            break
        except torch.OutOfMemoryError:
            training = None  # type: ignore[assignment]
            parts *= 2
            if parts > MOST_PARTS:
                raise
    mean_s = mean_step_s(times, settings)
    values = {f"step{index}_ms": 1e3 * statistics.median(took) for index, took in times.items()}
    note = ", ".join(f"step {index}: {statistics.median(took) * 1e3:.4g} ms" for index, took in times.items())
    note += f"; in {parts} parts" if parts > 1 else ""
    if graphs is not None:
        values["recorded_kinds"] = graphs.count
    note = "; ".join([note, *told])
    yield Row(
        "step, tuned" if tuned else "step",
        case,
        as_graphs(chosen) if recorded else chosen,
        "half" if half else "float32",
        settings.batch_size / mean_s,
        1000 * mean_s / settings.batch_size,
        _of_roof(case, half, ceiling, mean_s),
        memory_gib(),
        note,
        values=values,
    )


def record(training: TrainingStep, told: list[str]) -> None:
    """Take the steps of a training as graphs where they pass their test; without a card, as recorded operations.

    Args:
        training: its steps from here on.
        told: gets a line for each kind of step.
    """
    on_card = device().type == "cuda"
    recording = CudaRecording if on_card else OperationRecording

    def tell(line: str) -> None:
        line = line.removeprefix("stylealign train: ")
        told.append(line if on_card else line.replace("CUDA graph", "recorded operations"))

    training.graphs = Graphs(RecordableStep(training), recording, tell, must_be_faster=on_card)


def as_graphs(chosen: Form) -> str:
    """Return what a form is called whose steps are recorded."""
    return f"{chosen} + {'graphs' if device().type == 'cuda' else 'recorded operations'}"


def setting(case: str, half: bool, **more: Any) -> tuple[TrainSettings, ArchitectureSettings, int]:
    """Return a case with half precision in the high resolutions or none, and with more settings of its training."""
    resolution, shape, changes = CASES[case]
    changes = changes | {"fp16_resolutions": (changes.get("fp16_resolutions") or 4) if half else 0} | more
    return TrainSettings(**changes), ArchitectureSettings(**shape), resolution


def _of_roof(case: str, half: bool, ceiling: Ceilings, mean_s: float) -> float | None:
    """Return the share of the roof; None with a discriminator on frozen features, which is not counted."""
    return _roof_s(case, half, ceiling) / mean_s if setting(case, half)[0].discriminator == "stylegan2" else None


@functools.cache
def _roof_s(case: str, half: bool, ceiling: Ceilings) -> float:
    """Return the seconds that an average step takes at the ceilings, with the kernels."""
    settings, shape, resolution = setting(case, half)
    return average(count_kinds(settings, shape, resolution, "kernels", ceiling), settings).total("roof_s")


def _times(training: TrainingStep, chosen: Form, repeats: int, tuned: bool) -> dict[int, list[float]]:
    """Return the seconds of each kind of step."""
    settings, resolution = training.settings, training.generator.architecture.resolution
    real = torch.rand(settings.batch_size, 3, resolution, resolution, device=device()) * 2 - 1
    torch.backends.cudnn.benchmark = tuned
    try:
        with form(chosen):
            return alternating({chosen: training}, {}, settings, real, repeats, WARM)[chosen]
    finally:
        torch.backends.cudnn.benchmark = False


def synthesis(architecture: Architecture, batch: int, repeats: int = 5) -> Iterator[Row]:
    """Time the synthesis of images, half precision in the four highest resolutions and none."""
    for half in (4, 0) if device().type == "cuda" else (0,):
        shape = architecture.model_copy(update={"fp16_resolutions": half, "conv_clamp": 256.0 if half else None})
        torch.manual_seed(0)
        generator = Generator(shape).to(device()).eval().requires_grad_(False)
        with torch.inference_mode():
            ws = generator.mapping(torch.randn(batch, shape.z_dim, device=device()))
            for chosen in ("torch", "kernels"):
                fresh()
                with form(chosen):  # type: ignore[arg-type]
                    took = seconds(lambda: generator.synthesis(ws), repeats)  # noqa: B023
                case, precision = f"{shape.resolution} px, batch {batch}", "half" if half else "float32"
                yield Row("synthesis", case, chosen, precision, batch / took, memory_gib=memory_gib())


def inversion(architecture: Architecture, batch: int, steps: tuple[int, int] = (5, 15)) -> Iterator[Row]:
    """Time steps of an inversion of a batch, by the difference of a long and a short one."""
    torch.manual_seed(0)
    generator = Generator(architecture).to(device()).eval().requires_grad_(False)
    with torch.inference_mode():
        images = to_uint8(generator(torch.randn(batch, architecture.z_dim, device=device()))).cpu().numpy()
    distance = perceptual_distance("efficientnet-lite0").to(device())
    for chosen in ("torch", "kernels") if device().type == "cuda" else ("torch",):
        fresh()
        took = []
        with form(chosen):  # type: ignore[arg-type]
            for count in (min(steps), *steps):  # the first warms up
                settings = InvertSettings(steps=count, batch_size=batch, initial_candidates=batch)
                wait()
                started = time.perf_counter()
                invert(generator, images, settings, distance)
                took.append(time.perf_counter() - started)
        of_step = max(took[2] - took[1], 1e-9) / (steps[1] - steps[0]) / batch
        minutes = of_step * 500 * 1000 / 60
        note = f"{of_step * 1e3:.3g} ms an image and step: 500 images by 1,000 steps in {minutes:.3g} min"
        values = {"ms_per_image_step": of_step * 1e3}
        case = f"{architecture.resolution} px, batch {batch}"
        yield Row(
            "inversion",
            case,
            chosen,
            "half" if architecture.fp16_resolutions else "float32",
            memory_gib=memory_gib(),
            note=note,
            values=values,
        )


def profile(case: str, chosen: Form, ceiling: Ceilings, longest: int = 12) -> Iterator[Row]:
    """Say where the time of a plain step goes: the longest operations of the card."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as profiled

    resolution, shape, changes = CASES[case]
    settings = TrainSettings(**changes)
    training = new_step(ArchitectureSettings(**shape), settings, resolution, device())
    real = torch.rand(settings.batch_size, 3, resolution, resolution, device=device()) * 2 - 1
    on_card = device().type == "cuda"
    with form(chosen):
        for _ in range(2):
            timed_step(training, 1, real)
        with profiled(activities=[ProfilerActivity.CUDA if on_card else ProfilerActivity.CPU]) as found:
            timed_step(training, 1, real)
    attribute = "self_device_time_total" if on_card else "self_cpu_time_total"
    entries = sorted(found.key_averages(), key=lambda entry: -getattr(entry, attribute))
    total = sum(getattr(entry, attribute) for entry in entries)
    for entry in entries[:longest]:
        took = getattr(entry, attribute)
        note = f"{100 * took / max(total, 1e-9):.1f} %, {took / 1e3:.3g} ms in {entry.count} calls: {entry.key[:100]}"
        yield Row("where a step goes", case, chosen, note=note)
