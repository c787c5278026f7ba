"""`stylealign fetch`, `info` and `convert`, from the command line's view."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import stylealign
from stylealign.checkpoints import native
from stylealign.checkpoints.zoo import load_zoo
from stylealign.cli.main import main
from stylealign.errors import StyleAlignError
from stylealign.networks.generator import Generator
from tests.checkpoints import builders
from tests.checkpoints.conftest import Model
from tests.checkpoints.server import Server, serve, status
from tests.checkpoints.test_importers import ada_file, rosinality_file

ENTRY = {"description": "a model", "format": "stylegan2-ada-pytorch", "resolution_px": 32, "licence": "MIT"}


class Bench:
    """A folder with a zoo, a cache, and the command line."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys
        self.out, self.zoo, self.cache = folder / "out" / "model.safetensors", folder / "zoo.yaml", folder / "cache"

    def list_models(self, **models: dict[str, Any]) -> None:
        self.zoo.write_text(yaml.safe_dump({"models": {name: ENTRY | entry for name, entry in models.items()}}))

    def run(self, *arguments: str) -> tuple[int, str, str]:
        code = main(list(arguments))
        captured = self.capsys.readouterr()
        return code, captured.out, captured.err

    def fetch(self, source: str, *arguments: str) -> dict[str, Any]:
        code, out, err = self.run(*self._command(source), *arguments)
        assert code == 0, err
        return json.loads(out)  # type: ignore[no-any-return]

    def fails(self, source: str, *arguments: str) -> str:
        code, out, err = self.run(*self._command(source), *arguments)
        assert (code, out) == (2, "")
        assert not self.out.exists()
        lines = [line for line in err.splitlines() if line.startswith("stylealign fetch:")]
        assert len(lines) == 1
        assert "Traceback" not in err
        return lines[0]

    def _command(self, source: str) -> list[str]:
        return ["fetch", source, "--out", str(self.out), "--zoo", str(self.zoo), "--cache-dir", str(self.cache)]


@pytest.fixture
def bench(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Bench:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return Bench(tmp_path, capsys)


@pytest.fixture
def parent(tmp_path: Path, small: Model) -> Path:
    return ada_file(tmp_path / "parent.pkl", small)


def test_by_path(bench: Bench, parent: Path) -> None:
    result = bench.fetch(str(parent))
    assert result["source_format"] == "stylegan2-ada-pytorch"
    assert result["source_sha256"] == hashlib.sha256(parent.read_bytes()).hexdigest()
    assert result["sha256"] == stylealign.load(bench.out).sha256
    assert stylealign.load(bench.out).info["source"] == str(parent)


def test_native_file_is_copied_byte_for_byte(bench: Bench, parent: Path) -> None:
    bench.fetch(str(parent))
    copied = bench.folder / "again.safetensors"
    assert bench.run("fetch", str(bench.out), "--out", str(copied))[0] == 0
    assert copied.read_bytes() == bench.out.read_bytes()


def test_by_name_of_a_bundled_file(bench: Bench, parent: Path) -> None:
    sha256 = hashlib.sha256(parent.read_bytes()).hexdigest()
    bench.list_models(bundled={"path": "parent.pkl", "sha256": sha256})
    assert bench.fetch("bundled", "--offline")["source"] == "bundled"


def test_bundled_file_with_a_wrong_checksum(bench: Bench, parent: Path) -> None:
    bench.list_models(bundled={"path": "parent.pkl", "sha256": "0" * 64})
    assert "its sha256 is not 000" in bench.fails("bundled")
    bench.list_models(bundled={"path": "parent.pkl"})
    told = bench.fails("bundled", "--sha256", "1" * 64)
    assert told.endswith(f"its sha256 is not {'1' * 64} as --sha256 says")
    bench.fetch("bundled", "--sha256", hashlib.sha256(parent.read_bytes()).hexdigest().upper())


def test_bundled_file_that_is_missing(bench: Bench) -> None:
    bench.list_models(bundled={"path": "gone.safetensors"})
    assert "gone.safetensors: bundled model 'bundled' is missing" in bench.fails("bundled")


def test_by_address(bench: Bench, parent: Path) -> None:
    with Server(serve(parent.read_bytes())) as server:
        bench.fetch(server.url)
        bench.fetch(server.url)
        assert len(server.requests) == 1
    bench.out.unlink()
    bench.fetch(server.url, "--offline")
    assert stylealign.load(bench.out).architecture.resolution == 32


def test_by_name_with_mirror(bench: Bench, parent: Path) -> None:
    with Server(status(404)) as dead, Server(serve(parent.read_bytes())) as mirror:
        bench.list_models(known={"urls": [dead.url, mirror.url]})
        bench.fetch("known")
        assert dead.requests and len(mirror.requests) == 1
    assert bench.out.exists()


def test_offline_without_a_cached_file(bench: Bench) -> None:
    bench.list_models(known={"urls": ["http://models.invalid/x.pkl"]})
    assert "not in the download cache" in bench.fails("known", "--offline")


def test_checksum_is_recorded_at_first_and_checked_from_then_on(bench: Bench, parent: Path, small: Model) -> None:
    with Server(serve(parent.read_bytes())) as server:
        bench.fetch(server.url)
        recorded = json.loads((bench.cache / "downloads.lock.json").read_text())
        assert recorded == {server.url: hashlib.sha256(parent.read_bytes()).hexdigest()}
        for cached in bench.cache.glob("*.pkl"):
            cached.unlink()
        bench.out.unlink()
        server.script = [serve(rosinality_file(bench.folder / "other", small).read_bytes(), etag='"v2"')]
        message = bench.fails(server.url)
    assert "has changed since its first download" in message
    assert "downloads.lock.json" in message


def test_damaged_cache_is_fetched_again(bench: Bench, parent: Path) -> None:
    with Server(serve(parent.read_bytes())) as server:
        bench.fetch(server.url)
        (cached,) = bench.cache.glob("*.pkl")
        cached.write_bytes(parent.read_bytes()[:-100])
        bench.out.unlink()
        assert "fetch it again without --offline" in bench.fails(server.url, "--offline")
        bench.fetch(server.url)
        assert len(server.requests) == 2


@pytest.mark.parametrize("by_address", [True, False])
def test_checksum_on_the_command_line(bench: Bench, parent: Path, by_address: bool) -> None:
    sha256 = hashlib.sha256(parent.read_bytes()).hexdigest()
    with Server(serve(parent.read_bytes())) as server:
        source = server.url if by_address else str(parent)
        assert "sha256" in bench.fails(source, "--sha256", "0" * 64)
        bench.fetch(source, "--sha256", sha256.upper())


def test_unknown_name(bench: Bench) -> None:
    bench.list_models(**{"human-64-a": {"path": "x"}})
    assert "did you mean 'human-64-a'?" in bench.fails("human-64-b")
    assert "known names: human-64-a" in bench.fails("zzz")


def test_no_zoo(bench: Bench) -> None:
    assert "does not exist" in bench.fails("human-64-a")


def test_other_schemes(bench: Bench) -> None:
    assert "only http and https" in bench.fails("ftp://example.org/model.pkl")


def test_model_without_a_direct_address(bench: Bench) -> None:
    bench.list_models(known={"page": "https://example.org/models"})
    assert "download it from https://example.org/models and give the file's path" in bench.fails("known")


def test_hostile_download_is_refused(bench: Bench) -> None:
    with Server(serve(b"\x80\x04cposix\nsystem\n" + bytes(64))) as server:
        assert "posix.system" in bench.fails(server.url)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("models: [", "not YAML"),
        ("models: {}\nmodles: {}", "unknown key 'modles'"),
        ("modles: {}", "models: Field required"),
        ("models: {a: {description: x, format: native, licence: MIT}}", "give one of path, urls and page"),
        ("models: {a: {description: x, format: native, licence: MIT, path: y, sha: z}}", "unknown key"),
        ("models: {a: {description: x, format: native, licence: MIT, path: y, sha256: abc}}", "sha256"),
        ("models: {a: {description: x, format: onnx, licence: MIT, path: y}}", "format"),
    ],
)
def test_zoo_with_mistakes(bench: Bench, text: str, message: str) -> None:
    bench.zoo.write_text(text)
    assert message in bench.fails("a")


def test_the_real_zoo() -> None:
    """Every entry is valid; the bundled parents of the default config are among them."""
    zoo = load_zoo(Path(__file__).parents[2] / "data" / "zoo.yaml")
    assert {"human-64-a", "human-64-b", "ffhq-1024", "ffhq-512", "afhq-dog-512"} <= set(zoo.models)
    for name, entry in zoo.models.items():
        assert entry.path or entry.page or all(url.startswith("https://") for url in entry.urls), name


def test_a_zoo_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(StyleAlignError, match="cannot be read"):
        load_zoo(tmp_path / "none.yaml")


def test_info(bench: Bench, parent: Path, small: Model) -> None:
    code, out, _ = bench.run("info", str(parent))
    described = json.loads(out)
    assert code == 0
    assert described["format"] == "stylegan2-ada-pytorch"
    assert described["architecture"] == small.architecture.model_dump()
    assert described["sha256"] == hashlib.sha256(parent.read_bytes()).hexdigest()
    assert described["parameters"]["D"] == sum(value.numel() for value in small.discriminator.values())
    buffers = ("w_avg", "noise_const")
    trained = (value for name, value in small.generator.items() if not name.endswith(buffers))
    assert described["parameters"]["G_ema"] == sum(value.numel() for value in trained)


def test_info_of_what_is_no_model(bench: Bench) -> None:
    (bench.folder / "x.txt").write_text("hello, this is a text")
    code, out, err = bench.run("info", str(bench.folder / "x.txt"))
    assert (code, out) == (2, "")
    assert "not a model file" in err


def test_convert_both_ways(bench: Bench, parent: Path, small: Model) -> None:
    pt, native = str(bench.folder / "m.pt"), str(bench.folder / "m.safetensors")
    code, out, err = bench.run("convert", str(parent), pt)
    assert code == 0
    assert json.loads(out)["format"] == "rosinality"
    assert "augment_pipe ignored" in err
    assert bench.run("convert", pt, native)[0] == 0
    assert stylealign.load(native).architecture == small.architecture


def test_convert_failure_leaves_nothing(bench: Bench, parent: Path) -> None:
    code, out, err = bench.run("convert", str(parent), str(bench.folder / "m.tflite"))
    assert (code, out) == (2, "")
    assert "no known format" in err
    (bench.folder / "bad.pkl").write_bytes(builders.pickled({"G_ema": 1}))
    assert bench.run("convert", str(bench.folder / "bad.pkl"), str(bench.folder / "m.pt"))[0] == 2
    assert not (bench.folder / "m.pt").exists()


def native_file(path: Path, model: Model, change: float) -> Path:
    """A native file of the averaged generator alone, `change` of every weight away from the model's."""
    generator = Generator(model.architecture)
    generator.load_state_dict(model.generator)
    noise = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.mul_(1 - change)
            parameter.add_(change * torch.randn(parameter.shape, generator=noise))
    native.save(path, generator=generator)
    return path


@pytest.mark.parametrize(("change", "is_child"), [(0.1, True), (1.0, False)])
def test_a_child_that_does_not_look_like_one_is_named_and_not_refused(
    bench: Bench, small: Model, change: float, is_child: bool
) -> None:
    parent = native_file(bench.folder / "parent.safetensors", small, 0.0)
    child = native_file(bench.folder / "child.safetensors", small, change)
    code, out, err = bench.run("fetch", str(child), "--out", str(bench.out), "--parent", str(parent))
    assert code == 0, "named, not refused"
    found = json.loads(out)
    assert (found["is_child"], found["mapping_cosine"] > 0.5) == (is_child, is_child)
    assert ("does not look like a child of" in err) is not is_child


def test_a_child_of_another_shape_than_its_parent_is_named(bench: Bench, small: Model, conditional: Model) -> None:
    parent = native_file(bench.folder / "parent.safetensors", conditional, 0.0)
    child = native_file(bench.folder / "child.safetensors", small, 0.0)
    code, out, err = bench.run("fetch", str(child), "--out", str(bench.out), "--parent", str(parent))
    assert (code, json.loads(out)["is_child"]) == (0, False)
    assert "of different architecture: resolution 64 / 32, z_dim 24 / 16" in err
