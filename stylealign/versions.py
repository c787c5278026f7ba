"""The version of each verb's output: raised whenever a change alters what the verb writes. Imports nothing.

`evaluate` has none: each kind of measurement declares its own (`stylealign.measurements`).

The rules pass it as a param, so that the jobs of a verb run again when its output changes; provenance and the ledger
keep it.
"""

VERSIONS = {
    "init": 1,
    "data": 4,
    "fetch": 2,
    "info": 1,
    "convert": 4,
    "grow": 3,
    "pack": 3,
    "train": 6,
    "generate": 3,
    "encoder": 3,
    "invert": 4,
    "translate": 4,
    "morph": 4,
    "directions": 4,
    "edit": 2,
    "explore": 2,
    "blend": 5,
    "supervise": 6,
    "transfer": 9,
    "predict": 3,
    "alignment": 3,
    "features": 1,
    "tables": 6,
    "figures": 13,
    "card": 1,
    "report": 9,
    "provenance": 1,
    "track": 1,
    "restore": 1,
    "plan": 1,
    "completion": 1,
    "gpu-run": 1,
}


def version(verb: str) -> int:
    """Return the version of a verb's output."""
    return VERSIONS[verb]
