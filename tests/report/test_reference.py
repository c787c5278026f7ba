"""config/README.md says what the settings say."""

from pathlib import Path

import yaml

from stylealign.config import Config, InvertSettings
from stylealign.report.reference import config_reference

CONFIG = Path(__file__).parents[2] / "config"


def test_the_reference_is_up_to_date() -> None:
    assert (CONFIG / "README.md").read_text() == config_reference(), "run `make reference`"


def test_every_key_stands_in_it_with_default_and_meaning() -> None:
    text = config_reference()
    for name, field in InvertSettings.model_fields.items():
        assert f"| `{name}` |" in text
        assert (field.description or "no description") in text
    assert "| `steps` | integer, >= 0 | `150` |" in text


def test_the_example_in_it_is_a_valid_addition_to_the_default() -> None:
    example = yaml.safe_load(config_reference().split("```yaml\n")[1].split("```")[0])
    values = yaml.safe_load((CONFIG / "config.yaml").read_text())
    for section, added in example.items():
        values[section] |= added
    assert Config.model_validate(values).models["mine"].parent == "human"
