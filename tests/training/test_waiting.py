"""Nothing between two reports waits for a GPU: no step reads a tensor, and images are copied from pinned memory."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from stylealign.config import KeepSettings
from stylealign.images import from_uint8
from stylealign.training import draws, loop
from stylealign.training.loop import seed_step
from tests.training.common import Squares, changed, make_run

READ = ("_local_scalar_dense", "equal", "nonzero", "masked_select", "item")
"""Operations whose result, or its shape, is the value of a tensor: a GPU has to be waited for."""
KEEP = KeepSettings.model_validate({"features": {"weight": 8}, "rgb": {"weight": 1}, "weights": {"weight": 1e-3}})


class Unread(TorchDispatchMode):
    """Refuses to read what a GPU would have to compute first."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert func.name().removeprefix("aten::").partition(".")[0] not in READ, f"{func.name()} waits for a GPU"
        return func(*args, **(kwargs or {}))


def test_reading_a_value_is_seen() -> None:
    for read in (torch.Tensor.item, torch.Tensor.nonzero, bool):
        with pytest.raises(AssertionError, match="waits for a GPU"), Unread():
            read(torch.ones(1))


@pytest.mark.parametrize("changes", [{}, {"keep": KEEP}, {"augment": "bgc"}, {"blur_px": 2.0}, {"accumulate": 2}])
def test_a_step_reads_no_value(tmp_path: Path, changes: dict[str, Any]) -> None:
    run = make_run(tmp_path, changed(ada_interval=100, **changes))
    if run.networks.ada is not None:
        run.networks.ada.p = 0.5
    for index in range(7):  # every kind of step
        seed_step(0, index)
        real = from_uint8(Squares().batch(index, 8, 0, False))
        with Unread():
            run.networks.step(index, real)


def test_the_images_of_a_step_do_not_make_the_program_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def moved(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
        seen.append(tensor.dtype)
        return draws.moved(tensor, device)

    monkeypatch.setattr(loop, "moved", moved)
    run = make_run(tmp_path)
    run.train()
    assert seen == [torch.uint8] * run.steps_done
