"""`stylealign restore`: a clone gets everything back, and a mistake loses nothing."""

import json
import os
import shutil
from pathlib import Path

import pytest

from stylealign.versions import VERSIONS, version
from tests.ledger.conftest import Repository

MODEL = "results/models/human/model.safetensors"


def contents(repository: Repository) -> dict[str, bytes]:
    kept = repository.files().items()
    return {name: content for name, (content, _) in kept if not name.startswith(("results/runs", "results/logs"))}


def stored_object(tracked: Repository, name: str) -> Path:
    """Return where the remote keeps a file."""
    size = tracked.path(name).read_bytes()
    return next(
        path
        for path in tracked.folder.parent.joinpath("store").rglob("*")
        if path.is_file() and path.read_bytes() == size
    )


def test_a_clone_restores_and_snakemake_has_nothing_to_do(tracked: Repository) -> None:
    clone = tracked.clone("clone")
    code, out, told = clone.stylealign("restore")
    assert code == 0, told
    assert json.loads(out) == {"files": 5, "restored": 5, "replaced": 0}
    assert contents(clone) == contents(tracked)
    assert "Nothing to be done" in clone.snakemake("--dry-run")
    assert clone.git("status", "--short") == ""
    assert clone.stylealign("track", "--check")[0] == 0


def test_after_a_restore_a_changed_key_re_runs_only_what_depends_on_it(tracked: Repository) -> None:
    clone = tracked.clone("clone")
    assert clone.stylealign("restore")[0] == 0
    clone.write("config/config.yaml", clone.path("config/config.yaml").read_text().replace("7", "8"))
    told = clone.snakemake("--dry-run", "--quiet", "rules")
    assert "tables" in told
    assert "train" not in told


def test_what_is_there_needs_no_remote(tracked: Repository) -> None:
    tracked.dvc("remote", "remove", "store")
    before = contents(tracked)
    tracked.path(MODEL).unlink()
    code, out, told = tracked.stylealign("restore")
    assert code == 0, told
    assert json.loads(out)["restored"] == 1
    assert contents(tracked) == before


def test_a_file_that_was_changed_is_kept_unless_forced(tracked: Repository) -> None:
    tracked.path(MODEL).write_text("mine")
    tracked.write("results/models/mine/model.safetensors", "another model")
    tracked.path("results/tables/all.csv").unlink()
    before = tracked.files()
    told = tracked.fails("restore")
    assert MODEL in told
    assert "--force replaces it" in told
    assert tracked.files() == before
    code, out, told = tracked.stylealign("restore", "--force")
    assert code == 0, told
    assert json.loads(out) == {"files": 5, "restored": 1, "replaced": 1}
    assert tracked.path(MODEL).read_text() == "4 images\n"
    assert tracked.path("results/models/mine/model.safetensors").read_text() == "another model", "nothing is deleted"


def test_a_missing_remote_is_named(tracked: Repository) -> None:
    clone = tracked.clone("clone")
    assert "no remote 'lab' (there is: store); add it: dvc remote add lab URL" in clone.fails(
        "restore", "--remote", "lab"
    )
    clone.dvc("remote", "remove", "store")
    assert "no remote is set; add one: dvc remote add" in clone.fails("restore")
    assert contents(clone) == {}


def test_a_partial_pull_writes_nothing_and_names_what_is_missing(tracked: Repository) -> None:
    lost = stored_object(tracked, "results/models/human/log.jsonl")
    aside = lost.rename(lost.parent.parent / "aside")
    clone = tracked.clone("clone")
    told = clone.fails("restore")
    assert "remote 'store' lacks results/models/human/log.jsonl" in told
    assert contents(clone) == {}
    aside.rename(lost)
    assert clone.stylealign("restore")[0] == 0, "once the remote is whole the same command goes on"
    assert contents(clone) == contents(tracked)


def test_an_empty_remote_is_a_missing_one(tracked: Repository) -> None:
    tracked.folder.parent.joinpath("store").rename(tracked.folder.parent / "moved")
    told = tracked.clone("clone").fails("restore")
    assert "remote 'store' lacks" in told
    assert "and 2 more" in told


def test_a_damaged_copy_is_not_put_back(tracked: Repository) -> None:
    damaged = stored_object(tracked, "results/models/human/log.jsonl")
    os.chmod(damaged, 0o644)
    damaged.write_bytes(b"gol\n")
    clone = tracked.clone("clone")
    told = clone.fails("restore")
    assert "results/models/human/log.jsonl" in told
    assert not clone.path("results/models/human/log.jsonl").exists()


@pytest.mark.parametrize("name", ["ledger/models.dvc", "ledger/manifest.json"])
def test_a_missing_pointer_or_manifest_is_named(tracked: Repository, name: str) -> None:
    clone = tracked.clone("clone")
    clone.path(name).unlink()
    told = clone.fails("restore")
    assert name in told
    assert "check" in told
    assert contents(clone) == {}


def test_a_pointer_of_another_commit_is_refused(tracked: Repository) -> None:
    clone = tracked.clone("clone")
    text = clone.path("ledger/models.dvc").read_text()
    at = text.index("md5: ", text.index("hash: md5") + len("hash: md5")) + len("md5: ")
    clone.write("ledger/models.dvc", text[:at] + "0" * 32 + text[at + 32 :])
    assert "check out both from one commit" in clone.fails("restore")


def test_another_configuration_is_refused_with_the_keys_that_differ(tracked: Repository) -> None:
    clone = tracked.clone("clone")
    text = clone.path("config/config.yaml").read_text().replace("{frames: 7}", "{frames: 8, duration_s: 3}")
    clone.write("config/config.yaml", text)
    told = clone.fails("restore")
    assert "morphing.duration_s: 3.0 here, 8.0 in the ledger, morphing.frames: 8 here, 7 in the ledger" in told
    assert contents(clone) == {}


def test_files_of_another_version_of_a_command_are_refused(
    tracked: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = tracked.clone("clone")
    known = version("train")
    monkeypatch.setitem(VERSIONS, "train", known + 1)
    assert f"stylealign train is version {known + 1} here, {known} in the ledger" in clone.fails("restore")


def test_sets_of_all_faces_of_before_are_refused(repository: Repository) -> None:
    repository.write("data/raw/mine/a.png", "pixels")
    mine = "domains:\n  mine: {path: data/raw/mine, fit: face, faces: all}"
    text = repository.path("config/config.yaml").read_text()
    repository.write("config/config.yaml", text.replace("domains:", mine))
    assert repository.stylealign("track")[0] == 0
    assert repository.stylealign("restore")[0] == 0
    path = repository.path("ledger/manifest.json")
    manifest = json.loads(path.read_text())
    assert manifest["verbs"].pop("data (faces: all)") == 2
    path.write_text(json.dumps(manifest))
    assert "stylealign data (faces: all) is version 2 here, 1 in the ledger" in repository.fails("restore")


def test_a_manifest_that_was_edited_is_refused(tracked: Repository) -> None:
    path = tracked.path("ledger/manifest.json")
    path.write_text(path.read_text().replace('"frames": 7', '"frames": 8'))
    assert "its config is not the one it was written with" in tracked.fails("restore")


@pytest.mark.parametrize(("folder", "held"), [("../pictures", False), ("data/raw/mine", True)])
def test_pictures_of_ones_own_are_asked_for_before_anything_is_written(
    repository: Repository, folder: str, held: bool
) -> None:
    text = repository.path("config/config.yaml").read_text()
    repository.write("config/config.yaml", text.replace("domains:", f"domains:\n  mine: {{path: {folder}}}"))
    repository.write(f"{folder}/a.png", "pixels")
    assert repository.stylealign("track", "--push")[0] == 0
    repository.commit("ledger")
    shutil.rmtree(repository.path(folder))
    clone = repository.clone("clone")
    if held:
        assert clone.stylealign("restore")[0] == 0
        assert clone.path(f"{folder}/a.png").read_text() == "pixels"
    else:
        told = clone.fails("restore")
        assert "domains.mine.path" in told
        assert "the ledger does not hold it" in told
        assert not clone.path(MODEL).exists()
