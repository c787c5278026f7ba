"""`docs/domains.md`: every drawn domain with its sheet, artist and licence, and numbers where there are some."""

from pathlib import Path

import numpy as np
import pytest

from stylealign.config import drawn_domains
from stylealign.datasets.avatars import draw_avatar
from stylealign.datasets.domains import artwork_of
from stylealign.report.domains import Facts, areas, page, sheet

DOCS = Path(__file__).parents[2] / "docs"


def facts(name: str, **values: object) -> Facts:
    plain: dict[str, object] = {
        "name": name,
        "attribution": f"Drawn by {name}'s artist.",
        "packages": ("package",),
        "smallest_px": 16,
        "shared": ("has_hat",),
        "areas": {"background": 0.75, "skin": 0.25},
        "fid": 12.4,
        "kid": 0.5,
        "same_pose": 0.25,
        "shuffled": 0.125,
        "same_figure": float("nan"),
        "of_classes": {"background": 0.5, "skin": 0.25},
    }
    return Facts(**plain | values)  # type: ignore[arg-type]


def test_a_page_tells_numbers_and_leaves_out_what_a_domain_lacks() -> None:
    hills = facts(
        "landscape",
        areas={"background": 0.4, "hills": 0.6},
        of_classes={"background": 0.3},
        same_pose=float("nan"),
        shuffled=float("nan"),
    )
    text = page([facts("ink", same_figure=1.0), hills], 20, 10)
    assert "| [`ink`](#ink) | 12 | 0.500 | 0.25 | 0.12 | 1.00 | skin |" in text
    assert "| [`landscape`](#landscape) | 12 | 0.500 | - | - | - | background |" in text
    assert "| `ink` | 75.0 | 25.0 | - | - | - | - | - |" in text
    assert "`landscape`: background 40.0, hills 60.0." in text
    assert "Drawn by ink's artist. Drawn by package, at 16 px and more." in text
    tables = [line for line in text.splitlines() if line.startswith("| ---")]
    assert [line.count("---") for line in tables] == [7, 8, 8]


def test_areas_are_shares_of_the_classes_that_are_drawn() -> None:
    found = areas([draw_avatar("animal", "test", 0, 0, 32)], ("background", "skin", "eyes", "eyewear", "mouth", "top"))
    assert sum(found.values()) == pytest.approx(1)
    assert "eyewear" not in found


def test_a_sheet_shows_images_over_their_class_maps() -> None:
    drawn = sheet("toon-head", 3, 32)
    assert drawn.shape == (3, 64, 96)
    np.testing.assert_array_equal(drawn[:, :32, :32], draw_avatar("toon-head", "test", 0, 0, 32).image)
    assert sheet("ink", 1, 32).shape == (3, 128, 64)  # no smaller than its lines allow


def test_the_page_in_docs_has_every_domain() -> None:
    text = (DOCS / "domains.md").read_text()
    for name in drawn_domains():
        assert f"\n## {name}\n" in text
        assert artwork_of(name).attribution in text
        assert (DOCS / "images" / "domains" / f"{name}.png").is_file()
