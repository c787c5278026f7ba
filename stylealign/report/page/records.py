"""Records of the report page: protocols, files and their hashes, models, run times, versions."""

import csv
import dataclasses
import json
import platform
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from stylealign.config import Config
from stylealign.errors import StyleAlignError
from stylealign.files import sha256_of_file
from stylealign.measurements.rows import Row
from stylealign.report.page.words import stage_text
from stylealign.work.durations import duration

SHORT = 12
"""Characters shown of a hash."""

_NOT_A_TEXT = {"version", "verb"}


@dataclasses.dataclass(frozen=True)
class Measurement:
    """One file of rows: what it measured, on how many images, the hashes of its inputs by role, and its anchor."""

    path: str
    methods: str
    subject: str
    counts: str
    seed: int | None
    inputs: tuple[tuple[str, str], ...]
    place: str


@dataclasses.dataclass(frozen=True)
class Protocol:
    """What several measurements have in common: command, texts of the protocol, settings."""

    table: str
    command: str
    texts: tuple[tuple[str, str], ...]
    settings: tuple[tuple[str, str], ...]
    measurements: tuple[Measurement, ...]
    is_first: bool

    @property
    def about(self) -> str:
        """Return which methods the record is about."""
        return ", ".join(dict.fromkeys(file.methods for file in self.measurements))


@dataclasses.dataclass(frozen=True)
class Artifact:
    """A file that others are made from."""

    path: str
    size_bytes: int
    sha256: str

    @property
    def name(self) -> str:
        """Return folder and file name, enough to tell it from others."""
        return "/".join(Path(self.path).parts[-2:])


@dataclasses.dataclass(frozen=True)
class Model:
    """A model of the configuration, with its depth below the parent it comes from."""

    name: str
    depth: int
    role: str
    domain: str
    training: str


@dataclasses.dataclass(frozen=True)
class Stage:
    """The jobs of one rule."""

    name: str
    meaning: str
    jobs: int
    total_s: float
    longest_s: float
    longest: str
    peak_mb: float | None


def places(files: Sequence[tuple[str, Sequence[Row], Mapping[str, Any]]]) -> dict[Row, str]:
    """Return the anchor of the record of each row: a record is of one file and one table."""
    return {row: _place(number, row.table) for number, (_, rows, _) in enumerate(files) for row in rows}


def _place(file: int, table: str) -> str:
    return f"rows-{file}-{table}"


def protocols(files: Sequence[tuple[str, Sequence[Row], Mapping[str, Any]]]) -> list[Protocol]:
    """Return the protocol records of files of rows: path, rows and provenance of each.

    Files of one table with the same command, texts and settings share a record.
    """
    groups: dict[tuple[Any, ...], list[Measurement]] = {}
    for number, (path, rows, provenance) in enumerate(files):
        command = f"stylealign {provenance.get('verb', '')}, version {provenance.get('verb_version', '?')}"
        command += f" (package {provenance.get('version', '?')})"
        for table in dict.fromkeys(row.table for row in rows):
            key = (table, command, _texts(provenance), _settings(provenance))
            own = [row for row in rows if row.table == table]
            groups.setdefault(key, []).append(_measurement(path, own, provenance, _place(number, table)))
    tables = [key[0] for key in groups]
    return [
        Protocol(table, command, texts, settings, tuple(found), tables.index(table) == place)
        for place, ((table, command, texts, settings), found) in enumerate(groups.items())
    ]


def _texts(provenance: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the sentences of a protocol, and how a measured network was trained."""
    texts = {key: text for key, text in provenance.items() if isinstance(text, str) and key not in _NOT_A_TEXT}
    for method, network in provenance.get("networks", {}).items():
        facts = {key: value for key, value in network.items() if key not in ("inputs_sha256", "version")}
        texts[f"network of {method}"] = ", ".join(f"{key} {_plain(value)}" for key, value in facts.items())
    return tuple(sorted(texts.items(), key=lambda item: (item[0] != "protocol", item[0])))


def _settings(provenance: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((key, _plain(value)) for key, value in provenance.get("settings", {}).items() if value is not None)


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return "(" + ", ".join(f"{key} {_plain(inner)}" for key, inner in value.items()) + ")"
    return value if isinstance(value, str) else json.dumps(value)


def _measurement(path: str, rows: Sequence[Row], provenance: Mapping[str, Any], place: str) -> Measurement:
    methods = list(dict.fromkeys(row.method for row in rows))
    subject = " · ".join(filter(None, (rows[0].child, methods[0] if len(methods) == 1 else "")))
    counts = [f"n = {n:,}" for n in sorted({row.n for row in rows if row.n is not None})[:3]]
    counts += [
        f"{key.replace('_', ' ')} = {value:,}"
        for key, value in provenance.items()
        if type(value) is int and key not in ("seed", "verb_version")
    ]
    inputs = dict(provenance.get("inputs_sha256", {}))
    for method, network in provenance.get("networks", {}).items():
        inputs |= {f"{role} of {method}": digest for role, digest in network.get("inputs_sha256", {}).items()}
    return Measurement(
        path, ", ".join(methods), subject, ", ".join(counts), provenance.get("seed"), tuple(inputs.items()), place
    )


def artifacts(paths: Iterable[Path]) -> list[Artifact]:
    """Return path, size and hash of files.

    Raises:
        StyleAlignError: a file that is not there.
    """
    found = []
    for path in paths:
        if not path.is_file():
            raise StyleAlignError(f"{path}: no such file (--artifacts); leave it out or make it")
        found.append(Artifact(str(path), path.stat().st_size, sha256_of_file(path)))
    return found


def family(config: Config) -> list[Model]:
    """Return the models of a configuration, each below its parent."""
    found: list[Model] = []

    def add(name: str, depth: int) -> None:
        model = config.models[name]
        found.append(Model(name, depth, _role(config, name), model.domain, _training(config, name)))
        for child, settings in config.models.items():
            if settings.parent == name:
                add(child, depth + 1)

    for name, model in config.models.items():
        if model.parent is None:
            add(name, 0)
    return found


def _role(config: Config, name: str) -> str:
    model = config.models[name]
    if model.control_of:
        return f"unaligned control of {model.control_of}"
    if model.parent:
        return "child"
    children = [child for child in config.models.values() if child.parent == name]
    return "parent of the control" if children and all(child.control_of for child in children) else "parent"


def _training(config: Config, name: str) -> str:
    model = config.models[name]
    if model.fetch:
        return f"fetched: {model.fetch}"
    start = f"from {model.parent}" if model.parent else "from scratch"
    return f"{config.training_of(name).kimg:g} kimg {start}"


def run_times(folder: Path | None) -> list[Stage]:
    """Return the run times under a folder of Snakemake's benchmark files, the longest stage first."""
    stages: dict[str, list[tuple[str, float, float | None]]] = {}
    for path in sorted(folder.rglob("*.tsv")) if folder else []:
        inner = path.relative_to(folder).with_suffix("") if folder else path
        stages.setdefault(inner.parts[0], []).extend(_benchmark(path, "/".join(inner.parts[1:]) or inner.name))
    found = []
    for name, jobs in stages.items():
        if jobs:
            longest = max(jobs, key=lambda job: job[1])
            memory = [job[2] for job in jobs if job[2] is not None]
            total = sum(job[1] for job in jobs)
            found.append(
                Stage(name, stage_text(name), len(jobs), total, longest[1], longest[0], max(memory, default=None))
            )
    return sorted(found, key=lambda stage: -stage.total_s)


def _benchmark(path: Path, job: str) -> Iterator[tuple[str, float, float | None]]:
    """Yield name, seconds and peak memory in MB of each repetition; a job too short to be sampled has no memory."""
    with path.open(newline="", encoding="utf-8") as file:
        for record in csv.DictReader(file, delimiter="\t"):
            seconds, memory = _number(record.get("s")), _number(record.get("max_rss"))
            if seconds is not None:
                yield job, seconds, memory


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:  # "-" and "NA": not sampled
        return None


def versions() -> list[tuple[str, str]]:
    """Return Python, the platform, and this package with what it needs, as installed where the page is made."""
    found = [("python", platform.python_version()), ("platform", f"{platform.system()} {platform.machine()}")]
    required = ["stylealign", *(metadata.requires("stylealign") or [])]
    for requirement in required:
        if "extra ==" not in requirement:
            name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
            found.append((name, metadata.version(name)))
    return found


def job_time(seconds: float) -> str:
    """Return the duration of a job, of a short one with its fractions."""
    return f"{seconds:.3g} s" if seconds < 60 else duration(seconds)
