"""Videos: the frames are in them, the bytes are repeatable, and a failure leaves nothing behind."""

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from stylealign.errors import StyleAlignError
from stylealign.report.video import SUFFIXES, video_writer
from tests.report.pages import write_video


def _frames(count=6, height=32, width=48):
    return [np.full((3, height, width), 30 * index, np.uint8) for index in range(count)]


def _read_mp4(path):
    reader = imageio_ffmpeg.read_frames(str(path))
    width, height = next(reader)["size"]
    return [np.frombuffer(frame, np.uint8).reshape(height, width, 3) for frame in reader]


def test_an_mp4_holds_the_frames(tmp_path):
    assert write_video(tmp_path / "a.mp4", iter(_frames()), fps=12.5) == 6
    frames = _read_mp4(tmp_path / "a.mp4")
    assert len(frames) == 6
    for read, written in zip(frames, _frames(), strict=True):
        assert np.abs(read.astype(int).transpose(2, 0, 1) - written).max() <= 3


def test_an_odd_size_is_padded_not_cut(tmp_path):
    write_video(tmp_path / "a.mp4", _frames(3, height=33, width=47), fps=10)
    assert _read_mp4(tmp_path / "a.mp4")[0].shape == (34, 48, 3)


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_an_animation_holds_the_frames_and_their_time(suffix, tmp_path):
    write_video(tmp_path / f"a{suffix}", _frames(), fps=10)
    with Image.open(tmp_path / f"a{suffix}") as image:
        assert image.n_frames == 6
        assert image.info["loop"] == 0
        for index in range(6):
            image.seek(index)
            assert np.abs(np.asarray(image.convert("RGB")).astype(int) - 30 * index).max() <= 1
            assert image.info["duration"] == 100


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_equal_frames_are_equal_bytes(suffix, tmp_path):
    random = np.random.default_rng(0)
    frames = [random.integers(0, 256, (3, 32, 32), dtype=np.uint8) for _ in range(8)]
    for name in ("a", "b"):
        write_video(tmp_path / f"{name}{suffix}", frames, fps=13.75)
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_error_between_frames_leaves_the_old_file(suffix, tmp_path):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"old")

    def stop_half_way():
        with video_writer(path, 10) as write:
            write(_frames()[0])
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        stop_half_way()
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_frames_are_an_error(suffix, tmp_path):
    with pytest.raises(StyleAlignError, match=rf"a\{suffix}: a video needs at least one frame"):
        write_video(tmp_path / f"a{suffix}", [], fps=10)
    assert not list(tmp_path.iterdir())


def test_an_unknown_suffix_is_named(tmp_path):
    with pytest.raises(StyleAlignError, match=r"a\.avi: a video ends in \.mp4, \.gif, \.webp"):
        write_video(tmp_path / "a.avi", _frames(), fps=10)
