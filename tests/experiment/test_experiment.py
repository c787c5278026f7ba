"""What a configuration asks for: families, rows, tables, figures, and the files of jobs."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from stylealign.config import load_config
from stylealign.experiment import Experiment
from stylealign.experiment.translations import GUIDES, LAYER_SWAP
from stylealign.experiment.words import flags
from tests.experiment.common import FAMILY, ZOO, experiment

A = Path()


def test_a_family_is_told_apart() -> None:
    asked = experiment(A)
    assert (asked.parents, asked.children) == (["human", "animal"], ["animal", "grandchild"])
    assert asked.controls == {"unaligned": "animal"}
    assert asked.aligned_parent("unaligned") == "human", "a control is measured against the parent of its child"
    assert asked.aligned_parent("human") is None
    assert asked.family("animal") == ["animal", "unaligned"]
    assert asked.aligned_with("animal") == ["animal", "grandchild"]
    assert asked.generators_of("animal") == ["animal", "human", "unaligned"]
    assert [asked.generator_method("animal", model) for model in asked.generators_of("animal")] == [
        "child",
        "parent",
        "unaligned",
    ]
    assert [model for model in asked.models if asked.is_annotated(model)] == ["human", "other", "animal", "unaligned"]


def test_rows_are_asked_for_once_and_in_the_order_of_the_tables() -> None:
    asked = experiment(A, inversion_spaces=["z", "w+"])
    rows = asked.all_rows()
    assert len(rows) == len(set(rows))
    assert rows[:2] == ["results/metrics/generators/human/human.json", "results/metrics/generators/animal/animal.json"]
    assert "results/metrics/alignment_curve/unaligned.json" in rows
    assert "results/metrics/zero_shot/pose/animal.json" in rows
    assert "results/metrics/zero_shot/pose/grandchild.json" not in rows, "its domain has no annotations"
    assert rows[-1] == "results/metrics/references/animal/same-pose.json"
    assert asked.tables()[:4] == ["generators", "coverage", "coverage_attributes", "inversion"]


def test_a_child_of_drawn_pictures_under_a_parent_of_others_asks_for_no_zero_shot_table() -> None:
    models = "own: {domain: mine, architecture: {}}\nanimal: {domain: animal, parent: own}"
    tables = experiment(A, models).tables()
    assert "coverage" in tables
    assert not [table for table in tables if table.startswith("zero_shot")]


def test_a_parent_without_a_child_gets_the_tables_that_it_can_have() -> None:
    asked = experiment(A, "human: {domain: human, fetch: human-64-a}")
    assert asked.tables() == ["generators", "coverage", "coverage_attributes", "inversion"]
    assert asked.all_figures() == ["results/figures/samples.png"]


def test_figures_belong_to_children_with_what_they_need() -> None:
    names = [Path(figure).stem for figure in experiment(A).all_figures()]
    assert {"aligned-human", "aligned-animal", "morphing-grandchild", "zero-shot-animal", "curve-animal"} <= set(names)
    assert "zero-shot-grandchild" in names, "its parent has labels"


def test_a_way_back_to_the_domain_of_the_parents_parent_is_measured_with_its_controls() -> None:
    back = """
human: {domain: human, fetch: human-64-a}
other: {domain: human, fetch: human-64-b}
animal: {domain: animal, parent: human}
unaligned: {domain: animal, parent: other, control_of: animal}
again: {domain: human, parent: animal}
again-unaligned: {domain: human, parent: unaligned, control_of: again}
elsewhere: {domain: mine, parent: animal}
"""
    asked = experiment(A, back)
    assert asked.recovered() == ["again"], "not a grandchild of another domain, not a control"
    assert asked.recovery_models("again") == {
        "child": "again",
        "unaligned": "again-unaligned",
        "unaligned parent": "other",
    }
    assert list(asked.recovery_rows("again")) == ["human", "animal", "again", "again-unaligned", "other"]
    assert asked.recovery_inputs("again") == {
        "parent": "results/models/human/model.safetensors",
        "between": "results/models/animal/model.safetensors",
        "pose": "results/zero_shot/pose/joint-64px.safetensors",
        "parent_attributes": "results/zero_shot/attributes/human/oracle.safetensors",
        "child_attributes": "results/zero_shot/attributes/animal/oracle.safetensors",
    }
    assert "results/metrics/alignment_recovery/again.json" in asked.all_rows()
    figures = {f"results/figures/{name}.png" for name in ("recovery-again", "edits-human", "channels-animal")}
    assert figures <= set(asked.all_figures())
    assert "results/figures/channels-elsewhere.png" not in asked.all_figures(), "no network sees its parts"
    assert "alignment_recovery" not in experiment(A).tables(), "its grandchild is of a third domain"


def test_two_controls_of_a_child_have_rows_of_their_own() -> None:
    models = """
human: {domain: human, fetch: human-64-a}
other: {domain: human, fetch: human-64-b}
animal: {domain: animal, parent: human}
first: {domain: animal, parent: other, control_of: animal}
second: {domain: animal, parent: other, control_of: animal, seeds: [0, 1]}
"""
    asked = experiment(A, models)
    assert asked.control_setting("animal") == asked.control_setting("first") == asked.control_setting("human") == ""
    names = [asked.row_names(model, asked.model_method(model)) for model in ("first", "second-s0", "second-s1")]
    assert names[0] == "--parent-name human --child-name animal --method unaligned"
    assert names[1:] == [f"{names[0]} --setting second-s0", f"{names[0]} --setting second-s1"]
    assert asked.row_names("second-s0", "x", "psi 1").endswith("--setting 'psi 1, second-s0'")
    translated = asked.translation_methods("animal")
    assert translated["unaligned/z, psi 1"] == "results/translation/first/z/images.zip"
    assert translated["unaligned/z, psi 1, second-s1"] == "results/translation/second-s1/z/images.zip"
    assert {"zero-shot unaligned", "zero-shot unaligned/second-s0"} <= set(asked.zero_shot_networks("pose", "animal"))
    seeded = models.replace(
        "animal: {domain: animal, parent: human}", "animal: {domain: animal, parent: human, seeds: [0, 1]}"
    )
    seeded = seeded.replace("control_of: animal}", "control_of: animal, seeds: [0, 1]}")
    asked = experiment(A, seeded)
    assert asked.controls_of("animal-s1") == ["first-s1", "second-s1"]
    assert asked.control_setting("second-s1") == "second", "the mean over seeds is of rows of one name"


def test_recovery_and_components_are_a_few_lines_over_the_default() -> None:
    root = ZOO.parents[1]
    back, parts = (
        Experiment(load_config(root, root, [root / "config" / f"{name}.yaml"], {}), ZOO, root)
        for name in ("recovery", "components")
    )
    asked = ("score/human-again", "score/human-again-unaligned", "recovery/human-again")
    assert sorted(row for row in back.all_rows() if "human-again" in row) == sorted(
        f"results/metrics/alignment_{name}.json" for name in asked
    )
    assert back.root_input("human-again") == {"root": "results/models/human/model.safetensors"}, "a child of a child"
    assert [back.root_input(name) for name in ("robot-whole", "human-again-unaligned")] == [{}, {}]
    assert list(back.recovery_models("human-again")) == ["child", "unaligned", "unaligned parent"]
    methods = [name.partition("/")[0] for name in parts.component_rows("human")]
    trained = ["everything", "unaligned", "mapping", "affine + torgb-affine", "convolutions", "torgb + torgb-affine"]
    assert list(dict.fromkeys(methods)) == trained
    files = {*parts.component_rows("human").values()}
    own = {row for row in parts.all_rows() if row.endswith("robot-mapping.json")}
    assert own == {file for file in files if file.endswith("robot-mapping.json")}
    assert len(own) == 3, "and in no other table"


def test_a_translation_starts_from_the_codes_of_the_aligned_parent() -> None:
    asked = experiment(A)
    assert asked.translate_inputs("unaligned", "z") == {
        "codes": "results/latents/human/z/codes.npz",
        "source_model": "results/models/human/model.safetensors",
        "target_model": "results/models/unaligned/model.safetensors",
    }
    swap = asked.translate_inputs("animal", "layer-swap")
    assert swap["target_model"] == "results/translation/animal/layer-swap/model.safetensors"
    guided = asked.translate_inputs("animal", "reference-guided")
    assert guided["reference_codes"] == "results/latents/animal/w+/codes.npz"
    settings = json.loads(asked.translate_settings("reference-guided"))
    assert (settings["guide"], settings["outputs"], settings["space"]) == ("reference", 10, "w+")
    assert json.loads(asked.translate_settings("z"))["outputs"] == 1


def test_a_translation_is_made_again_for_the_keys_that_it_uses(tmp_path: Path) -> None:
    def of(**translation: Any) -> dict[str, str]:
        asked = experiment(tmp_path, translation=translation)
        return {way: asked.translate_settings(way) for way in ("z", "w+", *GUIDES, LAYER_SWAP)}

    plain = of()
    for key, value, used in (
        ("source_layers", 4, {*GUIDES}),
        ("seed", 1, {*GUIDES}),
        ("truncation_psi", 0.5, {"latent-guided", "z"}),
        ("batch_size", 8, {"z", "w+", *GUIDES, LAYER_SWAP}),
    ):
        changed = of(**{key: value})
        assert {way for way, settings in changed.items() if settings != plain[way]} == used, key


def test_the_folder_of_weights_is_a_setting_of_what_reads_weights_there(tmp_path: Path) -> None:
    def of(**values: Any) -> dict[str, str]:
        asked = experiment(tmp_path, **values)
        kinds = ("inversion", "generators", "alignment_score", "alignment_reset")
        return {kind: asked.measuring_settings(kind) for kind in kinds} | {"features": asked.features_settings()}

    plain = of()
    assert plain == of(metrics={"weights_dir": "here"}) == of(morphing={"perceptual": "lpips-vgg"})
    lpips = of(metrics={"perceptual": "lpips-vgg"})
    assert {kind for kind, settings in lpips.items() if settings != plain[kind]} == {"inversion", "alignment_score"}
    assert '"weights_dir": "data/weights"' in lpips["inversion"]


def test_methods_of_a_translation_are_named_once() -> None:
    methods = experiment(A, inversion_spaces=["z"]).translation_methods("animal")
    guides = ["latent-guided/psi 1", "reference-guided/psi 1", "layer-swap/psi 1", "random/psi 1"]
    assert list(methods) == ["z/psi 1", *guides, "unaligned/z, psi 1"]
    assert methods["unaligned/z, psi 1"] == "results/translation/unaligned/z/images.zip"


def test_the_truncation_is_told_where_z_codes_are_truncated() -> None:
    half = {"truncation_psi": 0.5}
    asked = experiment(A, translation={**half, "space": "w+"}, inversion_spaces=["z", "z+", "w", "w+"])
    ways = ("z", "z+", "w", "w+", "latent-guided", "reference-guided", "layer-swap", "random")
    told = {way for way in ways if asked.truncation(way) == "psi 0.5"}
    assert told == {"z", "z+", "latent-guided", "random"}, "the guides and the swap start from w+"
    assert {asked.truncation(way) for way in ways} == {"psi 0.5", ""}
    assert asked.truncation("z", inverted=True) == "psi 1"


def test_both_sides_of_a_comparison_are_measured_by_one_network() -> None:
    asked = experiment(A)
    ruler = {task: f"results/zero_shot/{task}/joint-64px.safetensors" for task in ("segmentation", "keypoints", "pose")}
    assert asked.measuring_networks("animal") == asked.measuring_networks("unaligned") == ruler
    assert asked.measuring_networks("grandchild") == {}, "its domain has no annotations"
    assert asked.figure_domains(64) == ["human", "animal"]
    assert asked.figure_domains(32) == []
    networks = {role: file for role, file in asked.translation_data("animal").items() if file.endswith(".safetensors")}
    assert networks == ruler


def test_the_share_is_of_children_whose_domain_differs() -> None:
    asked = experiment(A)
    expected = [f"results/features/{name}.npz" for name in ("human/train", "animal/test", "human/test")]
    assert list(asked.share_inputs("animal").values()) == expected
    assert asked.share_inputs("unaligned") == asked.share_inputs("animal"), "beside the parent of its child"
    assert asked.share_inputs("human") == {}


def test_networks_of_a_second_control_have_a_setting() -> None:
    more = "human: {domain: human, fetch: a}\nb: {domain: human, fetch: b}\nc: {domain: human, fetch: c}\n"
    more += "animal: {domain: animal, parent: human}\n"
    more += "one: {domain: animal, parent: b, control_of: animal}\ntwo: {domain: animal, parent: c, control_of: animal}"
    assert list(experiment(A, more).zero_shot_networks("pose", "animal")) == [
        "source-only",
        "zero-shot",
        "zero-shot filtered",
        "zero-shot half-way",
        "zero-shot averaged",
        "zero-shot layer-swap",
        "zero-shot unaligned",
        "zero-shot filtered unaligned",
        "zero-shot half-way unaligned",
        "zero-shot averaged unaligned",
        "zero-shot layer-swap unaligned",
        "zero-shot unaligned/two",
        "zero-shot filtered unaligned/two",
        "zero-shot half-way unaligned/two",
        "zero-shot averaged unaligned/two",
        "zero-shot layer-swap unaligned/two",
        "zero-shot shuffled",
        "oracle on generated images",
        "oracle",
    ]


def test_real_images_are_ranked_where_the_parent_knows_something_and_images_are_inverted() -> None:
    asked = experiment(A, inversion_spaces=["z", "w+"])
    assert asked.ranked() == ["animal", "grandchild"], "whatever the child's own domain knows"
    assert asked.ranking_networks("grandchild") == {
        "pose": "results/zero_shot/pose/animal/oracle.safetensors",
        "attributes": "results/zero_shot/attributes/animal/oracle.safetensors",
    }
    assert asked.ranking_codes("animal")["unaligned"] == "results/latents/unaligned/w+/codes.npz"
    assert "results/figures/ranking-grandchild.png" in asked.all_figures()
    assert experiment(A, inversion_spaces=["z"]).ranked() == []
    unlabelled = "own: {domain: mine, architecture: {}}\nanimal: {domain: animal, parent: own}"
    assert experiment(A, unlabelled).ranked() == []


def test_images_are_labelled_backwards_where_the_run_inverts_them() -> None:
    asked = experiment(A)
    assert asked.zero_shot_codes("animal") == {
        "zero-shot backwards": "results/latents/animal/w+/codes.npz",
        "zero-shot backwards unaligned": "results/latents/unaligned/w+/codes.npz",
    }
    assert {"oracle", "zero-shot backwards"} <= set(asked.zero_shot_files("pose", "animal"))
    assert not any("backwards" in row for row, _ in asked.labels_shown("animal")), "figures show networks"
    assert asked.zero_shot_files("pose", "animal")["transferred labels unaligned"].endswith(
        "unaligned/model.safetensors"
    )
    narrow = "human: {domain: human, fetch: a}\nanimal: {domain: animal, parent: human, measured: [zero_shot]}"
    assert experiment(A, narrow).zero_shot_codes("animal") == {}


def test_networks_of_several_seeds_have_their_number() -> None:
    asked = experiment(A, zero_shot={"methods": ["filtered"], "seeds": 2})
    networks = asked.zero_shot_networks("pose", "animal")
    assert list(networks)[:3] == ["source-only", "zero-shot filtered@0", "zero-shot filtered@1"]
    assert networks["zero-shot filtered@1"] == "results/zero_shot/pose/animal/filtered-1.safetensors"
    assert [row for row, _ in asked.labels_shown("animal")].count("zero-shot filtered") == 2, "two tasks, one seed"


def test_row_names_are_flags() -> None:
    asked = experiment(A)
    assert asked.row_names("human") == "--parent-name human --child-name human"
    assert asked.row_names("unaligned", "unaligned", "a b") == (
        "--parent-name human --child-name animal --method unaligned --setting 'a b'"
    )


@pytest.mark.parametrize(
    ("values", "weights"),
    [
        ({}, []),
        ({"metrics": {"features": "inception-v3"}}, ["inception-v3"]),
        ({"encoder": {"perceptual": "lpips-vgg"}}, []),
        ({"encoder": {"perceptual": "lpips-vgg"}, "inversion": {"init": "encoder"}}, ["lpips-vgg"]),
        ({"train": {"evaluate_features": "inception-v3"}}, []),
        ({"train": {"evaluate_features": "inception-v3", "evaluate_kimg": 4}}, ["inception-v3"]),
        ({"train": {"evaluate_features": "inception-v3", "keep": {"pull": {"tolerance": 0.1}}}}, ["inception-v3"]),
        ({"inversion_by_space": {"w+": {"perceptual": "lpips-alex"}}}, ["lpips-alex"]),
    ],
)
def test_weights_are_downloaded_where_a_job_asks_for_them(values: dict[str, object], weights: list[str]) -> None:
    asked = experiment(A, **values)
    assert [network for network in asked.networks() if asked.weights_of(network)] == weights
    assert asked.config.metrics.weights_dir == ("data/weights" if weights else None)


def test_what_needs_no_images_is_measured_without_them(tmp_path: Path) -> None:
    models = "human: {domain: bare, fetch: human-64-a}"
    assert not experiment(tmp_path, models, domains={"bare": {}}).all_rows()
    child = f"{models}\nchild: {{domain: bare, parent: human, fetch: toon-64}}"
    assert experiment(tmp_path, child, domains={"bare": {}}).all_rows()
    assert experiment(tmp_path, models, domains={"bare": {"draw": "human"}}).all_rows()


def test_too_few_pictures_are_told_before_the_run(tmp_path: Path) -> None:
    asked = experiment(tmp_path)
    assert experiment(tmp_path).problems() == [f"domains.mine.path: {tmp_path / 'mine'}: no such folder or zip"]
    (tmp_path / "mine" / "deep").mkdir(parents=True)
    (tmp_path / "mine" / "a.png").touch()
    (tmp_path / "mine" / ".hidden").touch()
    assert asked.problems() == [
        f"domains.mine: {tmp_path / 'mine'} holds 1 files, too few for two images; add pictures"
    ]
    (tmp_path / "mine" / "deep" / "b.png").touch()
    own = "own: {domain: mine, architecture: {}}"
    assert experiment(tmp_path, own, train={"batch_size": 1}).problems() == []
    fixed = {"mine": {"path": "mine", "train_images": 2, "test_images": 1}}
    asked = experiment(tmp_path, "own: {domain: mine, architecture: {}}", domains=fixed)
    assert asked.problems()[0].endswith("holds 2 files, too few for train_images 2 + test_images 1; add pictures")
    split = {"mine": {"path": "mine", "val_images": 1}}
    asked = experiment(tmp_path, "own: {domain: mine, architecture: {}}", domains=split)
    told = "holds 2 files, too few for 1 for training + 1 for testing + val_images 1; add pictures"
    assert asked.problems()[0].endswith(told)


def test_too_few_images_for_fid_are_told_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    for number in range(39):
        (tmp_path / "mine" / f"{number}.png").touch()
    models = "human: {domain: human, fetch: human-64-a}\nown: {domain: mine, parent: human"
    told = "domains.mine: 3 of its images are held out for testing, FID and KID need 4; set test_images: 4 or more, or"
    assert experiment(tmp_path, models + "}").problems() == [f"{told} add pictures"]
    assert experiment(tmp_path, models + ", measured: [alignment_score]}").problems() == []
    domains = {"human": {"draw": "human"}, "mine": {"path": "mine", "test_images": 4}}
    for values, key in (
        ({}, ""),
        ({"inversion": {"images": 3}}, "inversion.images"),
        ({"morphing": {"middle_images": 3}}, "morphing.middle_images"),
    ):
        few = [f"{key}: 3 is too few for FID and KID; give 4 or more"] if key else []
        assert experiment(tmp_path, models + "}", domains=domains, **values).problems() == few
    assert experiment(tmp_path, models + ", measured: [translation]}", domains=domains, **values).problems() == []


def test_fewer_images_than_a_batch_are_told_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    for number in range(16):
        (tmp_path / "mine" / f"{number}.png").touch()
    told = "domains.mine: 15 images for training are fewer than the batch_size 16 of own; add pictures, or lower"
    own = "own: {domain: mine, architecture: {}}"
    assert experiment(tmp_path, own).problems() == [f"{told} models.own.train.batch_size"]
    assert experiment(tmp_path, own, train={"batch_size": 8}).problems() == []


def test_layers_that_a_child_does_not_have_are_told_before_the_run() -> None:
    known, domains = (
        "the resolutions of animal, 4, 8, 16, 32, 64",
        {name: {"draw": name} for name in ("human", "animal")},
    )
    for values, told in (
        ({"translation": {"source_layers": 9}, "layer_swap": {"swap_px": 64}}, ""),
        ({"translation": {"source_layers": 10}}, "translation.source_layers: 10 are too many, animal has 10 layers;"),
        ({"layer_swap": {"swap_px": 128}}, f"layer_swap.swap_px: 128 is none of {known}"),
        ({"layer_swap": {"schedule": {64: 1}}}, f"layer_swap.schedule: has to name all of {known}, and no other"),
        ({"layer_swap": {"schedule": dict.fromkeys((64, 32, 16, 8, 4), 1)}}, ""),
    ):
        problems = experiment(A, FAMILY_OF_ONE, domains=domains, **values).problems()
        assert len(problems) == bool(told)
        assert all(problem.startswith(told) for problem in problems)


def test_a_data_set_that_is_nowhere_is_told_with_the_nearest_name() -> None:
    domains = {"dogs": {"fetch": "afhq-dogs"}, "cats": {"fetch": "afhq-cat"}, "other": {"fetch": "zzz"}}
    problems = experiment(Path(), "own: {domain: dogs, architecture: {}}", domains=domains).problems()
    assert len(problems) == 2
    assert problems[0].startswith("domains.dogs.fetch: no data set 'afhq-dogs' in ")
    assert problems[0].endswith("zoo.yaml; did you mean 'afhq-dog'?")
    assert problems[1].startswith("domains.other.fetch: no data set 'zzz' in ")


def test_images_of_another_size_are_told_before_the_run(tmp_path: Path) -> None:
    models = "human: {domain: human, fetch: human-64-a}\nchild: {domain: animal, parent: human}"
    sizes: dict[str, dict[str, Any]] = {"human": {"draw": "human"}, "animal": {"draw": "animal", "resolution_px": 128}}
    assert experiment(tmp_path, models, domains=sizes).problems() == [
        "models.child.parent: human is of a domain of 64 px, animal has 128 px; set the same resolution_px in both"
        " domains"
    ]
    sizes["human"]["resolution_px"] = 128
    told = "draws images of 64 px, domains.human has 128 px; set its resolution_px: 64, or fetch a model of 128 px"
    assert experiment(tmp_path, models, domains=sizes).problems() == [f"models.human.fetch: human-64-a {told}"]
    own = models.replace("human-64-a", "own.model")
    header = {"architecture": {"resolution": 64}}
    tensors = {"G_ema.mapping.w_avg": torch.zeros(8), "D.b4.out.weight": torch.zeros(1)}
    save_file(tensors, tmp_path / "own.model", metadata={"stylealign": json.dumps(header)})
    assert experiment(tmp_path, own, domains=sizes).problems() == [f"models.human.fetch: own.model {told}"]
    save_file(tensors, tmp_path / "own.model", metadata={"stylealign": "[]"})
    assert experiment(tmp_path, own, domains=sizes).problems() == [], "what is unknown is seen when it is read"


def test_a_prepared_data_set_needs_its_pictures_no_more(tmp_path: Path) -> None:
    (tmp_path / "data/prepared/mine").mkdir(parents=True)
    (tmp_path / "data/prepared/mine/train.zip").touch()
    assert experiment(tmp_path).problems() == []


def test_a_child_of_a_generator_alone_is_told_before_the_run(tmp_path: Path) -> None:
    models = (
        "human: {domain: human, fetch: human-64-a}\n"
        "robot: {domain: human, parent: human, fetch: robot-64}\n"
        "again: {domain: human, parent: robot}\n"
        "more: {domain: human, parent: human, train: {discriminator: projected}}\n"
        "from-more: {domain: human, parent: more}\n"
        "projected: {domain: human, parent: robot, train: {discriminator: projected}}\n"
        "further: {domain: human, parent: more, train: {discriminator: projected}}"
    )
    assert experiment(tmp_path, models, domains={"human": {"draw": "human"}}).problems() == [
        "models.again.parent: robot is robot-64, a generator alone; give one that the run trains, a file with D, or"
        " train with discriminator: projected",
        "models.from-more.parent: more is trained with discriminator: projected, and has no D; train from-more with"
        " discriminator: projected too",
    ]


def test_a_parents_own_file_without_a_discriminator_is_told_before_the_run(tmp_path: Path) -> None:
    models = "human: {domain: human, fetch: own.model}\nchild: {domain: human, parent: human}\n"
    projected = "other: {domain: human, parent: human, train: {discriminator: projected}}"
    asked = experiment(tmp_path, models + projected, domains={"human": {"draw": "human"}})
    told = (
        "models.child.parent: human is own.model, a generator alone; give one that the run trains, a file with D, or"
        " train with discriminator: projected"
    )
    alone = {"G_ema.mapping.w_avg": torch.zeros(8)}
    for tensors in (alone, alone | {"D.b4.out.weight": torch.zeros(1)}, {"weight": torch.zeros(1)}):
        save_file(tensors, tmp_path / "own.model", metadata={"stylealign": "{}"})
        assert asked.problems() == ([told] if tensors is alone else [])
    torch.save(alone, tmp_path / "own.model")
    assert asked.problems() == [], "what is in other formats is seen when they are read"
    (tmp_path / "own.model").unlink()
    assert asked.problems()[0].startswith("models.human.fetch: own.model: no such file")


def shipped(*names: str) -> Experiment:
    root = ZOO.parents[1]
    return Experiment(load_config(root, root, [root / "config" / name for name in names], {}), ZOO, root)


LABELS = ("config.yaml", "labels.yaml")


@pytest.mark.parametrize(
    "names",
    [
        LABELS,
        ("bundled.yaml", "seeds.yaml"),
        *((f"{name}.yaml",) for name in ("recovery", "components", "front", "ladder", "full")),
    ],
)
def test_no_shipped_configuration_trains_from_a_generator_alone(names: tuple[str, ...]) -> None:
    assert [problem for problem in shipped(*names).problems() if "a generator alone" in problem] == []


def test_a_configuration_has_the_labels_of_every_rung() -> None:
    asked, children = shipped(*LABELS), ("toon", "sketch", "robot", "ink")
    rows = {kind: set(files) for kind, files in asked.rows_by_kind().items()}
    tasks = ("segmentation", "keypoints", "pose")
    assert rows["zero_shot"] == {
        f"results/metrics/zero_shot/{task}/{child}.json" for task in tasks for child in children
    }
    assert rows["zero_shot_classification"] == {
        f"results/metrics/zero_shot_classification/{child}.json" for child in children
    }
    assert rows["references"] >= {f"results/metrics/references/{child}/same-pose.json" for child in children}
    assert all(asked.models[child].fetch for child in children), "none of them is trained"
    assert asked.problems() == []


def test_a_model_that_is_nowhere_is_told_with_the_nearest_name(tmp_path: Path) -> None:
    models = "human: {domain: human, fetch: human-64-aa}\nown: {domain: human, fetch: own.pkl}"
    asked = experiment(tmp_path, models, domains={"human": {"draw": "human"}})
    (tmp_path / "own.pkl").touch()
    assert len(asked.problems()) == 1
    assert asked.problems()[0].startswith("models.human.fetch: human-64-aa: no such file, and no such name in ")
    assert asked.problems()[0].endswith("zoo.yaml; did you mean 'human-64-a'?")


@pytest.mark.parametrize("packed", [False, True])
def test_the_numbers_of_images_follow_from_the_pictures(tmp_path: Path, packed: bool) -> None:
    names = [f"{index}.png" for index in range(30)] + [".hidden"]
    if packed:
        with zipfile.ZipFile(tmp_path / "mine", "w") as archive:
            for name in names:
                archive.writestr(name, b"")
    else:
        (tmp_path / "mine").mkdir()
        for name in names:
            (tmp_path / "mine" / name).touch()
    models = "own: {domain: mine, architecture: {}}\nchild: {domain: mine, parent: own}"
    asked = experiment(tmp_path, models, guided_outputs=2)
    assert asked.sized().domains["mine"].splits == (27, 3)
    assert asked.config.domains["mine"].train_images is None
    assert asked.random_seeds("child") == "0-5"
    split = {"mine": {"path": "mine", "val_images": 4}}
    assert experiment(tmp_path, models, domains=split).sized().domains["mine"].splits == (23, 3)


def test_a_child_without_figures_shares_no_labels_with_its_parent(tmp_path: Path) -> None:
    models = """
    human: {domain: human, fetch: human-64-a}
    hills: {domain: hills, parent: human}
    more-hills: {domain: hills, parent: hills}
    ink: {domain: ink, parent: human}
    """
    domains = {"human": {"draw": "human"}, "hills": {"draw": "landscape"}, "ink": {"draw": "ink"}}
    asked = experiment(tmp_path, models, domains=domains)
    assert not asked.is_annotated("hills")
    assert asked.is_annotated("more-hills")
    assert asked.measuring_networks("hills") == {}
    assert [asked.pair_kinds(child) for child in ("hills", "ink")] == [[], ["same-pose", "same-figure"]]


def test_drawn_pairs_are_named_by_the_domains_of_the_configuration(tmp_path: Path) -> None:
    asked = experiment(tmp_path, metrics={"pairs": 20, "seed": 3})
    assert asked.pair_kinds("animal") == ["same-pose"]
    files = asked.pair_files("animal", "same-pose")
    assert files["source_images"] == "results/pairs/human/animal/same-pose/source.zip"
    assert files["target_annotations"] == "results/pairs/human/animal/same-pose/target.annotations.npz"
    settings = json.loads(asked.pairs_of("human", "animal", "same-pose"))
    assert settings == {
        "source": "human",
        "target": "animal",
        "kind": "same-pose",
        "pairs": 20,
        "resolution_px": 64,
        "seed": 3,
    }


def test_pictures_without_figures_have_no_ruler_of_figures() -> None:
    models = "human: {domain: human, fetch: a}\nland: {domain: land, parent: human}\n"
    models += "hill: {domain: land, parent: land}\n"
    domains = {"human": {"draw": "human"}, "land": {"draw": "landscape"}, "mine": {"path": "mine"}}
    asked = experiment(A, models, domains=domains)
    assert asked.figure_domains(64) == ["human"]
    assert asked.measuring_networks("land") == asked.measuring_networks("hill") == {}


FAMILY_OF_ONE = FAMILY.replace("grandchild: {domain: mine, parent: animal}", "")
FETCHED = """
human: {domain: human, fetch: human-64-a}
other: {domain: human, fetch: human-64-b}
animal: {domain: animal, fetch: child.safetensors, parent: human}
unaligned: {domain: animal, fetch: control.safetensors, parent: other, control_of: animal}
"""


def test_a_fetched_child_is_in_every_table_but_that_of_its_training() -> None:
    trained, fetched = experiment(A, FAMILY_OF_ONE), experiment(A, FETCHED)
    assert (fetched.children, fetched.controls) == (["animal"], {"unaligned": "animal"})
    assert [table for table in trained.tables() if table not in fetched.tables()] == ["alignment_curve"]
    left_out = set(trained.all_figures()) - set(fetched.all_figures())
    assert left_out == {"results/figures/curve-animal.png"}
    assert fetched.trained == []


def test_a_trained_child_with_a_fetched_control_has_a_curve_of_its_own() -> None:
    models = FAMILY_OF_ONE.replace("parent: other, control_of", "fetch: control.safetensors, parent: other, control_of")
    asked = experiment(A, models)
    assert asked.trained_family("animal") == ["animal"]
    assert [row for row in asked.all_rows() if "curve" in row] == ["results/metrics/alignment_curve/animal.json"]
    assert "results/figures/curve-animal.png" in asked.all_figures()


def test_a_child_may_be_in_some_tables_alone_and_its_control_with_it() -> None:
    models = FAMILY_OF_ONE.replace("{domain: animal, parent: human}", CURVE_ALONE) + SECOND
    asked = experiment(A, models)
    rows = asked.rows_by_kind()
    assert [Path(row).stem for row in rows["alignment_curve"]] == ["animal", "unaligned", "second", "control"]
    assert [Path(row).stem for row in rows["morphing"]] == ["second"]
    assert not {"animal", "unaligned"} & {Path(row).stem for row in rows["coverage"] if "/test/" not in row}
    figures = [Path(figure).stem for figure in asked.all_figures()]
    assert [name for name in figures if name.endswith("-animal")] == ["curve-animal"]
    assert {"morphing-second", "translation-second", "zero-shot-second"} <= set(figures)
    assert asked.morphed() == asked.edited("human") == ["second"]


CURVE_ALONE = "{domain: animal, parent: human, measured: [alignment_curve]}"
SECOND = "\nsecond: {domain: animal, parent: human}\ncontrol: {domain: animal, parent: other, control_of: second}\n"


def test_a_kind_that_does_not_exist_is_told_before_any_job(tmp_path: Path) -> None:
    models = FAMILY_OF_ONE.replace("parent: human}", "parent: human, measured: [alignment_curv]}")
    (problem,) = experiment(tmp_path, models).problems()[1:] or experiment(tmp_path, models).problems()
    assert problem.startswith("models.animal.measured: no kind of measurement 'alignment_curv'; did you mean")


LABELLED = {"mine": {"path": "mine", "annotations": {"masks": "masks", "keypoints": "faces", "classes": {0: "ground"}}}}


def test_labels_that_are_nowhere_are_told(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    for index in range(3):
        (tmp_path / "mine" / f"{index}.png").touch()
    asked = experiment(tmp_path, "own: {domain: mine, architecture: {}}", domains=LABELLED, train={"batch_size": 2})
    assert asked.problems() == ["domains.mine.annotations.masks: masks: no such file or folder"]
    (tmp_path / "masks").mkdir()
    assert asked.problems() == []


def test_labels_are_known_by_their_content_and_change_no_model(tmp_path: Path) -> None:
    for name in ("mine", "masks"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").write_bytes(b"1")
    models = "own: {domain: mine, architecture: {}}"
    asked = experiment(tmp_path, models, domains=LABELLED)
    before = asked.identity.labels_of("mine")
    assert list(before) == ["masks", "read"]
    (tmp_path / "masks" / "a.png").write_bytes(b"2")
    again = experiment(tmp_path, models, domains=LABELLED)
    assert again.identity.labels_of("mine") != before
    plain = experiment(tmp_path, models, domains={"mine": {"path": "mine"}})
    assert plain.identity.run_dir("own") == again.identity.run_dir("own") == asked.identity.run_dir("own")
    assert plain.identity.settings_of("mine") == again.identity.settings_of("mine"), "nor an image"
    assert json.loads(again.identity.label_settings_of("mine"))["annotations"]["masks"] == "masks"
    assert "fit" not in plain.identity.settings_of("mine")


OWN_LABELS = {
    "people": {"path": "a", "annotations": {"masks": "masks", "keypoints": "points.csv"}},
    "cats": {"path": "b", "annotations": {"masks": "masks"}},
    "bare": {"path": "c"},
}
OF_PEOPLE = """
people: {domain: people, architecture: {}}
other: {domain: people, architecture: {}, train: {seed: 1}}
cats: {domain: cats, parent: people}
cats-unaligned: {domain: cats, parent: other, control_of: cats}
bare: {domain: bare, parent: people}
"""


def test_a_domains_tasks_are_what_it_has() -> None:
    asked = experiment(Path(), OF_PEOPLE, domains=OWN_LABELS)
    assert asked.zero_shot_tasks("cats") == asked.zero_shot_tasks("bare") == ["segmentation", "keypoints"]
    rows = [row.removeprefix("results/metrics/zero_shot/") for row in asked.rows_by_kind()["zero_shot"]]
    assert rows == [
        "segmentation/cats.json",
        "labeller/segmentation/people.json",
        "labeller/keypoints/people.json",
    ]
    filled = [table for table in asked.tables() if table.startswith("zero_shot")]
    assert filled == ["zero_shot_segmentation", "zero_shot_keypoints", "zero_shot_costs"], (
        "no number is known of any picture"
    )


def test_a_method_is_chosen_where_the_childs_domain_has_labelled_validation_images() -> None:
    def inputs(**domain: object) -> dict[str, str]:
        domains = {**OWN_LABELS, "cats": OWN_LABELS["cats"] | domain}
        return experiment(Path(), OF_PEOPLE, domains=domains).validation_inputs("cats")

    files = {
        name: f"data/prepared/cats/val.{end}"
        for name, end in (("val_data", "zip"), ("val_annotations", "annotations.npz"))
    }
    assert inputs(val_images=4) == files
    assert inputs() == inputs(val_images=4, annotations=None) == {}
    drawn = experiment(Path())
    assert list(drawn.validation_inputs("animal")) == list(files)


def test_labelled_domains_without_validation_images_are_noted() -> None:
    def notes(models: str = OF_PEOPLE, **domain: object) -> list[str]:
        domains = {**OWN_LABELS, "cats": {"path": "b", "annotations": {"masks": "masks"}} | domain}
        told = experiment(Path(), models, domains=domains).notes()
        return [one for one in told if one.startswith("no row")]

    told = "no row 'zero-shot best' for cats: without validation images no method can be chosen"
    assert notes() == [f"{told}; set domains.cats.val_images"]
    assert notes(path=None, fetch="afhq-cat") == notes(annotations={"masks": "masks", "attributes": "a.csv"}) == notes()
    assert notes(val_images=4) == notes(annotations=None) == [], "of bare there are no labels"
    assert notes(OF_PEOPLE.replace("parent: people}", "parent: people, measured: [generators]}")) == []
    assert notes(annotations={"values": "v.csv"}) == [], "the parent has no numbers"
    assert all("no row" not in told for told in experiment(Path()).notes()), "drawn domains have such images"
    everyone = {name: {"path": name, "annotations": {"attributes": "a.csv"}} for name in ("people", "cats", "bare")}
    (told,) = experiment(Path(), OF_PEOPLE, domains=everyone).notes()
    assert "for bare, cats: " in told and told.endswith("set domains.bare.val_images, domains.cats.val_images")


def test_what_no_carried_label_is_tested_with_is_noted() -> None:
    def notes(**labels: object) -> list[str]:
        domains = OWN_LABELS | {"cats": {"path": "b", "annotations": labels, "val_images": 4}}
        return experiment(Path(), OF_PEOPLE, domains=domains).notes()

    def untested(domain: str, tasks: str) -> str:
        told = f"no test of carried labels in {domain}: it has no labels of {tasks}; what its network says is in"
        return f"{told} results/zero_shot, the tables have what people's says of its own pictures"

    bare = untested("bare", "segmentation, keypoints")
    assert notes(masks="m", keypoints="p.csv") == [bare]
    assert notes(masks="m") == [untested("cats", "keypoints"), bare]
    useless = "labels of cats that nothing is tested with: pose, as people has none"
    assert notes(values="v.csv") == [untested("cats", "segmentation, keypoints"), bare, useless]
    lacking = experiment(Path(), OF_PEOPLE, domains={name: {"path": name} for name in OWN_LABELS}).notes()
    told = "no zero-shot rows for cats, bare: people has no labels to carry over; set domains.people.annotations"
    assert lacking == [f"{told} or labellers"]


def test_labels_of_a_published_set_are_labels_as_of_ones_own_pictures(tmp_path: Path) -> None:
    labels = {"attributes": "labels.csv"}
    domains = {"human": {"draw": "human"}, "dogs": {"fetch": "afhq-dog", "annotations": labels}}
    models = "dogs: {domain: dogs, architecture: {}}\nchild: {domain: human, parent: dogs}"
    asked = experiment(tmp_path, models, domains=domains)
    assert asked.has_labels("attributes", "dogs") and asked.labels_of("dogs") == ("attributes",)
    assert any("domains.dogs.annotations.attributes: labels.csv: no such file" in told for told in asked.problems())
    before = asked.identity.data_of("dogs")
    (tmp_path / "labels.csv").write_text("image,old\n1.png,yes")
    assert asked.identity.data_of("dogs") == before, "labels change no image"
    assert asked.identity.labels_of("dogs")["attributes"]


def test_numbers_alone_are_regressed_on_codes_too(tmp_path: Path) -> None:
    domains = {name: {"path": name, "annotations": {"values": f"{name}.csv"}} for name in ("people", "cats")}
    asked = experiment(tmp_path, OF_PEOPLE, domains={**domains, "bare": {"path": "c"}})
    rows = asked.rows_by_kind()["zero_shot_classification"]
    assert rows == ["results/metrics/zero_shot_classification/numbers/cats.json"], "of bare, nothing is known"
    assert list(asked.classification_files("cats")) == ["latent boundary", "latent boundary unaligned"]
    assert "zero_shot_regression" in asked.tables() and "zero_shot_classification" not in asked.tables()


def test_where_the_childs_domain_has_no_labels_its_images_are_labelled_all_the_same() -> None:
    asked = experiment(Path(), OF_PEOPLE, domains=OWN_LABELS)
    tested, untested = (list(asked.zero_shot_networks(task, "cats")) for task in ("segmentation", "keypoints"))
    assert {"oracle", "zero-shot unaligned"} <= set(tested)
    assert untested == ["source-only", "zero-shot"], "of several ways none could be told to be the best"
    assert asked.labels_of_test("cats") and not asked.labels_of_test("bare")
    assert {network for _, network in asked.labels_shown("bare")} >= {
        "results/zero_shot/keypoints/bare/untested.safetensors"
    }
    assert "results/figures/zero-shot-bare.png" in asked.all_figures()


def test_classes_of_ones_own_have_one_colour_in_all_figures() -> None:
    asked = experiment(Path(), OF_PEOPLE, domains=OWN_LABELS)
    assert asked.classes_shown() == [f"data/prepared/{name}/test.annotations.npz" for name in ("people", "cats")]
    assert experiment(Path()).classes_shown() == [], "drawn ones have theirs by their names"


def test_the_labels_of_unlabelled_pictures_are_saved() -> None:
    asked = experiment(Path(), OF_PEOPLE, domains=OWN_LABELS)
    assert asked.predicted() == [
        "results/zero_shot/keypoints/cats/predictions",
        "results/zero_shot/segmentation/bare/predictions",
        "results/zero_shot/keypoints/bare/predictions",
    ]
    assert asked.predicting_network("keypoints", "bare") == "results/zero_shot/keypoints/bare/untested.safetensors"
    assert (asked.config.labels.images, asked.config.untested_labels.images) == (4000, 2000)
    more = experiment(Path(), OF_PEOPLE, domains=OWN_LABELS, labels={"images": 5000})
    assert more.config.untested_labels.images == 5000, "what is set holds"


def test_a_child_of_a_drawn_parent_gets_the_parents_labels() -> None:
    asked = experiment(Path(), "human: {domain: human, fetch: human-64-a}\nmine: {domain: mine, parent: human}")
    assert asked.zero_shot_tasks("mine") == ["segmentation", "keypoints", "pose"]
    assert not asked.is_tested("pose", "mine")
    reverse = experiment(Path(), "mine: {domain: mine, architecture: {}}\nhuman: {domain: human, parent: mine}")
    assert reverse.zero_shot_tasks("human") == []


def test_shared_classes_are_a_setting_of_the_zero_shot_tables() -> None:
    asked = experiment(Path(), labels={"classes": {"hair": "top"}})
    assert '"classes": {"hair": "top"}' in asked.measuring_settings("zero_shot")
    assert "classes" not in asked.measuring_settings("generators")
    assert '"classes": null' in asked.measuring_settings("zero_shot", task="pose"), "poses have no classes"
    assert flags(**asked.other_classes("segmentation")) == "--other-classes", "of the other children, too"
    assert asked.other_classes("pose") == experiment(Path()).other_classes("segmentation") == {}
    assert flags(a=True, b=False, c=None, d_e="x y") == "--a --d-e 'x y'"


def test_classification_has_codes_where_both_were_inverted() -> None:
    asked = experiment(A, inversion_spaces=["z", "w+"])
    networks = asked.classification_networks("animal")
    assert networks["source-only"] == "results/zero_shot/attributes/human/oracle.safetensors"
    assert networks["zero-shot unaligned"] == "results/zero_shot/attributes/unaligned/student-0.safetensors"
    assert {"zero-shot shuffled", "oracle on generated images", "oracle"} <= set(networks), "bounds, as other tables"
    files = asked.classification_files("animal")
    assert files["latent boundary"] == "results/latents/animal/w+/codes.npz"
    assert files["latent boundary unaligned"] == "results/latents/unaligned/w+/codes.npz"
    assert asked.classification_inputs("animal")["parent_codes"] == "results/latents/human/w+/codes.npz"
    assert asked.classification_networks("grandchild") == {}, "its domain has no labels"
    without = experiment(A, inversion_spaces=["z"])
    assert set(without.classification_inputs("animal")) == {"data", "annotations", "val_data", "val_annotations"}
    assert not any("latent" in name for name in without.classification_files("animal"))
    seeds = experiment(A, zero_shot={"methods": ["filtered"], "seeds": 2}).classification_networks("animal")
    assert list(seeds)[:3] == ["source-only", "zero-shot filtered@0", "zero-shot filtered@1"]


def test_names_of_classes_that_the_prepared_labels_were_made_with_need_not_be_there(tmp_path: Path) -> None:
    labels = {"masks": "masks", "classes": "classes.yaml"}
    models = "own: {domain: mine, architecture: {}}"
    asked = experiment(tmp_path, models, domains={"mine": {"path": "mine", "annotations": labels}})
    assert any("annotations.masks: masks: no such file or folder" in told for told in asked.problems())
    prepared = tmp_path / "data" / "prepared" / "mine"
    prepared.mkdir(parents=True)
    (prepared / "train.annotations.npz").write_bytes(b"made")
    (prepared / "annotations.json").write_text(json.dumps(labels))
    assert not [told for told in asked.problems() if "annotations" in told]
