"""From a row of `all.csv` to the files its number was made from, and from those to theirs."""

import csv
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from stylealign.errors import StyleAlignError
from stylealign.files import sha256_of_path
from stylealign.ledger.manifest import Manifest
from stylealign.ledger.records import Input, Record, record_of
from stylealign.measurements.rows import COLUMNS, read_rows
from stylealign.report.tables import long_csv

SOURCES = "sources.csv"
SAME, ALTERED, MISSING, IN_LEDGER, UNKNOWN = "same", "altered", "missing", "in the ledger", "no path recorded"
SHORT = 12
"""Digits of a hash that the tree shows."""


@dataclasses.dataclass
class Trace:
    """The files that a number, or a file, was made from.

    Attributes:
        base: folder of the run; recorded paths are relative to it.
        manifest: what was tracked, None without a ledger.
        zoo: names of the known models by hash.
        digests: hashes computed so far.
        expanded: files whose making was already told.
        problems: what does not fit, a line each.
    """

    base: Path
    manifest: Manifest | None = None
    zoo: dict[str, str] = dataclasses.field(default_factory=dict)
    digests: dict[Path, str] = dataclasses.field(default_factory=dict)
    expanded: set[tuple[str | None, str]] = dataclasses.field(default_factory=set)
    problems: list[str] = dataclasses.field(default_factory=list)

    def node(self, needed: Input) -> dict[str, Any]:
        """Return a file's recorded hash, whether the file still has it, how it was made, and from which files."""
        state = self.state(needed)
        known = {"zoo": self.zoo[needed.sha256]} if needed.sha256 in self.zoo else {}
        node = {"role": needed.role, "file": needed.path, "sha256": needed.sha256, "state": state, **known}
        key = (needed.path, needed.sha256)
        if key in self.expanded:
            return node | {"told_above": True}
        self.expanded.add(key)
        record = record_of(self.base / needed.path) if state == SAME and needed.path else None
        return node if record is None else node | self.made(record)

    def made(self, record: Record) -> dict[str, Any]:
        """Return a record as JSON values, its inputs as nodes."""
        return {"made_by": record.facts, "inputs": [self.node(needed) for needed in record.inputs]}

    def state(self, needed: Input) -> str:
        """Return whether the file of an input still has the recorded hash; note it among the problems if not."""
        if needed.path is None:
            return UNKNOWN
        path = self.base / needed.path
        if not path.exists():
            tracked = self.manifest.files.get(needed.path) if self.manifest else None
            return IN_LEDGER if tracked and tracked.sha256 == needed.sha256 else MISSING
        if path not in self.digests:
            self.digests[path] = sha256_of_path(path)
        if self.digests[path] == needed.sha256:
            return SAME
        found = self.digests[path]
        problem = (
            f"{needed.path}: altered: its sha256 is {found[:SHORT]}..., not {needed.sha256[:SHORT]}... as recorded"
        )
        if problem not in self.problems:
            self.problems.append(problem)
        return ALTERED


def trace_row(table: Path, row: int, base: Path, manifest: Manifest | None, zoo: Path) -> dict[str, Any]:
    """Return where the number of a row comes from, as a JSON object.

    Args:
        table: `all.csv` or `speed.csv`, beside `sources.csv`.
        row: 1 for the first row after the head.
        base: folder of the run.
        manifest: the ledger, None without one.
        zoo: data/zoo.yaml; it may be missing.

    Returns:
        `table`, `row`, `number` (the row's columns), `sources` (nodes: role, file, sha256, state, made_by, inputs),
        `problems`.

    Raises:
        StyleAlignError: no such row, or a table without its sources.
    """
    if not table.is_file():
        raise StyleAlignError(f"{table}: no such file; snakemake makes it, or stylealign tables from files of rows")
    numbers = _read_csv(table)
    if not numbers or tuple(numbers[0]) != COLUMNS:
        raise StyleAlignError(f"{table}: not all.csv or speed.csv of `stylealign tables`; give one of them")
    if not 1 <= row <= len(numbers):
        raise StyleAlignError(f"--row: {table} has rows 1 to {len(numbers)}, no {row}")
    number = numbers[row - 1]
    trace = Trace(base, manifest, _zoo_names(zoo))
    lines = _sources_of(table, row)
    stands_there = number if len(lines) == 1 else None  # the mean over seeds stands in none of its files
    sources = [_source(trace, table, line, stands_there) for line in lines]
    return {"table": str(table), "row": row, "number": number, "sources": sources, "problems": trace.problems}


def _sources_of(table: Path, row: int) -> list[dict[str, str]]:
    path = table.parent / SOURCES
    if not path.is_file():
        raise StyleAlignError(f"{path}: no such file; make the tables again (`snakemake`)")
    found = [line for line in _read_csv(path) if (line["csv"], line["row"]) == (table.name, str(row))]
    if not found:
        raise StyleAlignError(f"{path}: says nothing of row {row} of {table.name}; make the tables again (`snakemake`)")
    return found


def _source(trace: Trace, table: Path, line: dict[str, str], number: dict[str, str] | None) -> dict[str, Any]:
    """Return the node of a file of rows, after checking that the number is in it, unless that is None."""
    path = (table.parent / line["source"]).resolve()
    inside = path.is_relative_to(trace.base.resolve())
    relative = path.relative_to(trace.base.resolve()).as_posix() if inside else str(path)
    node = trace.node(Input("rows", relative, line["sha256"]))
    if number is not None and node["state"] == SAME and number not in _numbers_in(path):
        trace.problems.append(f"{table}: altered: {relative} holds another number for this row")
    return node


def _numbers_in(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(long_csv(read_rows(path)[0]).splitlines()))


def _read_csv(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise StyleAlignError(f"{path}: cannot be read ({error})") from error


def _zoo_names(zoo: Path) -> dict[str, str]:
    """Return the names of the known models by the hash of their file."""
    if not zoo.is_file():
        return {}
    models = yaml.safe_load(zoo.read_text(encoding="utf-8")).get("models", {})
    return {entry["sha256"]: name for name, entry in models.items() if entry.get("sha256")}


def as_tree(traced: dict[str, Any]) -> str:
    """Return a trace as indented text: one line a file, with how it was made."""
    number = traced["number"]
    labels = [number[key] for key in ("table", "parent", "child", "method", "setting")]
    metric = f"{number['metric']}[{number['features']}]" if number["features"] else number["metric"]
    what = " ".join(filter(None, [*labels, metric]))
    lines = [f"{traced['table']} row {traced['row']}: {what} = {number['value'] or 'none'}"]
    for source in traced["sources"]:
        lines.extend(_tree_lines(source, "  "))
    return "\n".join(lines) + "\n"


def _tree_lines(node: dict[str, Any], indent: str) -> Iterator[str]:
    notes = [node["state"], f"zoo: {node['zoo']}" if "zoo" in node else "", "see above" if "told_above" in node else ""]
    file = node["file"] or "(a file)"
    yield f"{indent}{node['role']}: {file}  {node['sha256'][:SHORT]}  {', '.join(filter(None, notes))}"
    facts = node.get("made_by")
    if facts is not None:
        yield f"{indent}    made by {_how(facts)}"
    for needed in node.get("inputs", ()):
        yield from _tree_lines(needed, indent + "    ")


def _how(facts: dict[str, Any]) -> str:
    verb = f"stylealign {facts['verb']}" if "verb" in facts else "an unrecorded command"
    parts = [verb, f"of stylealign {facts['version']}" if "version" in facts else "", _seed(facts)]
    parts += [f"{facts['kimg']:g} kimg" if "kimg" in facts else "", facts.get("source_format", "")]
    return ", ".join(filter(None, parts))


def _seed(facts: dict[str, Any]) -> str:
    seed = facts.get("seed", facts.get("settings", {}).get("seed"))
    return "" if seed is None else f"seed {seed}"
