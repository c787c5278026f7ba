"""Recovery of directions, from models to rows and to the figure."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from stylealign import load
from stylealign.checkpoints import native
from stylealign.cli.main import main
from stylealign.config import MetricSettings
from stylealign.images import to_pixels
from stylealign.measurements import alignment_recovery as recovery
from stylealign.measurements.inputs import Inputs
from stylealign.measurements.rows import Row, RowKey, read_rows
from stylealign.metrics.effects import Effects
from stylealign.metrics.recovery import Course, Trio
from stylealign.metrics.seeing import Seeing
from stylealign.networks.generator import Generator
from stylealign.report.figures import read_sheet
from stylealign.sampling import seeded_z
from tests.measurements.conftest import SMALL
from tests.measurements.test_kinds import Silent

SETTINGS = MetricSettings(direction_samples=60, effect_latents=6, bootstrap=20)
NONE = {"pose": None, "parent-attributes": None, "child-attributes": None}
Rows = dict[tuple[str, str, str], Row]


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    """Return a folder with a parent, a child that draws one image for all codes, and a parent of another seed."""
    for seed, name in enumerate(("parent", "silent", "other")):
        torch.manual_seed(seed if name == "other" else 0)
        generator = Generator(SMALL).eval()
        if name == "silent":
            with torch.no_grad():
                for affine in generator.synthesis.affines.values():
                    affine.weight.zero_()
        native.save(tmp_path / f"{name}.safetensors", generator=generator)
    return tmp_path


def measured(chain: Path, **files: Path | None) -> tuple[Rows, dict[str, object]]:
    roles = {"parent": chain / "parent.safetensors", "between": chain / "silent.safetensors"}
    last = {"child": roles["parent"], "unaligned parent": chain / "other.safetensors"}
    inputs = Inputs(roles | NONE | files, last, {}, "human", "human-again")
    rows, facts = recovery.measure(inputs, SETTINGS, Silent)
    return {(row.method, row.metric, row.setting): row for row in rows}, facts


def test_a_child_without_any_effect_and_its_way_back(chain: Path) -> None:
    found, facts = measured(chain)
    share = found["child", "silent", ""]
    assert (share.value, share.n) == (1, 12), "all principal components (six) and directions of the closed form (six)"
    assert found["child", "recovered", ""].value == 1
    assert found["unaligned parent", "recovered", ""].value < 0.5
    one = {metric: found["child", metric, "pca 0 (features)"].value for metric in ("effect_child", "after_ratio")}
    assert one == pytest.approx({"effect_child": 0, "after_ratio": 1})
    assert found["child", "after_cosine", "pca 0 (features)"].value == pytest.approx(1)
    assert found["child", "child_cosine", "pca 0 (features)"].value == 0
    means = {metric: found["child", metric, ""].value for metric in ("child_cosine", "after_cosine")}
    assert means == pytest.approx({"child_cosine": 0, "after_cosine": 1})
    assert not any(setting == recovery.BOUNDARIES for _, _, setting in found), "no labels, no boundaries"
    assert len(facts["shown"]) == 4


def brightness(names: tuple[str, ...], usual: float) -> Callable[..., Seeing]:
    """Return networks that see whether images are brighter than usual; the child's has half of the `names`."""

    def see(images: np.ndarray) -> np.ndarray:
        level = images.mean(axis=(1, 2, 3)) - usual
        return np.stack([np.zeros(len(images)), level] * (len(names) // 2), axis=1)

    return lambda self, role, task: Seeing("numbers", names if role == "parent-attributes" else names[:2], see)


def test_attributes_that_the_childs_domain_lacks_are_marked(chain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("bright=no", "bright=yes", "light=no", "light=yes")
    with torch.inference_mode():
        images = to_pixels(load(chain / "parent.safetensors").generator(seeded_z(60, SMALL.z_dim, 0)))
    monkeypatch.setattr(Inputs, "seeing", brightness(names, np.median(images.mean(axis=(1, 2, 3)))))
    given = {"parent-attributes": chain / "x", "child-attributes": chain / "y"}
    found, _ = measured(chain, **given)
    settings = {setting for _, _, setting in found}
    assert {"boundary bright=yes", "boundary light=yes, not in the child's domain", recovery.BOUNDARIES} <= settings
    assert found["child", "recovered", "boundary light=yes, not in the child's domain"].value == 1
    assert found["child", "silent", recovery.BOUNDARIES].n == 2


@pytest.mark.parametrize(("in_parent", "has_ratios"), [(3.0, True), (0.05, False)])
def test_of_no_effect_in_the_parent_there_is_no_ratio(in_parent: float, has_ratios: bool) -> None:
    noise, features = np.random.default_rng(0).normal(size=(1, 40)), np.ones((1, 40, 2), np.float32)
    before, between, after = (Effects({"rotation": level + noise}, features) for level in (in_parent, 0.0, in_parent))
    trio = Trio(before, between, after, ["rotation"], {"rotation": 1.0})
    key = RowKey("alignment_recovery", "human", "again", "child")
    rows = recovery.direction_rows(trio, trio.courses()[0], 0, key, "boundary rotation", MetricSettings(bootstrap=200))
    assert {"effect_parent", "effect_child", "effect_after"} < {row.metric for row in rows}
    ratios = {row.metric for row in rows if row.metric.endswith("_ratio")}
    assert ratios == ({"child_ratio", "after_ratio"} if has_ratios else set())


def test_what_the_figure_shows_first() -> None:
    strong, silent, back = Course(5, 5, 5), Course(2, 0, 0), Course(1, 0, 1)
    assert recovery.most_telling([strong, None, silent, back]) == [3, 2, 0]


def test_from_models_to_the_figure(chain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parent, silent = (str(chain / f"{name}.safetensors") for name in ("parent", "silent"))
    rows, picture = tmp_path / "rows.json", tmp_path / "recovery.png"
    settings = json.dumps(SETTINGS.model_dump(include={"direction_samples", "effect_latents", "bootstrap"}))
    words = ["--parent", parent, "--between", silent, "--child-name=again", "--settings", settings, "--out", str(rows)]
    assert main(["evaluate", "recovery", f"child={parent}", *words]) == 0
    found, provenance = read_rows(rows)
    assert {row.table for row in found} == {"alignment_recovery"}
    assert provenance["inputs"] == {"parent": parent, "between": silent, "child": parent}
    capsys.readouterr()
    assert main(["evaluate", "recovery", f"between={parent}", *words]) == 2
    assert "between: the name of --between as well; give the rows another" in capsys.readouterr().err
    figure = ["figures", "edits", f"human={parent}", f"child={silent}", "--directions", str(rows)]
    assert main([*figure, "--out", str(picture)]) == 0
    assert read_sheet(picture).shape[2] > 640
    capsys.readouterr()
    torch.manual_seed(0)
    native.save(tmp_path / "wide.safetensors", generator=Generator(SMALL.model_copy(update={"w_dim": 8})))
    wide = f"wide={tmp_path / 'wide.safetensors'}"
    assert main(["figures", "edits", wide, "--directions", str(rows), "--out", str(picture)]) == 2
    assert "directions of 6 numbers, w of wide has 8" in capsys.readouterr().err
    assert main(["evaluate", "recovery", wide, *words]) == 2
    assert "w_dim" in capsys.readouterr().err
    assert main(["figures", "edits", f"human={parent}", wide, "--directions", str(rows), "--out", str(picture)]) == 2
    rows.write_text(json.dumps({"rows": [], "provenance": {}}))
    assert main([*figure, "--out", str(picture)]) == 2
    assert "keeps no directions; give rows of evaluate alignment-semantic" in capsys.readouterr().err
