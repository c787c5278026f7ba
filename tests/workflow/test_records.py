"""Snakemake compares a job by the records of its outputs that are there, whichever others it has."""

from pathlib import Path
from types import SimpleNamespace

from snakemake.persistence import PersistenceBase

from snakemake_logger_plugin_stylealign import records


def test_outputs_that_were_never_made_need_no_record(tmp_path: Path) -> None:
    kind = type("Records", (PersistenceBase,), {})
    assert records.of_outputs_that_are_there(kind), "this release of Snakemake asks in another way"
    known: dict[str, str] = {}
    asked = SimpleNamespace(metadata=known.get)
    made, never = str(tmp_path / "made"), str(tmp_path / "never")
    Path(made).write_text("")
    job = SimpleNamespace(output=[made, never])
    assert not kind.has_metadata(asked, job), "a file that nothing is known of"
    known[made] = "record"
    assert kind.has_metadata(asked, job)
    Path(never).write_text("")
    assert kind.has_metadata(asked, job), "brought back by a ledger, where no job of its configuration makes it"


def test_another_release_stays_as_it_is() -> None:
    assert not records.of_outputs_that_are_there(type("Other", (), {}))
