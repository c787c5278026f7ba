"""A run directory belongs to one training at a time."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stylealign.errors import StyleAlignError
from stylealign.training.state import claimed

OTHER = """
import sys
from pathlib import Path
from stylealign.training.state import claimed
with claimed(Path(sys.argv[1])):
    print("claimed", flush=True)
    sys.stdin.read()
"""


def test_a_second_training_is_refused_until_the_first_is_dead(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OTHER, str(tmp_path / "run")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "claimed\n"
        told = re.escape(f"{tmp_path / 'run'}: process {other.pid} on {os.uname().nodename} trains there")
        with pytest.raises(StyleAlignError, match=told), claimed(tmp_path / "run"):
            pass
        other.send_signal(signal.SIGKILL)
    with claimed(tmp_path / "run"):
        assert str(os.getpid()) in (tmp_path / "run" / "claim").read_text()


def test_a_claim_ends_with_its_block(tmp_path: Path) -> None:
    for _ in range(2):
        with claimed(tmp_path):
            assert str(os.getpid()) in (tmp_path / "claim").read_text()
