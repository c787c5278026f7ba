"""Every benchmark at a tiny size, one after another: that they run, not how fast.

Run from the repository: `python -m benchmarks.all [NAME ...]`. Each runs in a process of its own, as it would by hand;
its output is shown, and a line that says how long it took. Ends with an error where one fails.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.inversion import SIZES
from stylealign.checkpoints import native
from stylealign.datasets.images import write_image_zip
from stylealign.files import sha256_of_file
from stylealign.images import to_uint8
from stylealign.latents.encoding import save_encoder
from stylealign.networks.encoder import Encoder
from stylealign.networks.generator import Generator

ROOT = Path(__file__).parents[1]
COMMANDS = {
    "checkpoints": "--resolution 16 --channel-max 8 --format native stylegan2-tensorflow",
    "drawing": "--case human bottts --images 3",
    "counting": "--case mini tiny",
    "cpu": "--case mini --repeats 1",
    "gpu": "--minutes 60",
    "training": "--case tiny tiny-ada --repeats 1",
    "keeping": "--case tiny --repeats 1",
    "synthesis": "--case tiny --repeats 1",
    "explore": "--case seed weights --repeats 1",
    "inversion": "--case batched encoder --size tiny --images 2 --steps 2 --repeats 1 --few-steps 1 --many-steps 2"
    " --model {inputs}/model.safetensors --encoder {inputs}/encoder.safetensors --data {inputs}/images.zip",
    "workflow": "--jobs 0 --repeats 1",
}
"""The flags of a tiny run of every benchmark, beside `--json`."""


def write_inputs(folder: Path) -> None:
    """Write a tiny model, an encoder of it and two of its images."""
    torch.manual_seed(0)
    architecture = SIZES["tiny"]
    generator = Generator(architecture).eval().requires_grad_(False)
    native.save(folder / "model.safetensors", generator=generator)
    sha256 = sha256_of_file(folder / "model.safetensors")
    save_encoder(folder / "encoder.safetensors", Encoder(architecture), sha256, {})
    write_image_zip(folder / "images.zip", to_uint8(generator(torch.randn(2, architecture.z_dim))).numpy())


def run(name: str, inputs: Path) -> dict[str, Any]:
    """Run a benchmark at its tiny size; return the JSON object that it prints as its last line.

    Args:
        name: the benchmark.
        inputs: folder of `write_inputs`.

    Raises:
        RuntimeError: it fails, with the end of what it said.
    """
    command = [sys.executable, "-m", f"benchmarks.{name}", "--json", *COMMANDS[name].format(inputs=inputs).split()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"benchmarks.{name} ended with {done.returncode}: {done.stderr[-2000:]}")
    print(done.stdout, end="", flush=True)
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def main() -> None:
    """Run the benchmarks and print what they print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="*", help=f"{', '.join(COMMANDS)}. Default: every one.")
    names = parser.parse_args().name or list(COMMANDS)
    if unknown := [name for name in names if name not in COMMANDS]:
        parser.error(f"no benchmark {unknown[0]!r}; there are {', '.join(COMMANDS)}")
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        write_inputs(Path(folder))
        for name in names:
            started_s = time.perf_counter()
            try:
                run(name, Path(folder))
            except RuntimeError as error:
                failed.append(name)
                print(error, flush=True)
            print(f"== benchmarks.{name}: {time.perf_counter() - started_s:.1f} s\n", flush=True)
    if failed:
        raise SystemExit(f"benchmarks.all: failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
