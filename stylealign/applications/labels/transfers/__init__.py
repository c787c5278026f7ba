"""Ways to label a child's images without labels of its domain. One module a way; the list of them: `methods.py`."""
