"""Settings of `stylealign data`."""

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, Field, model_validator

from stylealign.config.base import Faces, Fit, Positive, Seed, Settings
from stylealign.config.drawn import DrawnDomain, require_room
from stylealign.config.labellers import Labellers


class Splits(NamedTuple):
    """Numbers of images of a data set."""

    train_images: int
    test_images: int


DEFAULT_SPLITS = Splits(4000, 1000)
DRAWN_VALIDATION = 500
"""Validation images of a drawn domain, unless it says another number."""
NO_VALIDATION = {"val_images": 500}
"""What jobs of pictures without a validation split are told, as they were before there was one: told anything else,
they would run again. A number that is asked for is told as text."""


def as_asked(told: dict[str, Any]) -> dict[str, Any]:
    """Return what a job of pictures is told without `NO_VALIDATION`; the settings of a person as they are.

    A job is told all keys but that of its pictures (`DatasetSettings.as_told`): nobody else names `draw` for them.
    """
    is_job = "draw" in told and told.get("path") is None
    return {key: value for key, value in told.items() if not (is_job and (key, value) in NO_VALIDATION.items())}


RESOLUTIONS = tuple(2**power for power in range(2, 14))
"""Heights and widths of images, 4 to 8192 px."""

FOUND_FACES = "faces"
"""What `keypoints` says where the program finds faces and their points itself."""
OF_PICTURES = ("annotations", "fit", "faces")
"""Keys of a domain that say what is done with pictures: a drawn one has none of them."""


def _with_words(given: Any) -> Any:
    """Return a mapping with its keys as text: in YAML, an id is a number."""
    return {str(key): value for key, value in given.items()} if isinstance(given, Mapping) else given


class AnnotationSettings(Settings):
    """Labels of one's own pictures; each may be left out, and may lack some pictures (docs/own-labels.md)."""

    masks: str | None = None
    """Folder or zip of masks (PNGs with the pictures' names, or the part masks of CelebAMask-HQ), or a COCO JSON file
    with polygons."""
    keypoints: str | None = None
    """COCO JSON or CSV file with key points; `faces` finds faces and their 68 points (extra `faces`)."""
    values: str | None = None
    """CSV file with a line of names and a row of numbers a picture."""
    attributes: str | None = None
    """CSV file with a line of names and a row of attributes a picture, or a file in CelebA's list_attr format."""
    classes: str | Annotated[dict[str, str], BeforeValidator(_with_words), Field(min_length=1)] | None = None
    """Names of the ids or colours of the masks, or a YAML file of them: {0: background, 1: hair, 255: ignore}. Default:
    ids, each a class of its own."""
    swapped: tuple[tuple[str, str], ...] | None = None
    """Pairs of names that change places in a mirrored picture. Default: those that differ in left and right alone."""
    negated: tuple[str, ...] | None = None
    """Numbers that change sign in a mirrored picture. Default: rotation_deg and shift_x."""
    upright: bool = False
    """Where a camera's note turns a picture: whether its labels are of the picture as shown, not as stored (told by the
    size where that can tell)."""

    @model_validator(mode="after")
    def _some_labels(self) -> "AnnotationSettings":
        if not self.kinds:
            raise ValueError("give masks, keypoints, values or attributes")
        if self.classes is not None and self.masks is None:
            raise ValueError("classes: goes with masks")
        return self

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of labels that there are, as annotations call them."""
        named = {
            "segmentation": self.masks,
            "keypoints": self.keypoints,
            "pose": self.values,
            "attributes": self.attributes,
        }
        return tuple(kind for kind, given in named.items() if given is not None)

    @property
    def files(self) -> dict[str, str]:
        """The files and folders that labels are read from, by key."""
        named = {key: getattr(self, key) for key in ("masks", "keypoints", "values", "attributes", "classes")}
        return {key: given for key, given in named.items() if isinstance(given, str) and given != FOUND_FACES}


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
    annotations: AnnotationSettings | None = None
    """Labels of the pictures of `path`, or of `fetch` by the names that they have in the archive."""
    labellers: Labellers = Field(default_factory=dict)
    """Networks that label this domain's images, trained elsewhere: task (segmentation, keypoints, pose, attributes) ->
    YAML of an ONNX file, or a label network. They stand for a network that learns from annotations."""
    fit: Fit = "crop"
    """How one's own or published pictures become square: the middle, the whole on black (letterbox), or a crop of the
    face that is found (extra `faces`), as in FFHQ."""
    faces: Faces = "one"
    """Faces of a picture under `fit: face`: one (a picture of several is left out), the largest, or all of them, an
    image each and all in one split."""
    resolution_px: Positive = 64
    """Height and width of the stored images, a power of two."""
    train_images: Positive | None = None
    """Images of the training split. Default: 4000; of one's own pictures (`path`), all that are not held out."""
    test_images: Positive | None = None
    """Images of the test split; no image is in both. Default: 1000; of one's own pictures a tenth, at most 1000."""
    val_images: Positive | None = None
    """Images of the validation split, on which the best of several zero-shot methods is chosen; none of them is in
    another split. Default: 500 of a drawn domain; one's own and published pictures have none unless it is given: they
    come out of those for training, and the test split stays as it is."""
    seed: Seed = 0
    """Seed of the drawing, or of the split of imported images."""

    @model_validator(mode="after")
    def _numbers_of_drawn_and_published_sets(self) -> "DatasetSettings":
        """Fill in the numbers of images, but for one's own pictures, of which `split` takes a share."""
        if self.path is None:
            self.__dict__.update(self.splits._asdict())  # frozen for users; validators may complete it
        if self.draw is not None and self.val_images is None:
            self.__dict__["val_images"] = DRAWN_VALIDATION
        return self

    @property
    def splits(self) -> Splits:
        """The numbers of images, as far as they are known before the pictures are read: the defaults otherwise."""
        default = DEFAULT_SPLITS
        return Splits(self.train_images or default.train_images, self.test_images or default.test_images)

    @property
    def untouched(self) -> set[str]:
        """The keys of pictures that have their defaults: they change nothing, and are named nowhere."""
        return {key for key in OF_PICTURES if getattr(self, key) == DatasetSettings.model_fields[key].default}

    def others_than(self, split: str) -> set[str]:
        """Return the keys that change nothing of a split's images: of a drawn domain, the numbers of the others.

        Pictures are dealt out: there each number changes all splits.
        """
        numbers = {*Splits._fields, "val_images"} - {f"{split}_images"}
        return set() if self.draw is None else numbers

    def split(self, usable: int) -> Splits | None:
        """Return the numbers of images of `usable` pictures, None where they are too few.

        Those for testing are as many with validation images as without.
        """
        test, val = self._tested(usable), self.val_images or 0
        train = self.train_images or usable - test - val
        return Splits(train, test) if train > 0 and train + test + val <= usable else None

    def _tested(self, usable: int) -> int:
        tenth = max(1, min(usable // 10, DEFAULT_SPLITS.test_images))
        return self.test_images or min(tenth, max(1, usable - (self.train_images or 0)))

    def wanted(self, usable: int) -> str:
        """Return the numbers that `usable` pictures are too few for, as far as they are given; empty for none."""
        given = {key: getattr(self, key) for key in (*Splits._fields, "val_images")}
        words = {key: f"{key} {value}" for key, value in given.items() if value is not None}
        if self.val_images is not None:
            words = {"train_images": "1 for training", "test_images": f"{self._tested(usable)} for testing"} | words
        return " + ".join(words.values())

    def as_told(self, without: Collection[str] = ()) -> dict[str, Any]:
        """Return what jobs are told, as JSON values, but for the keys `without` (`NO_VALIDATION`)."""
        values = self.model_dump(mode="json", exclude={*self.untouched, *without})
        if self.draw is None:
            values |= NO_VALIDATION if self.val_images is None else {"val_images": str(self.val_images)}
        return values

    @property
    def takes_all_faces(self) -> bool:
        """Whether a picture may become several images: one of each of its faces."""
        return self.fit == "face" and self.faces == "all"

    @property
    def has_images(self) -> bool:
        """Whether there are images of the domain: without them its models are measured by what needs none."""
        return not self.draw is self.path is self.fetch is None

    @model_validator(mode="after")
    def _one_source(self) -> "DatasetSettings":
        if sum(source is not None for source in (self.draw, self.path, self.fetch)) > 1:
            raise ValueError("give one of draw, path and fetch, or none for a domain without images")
        if self.annotations is not None and self.path is self.fetch is None:
            raise ValueError("annotations: go with path or fetch; a drawn domain has its own")
        if self.draw is not None and (self.fit, self.faces) != ("crop", "one"):
            raise ValueError("fit and faces: are of pictures, not of a drawn domain")
        if self.resolution_px not in RESOLUTIONS:
            raise ValueError(
                f"resolution_px must be a power of two from 4 to {RESOLUTIONS[-1]}, not {self.resolution_px}"
            )
        if self.draw is not None:
            require_room(self.draw, self.resolution_px)
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
    resolution_px: Annotated[Positive, Field(le=RESOLUTIONS[-1])] = 64
    """Height and width of the images."""
    seed: Seed = 0
    """Seed of poses and figures."""

    @model_validator(mode="after")
    def _both_fit(self) -> "PairSettings":
        require_room(self.source, self.resolution_px)
        require_room(self.target, self.resolution_px)
        return self
