"""That memory beside a tensor is forbidden, so that the menu of kernels sees what is read there."""

import subprocess
import sys

import pytest

READ = "import ctypes, torch; from tests.ops.guarded import placed; t = placed(torch.ones(7), {at_end}); "


@pytest.mark.parametrize(("at_end", "beyond"), [(True, 28), (False, -1)])
def test_what_is_beside_a_tensor_cannot_be_read(at_end: bool, beyond: int) -> None:
    for place, code in ((0, 0), (27, 0), (beyond, -11)):
        program = READ.format(at_end=at_end) + f"print(ctypes.string_at(t.data_ptr() + {place}, 1))"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
