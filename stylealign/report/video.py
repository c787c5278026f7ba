"""Videos and animations: frames are written as they come, and the same frames give the same bytes."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stylealign.errors import StyleAlignError
from stylealign.files import atomic_path

Pixels = NDArray[np.uint8]

# One thread and no time stamp or version in the file, or the bytes would differ from run to run.
_H264 = [
    *("-c:v", "libx264", "-crf", "17", "-preset", "medium", "-pix_fmt", "yuv420p"),
    *("-threads", "1", "-x264-params", "threads=1:lookahead_threads=1"),
    *("-movflags", "+faststart", "-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact"),
]
SUFFIXES = (".mp4", ".gif", ".webp")


@contextmanager
def video_writer(path: str | Path, fps: float, loop: bool = True) -> Iterator[Callable[[Pixels], None]]:
    """Yield a function that appends a frame `[3, H, W]` uint8 to an MP4, GIF or WebP file.

    The file appears, whole, when the block ends without an error. Memory does not grow with the frames of an MP4.

    Args:
        path: the file; its suffix chooses the format.
        fps: frames per second (GIF keeps hundredths of a second, WebP thousandths).
        loop: a GIF or WebP starts again at its end (for an MP4 the player decides).

    Raises:
        StyleAlignError: unknown suffix, no frame at all, or the encoder failed.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise StyleAlignError(f"{path}: a video ends in {', '.join(SUFFIXES)}")
    with atomic_path(path) as temporary:
        encoder = _Ffmpeg(temporary, fps) if suffix == ".mp4" else _Animation(temporary, fps, loop)

        def write(frame: Pixels) -> None:
            assert frame.dtype == np.uint8 and frame.ndim == 3 and frame.shape[0] == 3, (
                "a frame must be [3, H, W] uint8"
            )
            encoder.write(np.ascontiguousarray(frame.transpose(1, 2, 0)))

        try:
            yield write
            encoder.finish(path)
        finally:
            encoder.stop()


class _Ffmpeg:
    """An ffmpeg process fed through a pipe; it starts with the first frame."""

    def __init__(self, path: Path, fps: float) -> None:
        self.path, self.fps = path, fps
        self.process: subprocess.Popen[bytes] | None = None
        self.size = (0, 0)

    def _start(self, height: int, width: int) -> "subprocess.Popen[bytes]":
        size = f"{width + width % 2}x{height + height % 2}"
        command = [
            *(imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error"),
            *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", f"{self.fps:.6f}", "-i", "-", "-an"),
            *(*_H264, str(self.path)),
        ]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def write(self, frame: Pixels) -> None:
        height, width = frame.shape[:2]
        if self.process is None:
            self.process, self.size = self._start(height, width), (height, width)
        assert (height, width) == self.size, "all frames of a video have the same size"
        assert self.process.stdin is not None
        # The colours of yuv420p have half the resolution: an odd size gains a repeated row or column.
        padded = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        with suppress(BrokenPipeError):  # ffmpeg has ended; finish() says why
            self.process.stdin.write(padded.tobytes())

    def finish(self, path: str | Path) -> None:
        """Wait for the encoder; raise StyleAlignError, naming `path`, where it failed."""
        if self.process is None:
            raise StyleAlignError(f"{path}: a video needs at least one frame")
        _, errors = self.process.communicate()
        if self.process.returncode:
            lines = errors.decode(errors="replace").strip().splitlines()
            raise StyleAlignError(f"{path}: the video cannot be encoded ({lines[-1] if lines else 'ffmpeg failed'})")

    def stop(self) -> None:
        """End a process that is still there."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


class _Animation:
    """A GIF or WebP, which Pillow encodes when all frames are there."""

    def __init__(self, path: Path, fps: float, loop: bool) -> None:
        self.path, self.milliseconds, self.loop = path, round(1000 / fps), loop
        self.gif = path.suffix.lower() == ".gif"
        self.frames: list[Image.Image] = []

    def write(self, frame: Pixels) -> None:
        image = Image.fromarray(frame)
        self.frames.append(image.quantize(dither=Image.Dither.NONE) if self.gif else image)

    def finish(self, path: str | Path) -> None:
        """Encode the frames."""
        if not self.frames:
            raise StyleAlignError(f"{path}: a video needs at least one frame")
        options: dict[str, Any] = {"save_all": True, "append_images": self.frames[1:], "duration": self.milliseconds}
        if self.gif:
            # Without `loop` a GIF plays once.
            options |= {"loop": 0} if self.loop else {}
        else:
            options |= {"lossless": True, "loop": 0 if self.loop else 1}
        self.frames[0].save(self.path, **options)

    def stop(self) -> None:
        """Free the frames."""
        self.frames.clear()
