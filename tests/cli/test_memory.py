"""Freed memory stays with the process."""

import platform
import subprocess
import sys

import pytest

KEPT = """
import ctypes, resource, sys
from stylealign.cli.memory import keep_freed_memory

if sys.argv[1] == "keep":
    assert keep_freed_memory()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
size = 20_000_000
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    block = libc.malloc(size)
    ctypes.memset(block, 1, size)
    libc.free(block)
    size += 4096  # glibc learns the size of a block it gave back
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt belongs to glibc")
def test_pages_are_cleared_once() -> None:
    faults = {
        mode: int(subprocess.run([sys.executable, "-c", KEPT, mode], capture_output=True, check=True).stdout)
        for mode in ("keep", "give back")
    }
    assert faults["keep"] < faults["give back"] / 5
