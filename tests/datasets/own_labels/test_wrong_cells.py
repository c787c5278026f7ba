"""Cells, names and parts that are none: each is named, and none becomes a label."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from stylealign.applications.labels import attributes
from stylealign.datasets.label_names import LabelNames
from stylealign.datasets.own_labels.classes import read_classes
from stylealign.datasets.own_labels.masks import PartMasks
from stylealign.datasets.own_labels.matching import LabelReport, PictureNames
from stylealign.datasets.own_labels.points import CsvPoints
from stylealign.datasets.own_labels.sides import with_shared_values
from stylealign.datasets.own_labels.tables import Attributes, Values, values_of_attribute
from stylealign.datasets.text_tables import read_csv
from stylealign.errors import StyleAlignError

PICTURES = PictureNames([f"p{index}.png" for index in range(6)])


def read(kind: Any, folder: Path, text: str, name: str = "a.csv") -> tuple[Any, list[tuple[str, str]]]:
    """Read a file; return it, and (name, reason) of what was rejected."""
    (folder / name).write_text(text)
    report = LabelReport()
    return kind(folder / name, PICTURES, report), [(row, reason) for _, row, reason in report.rejected]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Values, "image,width\np0,1,5\np1,2,5\n"),
        (CsvPoints, "image,n_x,n_y\np0,5,5,7,5\np1,9,5,8,5\n"),
        (Attributes, "image,hat\np0,1,0\n"),
    ],
)
def test_a_row_with_more_cells_than_names_is_refused(tmp_path: Path, kind: Any, text: str) -> None:
    with pytest.raises(StyleAlignError, match=r"a\.csv: .*the row of p0 has \d cells, .*by semicolons"):
        read(kind, tmp_path, text)


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("image;height, m\np0;3,5\n", {"image": "p0", "height, m": "3,5"}),
        ('image,"a; b; c"\np0,3\n', {"image": "p0", "a; b; c": "3"}),
        ('image;"Länge, Breite, Höhe"\np0;1,5\n', {"image": "p0", "Länge, Breite, Höhe": "1,5"}),
        ("image,a;b\np0,3\n", {"image": "p0", "a;b": "3"}),
        ("image\tage, years\np0\t3,5\n", {"image": "p0", "age, years": "3,5"}),
    ],
)
def test_commas_and_semicolons_in_names_separate_nothing(text: str, row: dict[str, str]) -> None:
    assert read_csv(text).rows == (row,)


@pytest.mark.parametrize(("kind", "what"), [(Attributes, "attribute"), (Values, "number")])
def test_a_column_with_an_equals_sign_in_its_name_is_refused(tmp_path: Path, kind: Any, what: str) -> None:
    with pytest.raises(StyleAlignError, match=rf"a\.csv: the {what} 'x=y' has = in its name; rename the column"):
        read(kind, tmp_path, "image,x=y\np0,1\np1,0\n")


def test_empty_cells_at_the_end_of_a_row_are_none() -> None:
    assert read_csv("image,a\np0,1,,\n").rows == ({"image": "p0", "a": "1"},)


def test_a_cell_that_no_table_can_have_is_an_error() -> None:
    with pytest.raises(ValueError, match="field larger than field limit"):
        read_csv(f'image,a\np0,"{"1" * 200_000}"\n')


def test_values_that_are_no_numbers(tmp_path: Path) -> None:
    cells = ["inf", "nan", "1e400", "1_000", "1e39", "2"]
    text = "image,width\n" + "".join(f"p{index},{cell}\n" for index, cell in enumerate(cells))
    values, said = read(Values, tmp_path, text)
    assert said == [(f"p{index}", f"width is no number ({cell})") for index, cell in enumerate(cells[:-1])]
    known = [float(values.of(f"p{index}.png")[0]) for index in range(6)]
    np.testing.assert_array_equal(known, [np.nan] * 5 + [2])


def test_points_with_half_a_place_or_another_visibility(tmp_path: Path) -> None:
    """Each costs its key point, not the others of the row."""
    half = ["5,,1", "5,6,2", "5,6,true", "5,6,0", "5,x,", ",,"]
    text = "image,n_x,n_y,n_visible,m_x,m_y\n" + "".join(f"p{row},{cells},7,8\n" for row, cells in enumerate(half))
    points, said = read(CsvPoints, tmp_path, text)
    assert said == [
        ("p0", "a key point with one coordinate (n)"),
        ("p1", "a visibility that is neither 0 nor 1 (n_visible is 2)"),
        ("p4", "a key point that is no number (n at 5, x)"),
    ]
    found = [points.of(f"p{row}.png") for row in range(6)]
    none, known = [np.nan, np.nan], [5, 6]
    wanted = [[place, [7, 8]] for place in (none, none, known, known, none, none)]
    np.testing.assert_array_equal([own.positions for own in found], wanted)
    assert [own.visible.tolist() for own in found] == [[row == 2, True] for row in range(6)]


def test_points_of_which_none_is_known_are_no_shares_of_the_frame(tmp_path: Path) -> None:
    points, said = read(CsvPoints, tmp_path, "image,n_x,n_y\np0,5,\np1,,\n")
    assert said == [("p0", "a key point with one coordinate (n)")]
    assert not points.of("p1.png").visible.any()
    points, _ = read(CsvPoints, tmp_path, "image,n_x,n_y\np0,0.5,0.5\np1,7,\n")
    assert points.of("p0.png").positions.tolist() == [[0.5, 0.5]], "a single row may be of the first pixel"


def test_a_column_of_one_coordinate_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StyleAlignError, match=r"has the column m_y without m_x"):
        read(CsvPoints, tmp_path, "image,n_x,n_y,m_y\np0,5,6,7\n")


def test_list_attr_with_wrong_lines(tmp_path: Path) -> None:
    text = "5\nbig low\np0.png 1 -1\np1.png 1\np2.png 1 -1 1\nmy p3.png 1 1\np4.png 5 -1\n"
    attributes, said = read(Attributes, tmp_path, text, "list.txt")
    assert said == [
        ("p1.png", "a line of another number of values (1, not 2)"),
        ("p2.png", "a line of another number of values (3, not 2)"),
        ("my", "a line of another number of values (3, not 2)"),
        ("p4.png", "big is neither no nor yes (5)"),
    ]
    assert attributes.names == {"big": ["no", "yes"], "low": ["no", "yes"]}
    assert attributes.of("p4.png").tolist() == [-1, 0]
    with pytest.raises(StyleAlignError, match=r"list\.txt: its first line says 600 images, and it has lines of 1"):
        read(Attributes, tmp_path, "600\nbig\np0.png 1\n", "list.txt")


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1", "0", "?", "1"], ["no", "yes"]),
        (["1", "-1", "5"], ["no", "yes"]),
        (["1", "0", "nan"], ["no", "yes"]),
        (["1", "0", "0", "yess"], ["no", "yes"]),
        (["0", "1", "2", "2"], ["0", "1", "2"]),
        (["red", "blue", "-"], ["blue", "red"]),
        (["yes", "no", "maybe"], ["maybe", "no", "yes"]),
        (["", ""], []),
    ],
)
def test_values_of_a_column(cells: list[str], values: list[str]) -> None:
    assert values_of_attribute("hat", cells) == values


@pytest.mark.parametrize("cells", [["0.25", "0.5", "1"], list(map(str, range(30)))])
def test_a_column_of_numbers_is_no_attribute(tmp_path: Path, cells: list[str]) -> None:
    with pytest.raises(StyleAlignError, match=r"a\.csv: score holds numbers .*give them as values"):
        read(Attributes, tmp_path, "image,score\n" + "".join(f"p{index},{cell}\n" for index, cell in enumerate(cells)))


def test_a_cell_that_is_no_value_is_named(tmp_path: Path) -> None:
    attributes, said = read(Attributes, tmp_path, "image,hat,coat\np0,1,red\np1,?,-\np2,0,blue\np3,,\n")
    assert said == [("p1", "hat is neither no nor yes (?)"), ("p1", "coat is no value (-)")]
    known = [attributes.of(f"p{index}.png").tolist() for index in range(4)]
    assert known == [[1, 1], [-1, -1], [0, 0], [-1, -1]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{0: no, 1: yes}", "0 is called False, which is no text; YAML reads no and yes as such"),
        ("{0: null, 1: a}", "0 is called None, which is no text"),
        ("{0: [x], 1: {y: 2}}", "0 is called"),
        ("[ground, no]", "1 is called False"),
        ("{0: a, 0: b}", "line 1: '0' stands there already"),
        ("{0: a, '0': b}", "line 1: '0' stands there already"),
        ("{'00': a, 0: b}", "00 and 0 are the same"),
        ("{'#ff0000': a, '255,0,0': b}", "#ff0000 and 255,0,0 are the same"),
        ('{"²": x}', "'²' is no id and no colour"),
        ("{0: [x", "not YAML"),
    ],
)
def test_names_of_classes_that_are_none(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "classes.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(StyleAlignError, match=r"classes\.yaml") as refused:
        read_classes(str(tmp_path / "classes.yaml"))
    assert message in str(refused.value)
    assert "unicode string" not in str(refused.value)


def test_parts_that_are_unknown_or_come_twice_are_named(tmp_path: Path) -> None:
    Image.new("L", (4, 4), 255).save(tmp_path / "white.png")
    names = ["0/00001_hair.png", "0/00001_skin.png", "0/00001_beard.png", "1/00001_hair.png", "0/note.png"]
    report = LabelReport()
    masks = PartMasks(dict.fromkeys(names, (tmp_path / "white.png").read_bytes), PictureNames(["1.jpg"]), "m", report)
    assert [(name, reason) for _, name, reason in report.rejected] == [
        ("0/00001_beard.png", "an unknown part (beard)"),
        ("1/00001_hair.png", "a second mask of one part (1.jpg, hair)"),
        ("0/note.png", "an unknown part (none)"),
    ]
    assert masks.of("1.jpg") is not None


@pytest.mark.parametrize(("mode", "value"), [("CMYK", 7), ("PA", 1), ("LA", 7), ("RGBA", 7), ("1", 1)])
def test_masks_of_unusual_modes_keep_their_ids_and_size(mode: str, value: int) -> None:
    """Ids that no palette has changed into a grey, in as many rows and columns as the mask."""
    if mode == "PA":
        mask = Image.frombytes("PA", (4, 3), bytes([1, 255] * 12))
        mask.putpalette([9, 9, 9, 200, 100, 50])
    else:
        mask = Image.new("1", (4, 3), 1) if mode == "1" else Image.new("RGB", (4, 3), (7, 7, 7)).convert(mode)
    table = read_classes(None)
    assert table.classes_of(mask).shape == (3, 4)
    assert table.names == [str(value)]


def test_attributes_that_change_places_have_the_values_of_both() -> None:
    """A hand that is never closed: its mirror image is, and the network has to say so."""
    values = {"left_hand": ["closed", "open"], "right_hand": ["open", "waving"], "hat": ["no", "yes"]}
    columns = {"left_hand": [0, 1, -1], "right_hand": [0, 1, 0], "hat": [1, 0, -1]}
    found = with_shared_values(LabelNames(attributes=values), {name: np.array(own) for name, own in columns.items()})
    assert found.names.attributes == {
        "left_hand": ["closed", "open", "waving"],
        "right_hand": ["closed", "open", "waving"],
        "hat": ["no", "yes"],
    }
    assert {name: own.tolist() for name, own in found.attributes.items()} == {
        "left_hand": [0, 1, -1],
        "right_hand": [1, 2, 1],
        "hat": [1, 0, -1],
    }
    spec = attributes.spec(8, found)
    assert spec is not None
    assert spec.swapped == (("left_hand", "right_hand"),)
    mirrored = attributes.mirrored(attributes.annotated(found, spec), torch.ones(3, dtype=torch.bool), spec)
    assert mirrored["left_hand"][0].tolist() == [0, 1, 0]
