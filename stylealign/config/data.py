"""Settings of `stylealign data`."""

from pydantic import model_validator

from stylealign.config.base import AvatarDomain, Count, Positive, Settings


class DatasetSettings(Settings):
    """A drawn avatar domain (`stylealign data draw`), a folder or zip of images (`stylealign data import`), or a
    published data set (`stylealign data fetch`)."""

    draw: AvatarDomain | None = None
    """Avatar domain to draw: human, mosaic or animal."""
    path: str | None = None
    """Folder or zip of images to import instead of drawing."""
    fetch: str | None = None
    """Name of a data set in data/zoo.yaml, which is downloaded (once) and imported, with its own test split if it has
    one."""
    resolution_px: Positive = 64
    """Height and width of the stored images, a power of two."""
    train_images: Positive = 4000
    """Images of the training split."""
    test_images: Positive = 1000
    """Images of the test split; no image is in both."""
    seed: Count = 0
    """Seed of the drawing, or of the split of imported images."""

    @model_validator(mode="after")
    def _one_source(self) -> "DatasetSettings":
        if sum(source is not None for source in (self.draw, self.path, self.fetch)) != 1:
            raise ValueError("give exactly one of draw, path and fetch")
        if self.resolution_px & (self.resolution_px - 1) or self.resolution_px < 4:
            raise ValueError(f"resolution_px must be a power of two of at least 4, not {self.resolution_px}")
        return self
