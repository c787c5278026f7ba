"""Settings of `stylealign data`."""

from typing import Literal, NamedTuple

from pydantic import model_validator

from stylealign.config.base import Positive, Seed, Settings
from stylealign.config.drawn import DrawnDomain


class Splits(NamedTuple):
    """Numbers of images of a data set."""

    train_images: int
    test_images: int


DEFAULT_SPLITS = Splits(4000, 1000)


class DatasetSettings(Settings):
    """A drawn avatar domain (`stylealign data draw`), a folder or zip of images (`stylealign data import`), or a
    published data set (`stylealign data fetch`)."""

    draw: DrawnDomain | None = None
    """Drawn domain: human, mosaic, animal, ink, or a style of docs/domains.md (toon-head, lorelei, bottts ...)."""
    path: str | None = None
    """Folder or zip of images to import instead of drawing."""
    fetch: str | None = None
    """Name of a data set in data/zoo.yaml, which is downloaded (once) and imported, with its own test split if it has
    one."""
    resolution_px: Positive = 64
    """Height and width of the stored images, a power of two."""
    train_images: Positive | None = None
    """Images of the training split. Default: 4000; of one's own pictures (`path`), all that are not held out."""
    test_images: Positive | None = None
    """Images of the test split; no image is in both. Default: 1000; of one's own pictures a tenth, at most 1000."""
    val_images: Positive = 500
    """Images of the validation split of a drawn domain; none of them is in another split."""
    seed: Seed = 0
    """Seed of the drawing, or of the split of imported images."""

    @model_validator(mode="after")
    def _numbers_of_drawn_and_published_sets(self) -> "DatasetSettings":
        """Fill in the numbers of images, but for one's own pictures, of which `split` takes a share."""
        if self.path is None:
            self.__dict__.update(self.splits._asdict())  # frozen for users; validators may complete it
        return self

    @property
    def splits(self) -> Splits:
        """The numbers of images, as far as they are known before the pictures are read: the defaults otherwise."""
        default = DEFAULT_SPLITS
        return Splits(self.train_images or default.train_images, self.test_images or default.test_images)

    def split(self, usable: int) -> Splits | None:
        """Return the numbers of images of `usable` pictures, None where they are too few."""
        tenth = max(1, min(usable // 10, DEFAULT_SPLITS.test_images))
        test = self.test_images or min(tenth, max(1, usable - (self.train_images or 0)))
        train = self.train_images or usable - test
        return Splits(train, test) if train > 0 and train + test <= usable else None

    @model_validator(mode="after")
    def _one_source(self) -> "DatasetSettings":
        if sum(source is not None for source in (self.draw, self.path, self.fetch)) != 1:
            raise ValueError("give exactly one of draw, path and fetch")
        if self.resolution_px & (self.resolution_px - 1) or self.resolution_px < 4:
            raise ValueError(f"resolution_px must be a power of two of at least 4, not {self.resolution_px}")
        return self


class PairSettings(Settings):
    """Drawn pairs (`stylealign data pairs`): the same pose in two drawn domains."""

    source: DrawnDomain = "human"
    """Drawn domain of the one side."""
    target: DrawnDomain
    """Drawn domain of the other side; it may be the same one."""
    kind: Literal["same-pose", "same-figure"] = "same-pose"
    """What both sides share: pose and ground, figures drawn independently; or the figure as well (human and ink)."""
    pairs: Positive = 500
    """Number of pairs."""
    resolution_px: Positive = 64
    """Height and width of the images."""
    seed: Seed = 0
    """Seed of poses and figures."""
