"""`stylealign track`: what it writes, what it leaves alone, and what it refuses."""

import json
import os

import pytest

from stylealign.files import sha256_of_file
from tests.ledger.conftest import Repository

GROUPS = {"data-human", "models", "tables"}


def test_it_writes_a_pointer_a_group_and_the_manifest_and_leaves_the_files_alone(repository: Repository) -> None:
    before = repository.files()
    code, out, told = repository.stylealign("track")
    assert code == 0, told
    assert repository.files() == before, "same bytes, same times"
    assert "Nothing to be done" in repository.snakemake("--dry-run")
    assert {path.stem for path in repository.path("ledger").glob("*.dvc")} == GROUPS
    manifest = json.loads(repository.path("ledger/manifest.json").read_text())
    assert set(manifest["groups"]) == GROUPS
    assert manifest["config"]["morphing"] == {"frames": 7}
    assert manifest["verbs"].keys() == {"data", "train", "tables"}
    names = {
        "data/prepared/human/train.zip",
        "results/models/human/model.safetensors",
        "results/models/human/log.jsonl",
        "results/tables/all.csv",
        "results/tables/metrics.json",
    }
    assert manifest["files"].keys() == names, "neither the resume states of trainings nor logs"
    assert all(file["sha256"] == sha256_of_file(repository.path(name)) for name, file in manifest["files"].items())
    assert json.loads(out) == {
        "ledger": json.loads(out)["ledger"],
        "groups": 3,
        "files": 5,
        "bytes": sum(len(content) for name, (content, _) in before.items() if name in names),
    }
    assert set(repository.git("status", "--short", "--untracked-files=all").split()) - {"??"} == {
        *(f"ledger/{group}.dvc" for group in GROUPS),
        "ledger/manifest.json",
    }, "the pointers can be committed, the data stay ignored"


def test_tracking_again_changes_nothing(tracked: Repository) -> None:
    assert tracked.stylealign("track")[0] == 0
    assert tracked.git("status", "--short") == ""


def test_an_unfinished_run_is_refused(repository: Repository) -> None:
    repository.path("results/tables/all.csv").unlink()
    told = repository.fails("track")
    assert "Snakemake would still do something" in told
    assert not repository.path("ledger").exists()


def test_another_configuration_is_refused(repository: Repository) -> None:
    repository.write("config/config.yaml", repository.path("config/config.yaml").read_text().replace("7", "8"))
    assert "Snakemake would still do something" in repository.fails("track")


def test_what_changed_since_it_was_tracked_is_named(tracked: Repository) -> None:
    log = tracked.path("results/models/human/log.jsonl")
    times = log.stat()
    log.write_text("gol\n")
    os.utime(log, ns=(times.st_atime_ns, times.st_mtime_ns))  # by hand, so that Snakemake does not see it
    code, _, told = tracked.stylealign("track")
    assert code == 0
    assert "changed since they were tracked: results/models/human/log.jsonl" in told


def test_a_group_that_is_no_more_loses_its_pointer(tracked: Repository) -> None:
    tracked.write("results/extra/note.txt", "an output of another configuration")
    assert tracked.stylealign("track")[0] == 0
    assert tracked.path("ledger/extra.dvc").is_file()
    tracked.path("results/extra/note.txt").unlink()
    tracked.path("results/extra").rmdir()
    assert tracked.stylealign("track")[0] == 0
    assert {path.stem for path in tracked.path("ledger").glob("*.dvc")} == GROUPS


def test_check_names_what_was_altered_by_hand(tracked: Repository) -> None:
    assert tracked.stylealign("track", "--check")[0] == 0
    path = tracked.path("results/models/human/model.safetensors")
    path.write_bytes(path.read_bytes()[::-1])
    tracked.path("results/tables/metrics.json").unlink()
    tracked.write("results/tables/mine.csv", "a,b\n")
    told = tracked.fails("track", "--check")
    assert "altered: results/models/human/model.safetensors" in told
    assert "missing: results/tables/metrics.json" in told
    assert "not in the ledger: results/tables/mine.csv" in told


def test_check_needs_no_dvc_but_tracking_names_the_extra(tracked: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert tracked.stylealign("track", "--check")[0] == 0
    assert "pip install 'stylealign[ledger]'" in tracked.fails("track")
    assert "pip install 'stylealign[ledger]'" in tracked.fails("restore")


def test_a_remote_that_is_missing_is_named_before_the_work(repository: Repository) -> None:
    told = repository.fails("track", "--push", "nowhere")
    assert "no remote 'nowhere' (there is: store); add it: dvc remote add nowhere URL" in told
    assert not repository.path("ledger").exists()
    repository.dvc("remote", "remove", "store")
    assert "no remote is set" in repository.fails("track", "--push")


def test_a_run_in_a_folder_of_its_own_has_a_ledger_of_its_own(repository: Repository) -> None:
    own = Repository(repository.path("runs/mine"), repository.capsys)
    own.write("config/config.yaml", repository.path("config/config.yaml").read_text().replace("7", "9"))
    repository.snakemake("--cores", "1", "--directory", "runs/mine")
    code, _, told = own.stylealign("track")
    assert code == 0, told
    manifest = json.loads(repository.path("ledger/runs/mine/manifest.json").read_text())
    assert manifest["config"]["morphing"] == {"frames": 9}
    assert not repository.path("ledger/tables.dvc").exists()
    before = own.files()
    own.path("results/tables/all.csv").unlink()
    assert own.stylealign("restore")[0] == 0
    assert {name: content for name, (content, _) in own.files().items()} == {
        name: content for name, (content, _) in before.items()
    }


def test_images_of_ones_own_are_tracked_with_the_run(repository: Repository) -> None:
    repository.write("data/raw/mine/a.png", "pixels")
    text = repository.path("config/config.yaml").read_text()
    repository.write("config/config.yaml", text.replace("domains:", "domains:\n  mine: {path: data/raw/mine}"))
    assert repository.stylealign("track")[0] == 0
    manifest = json.loads(repository.path("ledger/manifest.json").read_text())
    assert manifest["groups"]["own-domains-mine"]["path"] == "data/raw/mine"
    assert "data/raw/mine/a.png" in manifest["files"]


def test_files_that_two_keys_name_or_that_lie_in_others_are_under_one_pointer(repository: Repository) -> None:
    for name in ("data/raw/mine/a.png", "data/raw/mine/cats/b.png", "data/raw/parent.pkl"):
        repository.write(name, name)
    domains = "domains:\n  mine: {path: data/raw/mine}\n  faces: {path: data/raw/mine, fit: face}\n"
    domains += "  cats: {path: data/raw/mine/cats}"
    text = repository.path("config/config.yaml").read_text().replace("domains:", domains)
    models = (
        "models:\n  one: {domain: mine, fetch: data/raw/parent.pkl}\n  two: {domain: faces, fetch: data/raw/parent.pkl}"
    )
    repository.write("config/config.yaml", text.replace("models:", models))
    assert repository.stylealign("track")[0] == 0
    groups = json.loads(repository.path("ledger/manifest.json").read_text())["groups"]
    own = {name: group["path"] for name, group in groups.items() if name.startswith("own-")}
    assert own == {"own-domains-mine": "data/raw/mine", "own-models-one": "data/raw/parent.pkl"}


def test_a_model_in_the_folder_of_the_run_is_tracked_and_one_of_the_zoo_is_no_file(repository: Repository) -> None:
    repository.write("parent.pkl", "weights")
    repository.write(".gitignore", repository.path(".gitignore").read_text() + "*.pkl\n")
    text = repository.path("config/config.yaml").read_text()
    models = "models:\n  one: {domain: human, fetch: parent.pkl}\n  two: {domain: human, fetch: human-64-a}"
    repository.write("config/config.yaml", text.replace("models:", models))
    assert repository.stylealign("track")[0] == 0
    manifest = json.loads(repository.path("ledger/manifest.json").read_text())
    assert manifest["groups"]["own-models-one"]["path"] == "parent.pkl"
    assert not [name for name in manifest["groups"] if name.endswith("two")]


def test_outside_a_repository_it_says_so(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:  # type: ignore[no-untyped-def]
    assert "not in a repository" in Repository(tmp_path, capsys).fails("track")
