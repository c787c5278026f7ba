"""The chain of jobs that a run waits for however many cores it has."""

from collections.abc import Collection, Sequence
from graphlib import TopologicalSorter

MOST_SHOWN = 8
LEAST_SHARE = 0.01
"""Jobs that take less of a chain are not named."""


def longest_chain(needs: Sequence[Collection[int]], seconds: Sequence[float]) -> list[int]:
    """Return the jobs, first to last, of the chain of jobs waiting for each other that takes longest.

    Args:
        needs: for every job the numbers of those whose outputs it reads.
        seconds: of every job.
    """
    ends: dict[int, float] = {}
    before: dict[int, int | None] = {}
    for job in TopologicalSorter(dict(enumerate(needs))).static_order():
        latest = max(needs[job], key=lambda other: ends[other], default=None)
        before[job] = latest
        ends[job] = seconds[job] + (0.0 if latest is None else ends[latest])
    chain: list[int] = []
    at = max(ends, key=lambda job: ends[job], default=None)
    while at is not None:
        chain.append(at)
        at = before[at]
    return chain[::-1]


def needs_of(inputs: Sequence[Collection[str]], outputs: Sequence[Collection[str]]) -> list[set[int]]:
    """Return for every job the numbers of those that make its inputs."""
    maker = {output: index for index, own in enumerate(outputs) for output in own}
    return [{maker[name] for name in own if name in maker} for own in inputs]


def chain_words(names: Sequence[str], times: Sequence[str], seconds: Sequence[float]) -> str:
    """Return the jobs of a chain, such as `draw_domain human (40 s) > train_parent human (4 min)`; short ones as `...`.

    Args:
        names, times, seconds: of its jobs, first to last.
    """
    total = sum(seconds)
    longest = sorted(range(len(seconds)), key=lambda index: -seconds[index])[:MOST_SHOWN]
    shown = {index for index in longest if seconds[index] >= LEAST_SHARE * total}
    words: list[str] = []
    for index, name in enumerate(names):
        if index in shown:
            words.append(f"{name} ({times[index]})")
        elif words[-1:] != ["..."]:
            words.append("...")
    return " > ".join(words)
