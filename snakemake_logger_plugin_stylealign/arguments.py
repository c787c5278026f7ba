"""Keeps `--resources` from swallowing the targets behind it.

`--resources` takes one or more NAME=INT arguments, so argparse also gives it the target of
`snakemake --cores 8 --resources gpu=4 results/tables/all.csv`, and Snakemake 9 dies with a traceback.
"""

from pathlib import PurePath

RESOURCE_FLAGS = ("--resources", "--res")


def is_snakemake_command(argv: list[str]) -> bool:
    """Return whether `argv` is that of `snakemake ...` or `python -m snakemake ...`."""
    if not argv:
        return False
    program = PurePath(argv[0])
    return program.name == "snakemake" or program.parts[-2:] == ("snakemake", "__main__.py")


def separate_targets(arguments: list[str]) -> list[str]:
    """Return `arguments` with the targets that directly follow NAME=INT resources put behind `--`, at the end.

    Arguments without such targets come back as they are.
    """
    at = arguments.index("--") if "--" in arguments else len(arguments)
    head, targets = arguments[:at], arguments[at + 1 :]
    kept: list[str] = []
    moved: list[str] = []
    position = 0
    while position < len(head):
        word = head[position]
        kept.append(word)
        position += 1
        if word not in RESOURCE_FLAGS:
            continue
        values, position = _values_from(head, position)
        resources = [value for value in values if "=" in value]
        if not resources or values[: len(resources)] != resources:  # nothing to repair, or not ours to judge
            kept += values
            continue
        kept += resources
        moved += values[len(resources) :]
    if not moved:
        return arguments
    return [*kept, "--", *moved, *targets]


def _values_from(words: list[str], position: int) -> tuple[list[str], int]:
    """Return the words from `position` up to the next flag, and the position of that flag."""
    end = position
    while end < len(words) and not words[end].startswith("-"):
        end += 1
    return words[position:end], end
