"""What a configuration asks for: models and their families, files and where they lie, rows, tables and figures.

Snakemake's rules, `stylealign plan` and the ledger ask one `Experiment`; nothing here reads an image or a network.
"""

from stylealign.experiment.experiment import Experiment
from stylealign.experiment.identity import Identity

__all__ = ["Experiment", "Identity"]
