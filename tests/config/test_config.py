"""Configuration: what is accepted, and what a mistake is told."""

import json
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from stylealign.config import Config, InvertSettings, KeepSettings, TrainSettings, smallest_px, validate
from stylealign.datasets.styles import read_styles
from stylealign.errors import StyleAlignError
from stylealign.presets import PRESETS

CONFIG = Path(__file__).parents[2] / "config"
VALUES: dict[str, Any] = {
    "domains": {"human": {"draw": "human"}, "animal": {"draw": "animal"}},
    "models": {
        "human": {"domain": "human", "fetch": "a"},
        "other": {"domain": "human", "fetch": "b"},
        "animal": {"domain": "animal", "parent": "human"},
        "control": {"domain": "animal", "parent": "other", "control_of": "animal"},
    },
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the values with `value` at a dotted `path`."""
    values = deepcopy(VALUES)
    inner = values
    *parents, last = path.split(".")
    for key in parents:
        inner = inner.setdefault(key, {})
    inner[last] = value
    return values


BESIDE = ("-plain", "-outlines", "-long", "-features", "-closest", "-s1", "-s2")


@pytest.mark.parametrize("name", ["config.yaml", "tiny.yaml", "full.yaml", "bundled.yaml", "zoo.yaml"])
def test_the_configurations_that_come_along_are_valid(name: str) -> None:
    config = validate(Config, yaml.safe_load((CONFIG / name).read_text()), name)
    # Children that stand beside another one (other seeds, other ways to keep) have no control of their own.
    beside = {model for model in config.models if model.endswith(BESIDE)}
    children = {name for name, model in config.models.items() if model.parent and not model.control_of} - beside
    assert {model.control_of for model in config.models.values()} - {None} == children, "each child has its control"


def test_the_models_that_dvc_names_are_those_of_the_default_run() -> None:
    named = yaml.safe_load((CONFIG.parent / "dvc.yaml").read_text())["artifacts"]
    models = validate(Config, yaml.safe_load((CONFIG / "config.yaml").read_text()), "config.yaml").models
    assert set(named) == {name for name, model in models.items() if model.parent and not model.control_of}
    assert {of["path"] for of in named.values()} == {f"results/models/{name}/model.safetensors" for name in named}


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("morphing.frmes", 4, "unknown key 'morphing.frmes'; did you mean 'frames'?"),
        ("trian", {}, "unknown key 'trian'; did you mean 'train'?"),
        ("models.animal.train.kim", 4, "unknown key 'models.animal.train.kim'; did you mean 'kimg'?"),
        ("domains.human.resolution", 4, "unknown key 'domains.human.resolution'; did you mean 'resolution_px'?"),
        ("metrics.qqqq", 4, "unknown key 'metrics.qqqq'"),
        ("inversion.steps", "many", "inversion.steps: Input should be a valid integer"),
        ("inversion.steps", -1, "inversion.steps: Input should be greater than or equal to 0, not -1"),
        ("inversion_spaces", ["z", "q"], "inversion_spaces.1: Input should be 'z', 'z+', 'w', 'w+' or 's', not 'q'"),
        ("domains.human.resolution_px", 48, "domains.human: resolution_px must be a power of two"),
        ("domains.human.path", "x", "domains.human: give one of draw, path and fetch, or none"),
        ("domains.animal", {}, "models.animal.domain: 'animal' has no images to train on; give it draw, path or fetch"),
        ("models.human.train", {"kimg": 4}, "models.human: train: a fetched model is not trained"),
        ("models.animal.architecture", {}, "models.animal: give one of fetch, parent and architecture"),
        (
            "models.animal.parent",
            "humam",
            "models.animal.parent: no 'humam' among human, other, animal, control; did you",
        ),
        ("models.animal.domain", "cat", "models.animal.domain: no 'cat' among human, animal"),
        ("models.animal.parent", "animal", "models.animal.parent: animal -> animal goes in a circle"),
        ("models.control.parent", "human", "models.control.control_of: a control needs another parent than"),
        ("models.control.domain", "human", "models.control.control_of: a control is of the domain of its child"),
        ("models.control.control_of", "human", "models.control.control_of: 'human' is no child"),
        (
            "inversion_by_space",
            {"z": {"init": "encoder"}},
            "inversion_by_space.z: init: an encoder finds codes of w, w+",
        ),
        ("inversion_by_space", {"z": {"images": 4}}, "inversion_by_space.z: images and space cannot differ"),
        ("models.human.seeds", [0, 1], "models.human: seeds: a fetched model is not trained"),
        ("models.animal.seeds", [0], "models.animal: seeds: give two or more different ones"),
        ("models.animal.seeds", [3, 3], "models.animal: seeds: give two or more different ones"),
        (
            "models.animal.seeds",
            [0, 1],
            "models.control.control_of: 'animal' has seeds; give this model the same, [0, 1]",
        ),
        ("inversion_spaces", [], "inversion_spaces: Tuple should have at least 1 item"),
        ("metrics.samples", 3, "metrics.samples: Input should be greater than or equal to 4, not 3"),
        ("metrics.reset_samples", 3, "metrics.reset_samples: Input should be greater than or equal to 4, not 3"),
        (
            "models.own",
            {"domain": "human", "architecture": {"channel_base": 32}},
            "models.own.architecture.channel_base: 32 leaves no channels at 64 px; give 64 or more",
        ),
        (
            "models.animal.train",
            {"batch_size": 6},
            "models.animal.train.batch_size: 6 images at once hold no whole groups of mbstd_group_size 4",
        ),
        (
            "train",
            {"batch_size": 18, "accumulate": 3},
            "models.animal.train.batch_size: 6 images at once hold no whole groups of mbstd_group_size 4",
        ),
        (
            "train",
            {"keep": {"patches": {"weight": 1, "at_px": 64}}},
            "models.animal.train.keep.patches.at_px: the discriminator has features up to 32 px; give less",
        ),
        (
            "train",
            {"mbstd_group_size": 2, "keep": {"distances": {"weight": 1}}},
            "models.animal.train.keep.distances: compares groups of three images or more; raise mbstd_group_size",
        ),
        (
            "train",
            {"batch_size": 16, "accumulate": 8, "mbstd_group_size": 1, "keep": {"distances": {"weight": 1}}},
            "models.animal.train.keep.distances: compares groups of three images or more; raise mbstd_group_size",
        ),
        (
            "models.animal.train",
            {"discriminator": "projected", "accumulate": 8, "keep": {"distances": {"weight": 1}}},
            "models.animal.train.keep.distances: compares three images or more at once; lower accumulate",
        ),
        (
            "models.animal.train",
            {"keep": {"features": {"weight": 8, "fade_in_kimg": 500}}},
            "models.animal.train: keep.features.fade_in_kimg: 500 is longer than the training, 12 kimg",
        ),
        (
            "train",
            {"select": "aligned-fid", "evaluate_kimg": 400},
            "train: select aligned-fid: evaluate_kimg 400 is one measurement in 12 kimg; measure more often",
        ),
        (
            "train",
            {"freeze_d": 16},
            "models.animal.train.freeze_d: the discriminator of 64 px has 16 layers, freeze fewer",
        ),
        (
            "domains.animal.resolution_px",
            2048,
            "models.animal.domain: animal has 2048 px, networks draw up to 1024 px",
        ),
        ("models", {False: {}}, "models: the name False is no text; write it in quotes"),
        ("domains", {5: {}}, "domains: the name 5 is no text; write it in quotes"),
        ("domains.human.labellers", {"poses": "x"}, "domains.human.labellers.poses: Input should be 'segmentation',"),
        ("domains.a/b", {"draw": "human"}, "domains.a/b: a name is made of letters, digits, - and _"),
        (
            f"domains.{'a' * 101}",
            {"draw": "human"},
            f"domains.{'a' * 101}: a name is made of letters, digits, - and _, 100 at most",
        ),
    ],
)
def test_a_mistake_is_told_with_its_key(path: str, value: Any, message: str) -> None:
    with pytest.raises(StyleAlignError) as error:
        validate(Config, changed(path, value), "c.yaml")
    assert str(error.value).startswith(f"c.yaml: {message}")
    assert "\n" not in str(error.value)


def test_groups_of_a_batch_count_where_a_discriminator_compares_them() -> None:
    for train in ({"batch_size": 6, "discriminator": "projected"}, {"batch_size": 2}, {"batch_size": 12}):
        training = validate(Config, changed("train", train), "c.yaml").training_of("animal")
        assert training.batch_size == train["batch_size"]


def test_a_missing_section_is_named() -> None:
    with pytest.raises(StyleAlignError, match=r"c.yaml: models: Field required"):
        validate(Config, {"domains": {}}, "c.yaml")


def test_a_models_own_training_keys_go_over_the_workflows() -> None:
    values = changed("train", {"kimg": 3, "batch_size": 8}) | {
        "models": changed("models.animal.train", {"kimg": 5})["models"]
    }
    config = validate(Config, values, "c.yaml")
    assert config.training_of("animal") == TrainSettings(kimg=5, batch_size=8).of_child()
    assert config.training_of("control") == config.training_of("animal")
    alone = validate(Config, changed("train", {"kimg": 3, "batch_size": 8}), "c.yaml")
    assert alone.training_of("control") == TrainSettings(kimg=3, batch_size=8).of_child()


def test_a_space_has_its_own_inversion_keys_and_an_encoder_starts_w_and_w_plus() -> None:
    values = changed("inversion", {"steps": 40, "init": "encoder"}) | {
        "inversion_by_space": {"z": {"steps": 500, "truncation_psi": 0.5}, "w": {"init": "default"}}
    }
    config = validate(Config, values, "c.yaml")
    assert config.inversion_of("z") == InvertSettings(space="z", steps=500, truncation_psi=0.5)
    assert config.inversion_of("z+") == InvertSettings(space="z+", steps=40)
    assert config.inversion_of("w") == InvertSettings(space="w", steps=40)
    assert config.inversion_of("w+") == InvertSettings(space="w+", steps=40, init="encoder")


def test_seeds_make_one_model_each_and_go_with_those_of_their_relatives() -> None:
    values = changed("train", {"kimg": 3, "batch_size": 8})
    for name in ("animal", "control"):
        values["models"][name] |= {"seeds": [0, 5]}
    values["models"]["animal"]["train"] = {"kimg": 7}
    values["models"]["grandchild"] = {"domain": "human", "parent": "animal", "seeds": [0, 5]}
    values["models"]["other-grandchild"] = {"domain": "human", "parent": "animal-s5"}
    config = validate(Config, values, "c.yaml")
    assert list(config.models) == [
        "human",
        "other",
        "animal-s0",
        "animal-s5",
        "control-s0",
        "control-s5",
        "grandchild-s0",
        "grandchild-s5",
        "other-grandchild",
    ]
    assert config.seeded["animal"] == ("animal-s0", "animal-s5")
    assert config.models["control-s5"].control_of == "animal-s5"
    assert config.models["control-s5"].parent == "other"
    assert config.models["grandchild-s0"].parent == "animal-s0"
    assert config.training_of("animal-s5") == TrainSettings(kimg=7, batch_size=8, seed=5).of_child()
    assert config.training_of("control-s0").seed == 0


def test_a_seeds_model_takes_no_others_name() -> None:
    values = changed("models.animal.seeds", [0, 1])
    values["models"].pop("control")
    values["models"]["animal-s1"] = {"domain": "human", "parent": "human"}
    with pytest.raises(StyleAlignError, match=r"models.animal-s1: the name of a seed's model already"):
        validate(Config, values, "c.yaml")


@pytest.mark.parametrize(
    ("train", "own", "message"),
    [
        ({"evaluate_kimg": 2}, {"select": "fewest-fid"}, None),
        ({"select": "fewest-fid"}, {"evaluate_kimg": 2}, None),
        ({"select": "best-kid", "evaluate_kimg": 2}, {"evaluate_kimg": None}, "models.animal.train: select best-kid"),
        ({"select": "best-kid", "evaluate_kimg": 2}, {"evaluate_kimg": None, "select": "last"}, None),
        ({"accumulate": 4}, {"batch_size": 10}, "models.animal.train: batch_size 10 must be a multiple of accumulate"),
        ({"batch_size": 10}, {"accumulate": 4}, "models.animal.train: batch_size 10 must be a multiple of accumulate"),
        ({"batch_size": 10, "accumulate": 4}, None, "train: batch_size 10 must be a multiple of"),
        ({"preset": "paper256"}, {"accumulate": 5}, "models.animal.train: batch_size 64 must be a multiple of"),
        ({"preset": "paper256"}, {"accumulate": 8}, None),
        ({"accumulate": 3}, {"preset": "stylegan2"}, "models.animal.train: batch_size 32 must be a multiple of"),
    ],
)
def test_training_keys_are_checked_as_they_lie_over_each_other(
    train: dict[str, Any], own: dict[str, Any] | None, message: str | None
) -> None:
    values = changed("models.animal.train", own) | {"train": train}
    if message and message.startswith("models"):
        values["models"]["control"]["train"] = {"accumulate": 1, "select": "last"}
    elif message is None:
        values["models"]["control"]["train"] = own
    if message is None:
        wanted = TrainSettings.model_validate(train | (own or {})).of_child()
        assert validate(Config, values, "c").training_of("animal") == wanted
        return
    with pytest.raises(StyleAlignError) as error:
        validate(Config, values, "c")
    assert str(error.value).startswith(f"c: {message}")


def test_a_recipe_of_a_model_goes_over_the_workflows_keys() -> None:
    values = changed("models.animal.train", {"preset": "stylegan2", "kimg": 5}) | {
        "train": {"r1_gamma": 1.5, "kimg": 9}
    }
    found = validate(Config, values, "c").training_of("animal")
    assert (found.kimg, found.r1_gamma, found.batch_size) == (5, 10, 32)


@pytest.mark.parametrize("own", ["aligned64", None])
def test_a_recipe_of_a_model_takes_the_place_of_the_workflows(own: str | None) -> None:
    """What the workflow's own recipe says and the model's does not is not left over."""
    values = changed("models.animal.train", {"preset": own}) | {"train": {"preset": "aligned64-both", "batch_size": 8}}
    config = validate(Config, values, "c")
    assert config.training_of("animal") == TrainSettings.model_validate({"preset": own, "batch_size": 8}).of_child()
    assert config.training_of("control") == config.training_of("animal")


def test_a_job_is_told_a_default_that_its_recipe_would_replace() -> None:
    said = TrainSettings.model_validate({"preset": "aligned64-both", "discriminator": "stylegan2"})
    assert TrainSettings.model_validate_json(said.model_dump_json()).discriminator == "stylegan2"
    spelled = TrainSettings.model_validate(said.model_dump() | {"preset": None})
    one, other = (settings.model_dump(mode="json", exclude={"preset"}) for settings in (said, spelled))
    assert one == other, "what a training is does not depend on the recipe's name"
    for preset in PRESETS:
        whole = TrainSettings(preset=preset)
        assert TrainSettings.model_validate_json(whole.model_dump_json()) == whole


def test_keys_without_use_have_their_defaults() -> None:
    others = {
        **{"select_tolerance": 0.3, "select_floor": 0.9, "blur_kimg": 9.0, "evaluate_features": "inception-v3"},
        **{"evaluate_images": 500, "ada_target": 0.3, "ada_interval": 8, "ada_kimg": 9.0},
        **{"path_length_interval": 8, "path_length_batch_shrink": 1, "r1_interval": 8},
    }
    off = {"path_length_weight": 0.0, "r1_gamma": 0.0}
    assert TrainSettings(**off, **others).without_idle(is_child=True) == TrainSettings(**off)
    on = {"path_length_weight": 1.0, "r1_gamma": 2.0, "blur_px": 1.0, "augment": "bgc", "evaluate_kimg": 1.0}
    for select in ("fewest-kid", "most-aligned", "aligned-fid"):
        used = TrainSettings(**on, **others, select=select)
        changed = {key for key, value in used.without_idle(is_child=True) if value != getattr(used, key)}
        assert changed == ({"select_tolerance"} if select == "aligned-fid" else {"select_floor"})
    projected = TrainSettings(discriminator="projected", r1_gamma=9.0)
    assert projected.without_idle(is_child=True) == TrainSettings(discriminator="projected")
    pulled = {"keep": {"pull": {"tolerance": 0.1, "images": 300}}, "evaluate_features": "inception-v3"}
    of_pull = TrainSettings.model_validate(pulled)
    assert TrainSettings.model_validate(pulled | {"evaluate_images": 500}).without_idle(is_child=True) == of_pull


@pytest.mark.parametrize("child", [{"preset": "aligned64-both"}, {"kimg": 3, "train_only": ["mapping"]}, {"seed": 5}])
def test_a_control_is_trained_as_its_child_unless_it_says_otherwise(child: dict[str, Any]) -> None:
    values = changed("models.animal.train", child) | {"train": {"batch_size": 8}}
    config = validate(Config, values, "c")
    assert config.training_of("control") == config.training_of("animal")
    values["models"]["control"]["train"] = {"batch_size": 4}
    said = TrainSettings.model_validate({**child, "batch_size": 4}).of_child()
    assert validate(Config, values, "c").training_of("control") == said


def test_a_recipe_that_is_no_name_is_told() -> None:
    for preset in (["paper256"], {"name": "paper256"}, "paper"):
        with pytest.raises(StyleAlignError, match=r"train\.preset: Input should be 'paper256'"):
            validate(Config, VALUES | {"train": {"preset": preset}}, "c")


@pytest.mark.parametrize(
    ("inversion", "by_space", "message"),
    [
        ({"init": "encoder"}, {"z": {"steps": 3}}, None),
        ({"space": "z", "init": "encoder"}, {}, None),
        ({}, {"z": {"init": "encoder"}}, "inversion_by_space.z: init: an encoder finds codes of w, w+, s only"),
        ({}, {"w": {"init": "encoder"}}, None),
        ({}, {"w": {"perceptual_px": 100}}, "inversion_by_space.w: perceptual_px must be a power of two"),
        ({"prior_weight": 0.1}, {"z": {"steps": 3}}, None),
        ({}, {"z": {"prior_weight": 0.1}}, "inversion_by_space.z: prior_weight: is for codes of w, not of z"),
        ({}, {"w": {"steps": -1}}, "inversion_by_space.w.steps: Input should be greater than"),
    ],
)
def test_inversion_keys_are_checked_as_they_lie_over_each_other(
    inversion: dict[str, Any], by_space: dict[str, Any], message: str | None
) -> None:
    values = VALUES | {"inversion": inversion, "inversion_by_space": by_space}
    if message is None:
        validate(Config, values, "c")
        return
    with pytest.raises(StyleAlignError) as error:
        validate(Config, values, "c")
    assert str(error.value).startswith(f"c: {message}")


def test_an_encoder_and_a_space_that_it_does_not_know_are_refused_by_hand() -> None:
    with pytest.raises(StyleAlignError, match="settings: init: an encoder finds codes of w, w"):
        validate(InvertSettings, {"space": "z", "init": "encoder"}, "settings")


def test_the_preset_of_an_aligned_child_keeps_features_and_given_keys_win() -> None:
    settings = TrainSettings(preset="aligned64", kimg=5)
    assert (settings.kimg, settings.learning_rate, settings.keep.features.weight) == (5, 0.0025, 8)
    plain = TrainSettings(preset="aligned64", keep={})
    assert plain.keep.features.weight == 0
    both = TrainSettings(preset="aligned64-both", kimg=5).of_child()
    assert (both.discriminator, both.keep.features.weight, both.keep.layout.weight) == ("both", 24, 4)


def test_the_presets_of_aligned_children_are_how_the_bundled_ones_were_trained() -> None:
    zoo = validate(
        Config,
        yaml.safe_load((Path(__file__).parents[2] / "config" / "zoo.yaml").read_text(encoding="utf-8")),
        "zoo.yaml",
    )
    else_said = {"preset", "noise", "snapshot_kimg", "curve_kimg"}
    presets = {
        "aligned64": ["toon", "robot", "animal", "ink-features", "sketch-features"],
        "aligned64-both": ["ink", "ink-unaligned", "sketch", "sketch-unaligned"],
        "aligned64-closest": ["ink-closest", "sketch-closest"],
        "aligned64-long": ["toon-long", "robot-long"],
    }
    for name, preset in ((name, preset) for preset, names in presets.items() for name in names):
        trained, said = zoo.training_of(name), TrainSettings(preset=preset).of_child()
        assert trained.model_dump(exclude=else_said) == said.model_dump(exclude=else_said)


def test_a_child_is_held_where_its_settings_do_not_say_and_json_tells_which() -> None:
    assert TrainSettings().keep == KeepSettings()
    assert TrainSettings().of_child().keep.features.weight == 8
    for said in ({"keep": {}}, {"keep": {"rgb": {"weight": 1}}}, {"preset": "paper256"}, {"preset": "aligned64"}):
        settings = TrainSettings.model_validate(said)
        assert settings.of_child() == settings
    for settings in (TrainSettings().of_child(), TrainSettings.model_validate({"keep": {}}).of_child()):
        again = TrainSettings.model_validate_json(settings.model_dump_json()).of_child()
        assert again.keep == settings.keep
    assert "keep" not in json.loads(TrainSettings().model_dump_json())


FAMILY: dict[str, dict[str, Any]] = {
    "human": {"domain": "human", "architecture": {}},
    "other": {"domain": "human", "architecture": {}, "train": {"seed": 1}},
    "toon": {"domain": "human", "parent": "human"},
    "plain": {"domain": "human", "parent": "human", "train": {"keep": {}}},
    "plain-control": {"domain": "human", "parent": "other", "control_of": "plain"},
    "own-control": {
        "domain": "human",
        "parent": "other",
        "control_of": "plain",
        "train": {"keep": {"features": {"weight": 3}}},
    },
    "paper": {"domain": "human", "parent": "human", "train": {"preset": "paper256"}},
}


def family(train: dict[str, Any], **models: dict[str, Any]) -> Config:
    return validate(Config, {"domains": {"human": {"draw": "human"}}, "models": FAMILY | models, "train": train}, "c")


MAPPING_STAYS = {"network": "G", "components": ["mapping"], "rate": 0}
NOISE_ALONE = {"network": "G", "components": ["const+noise"], "from_px": 8, "rate": 1}


def rates(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"keep": {"rates": rows}}


def test_children_of_a_workflow_are_held_and_parents_are_not() -> None:
    def weights(config: Config) -> dict[str, float]:
        return {name: config.training_of(name).keep.features.weight for name in FAMILY}

    none = {"human": 0, "other": 0, "plain": 0, "plain-control": 0, "paper": 0, "own-control": 3}
    assert weights(family({})) == none | {"toon": 8}
    assert weights(family({"keep": {"features": {"weight": 5}}})) == none | {"toon": 5}
    assert weights(family({"keep": {}})) == none | {"toon": 0}


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ({"architecture": {}, "train": {"keep": {"rgb": {"weight": 1}}}}, "the model has none"),
        ({"parent": "human", "train": {"keep": {"rgb": {"weight": 1, "resolutions_px": [512]}}}}, "has no 512 px"),
        ({"parent": "human", "train": {"keep": {"rgb": {"resolutions_px": [8]}}}}, "give it a weight too"),
        ({"parent": "human", "train": {"keep": {"pull": {"images": 500}}}}, "keep.pull: give it a tolerance too"),
        (
            {"parent": "human", "train": rates({"network": "G", "rate": 0})},
            "keep.rates: no layer of G is left to train",
        ),
        (
            {"parent": "human", "train": rates({"network": "D", "rate": 0})},
            "keep.rates: no layer of D is left to train",
        ),
        (
            {"parent": "human", "train": rates({"network": "G", "from_px": 512, "rate": 0})},
            "new.train.keep.rates: no layer of this G fits {'network': 'G', 'from_px': 512, 'rate': 0.0}",
        ),
        (
            {"parent": "human", "train": {"freeze_d": 13, **rates({"network": "D", "to_px": 4, "rate": 0})}},
            "keep.rates: no layer of D is left to train",
        ),
        (
            {"parent": "human", "train": {"train_only": ["mapping"], **rates(MAPPING_STAYS)}},
            "keep.rates: no layer of G is left to train",
        ),
        (
            {"parent": "human", "train": {"noise": False, **rates({"network": "G", "rate": 0}, NOISE_ALONE)}},
            "new.train.keep.rates: noise strengths alone are left to train, and noise is off",
        ),
    ],
)
def test_what_a_training_cannot_keep_is_told_before_it(model: dict[str, Any], told: str) -> None:
    with pytest.raises(StyleAlignError, match=re.escape(told)):
        family({}, new={"domain": "human"} | model)


@pytest.mark.parametrize(
    "train",
    [
        rates({"network": "G", "to_px": 8, "rate": 0}),
        rates({"network": "G", "rate": 0}, NOISE_ALONE),
        {"noise": False, **rates({"network": "G", "rate": 0}, NOISE_ALONE | {"from_px": 4})},
        {"discriminator": "projected", **rates({"network": "G", "to_px": 8, "rate": 0})},
    ],
)
def test_rates_that_leave_something_to_train_are_taken(train: dict[str, Any]) -> None:
    assert family({}, new={"domain": "human", "parent": "human", "train": train}).training_of("new").keep.rates


def test_a_child_too_small_for_what_holds_it_by_default_is_told_what_to_set() -> None:
    values = {
        "domains": {"human": {"path": "pictures", "resolution_px": 8}},
        "models": {"human": {"domain": "human", "architecture": {}}, "child": {"domain": "human", "parent": "human"}},
    }
    with pytest.raises(StyleAlignError) as error:
        validate(Config, values, "c")
    keep = "{features: {weight: 8, resolutions_px: [8]}}"
    assert str(error.value) == (
        "c: models.child.train.keep.features.resolutions_px: the model has no 16 px, its images have 8; set keep: "
        + keep
    )
    values["train"] = {"keep": yaml.safe_load(keep)}
    assert validate(Config, values, "c").training_of("child").keep.features.resolutions_px == (8,)


@pytest.mark.parametrize(
    ("domain", "resolution_px", "smallest"),
    [("animal", 8, 16), ("lorelei", 16, 32), ("bottts", 8, 16), ("ink", 32, 64)],
)
def test_a_resolution_too_small_for_the_parts_is_told_before_anything_is_drawn(
    domain: str, resolution_px: int, smallest: int
) -> None:
    told = f"resolution_px: {resolution_px} is too small for the parts of {domain}; use {smallest} or more"
    with pytest.raises(StyleAlignError, match=told):
        validate(Config, changed("domains.animal", {"draw": domain, "resolution_px": resolution_px}), "c")
    validate(Config, changed("domains.animal", {"draw": domain, "resolution_px": smallest}), "c")


def test_the_smallest_resolution_of_a_style_is_that_of_its_entry() -> None:
    styles = read_styles()
    assert {name: smallest_px(name) for name in styles} == {name: entry.smallest_px for name, entry in styles.items()}
    assert {entry.smallest_px for entry in styles.values()} >= {16, 32}


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ({"keep": {"features": {"weight": 9}}}, "keep: holds a child near its parent; the model has none"),
        ({"freeze_d": 3}, "freeze_d: keeps weights of a parent; the model has none"),
        ({"train_only": ["torgb"]}, "train_only: keeps weights of a parent; the model has none"),
        ({"select": "most-aligned", "evaluate_kimg": 4}, "select: most-aligned needs a parent; the model has none"),
    ],
)
def test_what_needs_a_parent_is_of_children(own: dict[str, Any], told: str) -> None:
    """Of all models, children take it; what a model without a parent says of itself is refused."""
    scratch = {"domain": "human", "architecture": {}}
    values = changed("models.human", scratch) | {"train": own}
    config = validate(Config, values, "c")
    alone = validate(Config, values | {"train": {"evaluate_kimg": own.get("evaluate_kimg")}}, "c")
    assert config.training_of("human") == alone.training_of("human")
    assert config.training_of("animal") != alone.training_of("animal")
    with pytest.raises(StyleAlignError) as error:
        validate(Config, changed("models.human", scratch | {"train": own}), "c")
    assert str(error.value) == f"c: models.human.train.{told}"
