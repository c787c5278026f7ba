"""Compile the native operations once per user, machine and version, and load them.

The libraries have a plain C interface and are called through `ctypes`, not through PyTorch's extension headers: they
compile in a second or two instead of a minute, need no match with PyTorch's C++ ABI, and load in a millisecond.

The libraries lie in `files.user_cache`. This module is the one place that reads these environment variables:

* ``STYLEALIGN_NATIVE``: ``0``: use the PyTorch form of every operation, and build nothing. ``cuda``: use the Triton
  kernels on every GPU. Unset or empty, they are used on GPUs of compute capability 8.0 or more, which they are compiled
  for in the tests (sm_80 and sm_90), if one that is tried at the start runs; a training on a GPU tries them all first
  (`training/selftest.py`). Anything else is an error.
* ``CXX``: the C++ compiler's command, by default ``c++``.
"""

import ctypes
import fcntl
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import torch

from stylealign.errors import StyleAlignError
from stylealign.files import user_cache

SOURCES = Path(__file__).parent
CPP_SOURCES = [SOURCES / name for name in ("kernels.cpp", "weight_gradient.cpp", "winograd.cpp")]
CPP_FLAGS = (
    "-std=c++17 -O3 -march=native -fopenmp -fPIC -shared"
    " -fno-math-errno -fno-trapping-math -fno-signed-zeros -fassociative-math"
) + (" -mprefer-vector-width=512" if platform.machine() == "x86_64" else "")
"""Not -ffast-math: linked into a library it makes the whole process flush denormal numbers."""
BUILD_LIMIT_S = 300
LEAST_CAPABILITY = (8, 0)
"""Compute capability of the oldest NVIDIA GPUs that the kernels are compiled for in the tests."""

Compiler = tuple[str, ...]
"""The words of a compiler's command."""


class BuildError(Exception):
    """The operations cannot be built here."""


def asked() -> str:
    """Return what the environment says of the native operations: `0`, `cuda` or nothing.

    Raises:
        StyleAlignError: it says something else.
    """
    value = os.environ.get("STYLEALIGN_NATIVE", "")
    if value not in ("", "0", "cuda"):
        raise StyleAlignError(
            f"STYLEALIGN_NATIVE={value}: 0 turns native operations off, cuda has the kernels on any GPU; else unset it"
        )
    return value


@cache
def cpu_library() -> ctypes.CDLL | None:
    """Return the operations for the CPU, built if needed; None, after one notice, where that is impossible."""
    if asked() == "0":
        return None
    return _loaded(lambda folder: built(find_compiler(), CPP_SOURCES, CPP_FLAGS, folder))


def forced_on_gpu() -> bool:
    """Say whether the environment insists on the operations for GPUs: what does not run is an error then."""
    return asked() == "cuda"


def wanted_on_gpu(device: torch.device) -> bool:
    """Say whether this GPU is to use the operations for GPUs: as the environment says, else where it is new enough."""
    return forced_on_gpu() or (asked() != "0" and _is_new_enough(device))


@cache
def _is_new_enough(device: torch.device) -> bool:
    return torch.version.hip is None and torch.cuda.get_device_capability(device) >= LEAST_CAPABILITY


def _loaded(build: Callable[[Path], Path]) -> ctypes.CDLL | None:
    try:
        with libraries() as folder:
            return ctypes.CDLL(str(build(folder)))
    except (BuildError, OSError) as error:
        message = f"note: native operations are off, everything runs in its slower form: {error}"
        print(message, file=sys.stderr, flush=True)
        return None


def find_compiler() -> Compiler:
    """Return the command of the C++ compiler: `CXX` may be several words, as for make, such as `ccache g++`."""
    text = os.environ.get("CXX", "").strip() or "c++"
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise BuildError(f"CXX={text}: not a command ({error})") from error
    path = shutil.which(words[0]) or (shutil.which("g++") if text == "c++" else None)
    if path is None:
        raise BuildError(f"no C++ compiler ({text}); install g++, or set STYLEALIGN_NATIVE=0 to say that this is fine")
    return (path, *words[1:])


@contextmanager
def libraries() -> Iterator[Path]:
    """Yield the folder for the libraries; for a user without a home, one that is gone afterwards."""
    folder = user_cache()
    if folder is not None:
        yield folder
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as passing:
        reason = "no home folder to write in, so the native operations are built anew at every start"
        print(f"note: {reason}; set STYLEALIGN_CACHE", file=sys.stderr, flush=True)
        yield Path(passing)


def built(compiler: Compiler, sources: list[Path], flags: str, folder: Path) -> Path:
    """Return the library of these sources, from the cache or freshly built.

    Processes that want the same library at the same time wait for one of them. The library appears under its name
    when it is complete, so that a build that is killed leaves nothing that could be loaded.

    Raises:
        BuildError: the compiler fails.
        OSError: the cache cannot be written.
    """
    library = folder / f"{sources[0].name}-{key(compiler, sources, flags)}.so"
    if library.exists():
        return library
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / "build.lock"):
        if not library.exists():
            for left_behind in folder.glob("build-*"):
                shutil.rmtree(left_behind, ignore_errors=True)
            with tempfile.TemporaryDirectory(prefix="build-", dir=folder, ignore_cleanup_errors=True) as work:
                os.replace(_compile(compiler, sources, flags, Path(work)), library)
    return library


def key(compiler: Compiler, sources: list[Path], flags: str) -> str:
    """Return a hash of everything that a library depends on: sources, flags, compiler, PyTorch and processor."""
    contents = [path.read_bytes() for path in (*sources, *sorted(SOURCES.glob("*.h")))]
    version = subprocess.run([*compiler, "--version"], capture_output=True, check=False, timeout=60).stdout
    facts = [flags, *compiler, torch.__version__, platform.machine(), _processor()]
    return hashlib.sha256(b"\0".join([*contents, version, *(fact.encode() for fact in facts)])).hexdigest()[:16]


def _processor() -> str:
    """Return the instruction sets of the processor, as Linux lists them."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), platform.processor())


def _compile(compiler: Compiler, sources: list[Path], flags: str, work: Path) -> Path:
    """Compile and link with ninja in the folder `work`; return the library."""
    plan = (
        f"rule compile\n  command = {shlex.join(compiler).replace('$', '$$')} {flags} -o $out $in\n"
        f"build library.so: compile {' '.join(_quoted(str(path)) for path in sources)}\n"
    )
    (work / "build.ninja").write_text(plan)
    command = [_ninja(), "-C", str(work)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=BUILD_LIMIT_S)
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"{shlex.join(compiler)} took more than {BUILD_LIMIT_S} s") from error
    if done.returncode:
        reason = next((line for line in done.stdout.splitlines() if "error" in line), done.stdout.strip()[-200:])
        raise BuildError(f"{shlex.join(compiler)} failed: {reason}")
    return work / "library.so"


def _ninja() -> str:
    import ninja  # takes time, and only a build needs it

    beside = Path(ninja.BIN_DIR) / "ninja"
    return str(beside) if beside.exists() else "ninja"


def _quoted(path: str) -> str:
    """Escape what ninja gives a meaning."""
    return path.replace("$", "$$").replace(" ", "$ ").replace(":", "$:")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock; the kernel releases it when the process ends, however it ends."""
    with path.open("w") as file:
        with suppress(OSError):  # a file system without locks: the work is done twice, and the rename still is atomic
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
