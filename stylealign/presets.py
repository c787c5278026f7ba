"""Named training settings: the numbers of published recipes, for `preset` in the settings and `--preset` of `train`.

`paper256`, `paper512` and `stylegan2` are recipes of Karras et al. 2020 ("Training Generative Adversarial Networks
with Limited Data", arXiv 2006.06676, appendix C) as they are used for fine-tuning: no ramp-up of the average, ADA from
0 to 1 in 100 kimg, nothing held to the parent. From scratch, set `ema_rampup: 0.05` and `ada_kimg: 500` beside them.
`avatars64` is how the bundled parents of the drawn domains were trained; `aligned64` how their bundled children are,
which keep most of the parent, as measured (docs/experiments/keeping.md). `aligned64-long` holds them a little more and
their outlines too, and trains twice as long. `aligned64-both` holds outlines too and trains against both
discriminators; `aligned64-closest` holds both three times as hard and trains twice as long.
"""

from typing import Any, Literal, NamedTuple

PresetName = Literal[
    "paper256",
    "paper512",
    "stylegan2",
    "avatars64",
    "aligned64",
    "aligned64-long",
    "aligned64-both",
    "aligned64-closest",
]


class Preset(NamedTuple):
    """Values that stand where the user gives none."""

    train: dict[str, Any]
    """Keys of `TrainSettings`."""
    architecture: dict[str, Any]
    """Keys of `ArchitectureSettings`, for a network from scratch; a child has its parent's shape."""


_FINE_TUNING: dict[str, Any] = {
    "r1_interval": 16,
    "path_length_weight": 2.0,
    "path_length_interval": 4,
    "style_mixing_probability": 0.9,
    "mapping_lr_multiplier": 0.01,
    "ema_rampup": 0.0,
    "mirror": True,
    "augment": "bgc",
    "ada_target": 0.6,
    "ada_interval": 4,
    "ada_kimg": 100.0,
    "fp16_resolutions": 4,
    "keep": {},
}
_CONFIG_F: dict[str, Any] = {"z_dim": 512, "w_dim": 512, "mapping_layers": 8, "channel_base": 32768, "channel_max": 512}

PRESETS: dict[str, Preset] = {
    "paper256": Preset(
        _FINE_TUNING
        | {"batch_size": 64, "mbstd_group_size": 8, "learning_rate": 0.0025, "r1_gamma": 1.0, "ema_kimg": 20.0},
        _CONFIG_F | {"channel_base": 16384},
    ),
    "paper512": Preset(
        _FINE_TUNING
        | {"batch_size": 64, "mbstd_group_size": 8, "learning_rate": 0.0025, "r1_gamma": 0.5, "ema_kimg": 20.0},
        _CONFIG_F,
    ),
    "stylegan2": Preset(
        _FINE_TUNING
        | {"batch_size": 32, "mbstd_group_size": 4, "learning_rate": 0.002, "r1_gamma": 10.0, "ema_kimg": 10.0},
        _CONFIG_F,
    ),
    "avatars64": Preset(
        {"batch_size": 16, "mbstd_group_size": 4, "learning_rate": 0.0025, "r1_gamma": 0.1, "ema_kimg": 10.0},
        {"z_dim": 128, "w_dim": 128, "mapping_layers": 8, "channel_base": 1024, "channel_max": 64},
    ),
    "aligned64": Preset(
        {
            "kimg": 64.0,
            "learning_rate": 0.0025,
            "r1_gamma": 0.5,
            "ema_kimg": 8.0,
            "ema_rampup": 0.0,
            "keep": {"features": {"weight": 8.0}},
        },
        {},
    ),
    "aligned64-long": Preset(
        {
            "kimg": 128.0,
            "learning_rate": 0.0025,
            "r1_gamma": 0.5,
            "ema_kimg": 8.0,
            "ema_rampup": 0.0,
            "keep": {"features": {"weight": 12.0}, "layout": {"weight": 1.0}},
        },
        {},
    ),
    "aligned64-both": Preset(
        {
            "kimg": 32.0,
            "learning_rate": 0.0025,
            "r1_gamma": 0.5,
            "ema_kimg": 4.0,
            "ema_rampup": 0.0,
            "discriminator": "both",
            "keep": {"features": {"weight": 24.0}, "layout": {"weight": 4.0}},
        },
        {},
    ),
    "aligned64-closest": Preset(
        {
            "kimg": 64.0,
            "learning_rate": 0.0025,
            "r1_gamma": 0.5,
            "ema_kimg": 4.0,
            "ema_rampup": 0.0,
            "discriminator": "both",
            "keep": {"features": {"weight": 80.0}, "layout": {"weight": 12.0}},
        },
        {},
    ),
}
