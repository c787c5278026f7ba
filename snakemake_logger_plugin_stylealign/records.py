"""Jobs with an output that was never made, or has no record, are compared with what is recorded of their others.

Snakemake asks nothing of a job as soon as one of its outputs has no record: not whether its params, its inputs or its
command changed (9.27). So a model that was fetched stayed when it was to be trained, as nobody asks for its samples,
and pictures stayed divided as they were when validation images were to be taken out of them. What was never made has
nothing to compare, nor has a file that no job of this folder made, such as one that the ledger brought back and the
configuration does not name; what was made has.
"""

import os
from typing import Any

_METHOD = "has_metadata"  # as Snakemake spells it


def of_outputs_that_are_there(persistence: type[Any]) -> bool:
    """Let a class of records ask for any of files that are there; return whether it is one that is asked.

    Args:
        persistence: `snakemake.persistence.PersistenceBase`. A release without such a method stays as it is.
    """
    if not callable(getattr(persistence, _METHOD, None)):
        return False

    def has_records(self: Any, job: Any) -> bool:
        known = [self.metadata(path) is not None for path in job.output if os.path.exists(path)]
        return any(known) or not known

    setattr(persistence, _METHOD, has_records)
    return True
