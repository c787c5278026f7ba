"""Code files: what is written is read, and misuse is refused in one line."""

import hashlib

import numpy as np
import pytest
import torch

from stylealign.errors import StyleAlignError
from stylealign.latents.codes import Codes, codes_to_ws
from stylealign.latents.spaces import names, space_of
from stylealign.networks.architecture import Architecture
from stylealign.networks.generator import Generator
from stylealign.sampling import mean_label, std_of_w

from .conftest import TINY


def _codes(space: str, count: int = 3) -> Codes:
    values = np.random.default_rng(1).standard_normal((count, *space_of(space).shape(TINY)), dtype=np.float32)
    return Codes(values, space, "a" * 64, [f"image {index}" for index in range(count)], truncation_psi=0.5)


@pytest.mark.parametrize("space", names())
def test_a_file_gives_back_the_codes(space, tmp_path):
    codes = _codes(space)
    codes.save(tmp_path / "codes.npz")
    read = Codes.load(tmp_path / "codes.npz", space, "a" * 64)
    np.testing.assert_array_equal(read.values, codes.values)
    assert read.values.dtype == np.float32
    assert (read.space, read.model_sha256, read.names) == (space, "a" * 64, codes.names)
    assert read.truncation_psi == (0.5 if space in ("z", "z+") else 1.0)


def test_equal_codes_are_equal_bytes(tmp_path):
    digests = []
    for name in ("a.npz", "b.npz"):
        _codes("w+").save(tmp_path / name)
        digests.append(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert digests[0] == digests[1]


def test_another_space_or_model_is_refused(tmp_path):
    path = tmp_path / "codes.npz"
    _codes("w+").save(path)
    with pytest.raises(
        StyleAlignError, match=r"codes\.npz: holds w\+ codes where z codes are needed; invert with --space z"
    ):
        Codes.load(path, "z")
    with pytest.raises(StyleAlignError, match=r"codes\.npz: belongs to another model"):
        Codes.load(path, "w+", "b" * 64)
    with pytest.raises(StyleAlignError, match="do not fit the model"):
        Codes.load(path).require_fits(Architecture(resolution=32, z_dim=12, w_dim=8), path)


def test_a_missing_or_damaged_file_is_named(tmp_path):
    with pytest.raises(StyleAlignError, match=r"none\.npz: no such file"):
        Codes.load(tmp_path / "none.npz")
    path = tmp_path / "codes.npz"
    _codes("w").save(path)
    whole = path.read_bytes()
    for broken in (b"", b"not a zip", whole[: len(whole) // 2], whole[:200] + bytes(60) + whole[260:]):
        path.write_bytes(broken)
        with pytest.raises(StyleAlignError, match=r"codes\.npz: not a code file, or a damaged one"):
            Codes.load(path)
    _codes("w").save(path)
    with np.load(path) as file:
        parts = {name: file[name] for name in file.files}
    for name, part, message in (
        ("space", "w2", "no 'w2'; choose one of"),
        ("values", parts["values"][0], "cannot be of space w"),
        ("names", parts["names"][1:], "codes but"),
    ):
        np.savez(path, **{**parts, name: part})
        with pytest.raises(
            StyleAlignError, match=rf"codes\.npz: a damaged file of codes \(.*{message}.*\); make it with"
        ):
            Codes.load(path)
    np.savez(path, values=np.zeros((2, 3)))
    with pytest.raises(StyleAlignError, match="not a code file"):
        Codes.load(path)
    np.savez(path, values=np.array([{"an": "object"}]))
    with pytest.raises(StyleAlignError, match="not a code file"):
        Codes.load(path)


def test_values_must_have_the_shape_of_their_space():
    with pytest.raises(StyleAlignError, match=r"cannot be of space w\+"):
        Codes(np.zeros((2, 8), np.float32), "w+", "a" * 64)
    with pytest.raises(StyleAlignError, match="no 'q'; choose one of z"):
        Codes(np.zeros((2, 8), np.float32), "q", "a" * 64)
    with pytest.raises(StyleAlignError, match="2 codes but 1 names"):
        Codes(np.zeros((2, 8), np.float32), "w", "a" * 64, ["one"])


def test_codes_become_ws(generator):
    z, z_plus, w, w_plus, s = (_codes(space) for space in names())
    mapped = generator.mapping(torch.from_numpy(z.values), None, 0.5)
    torch.testing.assert_close(codes_to_ws(z, generator), mapped)
    torch.testing.assert_close(codes_to_ws(z, generator, 1.0), generator.mapping(torch.from_numpy(z.values)))
    assert codes_to_ws(z_plus, generator).shape == (3, TINY.num_ws, TINY.w_dim)
    broadcast = codes_to_ws(w, generator, 0.5)
    assert broadcast.shape == (3, TINY.num_ws, TINY.w_dim)
    torch.testing.assert_close(broadcast[:, 4], torch.from_numpy(w.values), rtol=0, atol=0)
    torch.testing.assert_close(codes_to_ws(w_plus, generator, 0.5), torch.from_numpy(w_plus.values), rtol=0, atol=0)
    torch.testing.assert_close(codes_to_ws(s, generator, 0.5), torch.from_numpy(s.values), rtol=0, atol=0)


def test_one_z_for_all_layers_is_that_z(generator):
    z = _codes("z")
    repeated = Codes(np.repeat(z.values[:, None], TINY.num_ws, axis=1), "z+", z.model_sha256, z.names, 0.5)
    torch.testing.assert_close(codes_to_ws(repeated, generator), codes_to_ws(z, generator))


def test_spread_of_w_is_the_root_mean_square_distance(generator):
    w = generator.mapping.map(torch.randn(20_000, TINY.z_dim, generator=torch.Generator().manual_seed(5)))
    expected = w.var(dim=0, correction=0).sum().sqrt().item()
    assert std_of_w(generator) == pytest.approx(expected, rel=0.05)


def test_a_conditional_model_takes_a_label_without_preference():
    model = Generator(TINY.model_copy(update={"c_dim": 4}))
    torch.testing.assert_close(mean_label(model, 2), torch.full((2, 4), 0.25))
    assert codes_to_ws(_codes("z"), model).shape == (3, TINY.num_ws, TINY.w_dim)
    assert mean_label(Generator(TINY), 2) is None


def test_codes_that_are_no_numbers_are_refused(tmp_path):
    codes = _codes("w+")
    codes.values[1, 0, 0] = np.nan
    codes.save(tmp_path / "codes.npz")
    with pytest.raises(StyleAlignError, match=r"codes\.npz: 1 of 3 codes are no numbers .* e\.g\. of image 1"):
        Codes.load(tmp_path / "codes.npz")
