"""What tells one content from another: of data sets, models and trainings, without reading images."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from stylealign.config import MEASURED_BY, UPKEEP, Config, KeepSettings, TrainSettings
from stylealign.config.labeller_files import is_description, onnx_file_of
from stylealign.experiment.content import content_of, count_files
from stylealign.experiment.words import as_json
from stylealign.experiment.zoo import Zoo
from stylealign.files import own_path, sha256_of_json
from stylealign.versions import version

RECORDS = Path(".snakemake") / "stylealign"
"""Folder of the run with the hashes of pictures and models of one's own."""
NO_IDENTITY = ("kimg", "preset", "threads", *UPKEEP)
"""Keys of a training that goes on from its state when they change: the length, a recipe's name, the threads (which the
rules name apart), and what changes nothing."""

DRAWS = 2
"""Version of the streams that new weights and the measurements of a training are drawn from."""


ALL_FACES = 2
"""Version of data sets of all faces of each picture: from 2 on, all faces of a picture are in one split."""

LABELS_READ = 3
"""Version of how labels of one's own become annotations; the images of a data set do not depend on it."""


class Identity:
    """Names and hashes of what jobs start from.

    Args:
        config: the configuration.
        zoo: known models and data sets.
        directory: folder of the run, which relative paths of the configuration start from.
    """

    def __init__(self, config: Config, zoo: Zoo, directory: Path = Path()) -> None:
        self.config, self.zoo, self.directory = config, zoo, directory
        self.content = cache(self._content)
        self._count = cache(lambda path: count_files(directory / path))

    def model_file(self, model: str) -> str | None:
        """Return the file of one's own that a model is fetched from, None for a name of the zoo or an address."""
        source = self.config.models[model].fetch
        if source is None or "://" in source or self.zoo.entry("models", source):
            return None
        return own_path(source)

    def _content(self, path: str, name: str) -> str | None:
        """Return the hash of a file or folder; `name` tells its record from others."""
        return content_of(self.directory / path, self.directory / RECORDS / f"{name}.json")

    def source_of(self, model: str) -> dict[str, Any]:
        """Return what tells one content of a model's `fetch` from another: its entry in the zoo, the file's hash."""
        own, source = self.model_file(model), self.config.models[model].fetch or ""
        if own is not None:
            return {"sha256": self.content(own, f"model-{model}")}
        bundled, entry = self.zoo.file_of(source), self.zoo.entry("models", source)
        return {
            "entry": {key: value for key, value in entry.items() if key != "discriminator"},  # the file itself tells
            "sha256": None if bundled is None else content_of(bundled, self.directory / RECORDS / f"zoo-{source}.json"),
        }

    def pictures_of(self, domain: str) -> str | None:
        """Return the hash of the pictures of one's own in a domain."""
        return self.content(own_path(self.config.domains[domain].path or ""), f"pictures-{domain}")

    def labels_of(self, domain: str) -> dict[str, str | None]:
        """Return the hash of each file or folder of labels of one's own in a domain, by its key, and how it is read."""
        labels = self.config.domains[domain].annotations
        if labels is None:
            return {}
        content = {key: self.content(own_path(path), f"labels-{domain}-{key}") for key, path in labels.files.items()}
        return content | {"read": str(LABELS_READ)}

    def labeller_files(self, task: str, domain: str) -> list[Path]:
        """Return the files of one's own network that labels a domain's images: one, or a YAML with its ONNX file.

        Raises:
            StyleAlignError: the YAML cannot be read.
        """
        file = self.directory / own_path(self.config.domains[domain].labellers[task])
        return [file, onnx_file_of(file)] if is_description(file) else [file]

    def labeller_of(self, task: str, domain: str) -> list[str | None]:
        """Return the hashes of these files."""
        files = self.labeller_files(task, domain)
        return [self.content(str(file), f"labeller-{domain}-{task}-{place}") for place, file in enumerate(files)]

    def settings_of(self, domain: str) -> str:
        """Return the settings that a domain's images are made with as JSON, without the path of pictures."""
        return self._told(domain, "annotations")

    def drawn_settings_of(self, domain: str, split: str) -> str:
        """Return the settings that a split of a drawn domain is made with as JSON."""
        return self._told(domain, *self.config.domains[domain].others_than(split))

    def label_settings_of(self, domain: str) -> str:
        """Return the same with those of its labels."""
        return self._told(domain)

    def _told(self, domain: str, *without: str) -> str:
        settings = self.config.domains[domain]
        return json.dumps(settings.as_told({"labellers", *(["path"] if settings.path else []), *without}))

    def pictures_in(self, domain: str) -> int:
        """Return the number of files of one's own in a domain, hidden ones left out; 0 where there are none yet."""
        return self._count(own_path(self.config.domains[domain].path or ""))

    def data_version(self, domain: str) -> int | str:
        """Return the version that a domain's images are made with: that of `stylealign data`, of some sets one more."""
        own = version("data")
        return f"{own}, all faces {ALL_FACES}" if self.config.domains[domain].takes_all_faces else own

    def data_of(self, domain: str) -> dict[str, Any]:
        """Return what tells one content of the training images of a data set from another.

        Labels change no image: a model is the same with and without them.
        """
        settings = self.config.domains[domain]
        told = json.dumps(settings.as_told({"path", "annotations", "labellers", *settings.others_than("train")}))
        identity: dict[str, Any] = {"settings": told, "version": self.data_version(domain)}
        if settings.path:
            identity["pictures"] = self.pictures_of(domain)
        if settings.fetch:
            identity["entry"] = self.zoo.entry("datasets", settings.fetch)
        return identity

    def origin_of(self, model: str, before: bool = False) -> dict[str, Any]:
        """Return everything that a model's weights follow from, as JSON values; `before` as in `start_of`."""
        start = self.start_of(model, before)
        if self.config.models[model].fetch:
            return start
        training = self.config.training_of(model)
        return start | _pull_of(training, before) | {"kimg": training.kimg}

    def start_of(self, model: str, before: bool = False) -> dict[str, Any]:
        """Return the same without what comes at the end of its training: it goes on when it is made longer.

        Args:
            before: with keys that change nothing and what a pull alone is measured by, as folders were called until
                2026-11-28. Not with the numbers of images for testing and validation of a drawn domain, which counted
                then: its images were drawn again since, and no training goes on with another file of images.
        """
        settings = self.config.models[model]
        if settings.fetch:
            is_own = self.model_file(model) is not None
            named = {} if is_own else {"fetch": settings.fetch}
            return named | {"is": self.source_of(model), "version": version("fetch")}
        shape = settings.architecture
        reads = {"encoder": [as_json(self.config.encoder), version("encoder")]} if self.reads_codes(model) else {}
        draws = {"draws": DRAWS} if self._draws(model) else {}
        asked = self.config.told_of(model) if before else self.config.training_of(model)
        training = asked.before_pull
        if before:
            training = training.model_copy(update={key: getattr(asked, key) for key in MEASURED_BY})
        # Nothing held is what a training without the key was: it stays the same.
        unseen = (*NO_IDENTITY, "keep") if training.keep == KeepSettings() else NO_IDENTITY
        return (
            reads
            | draws
            | {
                "parent": self.origin_of(settings.parent, before)
                if settings.parent
                else as_json(shape)
                if shape
                else None,
                "data": self.data_of(settings.domain),
                "training": as_json(training, without=unseen),
                "version": version("train"),
            }
        )

    def reads_codes(self, model: str) -> bool:
        """Return whether the training of a child reads codes back with its parent's encoder."""
        return self.config.models[model].parent is not None and self.config.training_of(model).keep.code.weight > 0

    def _draws(self, model: str) -> bool:
        """Return whether a training starts with weights of its own, or chooses by what it draws for a measurement."""
        training = self.config.training_of(model)
        is_new = self.config.models[model].parent is None
        return is_new or training.keep.patches.weight > 0 or training.select != "last"

    def run_dir(self, model: str) -> str:
        """Return the directory of a training's resume state: another for every other training, not for its length.

        A training that began in a folder as it was called before goes on there.
        """
        now, before = (
            f"results/runs/{model}-{sha256_of_json(self.start_of(model, is_old))[:12]}" for is_old in (False, True)
        )
        return before if any(self.directory.glob(f"{before}-threads*")) else now


def _pull_of(training: TrainSettings, before: bool) -> dict[str, Any]:
    """Return what the pull at the end of a training follows from, {} where nothing is pulled."""
    if training.keep.pull.is_off:
        return {}
    plain = training.before_pull
    by = {key: getattr(training, key) for key in MEASURED_BY if getattr(training, key) != getattr(plain, key)}
    if before:
        by = {}
    return {"pull": as_json(training.keep.pull), **by}
