"""directions and edit, from files to files."""

import copy
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stylealign import load
from stylealign.applications.labels.networks import LabelNetwork, LabelSpec, save_label_network
from stylealign.checkpoints import native
from stylealign.cli.main import main
from stylealign.datasets.images import ImageZip, write_image_zip
from stylealign.files import sha256_of_file
from stylealign.images import to_pixels
from stylealign.latents import direction_finding as finding
from stylealign.latents.codes import Codes
from stylealign.latents.directions import Directions, channel_place
from stylealign.latents.kinship import kin
from stylealign.networks.architecture import Architecture
from stylealign.networks.generator import Generator
from stylealign.report.sheets import PICTURES
from stylealign.sampling import z_of_seeds

TINY = Architecture(resolution=16, z_dim=12, w_dim=8, mapping_layers=2, channel_base=128, channel_max=8)
FAST = ["--samples", "400"]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A parent, its child, a stranger, one of another shape, codes and directions."""
    folder = tmp_path_factory.mktemp("directions")
    torch.manual_seed(0)
    parent = Generator(TINY).eval().requires_grad_(False)
    child = copy.deepcopy(parent)
    for parameter in child.synthesis.parameters():
        parameter += 0.2 * torch.randn(parameter.shape)
    native.save(folder / "parent.safetensors", generator=parent)
    sha = sha256_of_file(folder / "parent.safetensors")
    native.save(folder / "child.safetensors", generator=child, info={"parent": sha})
    native.save(folder / "stranger.safetensors", generator=Generator(TINY))
    native.save(folder / "wide.safetensors", generator=Generator(TINY.model_copy(update={"w_dim": 12})))
    ws = parent.mapping(torch.randn(3, TINY.z_dim))
    Codes(ws.numpy(), "w+", sha).save(folder / "codes.npz")
    Codes(parent.synthesis.styles(ws).numpy(), "s", sha).save(folder / "styles.npz")
    assert main(["directions", *model(folder), "--out", str(folder / "pca.npz"), "--method", "pca", *FAST]) == 0
    return folder


def model(work: Path, name: str = "parent") -> list[str]:
    return ["--model", str(work / f"{name}.safetensors")]


def found(work: Path, out: Path, *flags: str) -> Directions:
    assert main(["directions", *model(work), "--out", str(out / "d.npz"), *FAST, *flags]) == 0
    return Directions.load(out / "d.npz")


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    assert main(list(words)) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


def test_closed_form_and_components(work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directions = found(work, tmp_path, "--count", "3", "--layers", "0-2", "--name", "pose")
    assert directions.names == ["pose", "closed-form-1", "closed-form-2"]
    assert directions.layers.tolist() == [[True] * 3 + [False] * 3] * 3
    assert directions.model_sha256 == sha256_of_file(work / "parent.safetensors")
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said["space"] == "w"
    assert "closed form, eigenvalue" in said["directions"][0]["how"]
    components = Directions.load(work / "pca.npz")
    assert len(components) == 8
    assert (np.diff(components.scales) <= 0).all()
    np.testing.assert_allclose(components.values @ components.values.T, np.eye(8), atol=1e-5)
    orthogonal = found(work, tmp_path / "orthogonal", "--count", "2", "--orthogonal-to", str(tmp_path / "d.npz"))
    assert "orthogonal to pose, closed-form-1, closed-form-2" in orthogonal.how[0]
    np.testing.assert_allclose(orthogonal.values @ directions.values.T, 0, atol=1e-6)


def test_a_boundary_of_scores_recovers_what_they_are_of(work: Path, tmp_path: Path) -> None:
    generator = native_generator(work)
    planted = np.eye(8)[2]
    ws = generator.mapping(z_of_seeds(range(300), TINY.z_dim))[:, 0].numpy()
    scores = ws @ planted
    lines = [f"{seed},{score}" for seed, score in enumerate(scores)]
    (tmp_path / "age.csv").write_text("seed,score\n" + "\n".join(lines))
    directions = found(work, tmp_path, "--method", "boundary", "--scores", str(tmp_path / "age.csv"))
    assert directions.names == ["age"]
    along = ws @ directions.values[0]
    assert np.corrcoef(along, scores)[0, 1] > 0.9
    assert "accuracy" in directions.how[0]


def native_generator(work: Path, name: str = "parent") -> Generator:
    return load(work / f"{name}.safetensors").generator


def test_boundaries_of_a_label_network(work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(1)
    for task, names in (
        ("pose", ("rotation_deg", "shift_x")),
        ("attributes", ("hat=no", "hat=yes", "ear=no", "ear=yes")),
    ):
        units = (1.0, 1.0) if task == "pose" else ()
        network = LabelNetwork(LabelSpec(task, names, 16, maps=0, numbers=len(names), width=4, units=units))
        save_label_network(tmp_path / f"{task}.safetensors", network, {})
    labels = ["--method", "boundary", "--labelled", "200", "--labels"]
    pose = found(work, tmp_path, *labels, str(tmp_path / "pose.safetensors"))
    assert pose.names == ["rotation_deg", "shift_x"]
    assert "of 40 and 40 examples" in pose.how[0]
    one = found(
        work, tmp_path, *labels, str(tmp_path / "pose.safetensors"), "--label", "shift_x", "--classifier", "svm"
    )
    assert one.names == ["shift_x"]
    arguments = ["directions", *model(work), "--out", str(tmp_path / "e.npz"), *FAST, *labels]
    error = refused(capsys, *arguments, str(tmp_path / "attributes.safetensors"), "--label", "hat")
    assert "has no 'hat'; it knows hat=no, hat=yes" in error


@pytest.mark.parametrize("positive", [0, 4])
def test_values_too_rare_to_learn_from_are_left_out(positive, work, tmp_path, monkeypatch, capsys) -> None:  # type: ignore[no-untyped-def]
    """Of 100 samples 4 are 4 %, and fewer than the 5 that a boundary needs; without any value left there is none."""
    names = ("hat=no", "hat=yes", "ear=no", "ear=yes")
    network = LabelNetwork(LabelSpec("attributes", names, 16, maps=0, numbers=len(names), width=4, units=()))
    save_label_network(tmp_path / "attributes.safetensors", network, {})
    labels = ["--method", "boundary", "--labelled", "100", "--labels", str(tmp_path / "attributes.safetensors")]
    rare = {"hat=yes": (np.arange(100) < positive).astype(float)}
    often = {"ear=yes": (np.arange(100) < 30).astype(float)}
    monkeypatch.setattr("stylealign.cli.directions.finders.network_scores", lambda *_: {**rare, **often})
    assert found(work, tmp_path, *labels).names == ["ear=yes"]
    monkeypatch.setattr("stylealign.cli.directions.finders.network_scores", lambda *_: dict(rare))
    error = refused(capsys, "directions", *model(work), "--out", str(tmp_path / "e.npz"), *FAST, *labels)
    assert "nothing that the network sees differs in 100 samples often enough to learn from; raise --labelled" in error
    assert not (tmp_path / "e.npz").exists()


def test_examples_give_boundaries_and_channels(work: Path, tmp_path: Path) -> None:
    generator = native_generator(work)
    place = channel_place(TINY, "b8.conv1/3")
    z = torch.randn(12, TINY.z_dim, generator=torch.Generator().manual_seed(3))
    styles = generator.synthesis.styles(generator.mapping(z))
    everyone = generator.synthesis.styles(generator.mapping(torch.randn(1000, TINY.z_dim)))
    styles[:, place] = everyone[:, place].mean() - 4 * everyone[:, place].std()
    sha = sha256_of_file(work / "parent.safetensors")
    Codes(styles.numpy(), "s", sha).save(tmp_path / "examples.npz")
    channels = found(
        work, tmp_path, "--method", "channels", "--examples", str(tmp_path / "examples.npz"), "--count", "2"
    )
    assert channels.space == "s"
    assert channels.names[0] == "b8.conv1/3"
    assert channels.values[0, place] == -1
    assert channels.scales[0] == pytest.approx(float(everyone[:, place].std()), rel=0.1)
    for name, shift in (("yes", 2.0), ("no", -2.0)):
        ws = generator.mapping(z)
        ws = ws + shift * torch.eye(8)[5]
        Codes(ws.numpy(), "w+", sha).save(tmp_path / f"{name}.npz")
    sides = ["--method", "boundary", "--positive", str(tmp_path / "yes.npz"), "--negative", str(tmp_path / "no.npz")]
    boundary = found(work, tmp_path, *sides)
    assert (boundary.names, boundary.space) == (["yes"], "w")
    assert boundary.values[0, 5] > 0.9
    assert found(work, tmp_path, *sides, "--space", "w+").values.shape == (1, 6, 8)


def test_pictures_are_inverted_first(work: Path, tmp_path: Path) -> None:
    generator = native_generator(work)
    images = to_pixels(generator(torch.randn(6, TINY.z_dim)))
    write_image_zip(tmp_path / "yes.zip", images)
    (tmp_path / "no").mkdir()
    for number, image in enumerate(to_pixels(generator(torch.randn(6, TINY.z_dim)))):
        Image.fromarray(image.transpose(1, 2, 0)).save(tmp_path / "no" / f"{number}.png")
    sides = ["--positive", str(tmp_path / "yes.zip"), "--negative", str(tmp_path / "no")]
    directions = found(work, tmp_path, "--method", "boundary", *sides, "--steps", "2")
    assert "of 6 and 6 examples" in directions.how[0]
    out = tmp_path / "edit.zip"
    words = [
        "edit",
        *model(work),
        "--pictures",
        str(tmp_path / "no" / "1.png"),
        "--directions",
        str(tmp_path / "d.npz"),
    ]
    assert main([*words, "--strengths=0,1", "--zip", str(out)]) == 0
    assert len(ImageZip(out)) == 2


def test_files_of_others_are_imported(work: Path, tmp_path: Path) -> None:
    given = np.array([[3.0, 4.0] + [0.0] * 6, [0.0] * 7 + [2.0]], np.float32)
    torch.save(torch.from_numpy(given), tmp_path / "smile.pt")
    directions = found(work, tmp_path, "--method", "import", "--from", str(tmp_path / "smile.pt"), "--space", "w")
    assert directions.names == ["smile-0", "smile-1"]
    np.testing.assert_allclose(directions.values[0, :2], [0.6, 0.8])
    assert "of length 5 there" in directions.how[0]
    assert (directions.scales > 0).all()


@pytest.mark.parametrize("codes", ["codes.npz", "styles.npz", None])
def test_strength_0_is_the_image_itself_in_every_model(codes: str | None, work: Path, tmp_path: Path) -> None:
    out = tmp_path / "edit.zip"
    words = ["edit", *model(work), "--relative", str(work / "child.safetensors"), "--directions", str(work / "pca.npz")]
    given = ["--seeds", "5-7"] if codes is None else ["--codes", str(work / codes)]
    moves = ["--direction", "pca-1", "--direction", "pca-0*-2", "--channel", "b8.conv0/1", "--strengths=0,2"]
    assert main([*words, *given, *moves, "--zip", str(out)]) == 0
    zipped = ImageZip(out)
    edits, images = zipped.info["edits"], zipped.read()
    assert [edits[0][key] for key in ("model", "direction", "strength")] == ["parent", "pca-1", 0.0]
    assert {edit["direction"] for edit in edits} == {"pca-1", "pca-0 x -2", "b8.conv0/1"}
    for name in ("parent", "child"):
        generator = native_generator(work, name)
        if codes is None:
            expected = to_pixels(generator(z_of_seeds([5, 6, 7], TINY.z_dim)))
        else:
            expected = to_pixels(generator.synthesis(torch.from_numpy(Codes.load(work / codes).values)))
        still = [
            image for image, edit in zip(images, edits, strict=True) if (edit["model"], edit["strength"]) == (name, 0)
        ]
        np.testing.assert_array_equal(np.stack(still), np.concatenate([expected] * 3))
        moved = [
            image for image, edit in zip(images, edits, strict=True) if (edit["model"], edit["strength"]) == (name, 2)
        ]
        assert not np.array_equal(np.stack(moved), np.stack(still))


def test_sheet_and_videos(work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["edit", *model(work), "--relative", str(work / "child.safetensors"), "--directions", str(work / "pca.npz")]
    outputs = ["--grid", str(tmp_path / "a.png"), "--video", str(tmp_path / "a.gif"), "--frames", "3", "--seeds", "1,2"]
    assert (
        main([*words, *outputs, "--together", "--direction", "pca-0", "--direction", "pca-2*0.5", "--layers", "0-1"])
        == 0
    )
    said = json.loads(capsys.readouterr().out)
    assert said["moves"] == ["pca-0 + pca-2 x 0.5"]
    assert said["images"] == 2 * 2 * 5
    assert list(said["family"].values()) == ["the model itself", "by its header"]
    with Image.open(tmp_path / "a.gif") as video:
        assert (video.n_frames, video.size) == (4, (256, 256))
    with Image.open(tmp_path / "a.png") as sheet:
        assert sheet.height > 4 * 128
    assert main([*words, "--direction", "pca-0", "--video", str(tmp_path / "a.mp4"), "--frames", "2"]) == 0
    assert (tmp_path / "a.mp4").stat().st_size


EDIT = ["--directions", "pca.npz", "--grid", "out.png"]


@pytest.mark.parametrize(
    ("name", "flags", "message"),
    [
        ("stranger", EDIT, "pca.npz: directions of another family of models"),
        ("wide", EDIT, "w directions of shape [8] do not fit"),
        ("parent", [*EDIT, "--relative", "stranger.safetensors"], "directions of another family of models"),
        ("parent", [*EDIT, "--relative", "wide.safetensors"], "of different architecture: w_dim 8 / 12"),
        ("parent", [*EDIT, "--direction", "pca-99"], "pca.npz: no direction 'pca-99'; did you mean 'pca-"),
        (
            "parent",
            ["--grid", "o.png", "--channel", "b8.conv0/8"],
            "channel 'b8.conv0/8': b8.conv0 has the channels 0 to 7",
        ),
        ("parent", ["--grid", "o.png", "--channel", "b32.conv0/1"], "the model has no layer 'b32.conv0'"),
        ("parent", [*EDIT, "--layers", "3-9"], "layers: no layer 6; the model has 0 to 5"),
        (
            "parent",
            ["--grid", "o.png", "--channel", "b8.conv0/1", "--layers", "5"],
            "b8.conv0/1 of parent.safetensors moves",
        ),
        ("parent", ["--directions", "layers.npz", "--grid", "o.png"], "layers.npz: of 4 layers do not fit"),
        (
            "parent",
            ["--directions", "layers.npz", "--grid", "o.png", "--layers", "2"],
            "of 4 layers do not fit a model of 6",
        ),
        ("parent", ["--directions", "damaged.npz", "--grid", "o.png"], "damaged.npz: a damaged file of directions"),
        ("parent", ["--directions", "pca.npz"], "--grid, --zip, --video: give at least one of them"),
        ("parent", ["--grid", "o.png"], "--directions, --channel: give at least one of them"),
        ("parent", [*EDIT, "--codes", "pca.npz"], "pca.npz: a file of directions, not of codes; give it to"),
        (
            "parent",
            [*EDIT, "--directions", "layers.npz", "--direction", "pca-1"],
            "--direction: 'pca-1' is in pca.npz and in layers.npz",
        ),
        ("parent", ["--directions", "codes.npz", "--grid", "o.png"], "codes.npz: not a file of directions"),
    ],
)
def test_edits_that_cannot_be_are_one_line(name, flags, message, work, monkeypatch, capsys) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(work)
    own = Directions.load(work / "pca.npz")
    replace(own, layers=np.ones((8, 4), bool)).save(work / "layers.npz")
    with np.load(work / "pca.npz") as file:
        np.savez(work / "damaged.npz", **{**file, "scales": np.full(8, 1e300)})
    assert message in refused(capsys, "edit", "--model", f"{name}.safetensors", *flags)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--method", "boundary"], "needs --labels, --scores, or --positive and --negative: one of them"),
        (["--method", "boundary", "--positive", "codes.npz"], "needs --labels, --scores, or --positive"),
        (["--method", "boundary", "--scores", "same.csv"], "same: the label is the same for all 12 examples"),
        (
            ["--method", "boundary", "--scores", "few.csv"],
            "few: 2 positive and 10 negative examples; a boundary needs 5 of",
        ),
        (["--method", "boundary", "--scores", "bad.csv"], "bad.csv: line 2 is no seed,score: '1,x'"),
        (["--method", "boundary", "--scores", "twice.csv"], "twice.csv: seed 1 is there twice"),
        (["--method", "channels"], "--method channels: needs --examples"),
        (["--method", "channels", "--examples", "codes.npz"], "examples: 3 images; channels are found from 5 or more"),
        (["--method", "import", "--from", "codes.npz"], "needs --space, one of w, w+, s"),
        (["--method", "pca", "--examples", "codes.npz"], "--examples: goes with --method channels, not pca"),
        (["--method", "pca", "--orthogonal-to", "pca.npz"], "nothing is left"),
        (["--layers", "7"], "layers: no layer 7; the model has 0 to 5"),
        (["--layers", "5"], "layers: they modulate toRGB alone"),
        (["--orthogonal-to", "wide.npz"], "wide.npz: w directions of shape [12] do not fit"),
        (["--orthogonal-to", "foreign.npz"], "foreign.npz: directions of another family of models"),
        (["--orthogonal-to", "layers.npz"], "layers.npz: of 4 layers do not fit"),
        (["--name", "a*2"], "--name: 'a*2' is no name"),
        (["--name", " "], "--name: ' ' is no name"),
        (["--method", "boundary", "--scores", "long.csv"], "long.csv: not a CSV file of seed,score"),
        (["--method", "boundary", "--scores", "minus.csv"], "minus.csv: line 1: a seed from 0"),
        (["--method", "boundary", "--scores", "ties.csv"], "ties: the score 1 stands on both sides of the boundary"),
        (
            ["--method", "boundary", "--positive", "codes.npz", "--negative", "../{}/codes.npz"],
            "--positive, --negative: both are codes.npz",
        ),
        (
            ["--method", "boundary", "--positive", "styles.npz", "--negative", "codes.npz"],
            "styles.npz: holds s codes, which no w leads to; give pictures",
        ),
        (
            ["--method", "import", "--space", "w", "--from", "infinite.npy"],
            "infinite.npy: a direction in it is zero or no number",
        ),
        (["--method", "import", "--space", "w", "--from", "empty.npy"], "empty.npy: no directions in it"),
        (["--method", "import", "--space", "w", "--from", "unlike.pt"], "unlike.pt: no directions in it, or arrays of"),
        (["--method", "import", "--space", "w", "--from", "texts.npz"], "texts.npz: no directions in it"),
        (["--method", "import", "--space", "w", "--from", "pca.npz"], "pca.npz: already is a file of directions"),
        (["--method", "import", "--space", "w", "--from", "star.npz"], "'a*2', which the file or the label is called,"),
        (["--name", "a", "--name", "a"], "--name: two directions would be called 'a'"),
        (["--method", "pca", "--encoder", "e"], "--encoder: goes with --examples, or with --positive and --negative"),
        (["--method", "boundary", "--scores", "head.csv"], "head.csv: line 1 is no seed,score: 'abc,5'"),
        (
            ["--method", "import", "--space", "w", "--from", "shapes.npz"],
            "shapes.npz: no directions in it, or arrays of several shapes",
        ),
    ],
)
def test_directions_that_cannot_be_found_are_one_line(flags, message, work, monkeypatch, capsys) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(work)
    (work / "same.csv").write_text("".join(f"{seed},1\n" for seed in range(12)))
    (work / "few.csv").write_text("".join(f"{seed},{int(seed < 2)}\n" for seed in range(12)))
    (work / "bad.csv").write_text("0,1\n1,x\n")
    (work / "twice.csv").write_text("1,1\n1,2\n")
    (work / "long.csv").write_text("seed,score\n0," + "1" * 140_000)
    (work / "minus.csv").write_text("-1,1\n2,3\n")
    (work / "ties.csv").write_text("".join(f"{seed},{max(1, seed - 36)}\n" for seed in range(40)))
    np.save(work / "infinite.npy", np.full(8, np.inf))
    np.save(work / "empty.npy", np.zeros((0, 8)))
    (work / "head.csv").write_text("abc,5\n" + "".join(f"{seed},{seed % 2}\n" for seed in range(20)))
    torch.save({"age": torch.randn(8), "smile": torch.randn(4)}, work / "unlike.pt")
    with zipfile.ZipFile(work / "texts.npz", "w") as archive:
        archive.writestr("readme.txt", "no numbers")
    np.savez(work / "star.npz", **{"a*2": np.eye(8)[0], "b": np.eye(8)[1]})
    np.savez(work / "shapes.npz", a=np.ones(8), b=np.ones((2, 8)))
    own = Directions.load(work / "pca.npz")
    replace(own, values=np.ones((8, 12)), model_sha256="b" * 64).save(work / "wide.npz")
    replace(own, model_sha256="b" * 64, fingerprint=-own.fingerprint).save(work / "foreign.npz")
    replace(own, layers=np.ones((8, 4), bool)).save(work / "layers.npz")
    flags = [flag.format(work.name) for flag in flags]
    assert message in refused(capsys, "directions", *model(work), "--out", str(work / "x.npz"), *FAST, *flags)


def test_directions_are_made_orthogonal_to_all_files_at_once(work: Path, tmp_path: Path) -> None:
    rows = np.zeros((2, 8), np.float32)
    rows[0, 0], rows[1, :2] = 1, 0.7
    own = replace(Directions.load(work / "pca.npz").at([0]), scales=np.ones(1))
    flags = []
    for number, row in enumerate(rows):
        replace(own, values=row[None], names=[f"other-{number}"]).save(tmp_path / f"{number}.npz")
        flags += ["--orthogonal-to", str(tmp_path / f"{number}.npz")]
    directions = found(work, tmp_path, "--count", "3", *flags)
    np.testing.assert_allclose(directions.values @ rows.T, 0, atol=1e-6)
    assert directions.how[0].endswith("; orthogonal to other-0, other-1")


def test_whole_numbers_and_several_arrays_are_imported_under_their_names(work: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "whole.npy", np.array([0, 3, 0, 4, 0, 0, 0, 0]))
    flags = ["--method", "import", "--space", "w", "--from"]
    directions = found(work, tmp_path, *flags, str(tmp_path / "whole.npy"))
    np.testing.assert_allclose(directions.values[0, :4], [0, 0.6, 0, 0.8], rtol=1e-6)
    np.savez(tmp_path / "many.npz", age=np.eye(8)[0], smile=np.eye(8)[1])
    directions = found(work, tmp_path, *flags, str(tmp_path / "many.npz"))
    assert directions.names == ["age", "smile"]
    np.testing.assert_array_equal(directions.values, np.eye(8)[:2])


@pytest.mark.parametrize("size", [1e300, 1e-300])
def test_directions_of_any_length_and_with_a_leading_axis_are_imported(size: float, work: Path, tmp_path: Path) -> None:
    rows = torch.from_numpy(np.eye(8)[:2] * size)
    torch.save({"age": rows[0] * 3, "smile": rows[1:]}, tmp_path / "pair.pt")
    directions = found(work, tmp_path, "--method", "import", "--space", "w", "--from", str(tmp_path / "pair.pt"))
    assert directions.names == ["age", "smile"]
    np.testing.assert_array_equal(directions.values, np.eye(8)[:2])
    assert f"of length {3 * size:.4g} there" in directions.how[0]


@pytest.mark.parametrize(("accuracy", "told"), [(0.5, True), (0.51, False)])
def test_a_boundary_of_chance_is_told(accuracy, told, work, tmp_path, monkeypatch, capsys) -> None:  # type: ignore[no-untyped-def]
    found_one = finding.Boundary(np.eye(8)[0], accuracy, (6, 6))
    monkeypatch.setattr(finding, "boundary", lambda *_: found_one)
    (tmp_path / "hat.csv").write_text("".join(f"{seed},{seed % 2}\n" for seed in range(12)))
    capsys.readouterr()
    found(work, tmp_path, "--method", "boundary", "--scores", str(tmp_path / "hat.csv"))
    assert ("warning: hat: accuracy 0.500 on held-out examples is chance" in capsys.readouterr().err) == told


def test_a_channel_may_be_moved_by_two_factors(work: Path, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    words = ["edit", *model(work), "--channel", "b8.conv0/1*2", "--channel", "b8.conv0/1", "--seeds", "1"]
    assert main([*words, "--grid", str(tmp_path / "a.png")]) == 0
    assert json.loads(capsys.readouterr().out)["moves"] == ["b8.conv0/1 x 2", "b8.conv0/1"]


def test_the_closed_form_leaves_out_what_changes_no_style(work: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    narrow = TINY.model_copy(update={"w_dim": 20, "channel_max": 4})
    native.save(work / "narrow.safetensors", generator=Generator(narrow))
    out = str(tmp_path / "narrow.npz")
    assert main(["directions", *model(work, "narrow"), "--out", out, "--layers", "0", "--count", "20", *FAST]) == 0
    assert len(Directions.load(tmp_path / "narrow.npz")) == 4, "the layer has four styles"


def test_a_blend_of_unlike_models_is_told_and_of_no_family(work: Path, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    pair = [str(work / "parent.safetensors"), str(work / "stranger.safetensors")]
    out = tmp_path / "blend.safetensors"
    assert main(["blend", *pair, "--swap-px", "8", "--mapping", "1", "--out", str(out)]) == 0
    told = capsys.readouterr().err
    assert "stranger.safetensors is of another family than" in told
    assert told.count("\n") == 1
    assert kin(Directions.load(work / "pca.npz"), load(out)) is None, (
        "its header names the parent, it is another's all the same"
    )
    assert main(["blend", *pair, "--swap-px", "8", "--out", str(out)]) == 0
    words = ["edit", "--model", str(out), "--directions", str(work / "pca.npz"), "--grid", str(tmp_path / "a.png")]
    error = refused(capsys, *words)  # its mapping network is the parent's
    assert "blend.safetensors, which is a blend of models of several families and of none itself" in error
    own = [pair[0], str(work / "child.safetensors")]
    assert main(["blend", *own, "--swap-px", "8", "--out", str(out)]) == 0
    assert capsys.readouterr().err == ""
    assert kin(Directions.load(work / "pca.npz"), load(out)) == "by its header"
    assert "o.txt: a native checkpoint ends in .safetensors" in refused(capsys, "blend", *own, "--out", "o.txt")
    for flag in ("--amount=1e30", "--amount=-1e300", "--mapping=1001"):
        assert "1000" in refused(capsys, "blend", *own, flag, "--out", str(out))
    assert "swap_px 5: must be one of 4, 8, 16" in refused(capsys, "blend", *own, "--swap-px", "5", "--out", str(out))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--truncation-psi", "3"], "'3' is no truncation from -2 to 2"),
        (["--strengths=0,1e300"], "'1e300' is beyond 1000"),
        (["--direction", "pca-0*1e30"], "'1e30' is beyond 1000"),
    ],
)
def test_numbers_that_no_image_stands_are_refused(flags, message, work, capsys) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SystemExit) as ended:
        main(["edit", *model(work), "--directions", "pca.npz", "--grid", "o.png", *flags])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_directions_of_equal_names_are_told_apart_by_their_files(work, monkeypatch, capsys) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(work)
    Directions.load(work / "pca.npz").at([0]).save(work / "same.npz")
    flags = ["--directions", "pca.npz", "--directions", "same.npz", "--strengths=-1,1", "--zip", "two.zip"]
    assert main(["edit", "--model", "parent.safetensors", *flags]) == 0
    moves = json.loads(capsys.readouterr().out)["moves"]
    assert moves[0] == "pca-0 of pca"
    assert moves[-1] == "pca-0 of same"
    assert "pca-1" in moves


def test_a_grid_too_large_for_its_format_is_told_before_the_zip_is_written(work, tmp_path, monkeypatch, capsys) -> None:  # type: ignore[no-untyped-def]
    kind, options, _ = PICTURES[".webp"]
    monkeypatch.setitem(PICTURES, ".webp", (kind, options, 200))
    written = ["--grid", str(tmp_path / "edits.webp"), "--zip", str(tmp_path / "edits.zip")]
    error = refused(capsys, "edit", *model(work), "--directions", str(work / "pca.npz"), "--seeds", "0", *written)
    assert "edits.webp: a WEBP has at most 200 px a side" in error
    assert not list(tmp_path.iterdir())
