"""How configuration files are read: one over the other, and what a file that cannot be read is told."""

from pathlib import Path

import pytest

from stylealign.config import Config, load_config, merged, parse_yaml, read_yaml
from stylealign.errors import StyleAlignError

WHOLE = "domains: {human: {draw: human}}\nmodels: {human: {domain: human, architecture: {}}}\ntrain: {kimg: 3}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with a default configuration."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.yaml").write_text(WHOLE)
    return tmp_path


def load(root: Path, text: str, **changes: object) -> Config:
    (root / "mine.yaml").write_text(text)
    return load_config(root, root, [root / "mine.yaml"], changes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 3: 'a' stands there already, in line 1; keep one of them"),
        ("models:\n  x: {domain: a}\n  y: {domain: a}\n  x: {domain: b}\n", "line 4: 'x' stands there already, in"),
        ("a: {b: {c: 1, c: 2}}\n", "line 1: 'c' stands there already"),
        ("- a\n", "must hold keys and values"),
        ("", "must hold keys and values"),
        ("a: [1\n", "not YAML"),
    ],
)
def test_a_file_that_means_nothing_certain_is_told_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(StyleAlignError) as error:
        read_yaml(tmp_path / "c.yaml")
    assert str(error.value).startswith(f"{tmp_path / 'c.yaml'}: {message}")
    assert "\n" not in str(error.value)


def test_merged_keys_of_yaml_may_be_set_again() -> None:
    text = "a: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}\n"
    assert parse_yaml(text, "c")["b"] == {"x": 3, "y": 2}


def test_another_encoding_than_utf_8_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_bytes("# Aufnahmen\n# für später\n".encode("latin-1"))
    with pytest.raises(StyleAlignError, match=r"c.yaml: line 2 is not UTF-8; save the file in that encoding"):
        read_yaml(tmp_path / "c.yaml")


def test_a_byte_order_mark_is_no_key(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_bytes("a: 1\n".encode("utf-8-sig"))
    assert read_yaml(tmp_path / "c.yaml") == {"a": 1}


def test_a_missing_file_is_named_with_its_flag(tmp_path: Path) -> None:
    with pytest.raises(StyleAlignError, match=r"--configfile: .*nothing.yaml: No such file or directory"):
        load_config(tmp_path, tmp_path, [tmp_path / "nothing.yaml"])


def test_a_mistake_told_of_changes_names_their_flag(root: Path) -> None:
    with pytest.raises(StyleAlignError, match=r"config.yaml, --config: unknown key 'trian'"):
        load_config(root, root, [], {"trian": {}})


def test_values_go_over_others_mapping_by_mapping() -> None:
    assert merged({"a": {"b": 1, "c": [1]}, "d": None}, {"a": {"c": [2], "e": {}}, "d": {"f": 1}}) == {
        "a": {"b": 1, "c": [2], "e": {}},
        "d": {"f": 1},
    }


def test_a_file_without_domains_changes_the_default(root: Path) -> None:
    config = load(root, "train: {batch_size: 8}\n")
    assert (config.train.kimg, config.train.batch_size, list(config.domains)) == (3, 8, ["human"])


def test_a_file_with_domains_stands_alone(root: Path) -> None:
    assert load(root, WHOLE.replace("train: {kimg: 3}", "train: {batch_size: 8}")).train.kimg == 12


def test_changes_go_over_the_files_and_do_not_replace_the_default(root: Path) -> None:
    config = load(root, "train: {batch_size: 8}\n", domains={"human": {"train_images": 5}}, train={"kimg": 7})
    assert (config.domains["human"].train_images, config.train.kimg, config.train.batch_size) == (5, 7, 8)


def test_a_folder_of_a_run_has_its_own_default(root: Path) -> None:
    own = root / "runs" / "a"
    (own / "config").mkdir(parents=True)
    (own / "config" / "config.yaml").write_text(WHOLE.replace("kimg: 3", "kimg: 4"))
    assert load_config(own, root).train.kimg == 4
    assert load_config(root / "runs", root).train.kimg == 3
