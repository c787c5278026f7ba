"""Images a second of the inversion, batched and one at a time, and what an encoder's start is worth.

Run from the repository: `python -m benchmarks.inversion`. The case `batched` inverts the samples of a network of the
default size both ways in alternation, by the same steps, and says how far the reconstructions are off either way. The
case `encoder` needs `--model`, `--encoder` and `--data` (of `stylealign encoder`, and images it has not seen): distance
in W+ after the encoder and 100 steps, and after 500 steps of the paper's schedule from the mean of W. With `--json` the
last line is one JSON object.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.common import device_for, parser, report
from stylealign import load
from stylealign.applications.inversion import Inversion, invert
from stylealign.config import InvertSettings
from stylealign.datasets.images import ImageZip
from stylealign.images import to_uint8
from stylealign.latents.encoding import load_encoder
from stylealign.metrics.perceptual import perceptual_distance
from stylealign.networks.architecture import Architecture
from stylealign.networks.generator import Generator

CASES = ("batched", "encoder")
SIZES = {
    "default": Architecture(resolution=64, z_dim=128, w_dim=128, channel_base=1024, channel_max=64),
    "tiny": Architecture(resolution=16, z_dim=8, w_dim=8, channel_base=128, channel_max=8),
}
NAME = "efficientnet-lite0"


def batched(arguments: argparse.Namespace, device: torch.device) -> dict[str, object]:
    """Return images a second of both ways."""
    torch.manual_seed(0)
    size = SIZES[arguments.size]
    generator = Generator(size).to(device).eval().requires_grad_(False)
    with torch.inference_mode():
        images = to_uint8(generator(torch.randn(arguments.images, size.z_dim, device=device))).cpu().numpy()
    distance = perceptual_distance(NAME).to(device)
    settings = InvertSettings(steps=arguments.steps, batch_size=arguments.images, initial_candidates=32)
    ways = {"batched": settings, "one_at_a_time": settings.model_copy(update={"batch_size": 1})}
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    found: dict[str, Inversion] = {}
    for _ in range(arguments.repeats):
        for way, chosen in ways.items():
            start = time.perf_counter()
            found[way] = invert(generator, images, chosen, distance)
            seconds[way].append(time.perf_counter() - start)
    pairs = zip(seconds["one_at_a_time"], seconds["batched"], strict=True)
    return {
        "case": "batched",
        "images": arguments.images,
        "steps": arguments.steps,
        **{f"{way}_images_per_s": round(len(images) / statistics.median(times), 3) for way, times in seconds.items()},
        "ratio_to_one_at_a_time": round(statistics.median(one / all_ for one, all_ in pairs), 3),
        **{f"{way}_perceptual": round(_perceptual(inversion), 4) for way, inversion in found.items()},
    }


def _perceptual(found: Inversion) -> float:
    return float(np.mean([measures["perceptual"] for measures in found.measures]))


def encoder(arguments: argparse.Namespace, device: torch.device) -> dict[str, object]:
    """Return the perceptual distance of both starts, and the seconds they took."""
    checkpoint = load(arguments.model)
    generator, distance = checkpoint.generator.to(device), perceptual_distance(NAME).to(device)
    network = load_encoder(arguments.encoder, checkpoint.sha256).to(device)
    images = ImageZip(arguments.data).read(slice(0, arguments.images))
    result: dict[str, object] = {"case": "encoder", "images": len(images)}
    adam = InvertSettings(batch_size=arguments.images)
    soap = adam.model_copy(update={"optimizer": "soap", "learning_rate": 0.4, "latent_noise": 0.0})
    few, many = arguments.few_steps, arguments.many_steps
    for name, steps, start, chosen in (
        ("encoder", 0, network, adam),
        ("encoder_adam", few, network, adam),
        ("encoder_soap", few, network, soap),
        ("scratch_adam", few, None, adam),
        ("scratch_soap", few, None, soap),
        ("scratch_adam", many, None, adam),
    ):
        began = time.perf_counter()
        found = invert(generator, images, chosen.model_copy(update={"steps": steps}), distance, encoder=start)
        result[f"{name}_{steps}_s"] = round(time.perf_counter() - began, 1)
        result[f"{name}_{steps}_perceptual"] = round(_perceptual(found), 4)
    return result


MEASURES = {"batched": batched, "encoder": encoder}


def main() -> None:
    """Measure and print."""
    flags = parser(__doc__, CASES, ["batched"])
    flags.add_argument("--images", type=int, default=32, help="images inverted")
    flags.add_argument("--steps", type=int, default=10, help="steps of the case batched")
    flags.add_argument("--size", choices=SIZES, default="default", help="network of the case batched")
    flags.add_argument("--few-steps", type=int, default=100, help="steps behind the encoder, case encoder")
    flags.add_argument("--many-steps", type=int, default=500, help="steps without it, case encoder")
    for name in ("model", "encoder", "data"):
        flags.add_argument(f"--{name}", type=Path, help="case encoder")
    arguments = flags.parse_args()
    if "encoder" in arguments.case and None in (arguments.model, arguments.encoder, arguments.data):
        flags.error("--case encoder needs --model, --encoder and --data")
    device = device_for(arguments)
    report("inversion", arguments, lambda case: MEASURES[case](arguments, device))


if __name__ == "__main__":
    main()
