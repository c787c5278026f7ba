"""Networks that measure images: one module each, listed in `registry.NETWORKS`."""
