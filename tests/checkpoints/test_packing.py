"""A packed model: the averaged generator alone, smaller, and its samples as they were."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from stylealign.checkpoints import native, packing
from stylealign.checkpoints.checkpoint import build, load
from stylealign.checkpoints.packing import halved, pack, part_of
from stylealign.checkpoints.weights import AVERAGED, Weights
from stylealign.checkpoints.zoo import load_zoo
from stylealign.cli.main import main
from stylealign.images import to_uint8
from stylealign.networks.discriminator import Discriminator
from stylealign.networks.generator import Generator
from tests.checkpoints.conftest import SMALL, Model


@pytest.fixture
def trained(tmp_path: Path, small: Model) -> Path:
    """A whole checkpoint of the reference networks."""
    generator, discriminator = Generator(SMALL), Discriminator(SMALL)
    generator.load_state_dict(small.generator)
    discriminator.load_state_dict(small.discriminator)
    file = tmp_path / "model.safetensors"
    info = {"kimg": 40.0, "settings": {"seed": 1}}
    native.save(file, generator=generator, generator_raw=generator, discriminator=discriminator, info=info)
    return file


def samples(file: Path) -> torch.Tensor:
    z = torch.randn(8, SMALL.z_dim, generator=torch.Generator().manual_seed(3))
    generator = load(file).generator
    return to_uint8(generator.synthesis(generator.mapping(z))).short()


def test_a_packed_model_draws_what_the_model_draws(trained: Path, tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "small.safetensors"
    assert main(["pack", str(trained), "--out", str(out), "--samples", "16"]) == 0
    told = json.loads(capsys.readouterr().out)
    packed = load(out)
    assert (packed.generator_raw, packed.discriminator) == (None, None)
    assert (samples(out) - samples(trained)).abs().max() <= 1, "other latents than those it was checked with"
    assert told["bytes"] == out.stat().st_size
    halves = sum(value.numel() * 2 for value in load(trained).generator.state_dict().values())
    assert told["bytes"] < 1.1 * halves + 20_000, "two bytes a value, and the header"
    assert packed.info["kimg"] == 40, "what the model says of its training goes with it"
    assert packed.info["packed"]["of_sha256"] == load(trained).sha256
    assert packed.sha256 == told["sha256"]


def test_what_half_precision_cannot_hold_keeps_its_precision(small: Model) -> None:
    state = small.generator | {"synthesis.b4.const": small.generator["synthesis.b4.const"] * 1e5}
    kept, parts, change = pack(Weights(SMALL, {AVERAGED: state}, {}), 4)
    assert "synthesis.b4" not in parts
    assert kept.networks[AVERAGED]["synthesis.b4.const"].dtype == torch.float32
    assert "mapping" in parts
    assert change.is_none


def test_truncated_samples_stay_as_they_are_too(small: Model) -> None:
    """The mean of W is large, and the styles are as ever halfway to it: at psi 1 nothing is seen of its rounding."""
    weights = Weights(SMALL, {AVERAGED: dict(small.generator)}, {})
    state = weights.networks[AVERAGED]
    w_avg = state["mapping.w_avg"] = 3000 * torch.randn(SMALL.w_dim, generator=torch.Generator().manual_seed(0))
    for name in [name for name in state if name.endswith("affine.weight")]:
        bias = name.replace("weight", "bias")
        state[bias] = state[bias] - state[name] @ w_avg / SMALL.w_dim**0.5 / 2
    kept, parts, change = pack(weights, 8)
    assert "mapping" not in parts
    assert change.is_none
    seen = []
    for one in (weights, Weights(SMALL, kept.networks, {})):
        generator = build(Weights(SMALL, {AVERAGED: {k: v.float() for k, v in one.networks[AVERAGED].items()}}, {}), "")
        z = torch.randn(8, SMALL.z_dim, generator=torch.Generator().manual_seed(3))
        seen.append(to_uint8(generator.generator(z, truncation_psi=0.5)).short())
    assert (seen[0] - seen[1]).abs().max() <= 1


def test_samples_with_random_noise_stay_as_they_are_too(small: Model) -> None:
    """All that is seen is noise of a strength that half precision rounds by a fifth, and the stored noise is none."""
    nothing = ("const", "noise_const", "noise_strength", "conv0.bias", "conv1.bias", "affine.weight")
    state = {name: torch.zeros_like(own) if name.endswith(nothing) else own for name, own in small.generator.items()}
    last = f"synthesis.b{SMALL.resolution}"
    state[f"{last}.conv1.noise_strength"] = torch.tensor(1e-7)
    state[f"{last}.torgb.affine.bias"] = torch.full_like(state[f"{last}.torgb.affine.bias"], 5e4)
    state[f"{last}.torgb.weight"] = 100 * state[f"{last}.torgb.weight"]
    _, parts, change = pack(Weights(SMALL, {AVERAGED: state}, {}), 8)
    assert last not in parts
    assert change.is_none


def test_parts_are_left_as_they_are_until_the_samples_are(small: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = Weights(SMALL, {AVERAGED: small.generator}, {})
    _, every, change = pack(weights, 8)
    assert (len(every), change.largest) == (5, 1), "all parts: some values round to the next level"
    monkeypatch.setattr(packing, "MOST_LEVELS", 0)
    _, parts, change = pack(weights, 8)
    assert len(parts) < len(every)
    assert change.largest == 0


def test_parts_are_the_mapping_network_and_the_blocks(small: Model) -> None:
    assert set(map(part_of, small.generator)) == {"mapping", *(f"synthesis.b{px}" for px in (4, 8, 16, 32))}
    mixed = halved(small.generator, {"mapping"})
    assert {tensor.dtype for name, tensor in mixed.items() if name.startswith("mapping.")} == {torch.float16}
    assert {tensor.dtype for name, tensor in mixed.items() if name.startswith("synthesis.")} == {torch.float32}


def test_a_model_is_not_packed_over_itself(trained: Path, capsys: Any) -> None:
    before = trained.read_bytes()
    assert main(["pack", str(trained), "--out", str(trained)]) == 2
    assert "is read too, and what it holds would be lost" in capsys.readouterr().err
    assert trained.read_bytes() == before


ZOO = """# Known models.
models:
  # Bundled.
  first:
    description: one
    path: zoo/first.safetensors
    format: native
    licence: MIT

  # Elsewhere.
  other:
    description: another
    page: https://example.org
    format: native
    licence: MIT
"""


def test_a_packed_model_is_listed_and_fetched_by_its_name(trained: Path, tmp_path: Path, capsys: Any) -> None:
    zoo, out = tmp_path / "zoo.yaml", tmp_path / "zoo" / "small.safetensors"
    zoo.write_text(ZOO)
    command = ["pack", str(trained), "--out", str(out), "--samples", "4", "--zoo", str(zoo), "--description"]
    for description in ("two, small", "two: again # 2"):
        assert main([*command, description]) == 0
    text = zoo.read_text()
    assert list(load_zoo(zoo).models) == ["first", "small", "other"]
    assert load_zoo(zoo).models["small"].description == "two: again # 2"
    comments = [line.strip() for line in text.splitlines() if line.strip().startswith("#")]
    assert comments == ["# Known models.", "# Bundled.", "# Elsewhere."]
    capsys.readouterr()
    fetched = tmp_path / "again.safetensors"
    assert main(["fetch", "small", "--zoo", str(zoo), "--out", str(fetched)]) == 0
    assert fetched.read_bytes() == out.read_bytes()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--zoo", "zoo.yaml"], "--zoo: goes with --description"),
        (["--zoo", "elsewhere/zoo.yaml", "--description", "x"], "not in a folder beside elsewhere/zoo.yaml"),
    ],
)
def test_what_cannot_be_listed_is_one_line(
    given: list[str], told: str, trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(trained.parent)
    for zoo in (Path("zoo.yaml"), Path("elsewhere", "zoo.yaml")):
        zoo.parent.mkdir(exist_ok=True)
        zoo.write_text(ZOO)
    assert main(["pack", str(trained), "--out", "small.safetensors", "--samples", "4", *given]) == 2
    assert not Path("small.safetensors").exists()
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("name", ["2024", "true", "a #1"])
def test_a_name_that_yaml_reads_otherwise_is_listed_as_text(trained: Path, tmp_path: Path, name: str) -> None:
    zoo, out = tmp_path / "zoo.yaml", tmp_path / "zoo" / f"{name}.safetensors"
    zoo.write_text(ZOO)
    for description in ("one", "another"):
        words = ["--samples", "2", "--zoo", str(zoo), "--description", description]
        assert main(["pack", str(trained), "--out", str(out), *words]) == 0
    assert list(load_zoo(zoo).models) == ["first", name, "other"]
    assert load_zoo(zoo).models[name].description == "another"


@pytest.mark.parametrize(
    "text",
    [
        "{models: {first: {description: one, path: a, format: native, licence: MIT}}}\n",
        ZOO.replace("    format: native\n    licence: MIT\n\n", "\n    format: native\n    licence: MIT\n"),
    ],
    ids=["in one line", "an entry with an empty line"],
)
def test_a_list_of_another_layout_stays_as_it_is(trained: Path, tmp_path: Path, text: str, capsys: Any) -> None:
    (tmp_path / "zoo.yaml").write_text(text)
    load_zoo(tmp_path / "zoo.yaml")
    words = ["--samples", "2", "--zoo", str(tmp_path / "zoo.yaml"), "--description", "one"]
    assert main(["pack", str(trained), "--out", str(tmp_path / "small.safetensors"), *words]) == 2
    assert "zoo.yaml: not laid out as data/zoo.yaml is; write the entry of small into it" in capsys.readouterr().err
    assert (tmp_path / "zoo.yaml").read_text() == text
