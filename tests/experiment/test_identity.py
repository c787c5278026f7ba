"""What tells one content from another: exactly what changed has another identity."""

import json
import os
import struct
from pathlib import Path

import pytest
import yaml

from stylealign.config import UPKEEP
from stylealign.experiment import Experiment, content
from stylealign.experiment import identity as identities
from stylealign.experiment.content import content_of
from stylealign.experiment.words import as_json
from stylealign.files import sha256_of_json
from stylealign.versions import version
from tests.experiment.common import FAMILY, experiment


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    (tmp_path / "mine" / "deep").mkdir(parents=True)
    (tmp_path / "mine" / "a.png").write_bytes(b"one")
    (tmp_path / "mine" / "deep" / "b.png").write_bytes(b"two")
    return tmp_path / "mine"


def test_a_picture_added_deep_or_replaced_by_one_of_the_same_size_is_seen(tmp_path: Path, pictures: Path) -> None:
    record = tmp_path / "record.json"
    found = [content_of(pictures, record)]
    (pictures / "deep" / "c.png").write_bytes(b"six")
    found.append(content_of(pictures, record))
    times = (pictures / "a.png").stat()
    (pictures / "a.png").write_bytes(b"eno")
    os.utime(pictures / "a.png", ns=(times.st_atime_ns, times.st_mtime_ns))
    found.append(content_of(pictures, record))
    (pictures / "a.png").rename(pictures / "z.png")
    found.append(content_of(pictures, record))
    assert len(set(found)) == 4
    assert found[-1] == content_of(pictures), "with a record as without"


def test_other_times_and_another_place_are_no_other_content(tmp_path: Path, pictures: Path) -> None:
    before = content_of(pictures)
    os.utime(pictures / "a.png", (1, 1))
    assert content_of(pictures) == before
    pictures.rename(tmp_path / "elsewhere")
    assert content_of(tmp_path / "elsewhere") == before


def test_nothing_is_read_twice(tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = tmp_path / "record.json"
    before = content_of(pictures, record)
    monkeypatch.setattr(content, "sha256_of_file", lambda path: pytest.fail(f"{path} was read again"))
    assert content_of(pictures, record) == before


@pytest.mark.parametrize("damage", ["", "[]", '{"a.png": 3}', '{"a.png": []}'])
def test_a_damaged_record_is_made_again(tmp_path: Path, pictures: Path, damage: str) -> None:
    (tmp_path / "record.json").write_text(damage)
    assert content_of(pictures, tmp_path / "record.json") == content_of(pictures)


def test_links_are_followed_and_a_circle_ends(tmp_path: Path, pictures: Path) -> None:
    before = content_of(pictures)
    (pictures / "deep" / "back").symlink_to(pictures)
    assert content_of(pictures) == before
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "all").symlink_to(pictures)
    assert content_of(tmp_path / "linked") not in (None, content_of(tmp_path / "empty"))


def test_a_training_goes_on_in_its_folder_when_only_its_length_changes(tmp_path: Path) -> None:
    def folder(**train: object) -> str:
        return experiment(tmp_path, train=train).identity.run_dir("animal")

    before = folder()
    assert before == folder(kimg=99) == folder(state_interval_s=1) == folder(snapshot_kimg=1) == folder(threads=1)
    assert len({before, folder(batch_size=8), folder(evaluate_kimg=1), folder(seed=1)}) == 4


def test_a_pull_at_the_end_is_no_other_training_but_another_parent(tmp_path: Path) -> None:
    def of(**keep: object) -> tuple[str, str]:
        models = FAMILY.replace("parent: human", f"parent: human, train: {{keep: {json.dumps(keep)}}}", 1)
        identity = experiment(tmp_path, models).identity
        return identity.run_dir("animal"), identity.run_dir("grandchild")

    plain, pulled = of(), of(pull={"tolerance": 0.05})
    assert plain[0] == pulled[0]
    assert plain[1] != pulled[1]
    kept = of(rgb={"weight": 1}), of(rgb={"weight": 1}, pull={"tolerance": 0.05})
    assert kept[0][0] == kept[1][0] != plain[0]


def test_what_a_pull_is_measured_by_is_no_other_training_but_another_parent(tmp_path: Path) -> None:
    def of(pull: dict[str, object] | None = None, **measured: object) -> tuple[str, str]:
        train = measured | {"keep": {"pull": pull} if pull else {}}
        models = FAMILY.replace("parent: human", f"parent: human, train: {json.dumps(train)}", 1)
        identity = experiment(tmp_path, models).identity
        return identity.run_dir("animal"), identity.run_dir("grandchild")

    plain, by = of(), {"evaluate_images": 500, "evaluate_features": "inception-v3"}
    assert plain == of(**by), "nothing is measured"
    models = FAMILY.replace("parent: human", f"parent: human, train: {json.dumps(by)}", 1)
    identity = experiment(tmp_path, models).identity
    for model in ("animal", "grandchild"):  # begun when these keys counted
        folder = f"results/runs/{model}-{sha256_of_json(identity.start_of(model, before=True))[:12]}"
        assert folder != identity.run_dir(model)
        (tmp_path / f"{folder}-threads1").mkdir(parents=True)
        assert identity.run_dir(model) == folder
        (tmp_path / f"{folder}-threads1").rmdir()
    pulled, pulled_by = of({"tolerance": 0.05}), of({"tolerance": 0.05}, **by)
    assert plain[0] == pulled[0] == pulled_by[0]
    assert len({plain[1], pulled[1], pulled_by[1]}) == 3
    assert of(evaluate_kimg=1)[0] != of(evaluate_kimg=1, **by)[0], "here the log has it, and `select` may choose by it"


def test_keys_that_change_nothing_are_no_other_training(tmp_path: Path) -> None:
    models = """
own: {domain: human, architecture: {}, train: TRAIN}
child: {domain: animal, parent: own, train: TRAIN}
"""

    def identity_of(**train: object) -> identities.Identity:
        return experiment(tmp_path, models.replace("TRAIN", json.dumps(train))).identity

    def of(**train: object) -> tuple[dict[str, str], dict[str, str]]:
        identity = identity_of(**train)
        names = ("own", "child")
        settings = {name: as_json(identity.config.training_of(name), without=UPKEEP) for name in names}
        return {name: identity.run_dir(name) for name in names}, settings

    plain = of()
    without_use = {"select_tolerance": 0.3, "select_floor": 0.9, "ada_kimg": 500, "blur_kimg": 9}
    assert plain == of(**without_use, evaluate_images=500, evaluate_features="inception-v3")
    assert of(r1_gamma=0) == of(r1_gamma=0, r1_interval=3) != plain
    of_a_child, of_own = of(mapping_lr_multiplier=0.1), of(curve_kimg=[3], alignment_latents=None)
    assert of_a_child[1]["child"] == plain[1]["child"]
    assert of_a_child[0]["own"] != plain[0]["own"]
    assert (of_own[0]["own"], of_own[1]["own"]) == (plain[0]["own"], plain[1]["own"])
    assert of_own[0]["child"] != plain[0]["child"], "its snapshots, and its log"
    identity = identity_of(**without_use)
    for model in ("own", "child"):  # begun when these keys counted
        folder = f"results/runs/{model}-{sha256_of_json(identity.start_of(model, before=True))[:12]}"
        assert folder != plain[0][model]
        (tmp_path / f"{folder}-threads1").mkdir(parents=True)
        assert identity.run_dir(model) == folder


def test_the_job_of_a_training_of_before_is_told_what_it_was_told(tmp_path: Path) -> None:
    models = "{human: {domain: human, fetch: human-64-a}, child: {domain: animal, parent: human, train: TRAIN}}"

    def asked(**train: object) -> Experiment:
        return experiment(tmp_path, models.replace("TRAIN", json.dumps(train)))

    old = asked(preset="aligned64", evaluate_images=300, mapping_lr_multiplier=0.1)
    told = as_json(old.config.told_of("child"), without=UPKEEP)
    assert old.training_settings("child") == asked(preset="aligned64").training_settings("child") != told
    run_dir = old.identity.start_of("child", before=True)
    folder = tmp_path / f"results/runs/child-{sha256_of_json(run_dir)[:12]}-threads1/snapshots"
    folder.mkdir(parents=True)
    of_snapshot = {"stylealign": json.dumps({"info": {"settings": json.loads(told)}})}
    header = json.dumps({"__metadata__": of_snapshot}).encode()
    (folder / "00020.000.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    (folder / "best-00024.000.safetensors").write_bytes(b"")
    assert old.training_settings("child") == told
    folder.parent.rename(tmp_path / f"{asked(preset='aligned64').identity.run_dir('child')}-threads2")
    assert asked(preset="aligned64", evaluate_images=400).training_settings("child") == told
    (
        tmp_path / f"{asked(preset='aligned64').identity.run_dir('child')}-threads2/snapshots/00024.000.safetensors"
    ).touch()
    assert asked(preset="aligned64").training_settings("child") != told, "a damaged snapshot says nothing"


def test_a_child_that_says_nothing_is_held_and_a_plain_one_is_what_it_was(tmp_path: Path) -> None:
    def of(**train: object) -> dict[str, str]:
        made = experiment(tmp_path, train=train)
        return {model: made.identity.run_dir(model) for model in made.config.models}

    held, plain = of(), of(keep={})
    assert held == of(keep={"features": {"weight": 8}})
    told = experiment(tmp_path, train={"keep": {}}).identity.start_of("animal")["training"]
    assert "keep" not in json.loads(told), "trained before children were held by default"
    assert {model for model in held if held[model] != plain[model]} == {"animal", "unaligned", "grandchild"}


def test_an_encoder_belongs_to_the_trainings_that_read_codes_back(tmp_path: Path) -> None:
    def of(**keep: object) -> tuple[str, list[str]]:
        made = experiment(tmp_path, train={"keep": keep}, encoder={"steps": 7})
        return made.identity.run_dir("animal"), made.encoder_of_training("animal")

    plain, read = of(), of(code={"weight": 1})
    assert plain == of(rgb={"weight": 0}), "what is off is no other training"
    assert plain == of(features={"weight": 0, "resolutions_px": [16], "fade_in_kimg": 2})
    assert plain == of(weights={"weight": 0, "discriminator_weight": 0, "fade_out_kimg": 4})
    assert plain == of(pull={"tolerance": 0, "shares": [0.5]})
    assert plain[1] == of(rgb={"weight": 1})[1] == []
    assert read[1] == ["results/latents/human/encoder.safetensors"]
    assert len({plain[0], read[0], of(rgb={"weight": 1})[0]}) == 3


def test_a_child_of_a_longer_parent_is_another_training(tmp_path: Path) -> None:
    def folder(kimg: float) -> str:
        models = f"human: {{domain: human, architecture: {{}}, train: {{kimg: {kimg}}}}}\n"
        models += "animal: {domain: animal, parent: human, train: {kimg: 3}}"
        return experiment(tmp_path, models).identity.run_dir("animal")

    assert folder(1) != folder(2)


def test_the_path_of_ones_own_pictures_is_no_identity(tmp_path: Path, pictures: Path) -> None:
    models = "own: {domain: mine, architecture: {}}"
    here = experiment(tmp_path, models).identity
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "mine").symlink_to(pictures)
    there = experiment(tmp_path / "b", models).identity
    assert here.run_dir("own") == there.run_dir("own")
    (pictures / "deep" / "b.png").write_bytes(b"owt")
    assert here.run_dir("own") == there.run_dir("own"), "looked at once a run"
    assert experiment(tmp_path, models).identity.run_dir("own") != here.run_dir("own")


def test_a_validation_split_is_another_data_set_and_none_is_what_it_was(tmp_path: Path, pictures: Path) -> None:
    def told(**domain: object) -> tuple[str, str]:
        models = "own: {domain: mine, architecture: {}}"
        identity = experiment(tmp_path, models, domains={"mine": {"path": "mine", **domain}}).identity
        return identity.settings_of("mine"), identity.run_dir("own")

    before = '{"draw": null, "fetch": null, "resolution_px": 64, "train_images": null, "test_images": null, '
    assert told()[0] == before + '"val_images": 500, "seed": 0}', "jobs of before the split do not run again"
    several = [told(), told(val_images=499), told(val_images=500), told(val_images=501)]
    assert [len(set(column)) for column in zip(*several, strict=True)] == [4, 4]


def test_a_model_of_ones_own_is_its_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.pkl").write_bytes(b"a")
    identity = experiment(tmp_path / "run", "a: {domain: human, fetch: ~/a.pkl}").identity
    assert identity.model_file("a") == str(tmp_path / "a.pkl")
    assert str(tmp_path) not in str(identity.start_of("a"))
    assert identity.source_of("a")["sha256"]
    assert experiment(tmp_path).identity.model_file("human") is None, "it comes from the zoo"


def test_only_trainings_that_draw_weights_or_choose_by_measurements_follow_the_streams(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = """
own: {domain: human, architecture: {}}
human: {domain: human, fetch: human-64-a}
plain: {domain: animal, parent: human}
chosen: {domain: animal, parent: human, train: {select: best-fid, evaluate_kimg: 1}}
patched: {domain: animal, parent: human, train: {keep: {patches: {weight: 1}}}}
"""
    before = experiment(tmp_path, models).identity
    kept = {name: before.run_dir(name) for name in ("own", "plain", "chosen", "patched")}
    monkeypatch.setattr(identities, "DRAWS", 3)
    after = experiment(tmp_path, models).identity
    assert {name for name, folder in kept.items() if after.run_dir(name) != folder} == {"own", "chosen", "patched"}


def test_only_sets_of_all_faces_are_made_again_since_a_picture_is_in_one_split(tmp_path: Path, pictures: Path) -> None:
    def versions(**domain: object) -> tuple[object, object]:
        models = "own: {domain: mine, architecture: {}}"
        identity = experiment(tmp_path, models, domains={"mine": {"path": "mine", **domain}}).identity
        return identity.data_version("mine"), identity.data_of("mine")["version"]

    plain = (version("data"), version("data"))
    assert versions() == versions(fit="face") == versions(fit="face", faces="largest") == plain
    assert versions(faces="all") == plain, "without `fit: face` a picture is one image"
    assert versions(fit="face", faces="all") == (f"{plain[0]}, all faces 2",) * 2
    rules = Path(__file__).parents[2] / "workflow" / "rules"
    texts = [(rules / f"{name}.smk").read_text() for name in ("data", "labelled_data")]
    asked = [text.count("version=lambda w: EXPERIMENT.identity.data_version(w.domain),") for text in texts]
    assert asked == [2, 2], "pictures of one's own, published ones, and the labels of both"


def test_what_a_system_leaves_in_a_folder_is_no_content_of_it(tmp_path: Path, pictures: Path) -> None:
    before, record = content_of(pictures), tmp_path / "record.json"
    for name in (".DS_Store", "deep/Thumbs.db", "deep/.thumbnails/b.png", "@eaDir/a.png"):
        (pictures / name).parent.mkdir(exist_ok=True)
        (pictures / name).write_bytes(b"a look into the folder")
    assert content_of(pictures) == content_of(pictures, record) == before
    (pictures / "c.png").write_bytes(b"three")
    assert content_of(pictures, record) != before
    (tmp_path / ".model.pkl").write_bytes(b"weights")
    assert content_of(tmp_path / ".model.pkl") not in (None, content_of(tmp_path / "empty"))


def test_what_a_record_of_before_counts_of_a_system_stays_counted(tmp_path: Path, pictures: Path) -> None:
    """Its files were content once: sets that were made then are not made again."""
    record = tmp_path / "record.json"
    content_of(pictures, record)
    known = json.loads(record.read_text())
    record.write_text(json.dumps({**known, ".DS_Store": [6, 1, 1, "of then"]}))
    with_it = content_of(pictures, record)
    assert with_it == sha256_of_json(
        sorted((name, entry[-1]) for name, entry in json.loads(record.read_text()).items())
    )
    assert with_it != content_of(pictures)
    (pictures / ".DS_Store").write_bytes(b"another")
    assert content_of(pictures, record) == with_it


def test_more_images_to_test_with_are_no_other_training_but_of_pictures_they_are(tmp_path: Path) -> None:
    models = "{own: {domain: drawn, architecture: {}}, mine: {domain: mine, architecture: {}}}"
    (tmp_path / "photos").mkdir()
    for name in range(20):
        (tmp_path / "photos" / f"{name}.png").write_bytes(bytes([name]))

    def identity_of(**numbers: int) -> identities.Identity:
        told = ", ".join(f"{key}: {value}" for key, value in numbers.items())
        domains = f"drawn: {{draw: mosaic, {told}}}, mine: {{path: photos, {told}}}"
        return experiment(tmp_path, models, domains=yaml.safe_load(f"{{{domains}}}")).identity

    plain, more = identity_of(test_images=4, val_images=2), identity_of(test_images=5, val_images=3)
    assert plain.run_dir("own") == more.run_dir("own") != identity_of(test_images=4, train_images=9).run_dir("own")
    assert plain.drawn_settings_of("drawn", "train") == more.drawn_settings_of("drawn", "train")
    for split, other in (("test", "val"), ("val", "test")):
        told = json.loads(plain.drawn_settings_of("drawn", split))
        assert told[f"{split}_images"] != json.loads(more.drawn_settings_of("drawn", split))[f"{split}_images"]
        assert {"train_images", f"{other}_images"}.isdisjoint(told)
    assert plain.run_dir("mine") != more.run_dir("mine"), "pictures are dealt out: others are left to train with"
    for before in (False, True):
        assert plain.start_of("own", before) == more.start_of("own", before)


def test_a_training_with_images_that_were_drawn_anew_goes_on_in_no_folder_of_before(tmp_path: Path) -> None:
    """Training images are another file since these numbers do not count, and a folder's training refuses another."""
    domains = {"drawn": {"draw": "mosaic", "test_images": 4, "val_images": 2}}
    made = experiment(tmp_path, "{own: {domain: drawn, architecture: {}}}", domains=domains).identity
    started = made.start_of("own", before=True)
    told = made.config.domains["drawn"].as_told({"path", "annotations", "labellers"})
    started["data"] |= {"settings": json.dumps(told)}
    folder = f"results/runs/own-{sha256_of_json(started)[:12]}"
    (tmp_path / f"{folder}-threads1").mkdir(parents=True)
    assert made.run_dir("own") != folder
