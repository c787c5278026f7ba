"""Costs of jobs, their sums, and the time they take side by side."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.training import CASES
from stylealign.cli.plan import reason
from stylealign.config import ArchitectureSettings, Config, InvertSettings, TrainSettings
from stylealign.config.keeping import KeepSettings
from stylealign.planning.chain import chain_words, longest_chain
from stylealign.planning.costs import Costs, rules
from stylealign.planning.plan import REST, Job, _stage_of, as_json, as_text, make_plan, wall_s
from stylealign.training.alignment import NETWORK
from stylealign.work.cost import Cost, ModelWork, measured_images, steps_kept
from stylealign.work.rates import CARD, interpolated, load_rates, parameters, perceptual_s, slow_down, synthesis_gmac

CONFIG = Path(__file__).parents[2] / "config"
CONFIG_F = ArchitectureSettings(z_dim=512, w_dim=512, channel_base=32768, channel_max=512)


def costs(name: str = "config.yaml", card: str = CARD, **changes: Any) -> Costs:
    values = yaml.safe_load((CONFIG / name).read_text()) | changes
    return Costs(Config.model_validate(values), lambda kind, name: None if name == "mega" else 100.0, card=card)


def job(rule: str, gpu: int = 0, inputs: list[str] | None = None, output: str = "", **wildcards: str) -> Job:
    return Job(rule, wildcards, 1, gpu, inputs or [], [output or f"{rule}-{'-'.join(wildcards.values())}"])


def test_the_shape_of_published_networks_gives_their_known_size() -> None:
    assert parameters(CONFIG_F, 1024) == pytest.approx(30.0e6, rel=0.02), "config-f at 1024 px: 30 million parameters"
    assert synthesis_gmac(CONFIG_F, 1024) == pytest.approx(74.3, rel=0.01)


def test_a_line_in_logarithms_goes_through_its_points_and_on() -> None:
    points = {1: 2.0, 4: 8.0, 16: 8.0}
    assert [interpolated(points, at) for at in (1, 2, 4, 8, 0.5)] == pytest.approx([2, 4, 8, 8, 1])


def test_the_network_that_was_measured_has_no_slow_down() -> None:
    assert slow_down(ArchitectureSettings(), 64) == pytest.approx(1, rel=0.01)
    assert slow_down(CONFIG_F, 512) > 100


@pytest.mark.parametrize(("px", "base", "measured"), [(128, 1024, 1.88), (128, 2048, 3.25), (256, 1024, 4.05)])
def test_narrow_networks_wait_for_more_pixels(px: int, base: int, measured: float) -> None:
    assert slow_down(ArchitectureSettings(channel_base=base), px) == pytest.approx(measured, rel=0.15)


def test_training_takes_images_over_rate() -> None:
    cost = costs(train={"kimg": 16, "keep": {}}).of("train_child", {"model": "toon"})
    assert cost.train_s == pytest.approx(16000 / load_rates().cpu.train_images_per_s, rel=0.02)
    longer = costs(train={"kimg": 32, "keep": {}}).of("train_child", {"model": "toon"})
    assert longer.train_s == pytest.approx(2 * cost.train_s)


def test_published_figures_are_used_where_they_stand() -> None:
    cost = costs("paper.yaml").of("train_child", {"model": "dog"})
    assert cost.train_gpu_s == pytest.approx(240 * load_rates().gpus["v100"].train_s_per_kimg[512])
    measured = costs("paper.yaml", card="h200").of("train_child", {"model": "dog"})
    assert measured.train_gpu_s == pytest.approx(240 * load_rates().gpus["h200"].train_s_per_kimg[512])


def kept_row(run: str, **cells: str) -> dict[str, Any]:
    """Return the one row of a run in benchmarks/results/ with these cells."""
    path = Path(__file__).parents[2] / "benchmarks" / "results" / f"{run}.json"
    (row,) = (row for row in json.loads(path.read_text())["rows"] if cells.items() <= row.items())
    assert "error" not in row
    return row  # type: ignore[no-any-return]


@pytest.mark.parametrize("card", load_rates().gpus)
def test_rates_of_a_card_are_those_of_the_kept_tables(card: str) -> None:
    rates = load_rates().gpus[card]
    if rates.is_published:
        assert not rates.kept
        assert not rates.not_kept
        return
    assert sorted([*rates.kept, *rates.not_kept]) == sorted(rates.train_s_per_kimg), "each is in one of the two"
    for px, (run, case, form, precision) in rates.kept.items():
        assert run.startswith(f"nvidia-{card}-")
        assert CASES[case][0] == px
        row = kept_row(run, part="step", case=case, form=form, precision=precision)
        assert float(f"{row['s_per_kimg']:.3g}") == rates.train_s_per_kimg[px]


def test_an_inversion_on_the_measured_card_takes_what_was_measured() -> None:
    """At 512 px, batch 16, with the default perceptual network."""
    row = kept_row("nvidia-h200-2026-11-27-1443", part="inversion", case="512 px, batch 16", form="kernels")
    found, cpu, settings = ModelWork(CONFIG_F, 512, "h200"), load_rates().cpu, InvertSettings()
    passes = found.passes(1000 * cpu.inversion_synthesis_passes)
    network_s = 1000 * cpu.inversion_perceptual_passes * perceptual_s(settings.perceptual, settings.perceptual_px)
    cost = Cost(network_s=network_s, **passes)
    assert cost.gpu_s("h200") - Cost().gpu_s("h200") == pytest.approx(row["values"]["ms_per_image_step"], rel=0.02)


@pytest.mark.parametrize("name", list(load_rates().cpu.keep_share_of_step))
def test_what_keeps_a_child_aligned_costs_as_long_as_it_has_a_weight(name: str) -> None:
    more = load_rates().cpu.keep_share_of_step[name]
    plain = costs(train={"kimg": 16, "keep": {}}).of("train_child", {"model": "toon"})
    for keep, share in (
        ({"weight": 1}, 1.0),
        ({"weight": 1, "fade_out_kimg": 4}, 0.25),
        ({"weight": 1, "fade_out_kimg": 99}, 1.0),
        ({"weight": 0}, 0.0),
    ):
        kept = costs(train={"kimg": 16, "keep": {name: keep}}).of("train_child", {"model": "toon"})
        assert kept.train_s == pytest.approx(plain.train_s * (1 + share * more))
        assert kept.train_gpu_s == pytest.approx(plain.train_gpu_s * (1 + share * more))


@pytest.mark.parametrize(
    ("px", "base", "most", "projected", "both"),
    [(64, 1024, 64, 1.40, 2.17), (128, 1024, 64, 2.55, 3.29), (128, 4096, 128, 0.78, 1.47)],
)
def test_another_discriminator_costs_what_was_measured_at_a_size(
    px: int, base: int, most: int, projected: float, both: float
) -> None:
    model = ModelWork(ArchitectureSettings(channel_base=base, channel_max=most), px)
    assert steps_kept(TrainSettings(), model) == 1
    for kind, measured in (("projected", projected), ("both", both)):
        found = steps_kept(TrainSettings.model_validate({"discriminator": kind}), model)
        assert found == pytest.approx(measured, rel=0.1), kind


def test_every_way_to_keep_with_a_weight_has_a_cost() -> None:
    settings = TrainSettings().keep
    weighted = {name for name in KeepSettings.model_fields if hasattr(getattr(settings, name), "weight")}
    assert weighted - {"patches"} == set(load_rates().cpu.keep_share_of_step), "patches: a head, counted as nothing"


def test_a_training_that_measures_costs_what_it_draws_and_looks_at() -> None:
    def cost(**train: Any) -> Cost:
        return costs(train={"kimg": 16, "keep": {}} | train).of("train_child", {"model": "toon-short"})

    plain, evaluated = cost(), cost(evaluate_kimg=5, evaluate_images=500)
    assert plain.network_s == plain.synthesis_s == 0
    assert evaluated.train_s == plain.train_s
    assert measured_images(TrainSettings(kimg=16, evaluate_kimg=5, evaluate_images=500), 64) == [500] * 4
    of_pull = {"pull": {"tolerance": 0.1, "images": 300}}
    tries = 1 + 2 * 6  # two shares, of the mapping network and five resolutions
    assert measured_images(TrainSettings.model_validate({"keep": of_pull}), 64) == [300] * tries
    pulled = cost(keep=of_pull, alignment_latents=None)
    assert pulled.synthesis_s == pytest.approx(evaluated.synthesis_s * 300 * tries / 2000)
    looked_at, trained_on = 300 * tries, 2048
    assert pulled.network_s / evaluated.network_s == pytest.approx((looked_at + trained_on) / (2000 + trained_on))
    scored = cost(keep=of_pull, alignment_latents=32)  # and as many steps, from half of them there and back
    assert scored.synthesis_s - pulled.synthesis_s == pytest.approx(pulled.synthesis_s * 64 / looked_at)
    assert scored.network_s - pulled.network_s == pytest.approx(64 * perceptual_s(NETWORK, 64))
    both = cost(keep=of_pull, alignment_latents=None, evaluate_kimg=5, evaluate_images=500)
    assert both.network_s == pytest.approx(pulled.network_s + evaluated.network_s), "the real images for each number"
    assert pulled.host_s / evaluated.host_s == pytest.approx(tries / 4)


def test_more_steps_images_and_pixels_cost_more() -> None:
    default, paper = costs(), costs("paper.yaml")
    invert = {"model": "human", "space": "w+"}
    few, more = (costs(inversion={"images": images, "steps": steps}) for images, steps in ((32, 150), (64, 300)))
    assert more.of("invert", invert).cpu_s() > 3 * few.of("invert", invert).cpu_s()
    assert paper.of("train_child", {"model": "church"}).memory_mb > 10000, "50,000 images of 256 px in memory"
    assert paper.is_large({"model": "dog"})
    assert not default.is_large({"model": "toon"})


def test_every_measured_rule_has_a_cost_and_another_is_said_to_be_unknown() -> None:
    assert costs().of("figure_samples", {}).is_known
    assert not costs().of("somebody_elses", {"model": "toon"}).is_known


def test_every_job_but_figures_and_tables_has_a_stage() -> None:
    rest = {rule for rule in rules() if _stage_of(rule) == REST}
    named = {"front", "report_page", "tables", "wide_tables"}
    assert {rule for rule in rest if not rule.startswith("figure_")} == named


def test_large_images_are_for_a_gpu_where_there_is_one() -> None:
    dog = [job("train_child", gpu=1, model="dog")]
    for gpus, is_used in ((1, True), (0, False)):
        stage = make_plan(dog, costs("paper.yaml"), cores=2, gpus=gpus).stages["children"]
        assert (stage.gpu_h > 0, stage.cpu_h > 0) == (is_used, not is_used)


def test_the_joint_network_learns_from_the_figures_that_models_draw() -> None:
    joint = {"task": "pose", "px": "64"}
    domains = yaml.safe_load((CONFIG / "config.yaml").read_text())["domains"]
    more = {"unused": {"draw": "ink"}, "views": {"draw": "landscape"}, "mine": {"path": "mine"}}
    assert costs(domains=domains | more).of("supervise_joint", joint) == costs().of("supervise_joint", joint)


def test_a_plan_adds_up_and_says_where_its_numbers_come_from() -> None:
    jobs = [job("train_child", gpu=1, model="toon"), job("tables"), job("somebody_elses")]
    long = costs(train={"kimg": 80, "evaluate_kimg": 20, "keep": {}})
    plan = make_plan(jobs, long, cores=2, gpus=1)
    assert plan.total().jobs == 3
    cost = long.of("train_child", {"model": "toon"})
    assert plan.stages["children"].cpu_h * 3600 == pytest.approx(cost.cpu_s())
    assert cost.cpu_s() / 2 < cost.cpu_s(threads=8) < cost.cpu_s(threads=2) < cost.cpu_s()
    assert plan.stages["children"].gpu_h == 0, "64 px run on the CPU"
    assert plan.stages[REST].sources == {"measured", "unknown"}
    text = as_text(plan)
    assert "With 2 cores: about 27 minutes in all." in text
    assert "unknown: no rate was measured" in text
    assert as_json(plan)["total"]["jobs"] == 3
    on_gpu = make_plan(jobs, costs(), cores=2, gpus=1, device="gpu")
    assert on_gpu.stages["children"].cpu_h == 0 < on_gpu.stages["children"].gpu_h
    assert on_gpu.stages["children"].sources == {"estimate"}, "nobody published a figure for 64 px"
    dog = make_plan([job("train_child", gpu=1, model="dog")], costs("paper.yaml"), cores=2, gpus=1)
    assert dog.stages["children"].sources == {"published"}
    assert "published: StyleGAN2-ADA's figures for one NVIDIA V100" in as_text(dog)
    both = costs("paper.yaml", train={"discriminator": "both"})
    not_published = make_plan([job("train_child", gpu=1, model="dog")], both, cores=2, gpus=1)
    assert not_published.stages["children"].sources == {"estimate"}
    h200 = make_plan([job("train_child", gpu=1, model="dog")], costs("paper.yaml", card="h200"), cores=2, gpus=1)
    assert h200.stages["children"].sources == {"card"}
    assert h200.stages["children"].gpu_h < dog.stages["children"].gpu_h / 10
    assert "card: measured with this program on one NVIDIA H200" in as_text(h200)
    assert as_json(h200)["card"] == "h200"


def test_a_shared_archive_is_downloaded_once_and_unknown_sizes_are_marked() -> None:
    paper = costs("paper.yaml")
    shared = Costs(paper.config, paper.download_mb, archive=lambda name: name.split("-")[0])
    jobs = [job("fetch_domain", domain=name) for name in ("dog", "cat", "wild", "mega")]
    data = make_plan(jobs, shared, 1, 1).stages["data"]
    assert (data.download_mb, data.unknown_downloads) == (100.0, 1)
    assert "+: and archives of unknown size." in as_text(make_plan(jobs, shared, 1, 1))


def test_jobs_wait_for_their_inputs_cores_and_gpus() -> None:
    chain = [job("a", output="x"), job("b", inputs=["x"], output="y"), job("c"), job("d")]
    seconds = [3.0, 4.0, 1.0, 1.0]
    assert wall_s(chain, seconds, [False] * 4, cores=2, gpus=1) == 7
    assert wall_s(chain, seconds, [False] * 4, cores=1, gpus=1) == 9
    assert wall_s(chain[2:], [5.0, 5.0], [True, True], cores=8, gpus=1) == 10
    assert wall_s(chain[2:], [5.0, 5.0], [True, True], cores=8, gpus=2) == 5


def test_the_longest_chain_is_what_more_cores_do_not_shorten() -> None:
    needs: list[set[int]] = [set(), {0}, {0}, {1, 2}, set()]
    assert longest_chain(needs, [1.0, 5.0, 2.0, 1.0, 6.0]) == [0, 1, 3]
    assert longest_chain(needs, [1.0, 1.0, 2.0, 1.0, 6.0]) == [4]
    assert longest_chain([], []) == []
    assert chain_words(["a", "b", "c", "d"], ["1 s", "2 s", "0 s", "9 min"], [1.0, 200.0, 0.1, 540.0]) == (
        "... > b (2 s) > ... > d (9 min)"
    )


def test_a_plan_names_its_longest_chain() -> None:
    jobs = [
        job("draw_domain", output="x", domain="toon"),
        job("train_child", inputs=["x"], output="y", model="toon"),
        job("tables"),
    ]
    plan = make_plan(jobs, costs(train={"kimg": 80, "evaluate_kimg": 20, "keep": {}}), cores=64, gpus=1)
    assert [name for name, _ in plan.chain] == ["draw_domain toon", "train_child toon"]
    assert plan.chain_s == pytest.approx(plan.wall_s)
    line = next(line for line in as_text(plan).splitlines() if line.startswith("Longest chain"))
    assert line.index("draw_domain toon (") < line.index("> train_child toon (")
    assert [one["job"] for one in as_json(plan)["longest_chain"]] == ["draw_domain toon", "train_child toon"]
    assert "Longest chain" not in as_text(make_plan(jobs[2:], costs(), cores=1, gpus=1))


def test_a_gpu_takes_over_what_it_can() -> None:
    cost = Cost(host_s=10, train_s=1000, train_gpu_s=10, network_s=500)
    assert cost.cpu_s() == pytest.approx(1510 + load_rates().cpu.start_s)
    assert cost.gpu_s() < 60


@pytest.mark.parametrize(
    ("out", "told", "why"),
    [
        ("", "Using workflow specific profile X for\nsnakemake: c.yaml: unknown key 'a'\n", "c.yaml: unknown key 'a'"),
        (
            "Building DAG of jobs...\nMissingInputException in rule a:\n    photos\n",
            "Using workflow specific profile X\n",
            "MissingInputException in rule a: photos",
        ),
        (
            "",
            "Traceback (most recent call last):\n  File x\n\nPermissionError: no\n",
            "PermissionError",
        ),
        ("", "Using workflow specific profile X\n", "it said nothing"),
    ],
)
def test_why_snakemake_failed_is_told_in_its_own_words(out: str, told: str, why: str) -> None:
    assert reason(out, told).startswith(why)
    assert "\n" not in reason(out, told)
