"""The resume state of a run: written atomically, the previous one kept until the new one reads back."""

import fcntl
import hashlib
import io
import json
import os
import socket
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from stylealign.errors import StyleAlignError
from stylealign.files import atomic_path, read_json, write_json

STATE, PREVIOUS, IDENTITY, CLAIM = "state.bin", "state-previous.bin", "identity.json", "claim"
DIGEST_BYTES = hashlib.sha256().digest_size


@contextmanager
def claimed(run_dir: Path) -> Iterator[None]:
    """Keep a run directory to this process for the time of the block; the kernel frees it when the process ends.

    Raises:
        StyleAlignError: another process trains there.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    with (run_dir / CLAIM).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise StyleAlignError(
                f"{run_dir}: {file.read().strip() or 'another process'} trains there; wait for it, or end it"
            ) from error
        except OSError:  # a file system without locks
            pass
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        yield


def save_state(run_dir: Path, state: dict[str, Any]) -> None:
    """Write `state` behind the SHA-256 of its bytes; the state before it is kept as `state-previous.bin`."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    payload = buffer.getvalue()
    with atomic_path(run_dir / STATE) as temporary:
        temporary.write_bytes(hashlib.sha256(payload).digest() + payload)
        if _payload(temporary) is None:
            raise StyleAlignError(f"{run_dir / STATE}: did not read back as it was written; check the disk")
        if (run_dir / STATE).exists():
            (run_dir / STATE).replace(run_dir / PREVIOUS)


def load_state(run_dir: Path) -> dict[str, Any] | None:
    """Return the newest state that is whole, or None where the run has none."""
    for name in (STATE, PREVIOUS):
        payload = _payload(run_dir / name)
        if payload is not None:
            state: dict[str, Any] = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
            return state
    return None


def _payload(path: Path) -> bytes | None:
    """Return the bytes of a state file whose digest agrees, else None."""
    if not path.exists():
        return None
    content = path.read_bytes()
    digest, payload = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
    return payload if hashlib.sha256(payload).digest() == digest else None


def check_identity(
    run_dir: Path,
    identity: dict[str, Any],
    defaults: dict[str, Any] | None = None,
    unsaid: dict[str, Any] | None = None,
    unused: Collection[str] = (),
) -> None:
    """Record what a run is made of; refuse to continue a run that was made of something else.

    Args:
        run_dir: the run's directory.
        identity: JSON values by name.
        defaults: what a name stood for that an older run does not know yet.
        unsaid: what a name stands for that is left out, for the message.
        unused: names that may differ, as nothing of the run depends on them.

    Raises:
        StyleAlignError: the run directory belongs to other settings, data or weights; names the difference.
    """
    path = run_dir / IDENTITY
    if not path.exists():
        write_json(path, identity)
        return
    known = (defaults or {}) | read_json(path)
    for key in sorted((known.keys() | identity.keys()) - set(unused)):
        if known.get(key) != identity.get(key):
            was, now = (values.get(key, (unsaid or {}).get(key)) for values in (known, identity))
            raise StyleAlignError(
                f"{run_dir}: was started with {key} = {was}, now {now};"
                f" use the old value{_said(key, was)}, or another --run-dir for a new run"
            )


def _said(key: str, value: Any) -> str:
    """Return how a setting is given that has no flag of its own; nothing where it has one."""
    if not isinstance(value, dict | list):
        return ""
    return f" (--settings '{json.dumps({key.removeprefix('train.'): value})}')"
