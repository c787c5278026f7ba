"""The terminal output of a run: one line a job, what the running ones are doing, and the time left."""

import json
import logging
import re
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import shorten
from typing import Any, Optional, TextIO

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.settings import LogHandlerSettingsBase

from snakemake_logger_plugin_stylealign.logs import last_lines, last_words, news
from snakemake_logger_plugin_stylealign.progress import Job, Progress, duration
from snakemake_logger_plugin_stylealign.screen import MOST_JOBS, Screen, draws_on, job_line, reading_of, run_line
from snakemake_logger_plugin_stylealign.summary import PAGE, chain_lines, failure_lines, stopped_lines, summary_lines

HEARTBEAT_S = 30.0
REDRAW_S = 1.0
REASON_WIDTH = 110
LOG_LINES = 12
CLUSTER_LOG_LINES = 40
CLUSTER_PROGRAMS = ("srun:", "slurmstepd", "slurmd", "sbatch:")
HIDDEN = (
    "Select jobs to execute",
    "Execute ",
    "Assuming unrestricted",
    "Using shell",
    "host:",
    "Provided cores",
    "Provided resources",
    "Rules claiming more threads",
    "Building DAG of jobs",
    "Complete log",
    "Reasons:",
    "Using workflow specific profile",
    "Checking ",
    "Storing ",
)


@dataclass
class LogHandlerSettings(LogHandlerSettingsBase):  # type: ignore[misc]
    """Flags of the plugin: `--logger-stylealign-NAME`."""

    jobs: Optional[Path] = field(  # noqa: UP045 - Snakemake makes the flag from it and knows only this form
        default=None,
        metadata={
            "help": "File that gets a JSON line for every job of a dry run",
            "env_var": False,
            "required": False,
        },
    )


class LogHandler(LogHandlerBase):  # type: ignore[misc]
    """Prints a run as it goes; the whole story is in Snakemake's own log file."""

    def __post_init__(self) -> None:
        stream: TextIO = sys.stdout if self.common_settings.dryrun else sys.stderr
        self.is_live = not self.common_settings.dryrun and draws_on(stream)
        self.has_blocks = "utf" in (getattr(stream, "encoding", None) or "").lower()
        self.screen = Screen(stream, self._block if self.is_live else None)
        self.progress = Progress()
        self.failed = False
        self.failures: dict[str, str] = {}
        self.finished = threading.Event()
        self.heartbeat: threading.Thread | None = None

    writes_to_stream = True
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    def emit(self, record: logging.LogRecord) -> None:
        """Print what a person wants to know of `record`."""
        try:
            event = getattr(record, "event", None)
            react = self._reactions().get(event) if event else self._message
            if react is not None:
                react(record)
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Stop the heartbeat and print where the results are (once)."""
        if not self.finished.is_set():
            self.finished.set()
            self.screen.finish()
            self._print(*failure_lines(self.failures))
            if not self.failures and not self.common_settings.dryrun:
                self._print(*stopped_lines(*self.progress.counts()))
            succeeded = self.progress.is_complete() and not self.failed and not self.common_settings.dryrun
            if succeeded and self.progress.makes("tables"):
                self._print(*summary_lines(Path.cwd()))
            if succeeded:
                self._print(*chain_lines(self.progress.done))
            if succeeded and self.progress.makes("report_page") and PAGE.is_file():  # nothing was to be done, perhaps
                self._print(f"report page:   {PAGE}")
        super().close()

    def _reactions(self) -> dict[Any, Callable[[Any], None]]:
        return {
            LogEvent.RESOURCES_INFO: self._resources_info,
            LogEvent.RUN_INFO: self._run_info,
            LogEvent.JOB_INFO: self._job_info,
            LogEvent.JOB_FINISHED: self._job_finished,
            LogEvent.JOB_ERROR: self._job_error,
            LogEvent.ERROR: self._error,
            LogEvent.SHELLCMD: self._shell_command,
        }

    def _resources_info(self, record: Any) -> None:
        cores = getattr(record, "cores", None)  # a run on a cluster names its nodes instead
        if isinstance(cores, int) and cores > 0:
            self.progress.cores = cores

    def _run_info(self, record: Any) -> None:
        jobs_of_rule = {rule: count for rule, count in record.stats.items() if rule != "total"}
        if self.progress.is_planned():  # a dry run says it again at its end
            return
        self.progress.plan(jobs_of_rule)
        rules = ", ".join(f"{count} {rule}" for rule, count in jobs_of_rule.items())
        self._print(f"{record.stats['total']} jobs: {rules}")
        if not self.common_settings.dryrun:
            self.heartbeat = threading.Thread(target=self._beat, daemon=True)
            self.heartbeat.start()

    def _job_info(self, record: Any) -> None:
        name = _job_name(record)
        if self.common_settings.dryrun:
            self._note_job(record)
            self._print(f"  {name}: {shorten(record.reason or '', REASON_WIDTH, placeholder=' ...')}")
            return
        logs, inputs, outputs = ([str(path) for path in own or []] for own in (record.log, record.input, record.output))
        self.progress.start(record.jobid, Job(record.rule_name, name, logs, inputs, outputs))
        if self.is_live:
            self.screen.redraw()
        else:
            self._print(f"{self.progress.head()} start  {name}")

    def _note_job(self, record: Any) -> None:
        """Add a planned job to the file of `stylealign plan`."""
        path = getattr(self.settings, "jobs", None)
        if path is not None:
            job = {
                "rule": record.rule_name,
                "wildcards": dict(record.wildcards or {}),
                "threads": record.threads,
                "resources": {
                    name: value for name, value in record.resources.items() if name in ("gpu", "mem_mb", "runtime")
                },
                "inputs": [str(name) for name in record.input or []],
                "outputs": [str(name) for name in record.output or []],
            }
            with Path(path).open("a", encoding="utf-8") as file:
                print(json.dumps(job), file=file)

    def _job_finished(self, record: Any) -> None:
        job = self.progress.finish(record.job_id)
        if job is not None:
            if self.failures.pop(job.name, None) is not None:  # a retry has succeeded
                self.failed = bool(self.failures)
            told_left = "" if self.is_live else f"; about {duration(self.progress.time_left_s())} left"
            self._print(f"{self.progress.head()} done   {job.name} in {_ago(job)}{told_left}")

    def _job_error(self, record: Any) -> None:
        self.failed = True
        job = self.progress.drop(record.jobid)
        name = job.name if job else record.rule_name
        logs = [str(path) for path in record.log or []]
        own = job.logs if job else logs
        lines = [line for path in own for line in last_lines(path, LOG_LINES)]
        for path in logs:
            if path not in own:  # the cluster's: mostly Snakemake's account of what the job's own log tells
                told = last_lines(path, CLUSTER_LOG_LINES if lines else LOG_LINES)
                lines += [line for line in told if not lines or line.startswith(CLUSTER_PROGRAMS)]
        self._print(f"FAILED {name}{_cluster_state(record)}; its log: {', '.join(logs) or 'none'}")
        self._print(*(f"    {line}" for line in lines))
        said = last_words(lines) or f"it said nothing; its log: {', '.join(logs) or 'none'}"
        self.failures[name] = f"{said}{_cluster_state(record)}"

    def _error(self, record: Any) -> None:
        self.failed = True
        if getattr(record, "exception", None) != "RuleException":  # a failed job has told its story already
            self._print(record.getMessage())

    def _shell_command(self, record: Any) -> None:
        if self.common_settings.printshellcmds:
            self._print(f"    {getattr(record, 'shellcmd', '')}")

    def _message(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text.startswith("Nothing to be done"):
            self.progress.plan({})
        news = text and text != "None" and not _is_job_count_line(text) and not text.startswith(HIDDEN)
        if news or record.levelno >= logging.WARNING or self.common_settings.verbose:
            self._print(text)
        self.failed = self.failed or record.levelno >= logging.ERROR

    def _beat(self) -> None:
        while not self.finished.wait(REDRAW_S if self.is_live else HEARTBEAT_S):
            if self.is_live:
                self.screen.redraw()
                continue
            for job in self.progress.running():
                self._print(f"{self.progress.head()} {_ago(job):>8} {job.name}: {_said(job)}")

    def _block(self) -> list[str]:
        """Return what stands beneath the lines on a terminal: the run, and each running job."""
        if self.finished.is_set() or not self.progress.is_planned() or self.progress.is_complete():
            return []
        jobs = [(job, _said(job)) for job in self.progress.running()]
        told = [(job, reading.share) for job, said in jobs if (reading := reading_of(said))]
        left = duration(self.progress.time_left_s(told))
        lines = [run_line(self.progress.head(), self.progress.share(told), left, len(self.failures), self.has_blocks)]
        lines += [job_line(job.name, _ago(job), said, duration, self.has_blocks) for job, said in jobs[:MOST_JOBS]]
        return lines + ([f"  and {len(jobs) - MOST_JOBS} more"] if len(jobs) > MOST_JOBS else [])

    def _print(self, *lines: str) -> None:
        self.screen.print(*lines)


def _ago(job: Job) -> str:
    return duration(time.monotonic() - job.started_s)


def _said(job: Job) -> str:
    return news(job.logs[0]) if job.logs else "running"


def _job_name(record: Any) -> str:
    wildcards = dict(record.wildcards or {})
    return " ".join([record.rule_name, *(str(value) for value in wildcards.values())])


def _cluster_state(record: Any) -> str:
    """Return what the cluster says of a failed job, such as ` (Slurm job 7: TIMEOUT)`."""
    state = re.search(r"SLURM-job '(\w+)' failed, SLURM status is: '(\w+)'", str(getattr(record, "rule_msg", "")))
    return f" (Slurm job {state[1]}: {state[2]})" if state else ""


def _is_job_count_line(text: str) -> bool:
    """Return whether Snakemake says with `text` what the progress lines say already."""
    return text.startswith("Finished jobid") or " steps (" in text
