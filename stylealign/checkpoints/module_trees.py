"""Whole modules that `torch.save` wrote, as state dicts: their classes are names, and none of their code runs."""

from typing import Any

from stylealign.checkpoints.untrusted.source import Source, shown
from stylealign.checkpoints.untrusted.values import Module, StoredTensor

DATA_PARALLEL = "module."
DEEPEST = 12
MOST_MODULES = 10_000


def without_modules(source: Source, value: Any) -> Any:
    """Return an unpickled value with its modules, itself or in a dictionary, as state dicts.

    Raises:
        StyleAlignError: a module that holds itself, or no tensors where they belong.
    """
    if isinstance(value, Module):
        return _state_dict(source, value)
    if isinstance(value, dict):
        return {key: _state_dict(source, part) if isinstance(part, Module) else part for key, part in value.items()}
    return value


def without_data_parallel(state: Any) -> Any:
    """Return a state dict without the prefix that DataParallel puts before every name of a network."""
    if not isinstance(state, dict):
        return state
    return {key.removeprefix(DATA_PARALLEL) if isinstance(key, str) else key: part for key, part in state.items()}


def _state_dict(source: Source, root: Module) -> dict[str, StoredTensor]:
    """Return what `state_dict()` of the module would: parameters and persistent buffers by dotted name."""
    tensors: dict[str, StoredTensor] = {}
    waiting = [("", root, 0)]
    for _ in range(MOST_MODULES):
        if not waiting:
            return tensors
        prefix, module, depth = waiting.pop()
        if depth > DEEPEST:
            break
        passing = module.state.get("_non_persistent_buffers_set")
        passing = passing if isinstance(passing, (set, frozenset)) else set()
        for group in ("_parameters", "_buffers"):
            for name, tensor in _part(source, module, group).items():
                if tensor is None or (group == "_buffers" and name in passing):
                    continue
                if not isinstance(tensor, StoredTensor):
                    raise source.refuse(f"{prefix[:80]}{shown(name)} is {shown(tensor)}, not a tensor; damaged")
                tensors[prefix + name] = tensor
        for name, child in reversed(_part(source, module, "_modules").items()):
            if isinstance(child, Module):
                waiting.append((f"{prefix}{name}.", child, depth + 1))
    raise source.refuse("a module of more parts than any StyleGAN2 has, or one that holds itself; damaged or hostile")


def _part(source: Source, module: Module, group: str) -> dict[str, Any]:
    part = module.state.get(group, {})
    if not isinstance(part, dict) or not all(isinstance(name, str) for name in part):
        raise source.refuse(f"a module without a proper {group}; the file is damaged")
    return part
