"""When two models count as relatives. Imports nothing, so that the tables can ask."""

KIN = 0.5
"""Cosine of the weights of two mapping networks above which they are of one family: fine-tuning leaves 0.99, chance is
near 0."""
