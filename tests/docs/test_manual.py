"""The manual: it builds without a warning, loads nothing from elsewhere, and its examples are commands that parse."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from stylealign.cli.examples import EXAMPLES
from stylealign.cli.main import parser
from stylealign.cli.manual import verb_pages
from stylealign.cli.verbs import VERBS
from stylealign.config import Config, validate

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
LOADED = re.compile(
    r"""<(?:script|img|iframe|source|video)\b[^>]*\bsrc=["']?(?:https?:)?//|<link\b[^>]*\bhref=["']?(?:https?:)?//"""
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    return folder


def test_a_page_for_every_verb_and_every_file(site: Path):
    for verb in VERBS:
        assert (site / "verbs" / f"{verb}.html").is_file()
    for page in PAGES:
        assert (site / page.relative_to(ROOT / "docs")).with_suffix(".html").is_file()
    assert "latent_noise" in (site / "configuration.html").read_text(encoding="utf-8")


def test_pages_load_nothing_from_elsewhere(site: Path):
    pages = list(site.rglob("*.html"))
    assert pages
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not LOADED.search(text), page
        assert not re.search(r"\b(?:href|src)=[\"']?/", text), f"{page}: a link from the root, dead from disk"
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(?:https?:)?//", sheet.read_text(encoding="utf-8")), sheet


def test_no_page_stands_twice_in_the_navigation():
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    pages = re.findall(r"^ +- (?:[^\n]*: )?(\S+\.md)$", text[text.index("\nnav:") :], re.MULTILINE)
    assert len(pages) > 20
    assert sorted(pages) == sorted(set(pages))


def test_links_into_the_tree_lead_to_pages(site: Path):
    assert 'href="configuration.html"' in (site / "own-domain.html").read_text(encoding="utf-8")
    assert 'href="cluster.html"' in (site / "changelog.html").read_text(encoding="utf-8")


def test_flags_of_commands_stay_whole(site: Path):
    page = (site / "tutorials" / "photos-to-morph.html").read_text(encoding="utf-8")
    assert '<span class="flag">--resolution-px</span>' in page
    assert '<span class="flag">--resolution-px</span>' not in (site / "api.html").read_text(encoding="utf-8")


def test_the_api_is_there(site: Path):
    text = (site / "api.html").read_text(encoding="utf-8")
    for name in re.findall(r"^::: (\S+)$", (ROOT / "docs" / "api.md").read_text(encoding="utf-8"), re.MULTILINE):
        assert f'id="{name}"' in text, name


def test_examples_are_of_verbs():
    assert set(EXAMPLES) <= set(VERBS)
    for verb, lines in EXAMPLES.items():
        assert all(line.startswith(f"stylealign {verb}") for line in lines), verb


def _commands(text: str) -> list[str]:
    """Return the `stylealign` commands of a page's shell blocks, comments and continuations resolved."""
    found = []
    for block in re.findall(r"^```(?:sh|bash)?\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            first = re.split(r"\s(?:&&|\|\||;|\||>)\s", line)[0].strip()
            if first.startswith("stylealign "):
                found.append(first)
    return found


def test_commands_of_the_manual_parse():
    texts = [f"```\n{line}\n```" for lines in EXAMPLES.values() for line in lines]
    texts += [page.read_text(encoding="utf-8") for page in PAGES]
    commands = [command for text in texts for command in _commands(text)]
    assert len(commands) > 40
    whole = parser()
    for command in commands:
        words = shlex.split(command, comments=True)
        try:
            whole.parse_args(words[1:])
        except SystemExit as ended:
            if ended.code:
                pytest.fail(f"does not parse: {command}")


def test_whole_configurations_of_the_manual_are_valid():
    found = 0
    for page in PAGES:
        for block in re.findall(r"^```yaml\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            values = yaml.safe_load(block)
            if isinstance(values, dict) and {"domains", "models"} <= values.keys():
                validate(Config, values, str(page))
                found += 1
    assert found >= 2


def test_a_page_says_what_help_says():
    page = verb_pages()["invert"]
    assert "| `--model MODEL` | **Needed.** model whose generator is inverted |" in page
    assert "| `--optimizer` | " in page
    assert " Default: adam. One of adam, soap. |" in page
    assert "Default: 150." in page
    assert "stylealign invert --model" in page
