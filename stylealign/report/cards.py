"""Model cards: what a checkpoint was made of and what was measured of it; no number in them is typed. No torch."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stylealign.config.training import UNSEEN_DEFAULTS, TrainSettings
from stylealign.errors import StyleAlignError
from stylealign.files import atomic_path, read_json
from stylealign.measurements.rows import read_rows

BEGIN, END = "<!-- cards: begin, written by `stylealign card` -->", "<!-- cards: end -->"
SETTINGS = ("seed", "batch_size", "learning_rate", "r1_gamma", "ema_kimg", "augment", "discriminator")


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
        StyleAlignError: a measurement of another model, or one number measured twice.
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
                if head in metrics:
                    raise StyleAlignError(
                        f"{file}: {head} of {name} stands there twice, or in a file before it; give one"
                    )
                metrics[head] = {"value": row.value, "ci_low": row.ci_low, "ci_high": row.ci_high, "n": row.n}
    training = {"kimg": info.get("kimg"), "data_sha256": info.get("data"), "settings": info.get("settings")}
    owed = attribution or (info.get("provenance") or {}).get("attribution")
    if owed:
        training["attribution"] = owed
    return {"name": name, "sha256": sha256, "training": training, "metrics": metrics, "measured": measured}


def cards_table(cards: Sequence[Mapping[str, Any]]) -> str:
    """Return the cards in Markdown: a table with a row each, one of what some have alone, and what they share."""
    settings = {key: [_setting(card["training"]["settings"], key) for card in cards] for key in SETTINGS}
    shared = {key: values[0] for key, values in settings.items() if len(set(values)) == 1}
    trained = [card["training"]["kimg"] for card in cards]
    columns: dict[str, list[str]] = {"kimg": ["" if kimg is None else f"{kimg:g}" for kimg in trained]}
    held = [_held(card["training"]["settings"]) for card in cards]
    if any(held):
        columns["held"] = held
    for key, values in settings.items():
        if key not in shared:
            columns[key] = ["" if value is None else f"{value}" for value in values]
    heads = dict.fromkeys(head for card in cards for head in card["metrics"] if head != "kimg")
    measured = {head: [_number(card["metrics"].get(head)) for card in cards] for head in heads}
    columns |= {head: values for head, values in measured.items() if all(values)}
    columns["SHA-256 of the file"] = [f"`{card['sha256'][:12]}`" for card in cards]
    columns["of its data"] = [f"`{(card['training']['data_sha256'] or '')[:12]}`" for card in cards]
    names = [f"`{card['name']}`" for card in cards]
    parts = [_table(names, columns)]
    said = [f"{key} {value}" for key, value in shared.items() if value is not None]
    if said:
        parts.append(f"The same for all: {', '.join(said)}.\n")
    rest = {head: values for head, values in measured.items() if not all(values)}
    if rest:
        rows = [i for i in range(len(cards)) if any(values[i] for values in rest.values())]
        parts.append(_table([names[i] for i in rows], {head: [of[i] for i in rows] for head, of in rest.items()}))
    owed: dict[str, list[str]] = {}
    for name, card in zip(names, cards, strict=True):
        if card["training"].get("attribution"):
            owed.setdefault(card["training"]["attribution"], []).append(name)
    if owed:
        parts.append("".join(f"* {', '.join(of)}: {artwork}\n" for artwork, of in owed.items()))
    return "\n".join(parts)


def _table(names: Sequence[str], columns: Mapping[str, Sequence[str]]) -> str:
    lines = [["", *columns], ["---"] * (len(columns) + 1)]
    lines += [[name, *(values[i] for values in columns.values())] for i, name in enumerate(names)]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in lines)


def _held(settings: Mapping[str, Any] | None) -> str:
    """Return what a training held to the parent, and how strongly."""
    keep = (settings or {}).get("keep") or {}
    ways = {way: of for way, of in keep.items() if isinstance(of, Mapping)}
    held = [f"{way} {of['weight']:g}" for way, of in ways.items() if of.get("weight")]
    held += [f"{way} of D {of['discriminator_weight']:g}" for way, of in ways.items() if of.get("discriminator_weight")]
    held += [f"{way} {of['tolerance']:g}" for way, of in ways.items() if of.get("tolerance")]
    return ", ".join(held + (["rates"] if keep.get("rates") else []))


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


def _read(path: str | Path) -> Mapping[str, Any]:
    card = read_json(path)
    if not isinstance(card, dict) or not {"name", "sha256", "training", "metrics"} <= card.keys():
        raise StyleAlignError(f"{path}: no card; keep cards in a folder of their own")
    return card


def write_table(readme: str | Path, cards: Sequence[str | Path]) -> None:
    """Replace the text between the two marks of a Markdown file by the table of some card files.

    Raises:
        StyleAlignError: a file without the marks, or one that is no card.
    """
    text = Path(readme).read_text(encoding="utf-8") if Path(readme).is_file() else ""
    if BEGIN not in text or END not in text:
        raise StyleAlignError(f"{readme}: has no lines {BEGIN!r} and {END!r}; put them where the table goes")
    head, tail = text.split(BEGIN)[0], text.split(END)[1]
    table = cards_table([_read(card) for card in cards])
    with atomic_path(readme) as temporary:
        temporary.write_text(f"{head}{BEGIN}\n\n{table}\n{END}{tail}", encoding="utf-8", errors="backslashreplace")
