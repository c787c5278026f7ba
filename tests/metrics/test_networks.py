"""The registry of measuring networks: a further network is a module and an entry."""

import subprocess
import sys
import textwrap
from pathlib import Path

import yaml

from stylealign.metrics.networks.registry import NETWORKS, distance_protocols, feature_protocols

MODULE = """
    import torch
    from stylealign.metrics.perceptual import PerceptualDistance

    class Mean(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.ones(()), requires_grad=False)

        def forward(self, images):
            return images.mean(dim=(2, 3)) * self.scale

    class Pixels(PerceptualDistance):
        def __init__(self):
            super().__init__()
            self.unused = torch.nn.Parameter(torch.ones(()), requires_grad=False)

        def activations(self, images):
            return [images]

    def features(name, weights):
        return Mean()

    def distance(name, weights):
        return Pixels()
"""

ADDED = """
    from stylealign.metrics.networks import registry

    registry.NETWORKS += (
        registry.MeasuringNetwork("mean-colour", "mean_colour", features="mean colour", dimensions=3,
                                  distance="squared difference of the pixels"),
    )
    import stylealign.metrics.networks as package
    package.__path__.append(sys.argv[1])
"""

USED = """
    import numpy as np
    import torch
    from stylealign.checkpoints import native
    from stylealign.cli.main import main
    from stylealign.config import Config, InvertSettings
    from stylealign.datasets.images import write_image_zip
    from stylealign.experiment.networks import networks_of
    from stylealign.files import read_json
    from stylealign.networks.architecture import Architecture
    from stylealign.networks.generator import Generator
    from stylealign.work.rates import feature_s, perceptual_s

    folder = sys.argv[1]
    torch.manual_seed(0)
    tiny = Architecture(resolution=16, z_dim=6, w_dim=6, mapping_layers=2, channel_base=64, channel_max=8)
    native.save(f"{folder}/model.safetensors", generator=Generator(tiny), info={"kimg": 1.0})
    pixels = np.random.default_rng(0).integers(0, 256, (8, 3, 16, 16), dtype=np.uint8)
    write_image_zip(f"{folder}/images.zip", pixels)
    model = ["--model", f"{folder}/model.safetensors", "--data", f"{folder}/images.zip"]
    more = ["--steps", "1", "--initial-candidates", "4", "--images", "2", "--perceptual", "mean-colour"]
    assert main(["invert", *model, *more, "--out-dir", f"{folder}/z"]) == 0
    rows = ["--child-name", "x", "--features", "mean-colour", "--samples", "8"]
    assert main(["evaluate", "generators", *model, *rows, "--out", f"{folder}/rows.json"]) == 0
    rows = read_json(f"{folder}/rows.json")
    assert "mean-colour" in {row["features"] for row in rows["rows"]}
    assert rows["provenance"]["features"] == "mean colour"
    run = Config(domains={}, models={}, metrics={"features": "mean-colour", "perceptual": "mean-colour"})
    assert "mean-colour" in networks_of(run)
    assert feature_s("mean-colour", 64) > 0 and perceptual_s("mean-colour", 64) > 0
"""


def test_a_further_network_is_a_module_and_an_entry(tmp_path: Path) -> None:
    (tmp_path / "mean_colour.py").write_text(textwrap.dedent(MODULE), encoding="utf-8")
    code = "import sys\n" + textwrap.dedent(ADDED) + textwrap.dedent(USED)
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_network_has_its_weights() -> None:
    zoo = yaml.safe_load((Path(__file__).parents[2] / "data" / "zoo.yaml").read_text(encoding="utf-8"))
    assert {network.name for network in NETWORKS if not network.is_bundled} == set(zoo["weights"])


def test_every_network_has_the_function_it_names() -> None:
    assert tuple(feature_protocols()) == ("efficientnet-lite0", "inception-v3")
    assert tuple(distance_protocols()) == ("efficientnet-lite0", "lpips-vgg", "lpips-alex")
    for network in NETWORKS:
        assert network.features or network.distance
        assert bool(network.features) == bool(network.dimensions)
        for name, words in (("features", network.features), ("distance", network.distance)):
            assert not words or callable(network.function(name))
