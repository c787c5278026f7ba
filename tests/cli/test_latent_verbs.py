"""generate, invert, translate and morph, from files to files."""

import copy
import csv
import json
import os
import shutil
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open

from stylealign import load
from stylealign.applications.morph_methods import spread
from stylealign.checkpoints import native
from stylealign.cli.generate import parse_seeds
from stylealign.cli.main import main
from stylealign.datasets.images import ImageZip, write_image_zip
from stylealign.files import sha256_of_file
from stylealign.images import to_pixels
from stylealign.latents.codes import Codes
from stylealign.metrics.perceptual import perceptual_distance
from stylealign.networks.architecture import Architecture
from stylealign.networks.discriminator import Discriminator
from stylealign.networks.generator import Generator

TINY = Architecture(resolution=16, z_dim=12, w_dim=8, mapping_layers=2, channel_base=128, channel_max=8)
FEW = ["--images", "3", "--steps", "4", "--initial-candidates", "8"]


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A parent, a child, a model of another shape, images of the parent, and codes of both."""
    folder = tmp_path_factory.mktemp("verbs")
    torch.manual_seed(0)
    parent = Generator(TINY).eval()
    child = copy.deepcopy(parent)
    with torch.no_grad():
        for parameter in child.parameters():
            parameter += 0.2 * torch.randn(parameter.shape)
        images = to_pixels(parent(torch.randn(5, TINY.z_dim)))
    native.save(folder / "parent.safetensors", generator=parent)
    native.save(folder / "child.safetensors", generator=child)
    native.save(folder / "wide.safetensors", generator=Generator(TINY.model_copy(update={"channel_max": 4})))
    write_image_zip(folder / "images.zip", images)
    for name in ("parent", "child"):
        arguments = ["--model", str(folder / f"{name}.safetensors"), "--data", str(folder / "images.zip"), *FEW]
        assert main(["invert", *arguments, "--out-dir", str(folder / f"codes-{name}"), "--space", "w+"]) == 0
    return folder


def _pair(work, out, codes, target):
    return [
        *("--codes", str(work / codes / "codes.npz"), "--source-model", str(work / "parent.safetensors")),
        *("--target-model", str(work / f"{target}.safetensors"), "--out-dir", str(out)),
    ]


def _translate(work, out, *more, codes="codes-parent", target="child"):
    return main(["translate", *_pair(work, out, codes, target), *more])


def _morph(work, out, *more):
    short = ["--frames", "6", "--images", "2", "--strip-frames", "3"]
    return main(["morph", *_pair(work, out, "codes-parent", "child"), *short, *more])


def test_seeds_are_lists_and_ranges():
    assert parse_seeds("0-3,7, 5") == [0, 1, 2, 3, 7, 5]
    for text in ("", "a", "3-1", "1,,2", "-1"):
        with pytest.raises(Exception, match=r"write e\.g\. 0-63"):
            parse_seeds(text)


def test_generate_draws_the_latent_of_each_seed(work, tmp_path, capsys):
    model = str(work / "parent.safetensors")
    assert (
        main(
            ["generate", model, "--seeds", "3,0-1", "--grid", str(tmp_path / "a.png"), "--zip", str(tmp_path / "a.zip")]
        )
        == 0
    )
    assert json.loads(capsys.readouterr().out) == {"images": 3}
    drawn = ImageZip(tmp_path / "a.zip").read()
    generator = native.read(work / "parent.safetensors")
    model = Generator(generator.architecture)
    model.load_state_dict(generator.networks["G_ema"])
    z = torch.from_numpy(np.random.RandomState(3).randn(1, TINY.z_dim).astype(np.float32))
    with torch.no_grad():
        np.testing.assert_array_equal(drawn[:1], to_pixels(model(z)))
    assert Image.open(tmp_path / "a.png").size == (32, 32)


def test_generate_refuses_what_it_cannot_do(work, tmp_path, capsys):
    model = str(work / "parent.safetensors")
    assert main(["generate", model]) == 2
    assert "--grid" in capsys.readouterr().err
    assert main(["generate", model, "--grid", str(tmp_path / "a.png"), "--label", "1"]) == 2
    assert "has no classes" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_invert_writes_what_it_promises(work):
    out = work / "codes-parent"
    assert sorted(path.name for path in out.iterdir()) == [
        "codes.npz",
        "losses.csv",
        "metrics.json",
        "reconstructions.zip",
        "sheet.png",
        "timing.json",
    ]
    codes = Codes.load(out / "codes.npz", "w+", sha256_of_file(work / "parent.safetensors"))
    assert codes.values.shape == (3, TINY.num_ws, TINY.w_dim)
    assert codes.names == ImageZip(work / "images.zip").names[:3]
    assert len(ImageZip(out / "reconstructions.zip")) == 3
    metrics = json.loads((out / "metrics.json").read_text())
    assert [entry["image"] for entry in metrics["images"]] == codes.names
    assert metrics["mean"]["perceptual"] == pytest.approx(np.mean([entry["perceptual"] for entry in metrics["images"]]))
    lines = (out / "losses.csv").read_text().splitlines()
    assert lines[0] == "image,step,loss"
    assert len(lines) == 1 + 3 * 5


def test_inverting_again_gives_the_same_bytes(work, tmp_path):
    arguments = ["--model", str(work / "parent.safetensors"), "--data", str(work / "images.zip"), *FEW]
    assert main(["invert", *arguments, "--out-dir", str(tmp_path), "--space", "w+"]) == 0
    for name in ("codes.npz", "reconstructions.zip", "losses.csv", "metrics.json", "sheet.png"):
        assert (tmp_path / name).read_bytes() == (work / "codes-parent" / name).read_bytes(), name


def test_invert_loses_nothing_for_a_name(work, tmp_path, capsys):
    """Names that are not UTF-8, or hold a line break, of pictures, of the model and of the results."""
    photos = tmp_path / os.fsdecode(b"phot\xf6s")
    photos.mkdir()
    names = [os.fsdecode(b"caf\xe9.png"), "two\nlines.png"]
    for index, name in enumerate(names):
        image = ImageZip(work / "images.zip").read([index])[0]
        Image.fromarray(image.transpose(1, 2, 0)).save(photos / "a.png")
        (photos / "a.png").rename(photos / name)
    (photos / os.fsdecode(b"caf\xea.txt")).write_text("no picture")
    model = tmp_path / os.fsdecode(b"mod\xe8le.safetensors")
    shutil.copyfile(work / "parent.safetensors", model)
    out = tmp_path / os.fsdecode(b"r\xe9sultat")
    assert main(["invert", "--model", str(model), "--data", str(photos), *FEW, "--out-dir", str(out)]) == 0
    assert "skipped caf\\udcea.txt: not an image" in capsys.readouterr().err
    codes = Codes.load(out / "codes.npz")
    assert codes.names == names
    assert ImageZip(out / "reconstructions.zip").info["names"] == names
    assert [entry["image"] for entry in json.loads((out / "metrics.json").read_text())["images"]] == names
    with (out / "losses.csv").open(encoding="utf-8", newline="") as file:
        assert {row["image"] for row in csv.DictReader(file)} == {"caf\\udce9.png", "two\nlines.png"}
    child = tmp_path / "child.safetensors"
    shutil.copyfile(work / "child.safetensors", child)
    pair = ["--source-model", str(model), "--target-model", str(child), "--codes", str(out / "codes.npz")]
    assert main(["translate", *pair, "--out-dir", str(out / "translated")]) == 0
    assert ImageZip(out / "translated" / "images.zip").info["names"] == names
    assert main(["morph", *pair, "--out-dir", str(out / "morph"), "--frames", "4", "--strip-frames", "2"]) == 0
    assert (out / "morph" / "morph.mp4").stat().st_size > 0


def test_figures_of_zips_that_hold_too_few_images(work, tmp_path, capsys):
    names = ImageZip(work / "images.zip").names[:3]
    write_image_zip(tmp_path / "few.zip", np.zeros((2, 3, 16, 16), np.uint8), extra={"names": names, "outputs": 2})
    out = str(tmp_path / "figure.png")
    for kind, message in (("translation", "2 images for 3 sources"), ("multi-modal", "too few for 2 of each source")):
        arguments = ["figures", kind, f"a={tmp_path / 'few.zip'}", "--data", str(work / "images.zip"), "--out", out]
        assert main(arguments) == 2
        assert message in capsys.readouterr().err


def test_a_figure_of_translations_shows_the_first_output_of_each_source(work, tmp_path, capsys):
    """With two outputs of each source, the second source had the second output of the first under it."""
    names, levels = ImageZip(work / "images.zip").names[:3], np.array([10, 20, 90, 100, 200, 210], np.uint8)
    images = np.broadcast_to(levels[:, None, None, None], (6, 3, 16, 16))
    write_image_zip(tmp_path / "two.zip", images, extra={"names": names, "outputs": 2})
    write_image_zip(tmp_path / "one.zip", images[::2], extra={"names": names})
    write_image_zip(tmp_path / "others.zip", images[::2], extra={"names": names[::-1]})
    rows = {name: f"a={tmp_path / name}.zip" for name in ("one", "two", "others")}
    figure = ["figures", "translation", "--data", str(work / "images.zip"), "--out"]
    for name in ("one", "two"):
        assert main([*figure, str(tmp_path / f"{name}.png"), rows[name]]) == 0
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    assert main([*figure, str(tmp_path / "x.png"), rows["one"], rows["others"].replace("a=", "b=")]) == 2
    assert "others.zip: images of other sources than" in capsys.readouterr().err


def test_codes_that_the_translation_truncates_otherwise_are_told(work, tmp_path, capsys):
    z = np.random.default_rng(0).normal(size=(2, TINY.z_dim)).astype(np.float32)
    Codes(z, "z", sha256_of_file(work / "parent.safetensors"), truncation_psi=0.5).save(tmp_path / "codes.npz")
    pair = ["translate", *_pair(work, tmp_path / "out", "codes-parent", "child"), "--space", "z"]
    pair[pair.index("--codes") + 1] = str(tmp_path / "codes.npz")
    for more, is_told in (([], True), (["--truncation-psi", "0.5"], False)):
        assert main([*pair, *more]) == 0
        told = "codes.npz: found under truncation_psi 0.5, and drawn under 1; --truncation-psi 0.5 draws what was found"
        assert (told in capsys.readouterr().err) is is_told


def test_codes_of_another_program_are_translated_or_converted(work, tmp_path, capsys):
    own = Codes.load(work / "codes-parent" / "codes.npz")
    np.savez(tmp_path / "projected_w.npz", w=own.values)
    pair = ["--source-model", str(work / "parent.safetensors"), "--target-model", str(work / "child.safetensors")]
    foreign = ["--codes", str(tmp_path / "projected_w.npz")]
    assert main(["translate", *foreign, *pair, "--out-dir", str(tmp_path / "foreign")]) == 0
    assert _translate(work, tmp_path / "own") == 0
    images = [ImageZip(tmp_path / name / "images.zip").read() for name in ("foreign", "own")]
    np.testing.assert_array_equal(*images)
    arguments = ["convert", str(tmp_path / "projected_w.npz"), str(tmp_path / "codes.npz")]
    assert main([*arguments, "--codes-of", str(work / "parent.safetensors")]) == 0
    codes = Codes.load(tmp_path / "codes.npz", "w+", own.model_sha256)
    np.testing.assert_array_equal(codes.values, own.values)
    assert main([*arguments, "--codes-of", str(work / "parent.safetensors"), "--space", "z"]) == 2
    assert "are no z codes of the model" in capsys.readouterr().err


def test_what_is_wrong_at_the_end_is_said_at_the_start(work, tmp_path, capsys, monkeypatch):
    def too_late(*arguments, **more):
        raise AssertionError("the long work has begun")

    monkeypatch.setattr("stylealign.cli.invert.invert", too_late)
    monkeypatch.setattr("stylealign.cli.translate.translate", too_late)
    monkeypatch.setattr("stylealign.cli.generate.load", too_late)
    (tmp_path / "taken").write_text("a file")
    model, data = str(work / "parent.safetensors"), str(work / "images.zip")
    write_image_zip(tmp_path / "big.zip", np.zeros((2, 3, 32, 32), np.uint8))
    inverting = ["invert", "--model", model, "--data", data, *FEW, "--out-dir"]
    cases = [
        ([*inverting, str(tmp_path / "taken" / "out")], "taken is no folder"),
        ([*inverting, str(tmp_path / "out"), "--reference", str(tmp_path / "big.zip")], "big.zip: "),
        (["translate", *_pair(work, tmp_path / "taken", "codes-parent", "child")], "taken is no folder"),
        (
            ["morph", *_pair(work, tmp_path / "out", "codes-parent", "child"), "--video", "a.avi"],
            "a video ends in .mp4",
        ),
        (["generate", model, "--grid", str(tmp_path / "g.bmp")], "g.bmp: a picture ends in .png, .jpg, .jpeg, .webp"),
        (["generate", model, "--grid", str(tmp_path)], "a picture ends in .png"),
        (["generate", model, "--zip", str(tmp_path / "g.npz")], "g.npz: an image zip ends in .zip"),
        (["generate", model, "--zip", str(tmp_path / "taken" / "g.zip")], "taken is no folder"),
        (["data", "draw", "--draw", "human", "--out-dir", str(tmp_path / "taken")], "taken is no folder"),
        (["figures", "samples", f"a={model}", "--out", "f.svg"], "f.svg: a picture ends in .png"),
    ]
    for arguments, message in cases:
        assert main(arguments) == 2, arguments
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["big.zip", "taken"]


@pytest.mark.parametrize(("suffix", "kind"), [("png", "PNG"), ("jpg", "JPEG"), ("JPEG", "JPEG"), ("webp", "WEBP")])
def test_a_grid_has_the_format_of_its_name(work, tmp_path, suffix, kind):
    path = tmp_path / f"grid.{suffix}"
    assert main(["generate", str(work / "parent.safetensors"), "--seeds", "0-3", "--grid", str(path)]) == 0
    with Image.open(path) as image:
        assert (image.format, image.size) == (kind, (32, 32))


def test_invert_refuses_images_of_another_size(work, tmp_path, capsys):
    write_image_zip(tmp_path / "big.zip", np.zeros((2, 3, 32, 32), np.uint8))
    arguments = [
        "--model",
        str(work / "parent.safetensors"),
        "--data",
        str(tmp_path / "big.zip"),
        "--out-dir",
        str(tmp_path / "out"),
    ]
    assert main(["invert", *arguments]) == 2
    assert "big.zip: images of 32 px, the model draws 16 px" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_pictures_are_fitted_and_what_was_done_is_recorded(work, tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (40, 20), (200, 30, 30)).save(tmp_path / "photos" / "wide.png")
    Image.new("L", (16, 16), 90).save(tmp_path / "photos" / "grey.png")
    (tmp_path / "photos" / "notes.txt").write_text("no picture")
    model = ["--model", str(work / "parent.safetensors"), *FEW, "--space", "w"]
    photos = ["--data", str(tmp_path / "photos"), "--fit", "letterbox"]
    assert main(["invert", *model, *photos, "--out-dir", str(tmp_path / "out")]) == 0
    assert "warning: skipped notes.txt: not an image" in capsys.readouterr().err
    images = json.loads((tmp_path / "out" / "metrics.json").read_text())["images"]
    assert [(entry["image"], entry["changes"]) for entry in images] == [
        ("grey.png", ["grey to RGB"]),
        ("wide.png", ["letterboxed"]),
    ]
    assert Codes.load(tmp_path / "out" / "codes.npz").names == ["grey.png", "wide.png"]
    points = {"wide.png": [[15, 8], [25, 8], [20, 11], [17, 15], [23, 15]]}
    (tmp_path / "points.json").write_text(json.dumps(points))
    face = ["--data", str(tmp_path / "photos" / "wide.png"), "--fit", "face"]
    assert main(["invert", *model, *face, "--out-dir", str(tmp_path / "face")]) == 2
    assert "wide.png: holds no picture that can be read: no face" in capsys.readouterr().err
    face += ["--landmarks", str(tmp_path / "points.json")]
    assert main(["invert", *model, *face, "--out-dir", str(tmp_path / "face")]) == 0
    (entry,) = json.loads((tmp_path / "face" / "metrics.json").read_text())["images"]
    assert entry["changes"] == ["aligned by landmarks"]


def test_images_outside_of_the_domain_are_named(work, tmp_path, capsys):
    """The reference ranks its own images by their order among themselves; whatever ranks below it is named."""
    parent = native.read(work / "parent.safetensors")
    generator, discriminator = Generator(TINY), Discriminator(TINY)
    generator.load_state_dict(parent.networks["G_ema"])
    native.save(tmp_path / "judged.safetensors", generator=generator, discriminator=discriminator)
    common = ["--data", str(work / "images.zip"), "--images", "5", *FEW[2:]]
    reference = ["--reference", str(work / "images.zip")]
    model = ["--model", str(tmp_path / "judged.safetensors")]
    assert main(["invert", *model, *common, *reference, "--out-dir", str(tmp_path / "out")]) == 0
    images = json.loads((tmp_path / "out" / "metrics.json").read_text())["images"]
    assert sorted(entry["domain_rank"] for entry in images) == [0.0, 0.25, 0.5, 0.75, 1.0]
    (lowest,) = [entry["image"] for entry in images if entry["poor_fit"]]
    assert [entry["image"] for entry in images if entry["domain_rank"] == 0] == [lowest]
    told = capsys.readouterr().err
    assert (
        f"warning: 1 of 5 images look less like the model's domain than 99% of the reference images, e.g. {lowest}"
        in told
    )
    write_image_zip(tmp_path / "one.zip", ImageZip(work / "images.zip").read(slice(1)))
    one = ["--reference", str(tmp_path / "one.zip"), "--out-dir", str(tmp_path / "one")]
    assert main(["invert", *model, *common, *one]) == 0
    assert "one.zip: holds a single image, so nothing compares" in capsys.readouterr().err
    arguments = ["--model", str(work / "parent.safetensors"), *common, *reference, "--out-dir", str(tmp_path / "none")]
    assert main(["invert", *arguments]) == 0
    assert "parent.safetensors: holds no discriminator" in capsys.readouterr().err


def test_a_reference_that_cannot_be_read_leaves_no_half_of_the_results(work, tmp_path, capsys):
    """Codes and reconstructions were written before the reference was read, beside no or older metrics."""
    generator, discriminator = load(work / "parent.safetensors").generator, Discriminator(TINY)
    native.save(tmp_path / "judged.safetensors", generator=generator, discriminator=discriminator)
    write_image_zip(tmp_path / "broken.zip", [np.zeros((3, size, size), np.uint8) for size in (16, 8)])
    given = ["--model", str(tmp_path / "judged.safetensors"), "--data", str(work / "images.zip"), *FEW]
    reference = ["--reference", str(tmp_path / "broken.zip")]
    assert main(["invert", *given, *reference, "--out-dir", str(tmp_path / "out")]) == 2
    assert "is 8x8, the first image 16 px" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("flag", "name"), [("--reference", "reconstructions.zip"), ("--landmarks", "losses.csv")])
def test_invert_writes_over_nothing_that_it_reads(work, tmp_path, capsys, flag, name):
    given = ["--model", str(work / "parent.safetensors"), "--data", str(work / "images.zip"), *FEW]
    (tmp_path / name).write_bytes(b"mine")
    assert main(["invert", *given, flag, str(tmp_path / name), "--out-dir", str(tmp_path)]) == 2
    assert f"{name} would be written over; name another" in capsys.readouterr().err
    assert (tmp_path / name).read_bytes() == b"mine"


def test_an_encoder_inverts_without_steps(work, tmp_path, capsys):
    model, data = ["--model", str(work / "parent.safetensors")], ["--data", str(work / "images.zip")]
    encoder = tmp_path / "encoder.safetensors"
    assert main(["encoder", *model, *data, "--out", str(encoder), "--steps", "3", "--batch-size", "4"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"code", "image", "spread"}
    start = ["--init", "encoder", "--encoder", str(encoder), "--steps", "0"]
    for space in ("w", "w+"):
        out = str(tmp_path / space)
        assert main(["invert", *model, *data, *FEW, *start, "--space", space, "--out-dir", out]) == 0
    whole, mean = (Codes.load(tmp_path / space / "codes.npz").values for space in ("w+", "w"))
    np.testing.assert_allclose(whole.mean(axis=1), mean, atol=1e-6)
    assert main(["invert", *model, *data, "--init", "encoder", "--out-dir", str(tmp_path / "x")]) == 2
    assert "--init encoder: goes with --encoder" in capsys.readouterr().err
    other = ["--model", str(work / "child.safetensors"), *data, *start, "--out-dir", str(tmp_path / "x")]
    assert main(["invert", *other]) == 2
    assert "belongs to another model" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("verb", ["invert", "encoder", "morph"])
def test_weights_of_the_perceptual_network_are_taken_and_recorded(work, tmp_path, monkeypatch, verb):
    taken = []

    def distance(name, weights):
        taken.append((name, weights))
        return perceptual_distance("efficientnet-lite0")

    monkeypatch.setattr(f"stylealign.cli.{verb}.perceptual_distance", distance)
    weights, out = tmp_path / "alexnet.pth", tmp_path / "out"
    weights.write_bytes(b"weights")
    of_model = ["--model", str(work / "parent.safetensors"), "--data", str(work / "images.zip")]
    words = {
        "invert": [*of_model, *FEW, "--out-dir", str(out)],
        "encoder": [*of_model, "--steps", "1", "--batch-size", "2", "--out", str(out / "encoder.safetensors")],
        "morph": [*_pair(work, out, "codes-parent", "child"), "--images", "1", "--frames", "3"],
    }[verb]
    assert main([verb, *words, "--perceptual", "lpips-alex", "--weights", str(weights)]) == 0
    assert taken == [("lpips-alex", weights)]
    if verb == "encoder":
        with safe_open(out / "encoder.safetensors", "pt") as file:
            (made,) = file.metadata().values()
    else:
        made = (out / "metrics.json").read_text()
    assert f'"weights": "{sha256_of_file(weights)}"' in made
    assert main([verb, *words, "--perceptual", "lpips-alex", "--weights", str(tmp_path / "missing.pth")]) == 2


def test_translate_draws_every_code_with_the_target(work, tmp_path):
    assert _translate(work, tmp_path) == 0
    images = ImageZip(tmp_path / "images.zip")
    codes = Codes.load(work / "codes-parent" / "codes.npz")
    assert images.info["names"] == codes.names
    weights = native.read(work / "child.safetensors")
    model = Generator(TINY)
    model.load_state_dict(weights.networks["G_ema"])
    with torch.no_grad():
        np.testing.assert_array_equal(images.read(), to_pixels(model.synthesis(torch.from_numpy(codes.values))))
    assert (tmp_path / "sheet.png").stat().st_size > 0


def test_translate_refuses_codes_and_models_that_do_not_match(work, tmp_path, capsys):
    assert _translate(work, tmp_path, target="wide") == 2
    assert "wide.safetensors: of different architecture: channel_max 8 / 4" in capsys.readouterr().err
    assert _translate(work, tmp_path, codes="codes-child") == 2
    assert "belongs to another model" in capsys.readouterr().err
    assert _translate(work, tmp_path, "--space", "z") == 2
    assert "holds w+ codes where z codes are needed" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_translate_draws_many_outputs_under_a_guide(work, tmp_path):
    guide = ["--guide", "reference", "--reference-codes", str(work / "codes-child" / "codes.npz"), "--outputs", "2"]
    assert _translate(work, tmp_path, *guide) == 0
    images = ImageZip(tmp_path / "images.zip")
    assert (len(images), images.info["outputs"]) == (6, 2)
    references = Codes.load(work / "codes-child" / "codes.npz")
    ws, first = (
        torch.from_numpy(references.values),
        torch.from_numpy(Codes.load(work / "codes-parent" / "codes.npz").values),
    )
    model = load(work / "child.safetensors").generator
    for number, name in enumerate(images.info["references"]):
        own = ws[references.names.index(name)][None].clone()
        own[:, :3] = first[number // 2, :3]
        np.testing.assert_array_equal(images.read([number]), to_pixels(model.synthesis(own)))


def test_references_go_with_their_guide(work, tmp_path, capsys):
    """References without the guide were read and left aside, and the images passed for guided ones."""
    given = ["--reference-codes", str(work / "codes-child" / "codes.npz")]
    for more in (given, [*given, "--guide", "latent"], ["--guide", "reference"]):
        assert _translate(work, tmp_path / "out", *more) == 2
        assert "--reference-codes: goes with --guide reference" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_blend_is_a_model_that_translates(work, tmp_path, capsys):
    blended = tmp_path / "blend.safetensors"
    models = [str(work / f"{name}.safetensors") for name in ("parent", "child")]
    assert main(["blend", *models, "--swap-px", "8", "--out", str(blended)]) == 0
    assert json.loads(capsys.readouterr().out) == {"4": 0.0, "8": 1.0, "16": 1.0}
    made = load(blended).info["provenance"]
    assert made["verb"] == "blend"
    assert list(made["inputs_sha256"].values()) == [sha256_of_file(path) for path in models]
    shutil.copy(blended, work / "blend.safetensors")
    assert _translate(work, tmp_path / "out", target="blend") == 0
    assert main(["blend", models[0], str(work / "wide.safetensors"), "--out", str(tmp_path / "b.safetensors")]) == 2
    assert "of different architecture" in capsys.readouterr().err


def test_morph_writes_and_measures_every_method(work, tmp_path):
    assert (
        _morph(
            work,
            tmp_path,
            "--target-codes",
            str(work / "codes-child" / "codes.npz"),
            "--video",
            str(tmp_path / "more.webp"),
        )
        == 0
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "frames.zip",
        "metrics.json",
        "middle.zip",
        "more.webp",
        "morph.mp4",
        "strip.png",
        "timing.json",
    ]
    timing = json.loads((tmp_path / "timing.json").read_text())
    assert timing["frames"] == 6 * 6, "the joint morph, two rounds of re-timing, and three baselines"
    assert timing["frames_per_s"] == pytest.approx(36 / timing["seconds"])
    assert timing["morphs"] == 2, "those whose frames were drawn; the third has a frame half-way alone"
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert list(metrics["methods"]) == [
        "codes+weights",
        "codes+weights even",
        "codes-only",
        "weights-only",
        "cross-fade",
    ]
    for method, columns in metrics["methods"].items():
        assert [len(values) for values in columns.values()] == [2, 2, 2], method
        assert min(columns["step_ratio"]) >= 1
    error = {method: max(columns["endpoint_error"]) for method, columns in metrics["methods"].items()}
    assert error["codes+weights"] < 1e-6
    assert error["cross-fade"] < 1e-6
    assert min(metrics["methods"]["codes-only"]["endpoint_error"]) > 1e-3
    assert min(metrics["methods"]["weights-only"]["endpoint_error"]) > 1e-3
    assert len(ImageZip(tmp_path / "frames.zip")) == 12
    middle = ImageZip(tmp_path / "middle.zip")
    assert middle.info["methods"] == list(metrics["methods"])
    assert middle.labels == [method for method in range(5) for _ in range(3)], "one frame of each of the three codes"
    assert middle.info["sources"] == Codes.load(work / "codes-parent" / "codes.npz").names
    assert middle.info["targets"] == Codes.load(work / "codes-child" / "codes.npz").names
    assert Image.open(tmp_path / "strip.png").size == (3 * 16 + 2 * 2, 2 * 16 + 2)


def test_a_morph_is_repeatable_and_can_show_even_steps(work, tmp_path):
    for name, more in (("a", []), ("b", []), ("even", ["--even"])):
        assert _morph(work, tmp_path / name, *more) == 0
    for file in ("morph.mp4", "strip.png", "frames.zip", "middle.zip", "metrics.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file
    with zipfile.ZipFile(tmp_path / "even" / "frames.zip") as archive:
        assert json.loads(archive.read("dataset.json"))["method"] == "codes+weights even"


def _frames_of(path):
    """Return the frames of a WebP, `[T, H, W, 3]`."""
    with Image.open(path) as video:
        frames = []
        for number in range(video.n_frames):
            video.seek(number)
            frames.append(np.asarray(video.convert("RGB")))
    return np.stack(frames), video.info["loop"]


def test_videos_play_once_or_there_and_back(work, tmp_path):
    played = {}
    for play in ("once", "ping-pong"):
        assert _morph(work, tmp_path / play, "--even", "--play", play, "--video", str(tmp_path / f"{play}.webp")) == 0
        played[play] = _frames_of(tmp_path / f"{play}.webp")
    forward, loop = played["once"]
    assert (len(forward), loop) == (6, 1)
    there_and_back, loop = played["ping-pong"]
    assert loop == 0
    np.testing.assert_array_equal(there_and_back, np.concatenate([forward, forward[-2:0:-1]]))
    for name in ("frames.zip", "strip.png", "metrics.json"):
        assert (tmp_path / "once" / name).read_bytes() == (tmp_path / "ping-pong" / name).read_bytes(), name


def test_a_morph_between_two_given_pictures(work, tmp_path):
    """One picture inverted in each model; the first and the last frame are their reconstructions."""
    pixels = ImageZip(work / "images.zip").read()
    for name, image in (("parent", pixels[3]), ("child", pixels[4])):
        Image.fromarray(image.transpose(1, 2, 0)).save(tmp_path / f"{name}.png")
        arguments = ["--model", str(work / f"{name}.safetensors"), "--data", str(tmp_path / f"{name}.png"), *FEW]
        assert main(["invert", *arguments, "--out-dir", str(tmp_path / f"codes-{name}")]) == 0
    pair = [
        *("--codes", str(tmp_path / "codes-parent" / "codes.npz")),
        *("--source-model", str(work / "parent.safetensors")),
        *("--target-codes", str(tmp_path / "codes-child" / "codes.npz")),
        *("--target-model", str(work / "child.safetensors")),
    ]
    assert main(["morph", *pair, "--frames", "3", "--strip-frames", "3", "--out-dir", str(tmp_path / "morph")]) == 0
    frames = ImageZip(tmp_path / "morph" / "frames.zip").read()
    assert len(frames) == 3
    for frame, name in ((frames[0], "parent"), (frames[-1], "child")):
        np.testing.assert_array_equal(frame, ImageZip(tmp_path / f"codes-{name}" / "reconstructions.zip").read()[0])


def test_a_morph_without_target_codes_ends_at_the_translation(work, tmp_path):
    assert _translate(work, tmp_path / "translation") == 0
    assert _morph(work, tmp_path / "morph") == 0
    assert "targets" not in ImageZip(tmp_path / "morph" / "middle.zip").info
    last = ImageZip(tmp_path / "morph" / "frames.zip").read(slice(-2, None))
    np.testing.assert_array_equal(last, ImageZip(tmp_path / "translation" / "images.zip").read(slice(0, 2)))


@pytest.mark.parametrize(("duration_s", "said"), [("1e-9", "6 frames in 1e-09 s are 6e"), ("1e9", "6 frames in 1e")])
def test_a_video_that_nothing_plays_is_refused_before_anything_is_written(work, tmp_path, capsys, duration_s, said):
    """The encoder said so when frames.zip was there."""
    assert _morph(work, tmp_path / "out", "--duration-s", duration_s) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "a video has from 0.01 to 1000; set duration_s or frames" in error
    assert not (tmp_path / "out").exists()


def test_target_codes_of_another_model_are_refused(work, tmp_path, capsys):
    assert _morph(work, tmp_path, "--target-codes", str(work / "codes-parent" / "codes.npz")) == 2
    assert "belongs to another model" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_frames_are_spread_over_the_part():
    assert spread(110, 8) == [0, 16, 31, 47, 62, 78, 93, 109]
    assert spread(3, 8) == [0, 1, 2]
