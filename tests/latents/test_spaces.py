"""The registry of latent spaces: a further space is one entry, and everything takes it from there."""

import subprocess
import sys
import textwrap

import pytest
import torch

from stylealign.latents.spaces import encoded, most_detailed, names, space_of

from .conftest import TINY

ADDED = """
    from stylealign.latents import spaces

    # Two w: one for the first half of the layers, one for the rest.
    spaces.SPACES += (
        spaces.LatentSpace(
            "w2", "one w for the first half of the layers, one for the rest", is_mapped=False,
            vectors=lambda layers: 2,
            to_layers=lambda codes, layers: codes.repeat_interleave(layers // 2, dim=1),
            from_ws=lambda ws, _: ws.unflatten(1, (2, -1)).mean(dim=2),
        ),
    )
"""

USED = """
    import sys
    import numpy as np
    import torch
    from stylealign.checkpoints import native
    from stylealign.cli.main import main
    from stylealign.config import Config, InvertSettings
    from stylealign.datasets.images import write_image_zip
    from stylealign.latents.codes import Codes
    from stylealign.latents.encoding import save_encoder
    from stylealign.files import sha256_of_file
    from stylealign.networks.architecture import Architecture
    from stylealign.networks.encoder import Encoder
    from stylealign.networks.generator import Generator
    from stylealign.report.page import views

    folder = sys.argv[1]
    torch.manual_seed(0)
    tiny = Architecture(resolution=16, z_dim=6, w_dim=6, mapping_layers=2, channel_base=64, channel_max=8)
    native.save(f"{folder}/model.safetensors", generator=Generator(tiny), info={"kimg": 1.0})
    pixels = np.random.default_rng(0).integers(0, 256, (3, 3, 16, 16), dtype=np.uint8)
    write_image_zip(f"{folder}/images.zip", pixels)
    save_encoder(f"{folder}/encoder", Encoder(tiny), sha256_of_file(f"{folder}/model.safetensors"), {})
    common = ["--model", f"{folder}/model.safetensors", "--data", f"{folder}/images.zip", "--space", "w2",
              "--steps", "2", "--initial-candidates", "4", "--images", "3"]
    assert main(["invert", *common, "--out-dir", f"{folder}/w2"]) == 0
    encoder = ["--init", "encoder", "--encoder", f"{folder}/encoder"]
    assert main(["invert", *common, *encoder, "--out-dir", f"{folder}/encoded"]) == 0
    assert Codes.load(f"{folder}/w2/codes.npz", "w2").values.shape == (3, 2, 6)
    codes = ["--source-codes", f"{folder}/w2/codes.npz", "--target-codes", f"{folder}/encoded/codes.npz"]
    translate = ["--codes", f"{folder}/w2/codes.npz", "--space", "w2", "--source-model", f"{folder}/model.safetensors",
                 "--target-model", f"{folder}/model.safetensors", "--out-dir", f"{folder}/translated"]
    assert main(["translate", *translate]) == 0
    assert "w2" in views.SPACES
    assert Config(domains={}, models={}, inversion_spaces=["z", "w2"]).inversion_of("w2").space == "w2"
    assert "one w for the first half" in InvertSettings.model_fields["space"].description
"""


def test_a_further_space_is_one_entry(tmp_path) -> None:  # type: ignore[no-untyped-def]
    code = textwrap.dedent(ADDED) + textwrap.dedent(USED)
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_configuration_names_spaces_without_torch() -> None:
    code = "import sys, stylealign.config, stylealign.latents.spaces; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_what_the_entries_say() -> None:
    assert names() == ("z", "z+", "w", "w+", "s")
    assert encoded() == ("w", "w+", "s")
    assert most_detailed(["w+", "z"]) == "w+"
    shapes = [space_of(name).shape(TINY) for name in names()]
    assert shapes == [(12,), (TINY.num_ws, 12), (8,), (TINY.num_ws, 8), (8 * 8,)]


@pytest.mark.parametrize("name", names())
def test_a_spread_vector_is_the_code_of_that_vector_in_every_layer(name: str, generator) -> None:  # type: ignore[no-untyped-def]
    space = space_of(name)
    width = TINY.z_dim if space.is_mapped else TINY.w_dim
    vectors = torch.randn(2, width, generator=torch.Generator().manual_seed(0))
    given = space.to_ws(space.spread(vectors, generator), generator, 0.7)
    repeated = vectors[:, None].expand(-1, TINY.num_ws, -1)
    ws = generator.mapping(vectors, None, 0.7) if space.is_mapped else repeated
    torch.testing.assert_close(given, generator.synthesis.styles(ws) if space.is_styles else ws)
    if space.from_ws is not None:
        torch.testing.assert_close(space.from_ws(ws, generator.synthesis), space.spread(vectors, generator))
