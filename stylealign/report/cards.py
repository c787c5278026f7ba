"""Model cards: what a checkpoint was made of and what was measured of it; no number in them is typed. No torch."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stylealign.config.training import UNSEEN_DEFAULTS, TrainSettings
from stylealign.errors import StyleAlignError
from stylealign.files import atomic_path, read_json
from stylealign.measurements.rows import read_rows

BEGIN, END = "<!-- cards: begin, written by `stylealign card` -->", "<!-- cards: end -->"


def model_card(
    name: str, sha256: str, info: Mapping[str, Any], files: Sequence[str | Path], attribution: str | None = None
) -> dict[str, Any]:
    """Return a model's card as a JSON object.

    Args:
        name: name of the model.
        sha256: hash of the model file.
        info: what the file's header says beside the architecture: `kimg`, `settings`, `data`.
        files: files of `stylealign evaluate` about this very model; rows with a setting are left out.
        attribution: whose artwork its images show; None: what the header says of it.

    Raises:
        StyleAlignError: a measurement of another model.
    """
    metrics: dict[str, dict[str, float | int | None]] = {}
    measured = {}
    for file in files:
        rows, provenance = read_rows(file)
        if provenance["inputs_sha256"].get("model") != sha256:
            raise StyleAlignError(f"{file}: measured on another model than {name}; run `stylealign evaluate` again")
        measured[provenance["verb"]] = {
            "stylealign": provenance["version"],
            "data_sha256": provenance["inputs_sha256"].get("data"),
            "settings": provenance["settings"],
        }
        for row in rows:
            if not row.setting:
                head = f"{row.metric}[{row.features}]" if row.features else row.metric
                metrics[head] = {"value": row.value, "ci_low": row.ci_low, "ci_high": row.ci_high, "n": row.n}
    training = {"kimg": info.get("kimg"), "data_sha256": info.get("data"), "settings": info.get("settings")}
    owed = attribution or (info.get("provenance") or {}).get("attribution")
    if owed:
        training["attribution"] = owed
    return {"name": name, "sha256": sha256, "training": training, "metrics": metrics, "measured": measured}


def cards_table(cards: Sequence[Mapping[str, Any]]) -> str:
    """Return the cards as one Markdown table, a column each."""
    lines = [["", *(f"`{card['name']}`" for card in cards)], ["---"] * (len(cards) + 1)]
    lines.append(["length in kimg", *(f"{card['training']['kimg']:g}" for card in cards)])
    keys = ("seed", "batch_size", "learning_rate", "r1_gamma", "ema_kimg", "augment", "discriminator")
    for key in keys:
        values = [_setting(card["training"]["settings"], key) for card in cards]
        if any(value is not None for value in values):
            lines.append([key, *("" if value is None else f"{value}" for value in values)])
    heads = dict.fromkeys(head for card in cards for head in card["metrics"] if head != "kimg")
    lines += [[head, *(_number(card["metrics"].get(head)) for card in cards)] for head in heads]
    lines.append(["SHA-256 of the file", *(f"`{card['sha256'][:12]}`" for card in cards)])
    lines.append(["SHA-256 of its data", *(f"`{(card['training']['data_sha256'] or '')[:12]}`" for card in cards)])
    if any(card["training"].get("attribution") for card in cards):
        lines.append(["artwork", *(card["training"].get("attribution", "") for card in cards)])
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


def _setting(settings: Mapping[str, Any] | None, key: str) -> Any:
    """Return a setting of a training; files leave out some while they have their default."""
    if settings is None:
        return None
    return settings.get(key, TrainSettings.model_fields[key].default if key in UNSEEN_DEFAULTS else None)


def _number(entry: Mapping[str, Any] | None) -> str:
    if entry is None or entry["value"] is None:
        return ""
    text = f"{entry['value']:.4g}"
    return text if entry["ci_low"] is None else f"{text} [{entry['ci_low']:.4g}, {entry['ci_high']:.4g}]"


def write_table(readme: str | Path, cards: Sequence[str | Path]) -> None:
    """Replace the text between the two marks of a Markdown file by the table of some card files.

    Raises:
        StyleAlignError: a file without the marks.
    """
    text = Path(readme).read_text(encoding="utf-8") if Path(readme).is_file() else ""
    if BEGIN not in text or END not in text:
        raise StyleAlignError(f"{readme}: has no lines {BEGIN!r} and {END!r}; put them where the table goes")
    head, tail = text.split(BEGIN)[0], text.split(END)[1]
    table = cards_table([read_json(card) for card in cards])
    with atomic_path(readme) as temporary:
        temporary.write_text(f"{head}{BEGIN}\n\n{table}\n{END}{tail}", encoding="utf-8", errors="backslashreplace")
