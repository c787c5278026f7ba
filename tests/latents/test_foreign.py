"""Codes of other programs: what is read, and which space it is of."""

from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from stylealign.errors import StyleAlignError
from stylealign.latents.codes import Codes
from stylealign.latents.foreign import ForeignCodes, typed
from stylealign.networks.architecture import Architecture

FFHQ = Architecture(resolution=1024)
"""18 layers, z and w of 512."""
SHA = "a" * 64


def values(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def load(path: Path, space: str | None = None) -> Codes:
    return Codes.load(path, space, SHA, FFHQ)


def test_the_file_of_a_projector(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    w = values(1, 18, 512)
    np.savez(tmp_path / "projected_w.npz", w=w)
    codes = load(tmp_path / "projected_w.npz")
    np.testing.assert_array_equal(codes.values, w)
    assert (codes.space, codes.model_sha256, codes.names) == ("w+", SHA, ["0"])
    assert capsys.readouterr().err.endswith("projected_w.npz: 1 w+ codes of another program, taken as this model's\n")
    with pytest.raises(
        StyleAlignError, match=r"are no z codes of the model, which takes \[512\]; say which with --space z\+ or w"
    ):
        load(tmp_path / "projected_w.npz", "z")


@pytest.mark.parametrize(
    ("shape", "key", "space", "expected"),
    [
        ((1, 18, 512), "", None, ("w+", (1, 18, 512))),
        ((18, 512), "", None, ("w+", (1, 18, 512))),
        ((18, 512), "", "w", ("w", (18, 512))),
        ((5, 18, 512), "latents", None, ("w+", (5, 18, 512))),
        ((1, 1, 18, 512), "", None, ("w+", (1, 18, 512))),
        ((5, 18, 512), "z", None, ("z+", (5, 18, 512))),
        ((512,), "", "w", ("w", (1, 512))),
        ((512,), "", "z", ("z", (1, 512))),
        ((512,), "w", None, ("w", (1, 512))),
        ((7, 512), "z", None, ("z", (7, 512))),
        ((7, 1, 512), "w", None, ("w", (7, 512))),
    ],
)
def test_the_shape_or_a_flag_names_the_space(
    shape: tuple[int, ...], key: str, space: str | None, expected: tuple[str, tuple[int, ...]]
) -> None:
    found, name = typed(ForeignCodes(values(*shape), key, []), space, FFHQ, "codes.npy")
    assert (name, found.shape) == expected
    np.testing.assert_array_equal(found.ravel(), values(*shape).ravel())


def test_one_w_repeated_for_every_layer_is_a_w_code_where_asked_for() -> None:
    repeated = np.repeat(values(2, 1, 512), 18, axis=1)
    assert typed(ForeignCodes(repeated, "w", []), None, FFHQ, "a")[1] == "w+"
    found, name = typed(ForeignCodes(repeated, "w", []), "w", FFHQ, "a")
    assert name == "w"
    np.testing.assert_array_equal(found, repeated[:, 0])


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 16, 512), r"codes\.npy: values of shape \[1, 16, 512\] are no w\+ codes .* which takes \[18, 512\]$"),
        ((512,), r"codes\.npy: .* may be z or w codes; say which with --space z or w"),
        ((7, 512), r"may be z or w codes"),
        ((3, 64, 64), r"are no w\+ codes"),
    ],
)
def test_shapes_that_tell_nothing(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(StyleAlignError, match=message):
        typed(ForeignCodes(values(*shape), "", []), None, FFHQ, "codes.npy")


@pytest.mark.parametrize("shape", [(1, 18, 512), (18, 512)])
def test_arrays(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "w.npy", values(*shape).astype(np.float64))
    np.testing.assert_array_equal(load(tmp_path / "w.npy").values, values(1, 18, 512))


W = torch.from_numpy(values(2, 18, 512))


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize(
    ("content", "names"),
    [
        (W, ["0", "1"]),
        ({"latents": W, "size": 1024}, ["0", "1"]),
        (OrderedDict([("a.jpg", W[0]), ("b.jpg", W[1])]), ["a.jpg", "b.jpg"]),
        ({"faces/a.jpg": W[:1], "faces/b.jpg": W[1:]}, ["a.jpg", "b.jpg"]),
        ({"a.jpg": {"img": torch.zeros(3, 4, 4), "latent": W[0]}, "b.jpg": {"latent": W[1]}}, ["a.jpg", "b.jpg"]),
        ([W[0], W[1]], ["0", "1"]),
        (torch.nn.Parameter(W), ["0", "1"]),
        (W.half().float(), ["0", "1"]),
    ],
)
def test_tensors_saved_by_torch(tmp_path: Path, content: Any, names: list[str], legacy: bool) -> None:
    torch.save(content, tmp_path / "latents.pt", _use_new_zipfile_serialization=not legacy)
    codes = load(tmp_path / "latents.pt")
    assert (codes.space, codes.names) == ("w+", names)
    np.testing.assert_allclose(codes.values, W, atol=2e-3)


def test_what_holds_no_codes(tmp_path: Path) -> None:
    np.save(tmp_path / "objects.npy", np.array({"a": 1}, dtype=object))
    with pytest.raises(StyleAlignError, match=r"objects\.npy: holds pickled Python objects"):
        load(tmp_path / "objects.npy")
    torch.save({"g_ema": {"a": torch.zeros(2, 2), "b": torch.zeros(3)}}, tmp_path / "model.pt")
    np.savez(tmp_path / "other.npz", images=np.zeros((2, 8, 8, 3), np.uint8))
    (tmp_path / "text.npz").write_text("nothing")
    (tmp_path / "empty.npz").touch()
    for name in ("model.pt", "other.npz", "text.npz", "empty.npz"):
        with pytest.raises(StyleAlignError, match=f"{name}: not a code file, or a damaged one"):
            load(tmp_path / name)


def test_a_use_that_names_no_model_tells_how_to_convert(tmp_path: Path) -> None:
    np.save(tmp_path / "w.npy", values(1, 18, 512))
    with pytest.raises(StyleAlignError, match=r"stylealign convert FILE codes\.npz --codes-of MODEL"):
        Codes.load(tmp_path / "w.npy")
