"""Ctrl-C and `kill`: one line, the right exit code, and no half-written file."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from stylealign.checkpoints import native
from stylealign.cli.main import main
from stylealign.networks.architecture import Architecture
from stylealign.networks.generator import Generator

TINY = Architecture(resolution=16, z_dim=12, w_dim=8, mapping_layers=2, channel_base=128, channel_max=8)

GENERATE = """
import os, sys
import stylealign.applications.samples as samples
from stylealign.cli.main import main

calls, convert = [], samples.to_pixels

def stopped(images):
    calls.append(os.listdir("out"))
    if len(calls) == 3:
        assert len(calls[-1]) == 1, "it writes"
        os.kill(os.getpid(), NUMBER)
    return convert(images)

samples.to_pixels = stopped
sys.exit(main(["generate", "model.safetensors", "--seeds", "0-999", "--zip", "out/images.zip"]))
"""

DRAW = """
import os, signal, sys
import stylealign.datasets.drawing as drawing
from stylealign.cli.main import main

def stopped(avatars, what, count):
    for done, avatar in enumerate(avatars):
        if done == 60:
            os.killpg(0, signal.SIGINT)
        yield avatar

drawing._with_progress = stopped
flags = ["--draw", "human", "--resolution-px", "16", "--jobs", "2", "--train-images", "5000", "--out-dir", "out"]
if __name__ == "__main__":
    sys.exit(main(["data", "draw", *flags]))
"""


def run_script(code: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run a program in a session of its own, which stands for the terminal."""
    # Whatever the tests were started with, in the background say; not in the processes it starts, which import it too.
    heed = "signal.signal(signal.SIGINT, signal.default_int_handler)"
    heeding = f"import signal\n\nif __name__ == '__main__':\n    {heed}\n"
    (folder / "program.py").write_text(heeding + code)
    return subprocess.run(
        [sys.executable, "program.py"], cwd=folder, start_new_session=True, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(("number", "what"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")])
def test_generate_ends_in_one_line_and_leaves_nothing(number: signal.Signals, what: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    native.save(tmp_path / "model.safetensors", generator=Generator(TINY).eval())
    done = run_script(GENERATE.replace("NUMBER", str(int(number))), tmp_path)
    assert done.returncode == 128 + number
    assert done.stderr == f"stylealign generate: {what}\n"
    assert not (tmp_path / "out").exists()


def test_processes_that_draw_leave_ctrl_c_to_the_command(tmp_path: Path) -> None:
    done = run_script(DRAW, tmp_path)
    assert done.returncode == 130
    assert done.stderr == "stylealign data: interrupted\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("verb", ["invert", "generate", "data", "tables", "fetch"])
def test_every_verb_answers_ctrl_c_in_one_line(
    verb: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def pressed(arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"stylealign.cli.{verb}.run", pressed)
    monkeypatch.setattr(f"stylealign.cli.{verb}.add_arguments", lambda parser: None)
    assert main([verb]) == 130
    assert capsys.readouterr().err == f"stylealign {verb}: interrupted\n"
