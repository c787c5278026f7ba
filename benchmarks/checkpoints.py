"""Import time and peak memory of a 1024 px config-f checkpoint of random weights, in every format.

Run from the repository: `python -m benchmarks.checkpoints`. Each format is read in a process of its own; memory is the
peak of the process over what it takes to import torch. The aim is under twice the file's size.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

KINDS = ("stylegan2-ada-pytorch", "stylegan2-tensorflow", "rosinality", "rosinality-legacy", "native")


def write_files(folder: Path, resolution: int, channel_max: int) -> None:
    """Write one random model in every format; each is made by the tests' builders, and the native one is ours."""
    import torch

    from stylealign.checkpoints import native
    from stylealign.checkpoints.weights import Weights
    from stylealign.networks.architecture import Architecture
    from stylealign.networks.discriminator import Discriminator
    from stylealign.networks.generator import Generator
    from tests.checkpoints import builders

    torch.manual_seed(0)
    architecture = Architecture(resolution=resolution, channel_max=channel_max)
    generator, discriminator = Generator(architecture).state_dict(), Discriminator(architecture).state_dict()
    arguments = {"z_dim": 512, "_init_kwargs": builders.EasyDict(synthesis_kwargs=builders.EasyDict())}
    for kind in KINDS:
        path = folder / kind
        if kind == "native":
            networks = {"G_ema": generator, "G": generator, "D": discriminator}
            native.write(path, Weights(architecture, networks))
        elif kind == "stylegan2-ada-pytorch":
            path.write_bytes(builders.pickled(builders.ada_snapshot(generator, discriminator, arguments)))
        elif kind == "stylegan2-tensorflow":
            path.write_bytes(builders.pickled(builders.tensorflow_snapshot(generator, discriminator, {})))
        else:
            snapshot = builders.rosinality_snapshot(generator, discriminator)
            builders.torch_saved(snapshot, path, legacy=kind.endswith("legacy"))


def measure(path: Path, out: Path | None) -> dict[str, float]:
    """Read `path` (and write it as `out`) in this process; return seconds and the peak of memory in MiB."""
    from stylealign.checkpoints import load
    from stylealign.checkpoints.convert import convert

    before_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    start = time.perf_counter()
    if out is None:
        generator = load(path).generator
        # A native file is paged in when it is used.
        assert all(bool(tensor.isfinite().all()) for tensor in generator.state_dict().values())
    else:
        convert(path, out)
    seconds = time.perf_counter() - start
    return {"s": seconds, "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before_mib}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resolution", type=int, default=1024)
    parser.add_argument("--channel-max", type=int, default=512)
    parser.add_argument("--format", nargs="+", choices=KINDS, default=KINDS, help="what to measure")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.write:
        write_files(arguments.write, arguments.resolution, arguments.channel_max)
        return
    if arguments.measure:
        print(json.dumps(measure(arguments.measure, arguments.out)))
        return
    with tempfile.TemporaryDirectory() as folder:
        # In a process of its own: a process starts with the peak memory of the one that started it.
        size = ("--resolution", str(arguments.resolution), "--channel-max", str(arguments.channel_max))
        _in_a_process("--write", folder, *size)
        columns = "".join(f"{verb:>11}{'peak MiB':>10}{'ratio':>7}" for verb in ("load s", "convert s"))
        print(f"{'format':24}{'file MiB':>10}{columns}")
        cases = []
        for kind in arguments.format:
            path = Path(folder) / kind
            size_mib = path.stat().st_size / 2**20
            loaded = _in_a_process("--measure", str(path))
            converted = _in_a_process("--measure", str(path), "--out", str(Path(folder) / "out.safetensors"))
            cells = [
                f"{part['s']:11.2f}{part['peak_mib']:10.0f}{part['peak_mib'] / size_mib:7.2f}"
                for part in (loaded, converted)
            ]
            print(f"{kind:24}{size_mib:10.0f}{''.join(cells)}", flush=True)
            cases.append({"case": kind, "file_mib": size_mib, "load": loaded, "convert": converted})
    if arguments.json:
        print(json.dumps({"benchmark": "checkpoints", "resolution": arguments.resolution, "cases": cases}))


def _in_a_process(*arguments: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.checkpoints", *arguments]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(printed or "{}")  # type: ignore[no-any-return]


if __name__ == "__main__":
    main()
