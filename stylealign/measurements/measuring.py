"""Runs a measurement: its rows, with the facts that every kind's provenance has. Imports torch."""

from stylealign.config import MetricSettings
from stylealign.measurements.declare import Kind, Measured, Progress
from stylealign.measurements.inputs import Inputs
from stylealign.metrics.networks.registry import distance_protocols, feature_protocols


def measured(kind: Kind, inputs: Inputs, settings: MetricSettings, progress: Progress) -> Measured:
    """Return the rows of a measurement, and its facts: networks, protocol, and what the kind adds."""
    rows, facts = kind.measure(inputs, settings, progress)
    filled = {row.table for row in rows}
    protocols = dict.fromkeys(table.protocol for table in kind.filled if table.name in filled)
    networks = {"features": feature_protocols(), "perceptual": distance_protocols()}
    common: dict[str, str] = {name: networks[name][getattr(settings, name)] for name in kind.networks}
    return rows, common | {"protocol": "; ".join(protocols)} | facts
