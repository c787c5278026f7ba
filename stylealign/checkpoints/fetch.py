"""From a zoo name, a path or an address to a native checkpoint, checked on the way."""

import fcntl
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

import requests

from stylealign.checkpoints import addresses
from stylealign.checkpoints.convert import notices_of, write_native
from stylealign.checkpoints.download import Policy, Progress, download
from stylealign.checkpoints.recognise import read_any
from stylealign.checkpoints.responses import AddressError, TransientError, check_status, reason_of
from stylealign.checkpoints.zoo import FileEntry, ZooEntry, load_zoo, nearest_name
from stylealign.errors import StyleAlignError
from stylealign.files import own_path, read_json, sha256_of_file, write_json

MOST_NAMED = 10
MODELS = (".safetensors", ".pkl", ".pt", ".pth")
"""What files of models are called: no name of the list of known ones ends so."""
LOCK_FILE = "downloads.lock.json"
DEFAULT_POLICY = Policy()


@dataclass(frozen=True)
class Cache:
    """Where downloads are kept, and how they are made.

    Attributes:
        folder: of the downloads; it need not exist yet.
        offline: take only what is there.
        policy: how long to wait, and how often to try again.
        progress: called with the bytes that were received and their total, None where it is not known.
    """

    folder: Path
    offline: bool = False
    policy: Policy = DEFAULT_POLICY
    progress: Progress = lambda received, total: None


def fetch(source: str, out: str | Path, *, zoo: str | Path, cache: Cache, sha256: str | None = None) -> dict[str, Any]:
    """Write the model `source` as a native checkpoint.

    Args:
        source: a name in the zoo, a path, or an http(s) address.
        out: the native file to write.
        zoo: the list of known models; read only where `source` may be one of its names.
        cache: of downloads.
        sha256: checksum that the source file must have (overrides the zoo's).

    Returns:
        A JSON object: path, sha256, source, source_sha256, source_format, kimg.

    Raises:
        StyleAlignError: an unknown name, a failed download, a checksum that does not match, an unreadable model.
    """
    file = _source_file(source, Path(zoo), cache, sha256)
    found = sha256_of_file(file)
    if sha256 is not None and found != sha256.lower():
        raise StyleAlignError(
            f"{file}: its sha256 is {found}, not {sha256}; a damaged or different file, fetch it again"
        )
    recognised = read_any(file)
    write_native(file, recognised, out, {"source": source, "source_sha256": found})
    info = recognised.weights.info
    return {
        "path": str(out),
        "sha256": sha256_of_file(out),
        "source": source,
        "source_sha256": found,
        "source_format": recognised.format,
        "kimg": info.get("kimg"),
        "notices": notices_of(recognised.weights),
    }


def _source_file(source: str, zoo: Path, cache: Cache, sha256: str | None) -> Path:
    """Return the file of `source` on this machine, downloaded if need be, checked against the zoo's checksum."""
    if "://" in source:
        try:
            parts = urlsplit(source)
        except ValueError as error:
            raise StyleAlignError(f"{source}: not an address ({error})") from error
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise StyleAlignError(
                f"{source}: only http and https addresses can be fetched; give a path or another address"
            )
        return _downloaded(source, [source], sha256, cache)
    known = load_zoo(zoo) if zoo.exists() else None
    if known is not None and source in known.models:
        return _zoo_file(source, known.models[source], zoo, cache, sha256)
    if Path(own_path(source)).is_file():
        return Path(own_path(source))
    path = Path(own_path(source))
    if path.is_dir():
        raise StyleAlignError(f"{source}: is a folder; give the model in it (model.safetensors of a run)")
    if path.suffix.lower() in MODELS or len(path.parts) != 1:
        raise StyleAlignError(f"{source}: no such file; give a model, a name in {zoo}, or an address")
    if known is None:
        raise StyleAlignError(f"{source}: no such file (and {zoo}, the list of known models, does not exist)")
    raise StyleAlignError(f"{source}: no such file, and no such name in {zoo}; {nearest_name(source, known.models)}")


def _zoo_file(name: str, entry: ZooEntry, zoo: Path, cache: Cache, sha256: str | None) -> Path:
    expected = entry.sha256 if sha256 is None else sha256.lower()
    if entry.path is not None:
        file = zoo.parent / entry.path
        if not file.is_file():
            raise StyleAlignError(f"{file}: bundled model {name!r} is missing; restore it from the repository")
        if expected is not None and sha256_of_file(file) != expected:
            said = f"{zoo} says; restore it from the repository" if sha256 is None else "--sha256 says"
            raise StyleAlignError(f"{file}: its sha256 is not {expected} as {said}")
        return file
    return _linked_file(name, entry, expected, cache, "give the file's path instead of its name")


def fetch_file(kind: Literal["datasets", "weights"], name: str, zoo: str | Path, cache: Cache) -> Path:
    """Return the file of a data set or of a feature network's weights on this machine, downloaded if need be.

    Args:
        kind: part of the zoo.
        name: name in that part.
        zoo: list of known files.
        cache: of downloads.

    Raises:
        StyleAlignError: an unknown name, a failed download, a checksum that does not match, a file that has no
            direct address.
    """
    entries = getattr(load_zoo(zoo), kind)
    if name not in entries:
        raise StyleAlignError(f"{name}: no such name among the {kind} of {zoo}; {nearest_name(name, entries)}")
    entry = entries[name]
    key = "set `path` to the file instead of `fetch`" if kind == "datasets" else "set metrics.weights_dir to its folder"
    return _linked_file(name, entry, entry.sha256, cache, key)


def _linked_file(name: str, entry: ZooEntry | FileEntry, sha256: str | None, cache: Cache, remedy: str) -> Path:
    if entry.urls:
        return _downloaded(name, list(entry.urls), sha256, cache)
    raise StyleAlignError(f"{name}: has no direct address; download it from {entry.page} and {remedy}")


def _downloaded(name: str, urls: list[str], sha256: str | None, cache: Cache) -> Path:
    key = urls[0]
    recorded = _recorded(cache.folder).get(key)
    expected = (sha256 or recorded or "").lower() or None
    destination = cache.folder / _cache_name(key)
    if cache.offline:
        return _cached(name, destination, expected, cache)
    if destination.is_file() and expected is not None and sha256_of_file(destination) != expected:
        destination.unlink()
    try:
        if not destination.is_file():
            urls = [_in_folder(url, cache.policy) or url for url in urls]
        found = download(urls, destination, expected, cache.policy, cache.progress)
    except StyleAlignError as error:
        if recorded is not None and sha256 is None and "sha256" in str(error):
            lock = cache.folder / LOCK_FILE
            changed = "the file at the source has changed since its first download"
            raise StyleAlignError(f"{error}; {changed} (delete its line in {lock} to accept that)") from error
        raise
    _record(cache.folder, key, found)
    return destination


def _in_folder(url: str, policy: Policy) -> str | None:
    """Return the address of the checkpoint in a Google Drive folder, None where `url` is no such folder.

    Of several it is the one that the address names after `#`.

    Raises:
        StyleAlignError: no list of the folder, or not exactly one file to take; the message names them.
    """
    folder = addresses.drive_folder(url)
    if folder is None:
        return None
    timeout = (policy.connect_timeout_s, policy.read_timeout_s)
    try:
        answer = requests.get(addresses.folder_page(folder), timeout=timeout)
        check_status(answer)
    except requests.exceptions.RequestException as error:
        raise StyleAlignError(f"{url}: the folder cannot be listed ({reason_of(error)})") from error
    except (TransientError, AddressError) as error:
        raise StyleAlignError(f"{url}: the folder cannot be listed ({error}); is it shared with everyone?") from error
    models, wanted = addresses.models_in_folder(answer.text), unquote(urlsplit(url).fragment)
    if wanted:
        models = {name: address for name, address in models.items() if name == wanted} or models
    if len(models) == 1 and wanted in ("", *models):
        return next(iter(models.values()))
    listed = ", ".join(f"{name} ({address})" for name, address in list(models.items())[:MOST_NAMED])
    which = f"no {wanted!r} among " if wanted else ""
    what = (
        f"{which}{len(models)} files, give the address of one: {listed}" if models else "no file that everyone may see"
    )
    raise StyleAlignError(f"{url}: the folder holds {what}")


def _cached(name: str, destination: Path, expected: str | None, cache: Cache) -> Path:
    if not destination.is_file():
        raise StyleAlignError(f"{name}: not in the download cache {cache.folder}; fetch it once without --offline")
    if expected is not None and sha256_of_file(destination) != expected:
        raise StyleAlignError(f"{destination}: its sha256 is not {expected}; fetch it again without --offline")
    return destination


def _cache_name(url: str) -> str:
    """Return a file name that is unique to the address and still tells a person what it is."""
    base = Path(urlsplit(url).path).name or "download"
    return f"{hashlib.sha256(url.encode()).hexdigest()[:12]}-{base[-80:]}"


def _recorded(folder: Path) -> dict[str, str]:
    lock = folder / LOCK_FILE
    return read_json(lock) if lock.exists() else {}


def _record(folder: Path, key: str, sha256: str) -> None:
    """Remember the checksum of a first download; fetches that run at the same time take turns."""
    with (folder / f".{LOCK_FILE}").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        recorded = _recorded(folder)
        if recorded.get(key) != sha256:
            write_json(folder / LOCK_FILE, recorded | {key: sha256})
