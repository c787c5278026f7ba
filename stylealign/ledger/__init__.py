"""The ledger: what a run made, kept by DVC and checked against a manifest; and where each number comes from.

Snakemake owns the order of the work, DVC owns the bytes. Nothing here imports torch or DVC; DVC is a command that only
`stylealign track` and `stylealign restore` call.
"""
