"""Directions: found where they were planted, kept in a file, applied to the bit."""

import dataclasses

import numpy as np
import pytest
import torch

from stylealign.checkpoints.checkpoint import Checkpoint
from stylealign.errors import StyleAlignError
from stylealign.latents import direction_finding as finding
from stylealign.latents.directions import (
    Directions,
    channel_names,
    channel_place,
    imported,
    moved,
)
from stylealign.latents.kinship import fingerprint, require_kin
from stylealign.networks.generator import Generator
from tests.networks.test_reference import CASES, STYLES, Case

from .conftest import TINY

RANDOM = np.random.default_rng(0)


def some(space: str, shape: tuple[int, ...], count: int = 2, **fields) -> Directions:
    values = finding.random_directions(count, shape, seed=1)
    names = [f"d{number}" for number in range(count)]
    return Directions(values, space, "a" * 64, names, ["drawn"] * count, np.arange(1, count + 1), **fields)


def test_closed_form_is_that_of_the_reference() -> None:
    generator = Case("sg2_32", *CASES["sg2_32"]).generator
    directions, values = finding.closed_form(generator)
    np.testing.assert_allclose(values, STYLES["closed_form_eigenvalues"], rtol=1e-5, atol=1e-5 * values[0])
    np.testing.assert_allclose(directions, STYLES["closed_form_directions"], rtol=0, atol=1e-5)


def test_closed_form_is_the_svd_of_the_stacked_weights(generator) -> None:
    def stacked(names: list[str]) -> np.ndarray:
        layers = [generator.synthesis.get_submodule(name).affine for name in names]
        return np.concatenate([layer.weight.double().numpy() * layer.weight_gain for layer in layers])

    convolutions = [name for name in TINY.style_channels if not name.endswith("torgb")]
    for layers, names in ((None, convolutions), ({0, 1}, convolutions[:2]), ({3, 4}, convolutions[3:5])):
        found, values = finding.closed_form(generator, layers)
        _, strengths, rows = np.linalg.svd(stacked(names), full_matrices=False)
        np.testing.assert_allclose(values[: len(strengths)], strengths**2, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(np.abs((found[:3] * rows[:3]).sum(axis=1)), 1, rtol=1e-9)


def test_principal_components_are_those_of_the_planted_spread() -> None:
    axes = np.linalg.qr(RANDOM.standard_normal((6, 6)))[0]
    codes = RANDOM.standard_normal((20_000, 6)) * [5, 3, 1, 0.5, 0.2, 0.1] @ axes + 7
    found, spread = finding.principal_components(codes, 3)
    np.testing.assert_allclose(np.abs((found * axes[:3]).sum(axis=1)), 1, atol=1e-3)
    np.testing.assert_allclose(spread, [5, 3, 1], rtol=0.03)
    np.testing.assert_allclose(spread, finding.spread_along(codes, found), rtol=1e-9)
    assert (np.take_along_axis(found, np.abs(found).argmax(axis=1)[:, None], axis=1) > 0).all()


@pytest.mark.parametrize("classifier", ["logistic", "svm"])
def test_a_boundary_recovers_a_planted_direction(classifier) -> None:
    planted = finding.random_directions(1, (16,), 3)[0]
    codes = RANDOM.standard_normal((2000, 16)) * 4 + 1
    scores = codes @ planted + 0.1 * RANDOM.standard_normal(2000)
    chosen, labels = finding.ends(scores, 0.2, "age")
    assert (len(chosen), labels.sum()) == (800, 400)
    found = finding.boundary(codes[chosen], labels, "age", classifier)
    assert found.normal @ planted > 0.97
    assert found.accuracy > 0.97
    assert found.examples == (400, 400)
    shuffled = finding.boundary(codes, RANDOM.permutation(scores > 0), "age", classifier)
    assert abs(shuffled.accuracy - 0.5) < 0.1


def test_labels_that_tell_nothing_are_refused() -> None:
    with pytest.raises(StyleAlignError, match="smile: the label is the same for all 5 examples"):
        finding.ends(np.ones(5), 0.2, "smile")
    with pytest.raises(StyleAlignError, match="smile: 2 positive and 18 negative examples; a boundary needs 5 of each"):
        finding.boundary(RANDOM.standard_normal((20, 3)), np.arange(20) < 2, "smile")
    chosen, labels = finding.ends(np.array([0.0, 1.0, 0.0]), 0.2, "smile")
    assert (chosen.tolist(), labels.tolist()) == ([0, 1, 2], [False, True, False])


def test_distinctive_channels_are_the_planted_ones() -> None:
    mean, spread = RANDOM.standard_normal(40), RANDOM.uniform(0.5, 2, 40)
    spread[3] = 0  # a channel that never changes
    mean[3] = 0.25
    examples = mean + spread * RANDOM.standard_normal((25, 40))
    examples[:, 7] = mean[7] + spread[7] * (-3 + 0.1 * RANDOM.standard_normal(25))
    examples[:, 21] = mean[21] + spread[21] * (2 + 0.2 * RANDOM.standard_normal(25))
    ranked, distance, centre = finding.distinctive_channels(examples, mean, spread)
    assert ranked[:2].tolist() == [7, 21]
    assert 3 not in ranked
    assert distance[7] > distance[21] > 5 * distance[ranked[2]]
    assert centre[7] == pytest.approx(-3, abs=0.1)
    allowed = np.arange(40) != 7
    assert finding.distinctive_channels(examples, mean, spread, allowed)[0][0] == 21
    with pytest.raises(StyleAlignError, match="examples: 4 images; channels are found from 5 or more"):
        finding.distinctive_channels(examples[:4], mean, spread)


def test_a_conditional_direction_is_orthogonal_to_the_others() -> None:
    directions, others = finding.random_directions(2, (6,), 0), finding.random_directions(3, (6,), 1)
    found = finding.conditional(directions, np.concatenate([others, others[:1]]), "d.npz")
    np.testing.assert_allclose(found @ others.T, 0, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1)
    assert ((found * directions).sum(axis=1) > 0).all()
    with pytest.raises(StyleAlignError, match="nothing is left"):
        finding.conditional(others[:1] + others[1:2], others, "d.npz")


def test_files_keep_every_field_and_every_byte(tmp_path) -> None:
    layers = np.array([[True] * 2 + [False] * 4] * 2)
    directions = some("w", (8,), layers=layers, fingerprint=np.arange(3))
    directions.save(tmp_path / "a.npz")
    read = Directions.load(tmp_path / "a.npz")
    for field in dataclasses.fields(Directions):
        np.testing.assert_array_equal(getattr(read, field.name), getattr(directions, field.name))
    read.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    some("s", (8,)).save(tmp_path / "s.npz")
    assert Directions.load(tmp_path / "s.npz").layers is None
    for broken in (b"", (tmp_path / "a.npz").read_bytes()[:300]):
        (tmp_path / "c.npz").write_bytes(broken)
        with pytest.raises(StyleAlignError, match=r"c\.npz: not a file of directions"):
            Directions.load(tmp_path / "c.npz")


def test_directions_are_checked() -> None:
    with pytest.raises(StyleAlignError, match="space: no directions in 'z'"):
        some("z", (8,))
    with pytest.raises(StyleAlignError, match=r"of shape \[2, 8\] cannot be of space w\+"):
        some("w+", (8,))
    with pytest.raises(StyleAlignError, match=r"d\.npz: no direction 'd7'; it holds d0, d1"):
        some("w", (8,)).named(["d1", "d7"], "d.npz")
    assert list(some("w", (8,)).named(["d1"], "d.npz").scales) == [2]
    with pytest.raises(StyleAlignError, match="layers: no layer 6; the model has 0 to 5"):
        some("w", (8,)).within([0, 6], 6)


def spaces() -> list[Directions]:
    return [some("w", (8,)), some("w+", (TINY.num_ws, 8)), some("s", (TINY.style_dim,))]


@pytest.mark.parametrize("directions", spaces(), ids=lambda directions: directions.space)
def test_strength_0_leaves_the_images_to_the_bit(directions, generator) -> None:
    synthesis, ws = generator.synthesis, generator.mapping(torch.randn(3, TINY.z_dim))
    styles = synthesis.styles(ws)
    for codes in (ws, styles):
        edited = moved(codes, directions.within([1, 2], TINY.num_ws), [0.0, 0.0], synthesis)
        assert torch.equal(synthesis(edited), synthesis(ws))
        assert not torch.equal(synthesis(moved(codes, directions, [0.0, 1.0], synthesis)), synthesis(ws))


def test_an_edit_moves_by_the_scale_in_the_layers_asked_for(generator) -> None:
    synthesis, ws = generator.synthesis, generator.mapping(torch.randn(3, TINY.z_dim))
    w, w_plus, s = spaces()
    expected = ws + 2 * 3 * torch.from_numpy(w.values[1])
    torch.testing.assert_close(moved(ws, w, [0.0, 3.0], synthesis), expected)
    torch.testing.assert_close(moved(ws, w_plus, [1.0, 0.0], synthesis), ws + torch.from_numpy(w_plus.values[0]))
    own = moved(ws, w, torch.tensor([[0.0, 3.0], [0.0, 0.0], [0.0, 3.0]]), synthesis)
    torch.testing.assert_close(own, torch.stack([expected[0], ws[1], expected[2]]))
    restricted = moved(ws, w.within([2], TINY.num_ws), [0.0, 3.0], synthesis)
    torch.testing.assert_close(restricted[:, 2], expected[:, 2])
    assert torch.equal(restricted[:, [0, 1, 3, 4, 5]], ws[:, [0, 1, 3, 4, 5]])
    # Styles move as their w would, in the same layers.
    for part in (w, w.within([2], TINY.num_ws)):
        by_styles = moved(synthesis.styles(ws), part, [0.5, 3.0], synthesis)
        torch.testing.assert_close(by_styles, synthesis.styles(moved(ws, part, [0.5, 3.0], synthesis)))
    change = moved(ws, s.within([2], TINY.num_ws), [1.0, 0.0], synthesis) - synthesis.styles(ws)
    touched = synthesis.by_layer(change.abs().amax(dim=0) > 0)
    # The third w is that of a convolution and of the toRGB before it.
    assert [name for name, channels in touched.items() if channels.any()] == ["b8.conv1"]
    assert TINY.style_ws["b8.torgb"] == TINY.style_ws["b16.conv0"] == 3


def test_channels_have_names(generator) -> None:
    names = channel_names(TINY)
    assert len(names) == TINY.style_dim
    assert [channel_place(TINY, name) for name in names] == list(range(TINY.style_dim))
    assert channel_place(TINY, "b8.conv0/1") == 2 * 8 + 1
    with pytest.raises(StyleAlignError, match=r"the model has no layer 'b8\.conv3'; did you mean 'b8\.conv"):
        channel_place(TINY, "b8.conv3/1")
    for number in ("8", "x", ""):
        with pytest.raises(StyleAlignError, match=r"b4\.conv1 has the channels 0 to 7"):
            channel_place(TINY, f"b4.conv1/{number}")


@pytest.mark.parametrize(
    ("shape", "space", "count"),
    [
        ((8,), "w", 1),
        ((5, 8), "w", 5),
        ((1, 8), "w", 1),
        ((6, 8), "w+", 1),
        ((1, 6, 8), "w+", 1),
        ((64,), "s", 1),
    ],
)
def test_files_of_others_are_imported_with_a_space(shape, space, count, tmp_path) -> None:
    values = RANDOM.standard_normal(shape).astype(np.float32)
    np.save(tmp_path / "age.npy", values)
    torch.save(torch.from_numpy(values), tmp_path / "age.pt")
    for name in ("age.npy", "age.pt"):
        found, names = imported(tmp_path / name, space, TINY)
        np.testing.assert_array_equal(found.reshape(shape), values)
        assert names == (["age"] if count == 1 else [f"age-{number}" for number in range(count)])


def test_what_cannot_be_imported_is_refused(tmp_path) -> None:
    np.save(tmp_path / "d.npy", np.ones((3, 5), np.float32))
    with pytest.raises(StyleAlignError, match=r"values of shape \[3, 5\] are no w directions of the model.*\[8\]"):
        imported(tmp_path / "d.npy", "w", TINY)
    np.save(tmp_path / "zero.npy", np.zeros(8, np.float32))
    with pytest.raises(StyleAlignError, match="zero or no number"):
        imported(tmp_path / "zero.npy", "w", TINY)


def checkpoint(generator: Generator, sha: str, info: dict | None = None) -> Checkpoint:
    return Checkpoint(generator.architecture, generator, None, None, info or {}, sha)


def test_relatives_are_known_and_others_refused(generator) -> None:
    directions = some("w", (8,), fingerprint=fingerprint(generator))
    assert require_kin(directions, checkpoint(generator, "a" * 64), "d.npz", "m") == "the model itself"
    other = Generator(TINY)
    child = checkpoint(other, "b" * 64, {"parent": "a" * 64})
    assert require_kin(directions, child, "d.npz", "m") == "by its header"
    copied = Generator(TINY)
    copied.load_state_dict(generator.state_dict())
    copied.mapping.fc1.weight.data += 10 * torch.randn(8, 8)
    assert "by its weights (cosine 0.9" in require_kin(directions, checkpoint(copied, "c" * 64), "d.npz", "m")
    with pytest.raises(StyleAlignError, match=r"d\.npz: directions of another family of models \(sha256 aaaaaaaaaaaa"):
        require_kin(directions, checkpoint(other, "b" * 64), "d.npz", "m")
    wide = Generator(TINY.model_copy(update={"w_dim": 12}))
    with pytest.raises(StyleAlignError, match=r"w directions of shape \[8\] do not fit m, which takes \[12\]"):
        require_kin(directions, checkpoint(wide, "a" * 64), "d.npz", "m")


@pytest.mark.parametrize(
    ("scores", "there"),
    [(np.ones(9), False), (np.arange(2.0), True), (np.arange(40.0), True), (np.r_[0.1, 0.2, np.ones(38)], False)],
)
def test_whether_scores_have_ends_is_known_before(scores: np.ndarray, there: bool) -> None:
    assert finding.have_ends(scores, 0.2) == there
    if there:
        finding.ends(scores, 0.2, "age")
    else:
        with pytest.raises(StyleAlignError):
            finding.ends(scores, 0.2, "age")
