"""What the page draws: both ends of the way, swaps, truncation, directions, codes."""

import socket
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stylealign import load
from stylealign.applications.blending import blend
from stylealign.applications.translation import draw
from stylealign.config import BlendSettings
from stylealign.errors import StyleAlignError
from stylealign.explore.desk import Desk
from stylealign.explore.family import Family, family_of
from stylealign.explore.finding import directions_of
from stylealign.explore.ports import opened_port
from stylealign.explore.scene import Explorer, Scene, layer_choices, seed_codes, shares
from stylealign.explore.tiles import columns_of
from stylealign.latents.codes import Codes, codes_to_ws
from stylealign.networks.generator import Generator
from stylealign.sampling import z_of_seeds
from tests.explore.conftest import TINY

NO_ZOO = Path("no-zoo.yaml")


@pytest.fixture(scope="module")
def family(files: dict[str, Path]) -> Family:
    return family_of(str(files["parent"]), [("", str(files["toon"]))], NO_ZOO)


@pytest.fixture(scope="module")
def explorer(family: Family) -> Explorer:
    return Explorer(family, directions_of(family.parent, []))


@pytest.fixture
def scene(family: Family) -> Scene:
    return Scene(seed_codes(3, family.parent), seed_codes(4, family.parent))


def drawn_by(generator: Generator, seed: int, psi: float = 1.0) -> np.ndarray:
    return draw(generator, generator.mapping(z_of_seeds([seed], TINY.z_dim), None, psi))[0]


def shown(explorer: Explorer, scene: Scene) -> list[np.ndarray]:
    return [tile.pixels for tile in explorer.tiles(scene)]


def test_the_same_seed_in_parent_and_child(explorer: Explorer, scene: Scene, files: dict[str, Path]) -> None:
    tiles = explorer.tiles(scene)
    assert [tile.name for tile in tiles] == ["parent", "toon"]
    for tile in tiles:
        assert np.array_equal(tile.pixels, drawn_by(load(files[tile.name]).generator, 3))


def test_the_way_leads_from_parent_to_child_and_beyond(explorer: Explorer, scene: Scene) -> None:
    parent, child = shown(explorer, scene)
    ways = {t: shown(explorer, replace(scene, weights_t=t)) for t in (0.0, 0.5, 1.0, 1.5)}
    assert all(np.array_equal(way[0], parent) for way in ways.values())
    assert np.array_equal(ways[0.0][1], parent)
    assert np.array_equal(ways[1.0][1], child)
    for t in (0.5, 1.5):
        assert not np.array_equal(ways[t][1], parent)
        assert not np.array_equal(ways[t][1], child)


def test_the_code_goes_to_the_other_seed(explorer: Explorer, scene: Scene, files: dict[str, Path]) -> None:
    end = shown(explorer, replace(scene, code_t=1.0))
    for pixels, name in zip(end, ("parent", "toon"), strict=True):
        assert np.array_equal(pixels, drawn_by(load(files[name]).generator, 4))
    between = shown(explorer, replace(scene, code_t=0.5))
    assert not np.array_equal(between[0], end[0])


def test_the_way_to_a_seed_has_no_jump_where_the_code_is_truncated(explorer: Explorer, scene: Scene) -> None:
    truncated = replace(scene, start=replace(scene.start, truncation_psi=0.2))
    ends = [shown(explorer, replace(truncated, code_t=t))[0].astype(int) for t in (0.0, 1e-4, 1 - 1e-4, 1.0)]
    assert np.abs(ends[1] - ends[0]).max() <= 1
    assert np.abs(ends[3] - ends[2]).max() <= 1
    assert np.abs(ends[3] - ends[0]).max() > 1


def test_a_swap_is_that_of_blend(explorer: Explorer, family: Family, scene: Scene) -> None:
    models = [member.checkpoint.generator for member in (family.parent, family.children[0])]
    swapped = blend(models[0], models[1], BlendSettings(swap_px=8))
    assert np.array_equal(shown(explorer, replace(scene, layers="from 8 px"))[1], drawn_by(swapped, 3))


def test_the_layers_of_a_swap() -> None:
    assert layer_choices(TINY) == ["all", "from 8 px", "from 16 px", "up to 8 px"]
    assert shares(TINY, "from 16 px", 0.5).schedule == {4: 0.0, 8: 0.0, 16: 0.5}
    assert shares(TINY, "up to 8 px", 1.0).schedule == {4: 1.0, 8: 1.0, 16: 0.0}
    with pytest.raises(StyleAlignError, match="no 'from 32 px'"):
        shares(TINY, "from 32 px", 1.0)


@pytest.mark.parametrize(
    ("count", "most", "columns"), [(1, 4, 1), (4, 4, 4), (5, 4, 3), (7, 4, 4), (9, 4, 3), (5, 8, 5), (9, 8, 5)]
)
def test_the_columns_that_images_are_shown_in(count: int, most: int, columns: int) -> None:
    assert columns_of(count, most) == columns


@pytest.mark.parametrize("kind", ["seed", "w+"])
def test_truncation_leads_to_the_mean_image(explorer: Explorer, family: Family, scene: Scene, kind: str) -> None:
    if kind == "w+":
        scene = replace(scene, start=explorer.codes(scene))
    generator = family.parent.checkpoint.generator
    mean = draw(generator, generator.mapping.w_avg.expand(1, TINY.num_ws, -1))[0]
    assert np.array_equal(shown(explorer, replace(scene, truncation_psi=0.0))[0], mean)
    assert np.array_equal(shown(explorer, replace(scene, truncation_psi=0.5))[0], drawn_by(generator, 3, 0.5))


def test_a_direction_moves_all_models_and_nothing_at_0(explorer: Explorer, scene: Scene) -> None:
    before = shown(explorer, scene)
    assert all(map(np.array_equal, shown(explorer, replace(scene, strengths={"closed form 1": 0.0})), before))
    moved = shown(explorer, replace(scene, strengths={"closed form 1": 3.0, "component 2": -2.0}))
    assert not any(map(np.array_equal, moved, before))


def test_the_saved_code_is_the_image_that_is_shown(
    explorer: Explorer, family: Family, scene: Scene, tmp_path: Path
) -> None:
    scene = replace(scene, code_t=0.3, truncation_psi=0.8, strengths={"component 1": 2.0})
    explorer.codes(scene).save(tmp_path / "codes.npz")
    parent = family.parent.checkpoint
    codes = Codes.load(tmp_path / "codes.npz", "w+", parent.sha256, parent.architecture)
    assert np.array_equal(draw(parent.generator, codes_to_ws(codes, parent.generator))[0], shown(explorer, scene)[0])


def test_no_direction_takes_the_place_of_another(family: Family, tmp_path: Path) -> None:
    found = directions_of(family.parent, [])
    paths = [tmp_path / folder / "age.npz" for folder in "abc"]
    names = ["component 1"] * 3
    for path, own, name in zip(paths, list(found.values()), names, strict=False):
        path.parent.mkdir()
        replace(own, names=[name]).save(path)
    every = directions_of(family.parent, paths)
    assert len(every) == len(found) + 3
    assert [name for name in every if name.startswith("component 1")][:4] == [
        "component 1",
        "component 1 (age)",
        "component 1 (age 2)",
        "component 1 (found here)",
    ]


def test_a_morph_has_its_ends(explorer: Explorer, scene: Scene) -> None:
    frames = list(explorer.morph(scene, 3))
    assert [frame.shape for frame in frames] == [(1, 3, 16, 16)] * 3
    assert np.array_equal(frames[0][0], shown(explorer, scene)[0])
    assert np.array_equal(frames[2][0], shown(explorer, replace(scene, code_t=1.0))[1])


def test_names_and_mistakes(files: dict[str, Path], tmp_path: Path) -> None:
    parent, toon, stranger = (str(files[name]) for name in ("parent", "toon", "stranger"))
    family = family_of(parent, [("mine", toon), ("", stranger)], NO_ZOO)
    assert [(child.name, child.is_kin) for child in family.children] == [("mine", True), ("stranger", False)]
    assert not family_of(parent, [], NO_ZOO).children
    with pytest.raises(StyleAlignError, match="two models are called 'toon'"):
        family_of(parent, [("", toon), ("", toon)], NO_ZOO)
    with pytest.raises(StyleAlignError, match="nowhere: no such file"):
        family_of("nowhere", [], NO_ZOO)
    with pytest.raises(StyleAlignError, match="is a folder; give the model in it"):
        family_of(str(tmp_path), [], NO_ZOO)
    zoo = Path(__file__).parents[2] / "data" / "zoo.yaml"
    with pytest.raises(StyleAlignError, match="did you mean 'human-64-a'"):
        family_of("human-64-aa", [], zoo)
    with pytest.raises(StyleAlignError, match="stylealign fetch ffhq-1024"):
        family_of("ffhq-1024", [], zoo)
    with pytest.raises(StyleAlignError, match="of different architecture"):
        family_of("human-64-a", [("", toon)], zoo)


@pytest.mark.parametrize("name", ["notes.txt", "damaged.png", "damaged.npz"])
def test_a_dropped_file_that_cannot_be_used_is_named_without_its_folder(
    explorer: Explorer, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("no picture")
    desk = Desk(explorer, None, lambda: pytest.fail("nothing to invert"), tmp_path)
    with pytest.raises(StyleAlignError) as raised:
        desk.find(str(tmp_path / name))
    assert str(raised.value).startswith(name)
    assert str(tmp_path) not in str(raised.value)


def test_the_remedy_of_an_address_that_cannot_be_opened() -> None:
    remedy = pytest.raises(StyleAlignError, match="name another --port")
    with socket.create_server(("127.0.0.1", 0)) as taken, remedy:
        opened_port("127.0.0.1", taken.getsockname()[1])
    with pytest.raises(StyleAlignError, match="name an address of this machine"):
        opened_port("192.0.2.1", 0)  # kept for documentation: nobody's


def test_the_bundled_children_are_those_of_the_parent() -> None:
    family = family_of(None, [], Path(__file__).parents[2] / "data" / "zoo.yaml")
    assert family.parent.name == "human-64-a"
    names = [child.name for child in family.children]
    assert names == ["toon-64", "sketch-64", "robot-64", "ink-64", "animal-64"], "no controls, no plain children"
