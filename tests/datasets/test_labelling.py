"""Labels that come to images which are there: the same bytes as those of one import, and no image is written again."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stylealign.config import DatasetSettings
from stylealign.datasets.importing import Archive, import_dataset
from stylealign.datasets.labelling import label_dataset
from stylealign.errors import StyleAlignError

COUNT = 24
LABELS = ("annotations.json", "rejected_labels.csv", "test.annotations.npz", "train.annotations.npz")


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Pictures with masks, of which some are missing and one has another size, and a table with a row too many."""
    folder = tmp_path / "all"
    for name in ("learnt", "held", "masks"):
        (folder / name).mkdir(parents=True)
    rng = np.random.default_rng(0)
    lines = ["image,young"]
    for index in range(COUNT):
        size = (12, 10)
        picture = Image.fromarray(rng.integers(0, 256, (*size[::-1], 3), dtype=np.uint8))
        picture.save(folder / ("held" if index % 3 == 1 else "learnt") / f"{index}.png")
        lines += [f"{index}.png,{'yes' if index % 2 else 'no'}"]
        if index % 4:
            mask = Image.fromarray(rng.integers(0, 3, size[::-1], dtype=np.uint8))
            (mask if index != 5 else mask.resize((7, 7))).save(folder / "masks" / f"{index}.png")
    shutil.move(folder / "masks", tmp_path / "masks")
    (tmp_path / "young.csv").write_text("\n".join([*lines, "nobody.png,yes"]))
    return folder


@pytest.fixture
def settings(pictures: Path) -> Callable[..., DatasetSettings]:
    def made(**more: Any) -> DatasetSettings:
        labels = {"masks": str(pictures.parent / "masks"), "attributes": str(pictures.parent / "young.csv")}
        values = {"path": str(pictures), "resolution_px": 8, "annotations": labels} | more
        return DatasetSettings.model_validate(values)

    return made


@pytest.mark.parametrize("val", [None, 5])
@pytest.mark.parametrize("published", [False, True])
def test_labels_alone_are_those_of_one_import_to_the_byte(
    settings: Any, pictures: Path, tmp_path: Path, val: int | None, published: bool
) -> None:
    more = {"val_images": val, **({"train_images": 9, "test_images": 4} if published else {})}
    archive = Archive(pictures, "learnt", "held") if published else None
    at_once = import_dataset(settings(**more), tmp_path / "at-once", archive)
    import_dataset(settings(**more, annotations=None), tmp_path / "set", archive)
    images = content(tmp_path / "set")
    assert sorted(images) == ["config.json", "preview.png", "test.zip", "train.zip", *(["val.zip"] if val else [])]
    times = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "set").iterdir()}
    assert label_dataset(settings(**more), tmp_path / "set", archive) == at_once
    made = content(tmp_path / "set")
    assert made == content(tmp_path / "at-once")
    assert sorted(made.keys() - images.keys()) == sorted([*LABELS, *(["val.annotations.npz"] if val else [])])
    assert {name: (tmp_path / "set" / name).stat().st_mtime_ns for name in times} == times


def test_labels_alone_take_the_place_of_older_ones(settings: Any, pictures: Path, tmp_path: Path) -> None:
    import_dataset(settings(), tmp_path / "set")
    (tmp_path / "young.csv").write_text("image,old\n" + "".join(f"{index}.png,yes\n" for index in range(COUNT)))
    (tmp_path / "set" / "val.annotations.npz").touch()
    only = settings(annotations={"attributes": str(tmp_path / "young.csv")})
    label_dataset(only, tmp_path / "set")
    import_dataset(only, tmp_path / "at-once")
    made = content(tmp_path / "set")
    assert made == content(tmp_path / "at-once")
    assert "rejected_labels.csv" not in made, "there are none now"


def test_an_import_leaves_no_labels_of_other_images(settings: Any, tmp_path: Path) -> None:
    import_dataset(settings(), tmp_path / "set")
    import_dataset(settings(annotations=None, seed=1), tmp_path / "set")
    assert sorted(content(tmp_path / "set")) == ["config.json", "preview.png", "test.zip", "train.zip"]


def change_a_picture(pictures: Path) -> None:
    Image.new("RGB", (12, 10)).save(pictures / "held" / "1.png")


def remove_a_picture(pictures: Path) -> None:
    (pictures / "held" / "1.png").unlink()


def nothing(pictures: Path) -> None: ...


@pytest.mark.parametrize(
    ("change", "more", "told"),
    [
        (change_a_picture, {}, r"(train|test)\.zip: .* \(00000/img\d{8}\.png is another one\)"),
        (remove_a_picture, {}, r"train\.zip: .* \(there are 22, not 21\)"),
        (nothing, {"resolution_px": 16}, r"train\.zip: .* \(they are of 8 px, not 16\)"),
        (nothing, {"seed": 1}, r"train\.zip: .* \(\d{5}/img\d{8}\.png is another one\)"),
        (nothing, {"fit": "letterbox"}, r"train\.zip: .* \(00000/img00000000\.png is another one\)"),
        (nothing, {"test_images": 3}, r"train\.zip: .* \(there are 22, not 21\)"),
        (nothing, {"val_images": 2}, r"val\.zip: no such file; import the images first, without --labels-only$"),
        (nothing, {"annotations": None}, r"--labels-only: no labels; give masks, keypoints, values or attributes"),
    ],
    ids=["changed", "removed", "size", "seed", "fit", "split", "validation", "no labels"],
)
def test_labels_of_other_images_are_refused(
    settings: Any, pictures: Path, tmp_path: Path, change: Callable[[Path], None], more: dict[str, Any], told: str
) -> None:
    import_dataset(settings(), tmp_path / "set")
    before = content(tmp_path / "set")
    change(pictures)
    with pytest.raises(StyleAlignError, match=told) as caught:
        label_dataset(settings(**more), tmp_path / "set")
    assert "\n" not in str(caught.value)
    assert content(tmp_path / "set") == before, "labels of before included"


def test_a_difference_far_behind_is_found(
    settings: Any, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Images are compared a few at a time."""
    monkeypatch.setattr("stylealign.datasets.large_arrays.PART_BYTES", 5 * 3 * 8 * 8)
    import_dataset(settings(), tmp_path / "set")
    label_dataset(settings(), tmp_path / "set")
    order = np.random.default_rng(0).permutation(COUNT)
    names = sorted(path.relative_to(pictures).as_posix() for path in pictures.rglob("*.png"))
    last_trained = names[order[COUNT - 3]]
    Image.new("RGB", (12, 10)).save(pictures / last_trained)
    with pytest.raises(StyleAlignError, match=r"train\.zip: .* \(00000/img00000021\.png is another one\)"):
        label_dataset(settings(), tmp_path / "set")


def test_a_folder_without_images_gets_no_labels(settings: Any, tmp_path: Path) -> None:
    with pytest.raises(StyleAlignError, match=r"train\.zip: no such file; import the images first, without --labels-"):
        label_dataset(settings(), tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_a_failure_late_leaves_the_older_labels(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import_dataset(settings(), tmp_path / "set")
    before = content(tmp_path / "set")

    def full(*arguments: Any) -> None:
        raise StyleAlignError("No space left on device")

    monkeypatch.setattr("stylealign.datasets.own_labels.files.write_json", full)
    (tmp_path / "young.csv").write_text("image,young\n0.png,yes\n")
    with pytest.raises(StyleAlignError, match="No space left"):
        label_dataset(settings(), tmp_path / "set")
    assert content(tmp_path / "set") == before
