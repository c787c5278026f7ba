"""Images a second of the synthesis network, fast and in plain form, and the memory of one large image.

Run from the repository: `python -m benchmarks.synthesis`. Both forms run the same network in alternation, and a
published peer, where it is installed, one of the same size (see `benchmarks.peers`). With `--json` the last line is one
JSON object.
"""

import resource
import statistics
import time
from collections.abc import Callable
from contextlib import nullcontext

import torch

from benchmarks.common import FORMS, device_for, parser, report
from benchmarks.peers import PEER, Peer, hint, installed
from benchmarks.plain import plain_form
from stylealign.networks.architecture import Architecture
from stylealign.networks.generator import Generator

CASES = {
    "64px-default": (Architecture(resolution=64, z_dim=128, w_dim=128, channel_base=1024, channel_max=64), 16),
    "64px-128ch": (Architecture(resolution=64, channel_base=4096, channel_max=128), 16),
    "tiny": (Architecture(resolution=16, z_dim=8, w_dim=8, channel_base=128, channel_max=8), 2),
    "256px": (Architecture(resolution=256, channel_base=16384), 2),
    "1024px": (Architecture(resolution=1024), 1),
}
"""Architecture and batch size."""

DEFAULT_CASES = [name for name in CASES if name != "tiny"]


def measure(name: str, repeats: int, device: torch.device) -> dict[str, object]:
    """Return images a second of one case in each form, and how far the forms differ."""
    architecture, batch = CASES[name]
    generator = Generator(architecture).to(device).eval().requires_grad_(False)
    with torch.inference_mode():
        ws = generator.mapping(torch.randn(batch, architecture.z_dim, device=device))
        images = generator.synthesis(ws)
        peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        with plain_form():
            difference = float((generator.synthesis(ws) - images).abs().max() / images.abs().max())
        run: dict[str, Callable[[], torch.Tensor]] = {form: lambda: generator.synthesis(ws) for form in FORMS}
        if installed():
            run[PEER] = peer_synthesis(architecture, batch, device)
        seconds: dict[str, list[float]] = {form: [] for form in run}
        for _ in range(repeats):
            for form, times in seconds.items():
                with FORMS.get(form, nullcontext)():
                    times.append(timed(run[form]))
    pairs = zip(seconds["plain"], seconds["fast"], strict=True)
    of_peer = zip(seconds.get(PEER, []), seconds["fast"], strict=False)
    return {
        "case": name,
        "batch_size": batch,
        "fast_images_per_s": round(batch / statistics.median(seconds["fast"]), 3),
        "plain_images_per_s": round(batch / statistics.median(seconds["plain"]), 3),
        "ratio_to_plain": round(statistics.median(plain / fast for plain, fast in pairs), 3),
        **(
            {"ratio_to_peer": round(statistics.median(peer / fast for peer, fast in of_peer), 3)} if PEER in run else {}
        ),
        "relative_difference": float(f"{difference:.1e}"),
        "peak_memory_gib": round(peak_gib, 2),
    }


def peer_synthesis(architecture: Architecture, batch: int, device: torch.device) -> Callable[[], torch.Tensor]:
    """Return the peer's synthesis of random styles, in the size of `architecture`."""
    peer = Peer(architecture).to(device).eval().requires_grad_(False)
    ws = peer.draw_ws(batch)
    return lambda: peer.synthesize(ws)


def timed(synthesize: Callable[[], torch.Tensor]) -> float:
    """Return the seconds of one synthesis."""
    start = time.perf_counter()
    float(synthesize()[0, 0, 0, 0])  # waits for a GPU
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    flags = parser(__doc__, CASES, DEFAULT_CASES)
    arguments = flags.parse_args()
    hint(flags)
    device = device_for(arguments)
    report("synthesis", arguments, lambda name: measure(name, arguments.repeats, device))


if __name__ == "__main__":
    main()
