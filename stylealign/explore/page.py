"""The page: its controls, what each does, and how a mistake is shown. Imports gradio."""

import functools
import secrets
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import gradio as gr

from stylealign.errors import StyleAlignError
from stylealign.explore.desk import (
    END_SEED,
    LABELS,
    LARGEST_PSI,
    LARGEST_STRENGTH,
    LARGEST_WEIGHTS,
    SEED,
    Desk,
    position,
)
from stylealign.explore.family import BUNDLED_PARENT
from stylealign.explore.finding import Found
from stylealign.explore.scene import ALL_LAYERS, layer_choices
from stylealign.explore.tiles import as_html
from stylealign.files import printable

SLIDERS = 4
"""Directions that can be moved along at once."""
LARGEST_DRAWN_SEED = 10_000
MORPH = "The morph goes from the parent, at this code, to each child at the seed that the code goes to, and back."
# The desk checks what is in the controls, and names the one that is wrong: no check by gradio.
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "preprocess": False}
NOW: dict[str, Any] = {"trigger_mode": "always_last", **QUIET}
"""How an event that draws behaves: while one is drawn, only the newest of those that wait counts."""
MOST_WAITING = 8
"""Dropped files that are dealt with, and told so, at once; one picture of them is inverted at a time."""
APART = "The two below stand apart: this brings them to one place."


def shown(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with a user's mistake shown on the page, in one line and without a traceback."""

    @functools.wraps(function)
    def wrapped(*values: Any) -> Any:
        try:
            return function(*values)
        except StyleAlignError as error:
            raise gr.Error(printable(str(error)), duration=10, print_exception=False) from error

    return wrapped


def blocks(desk: Desk) -> gr.Blocks:
    """Return the page."""
    with gr.Blocks(title="StyleAlign", analytics_enabled=False) as page:
        gr.Markdown("# One code, every model", elem_id="title")
        found = gr.State(desk.first)
        tiles = gr.HTML(elem_id="tiles", padding=False)
        # Where each column stands at which width: page.css.
        with gr.Row(elem_id="controls"):
            controls = Controls(
                found, tiles, _code(desk), _way(desk), _directions(list(desk.explorer.directions)), _save()
            )
        _let_answer(page, controls, Answers(desk))
    return page


# The parts of the page


class CodeControls(NamedTuple):
    """What gives the code."""

    seed: gr.Number
    another: gr.Button
    drop: gr.File
    text: gr.Markdown
    psi: gr.Slider


class WayControls(NamedTuple):
    """Where between parent and child the images are."""

    both: gr.Slider
    weights_t: gr.Slider
    code_t: gr.Slider
    end_seed: gr.Number
    layers: gr.Dropdown


class DirectionControls(NamedTuple):
    """Along what the code is moved."""

    chosen: gr.Dropdown
    moves: list[gr.Slider]
    reset: gr.Button


class SaveControls(NamedTuple):
    """What can be saved."""

    picture: gr.Button
    code: gr.Button
    morph: gr.Button


class Controls(NamedTuple):
    """The page: the code that was found, the images, and the columns."""

    found: gr.State
    tiles: gr.HTML
    code: CodeControls
    way: WayControls
    directions: DirectionControls
    save: SaveControls

    @property
    def inputs(self) -> list[Any]:
        """What the desk draws from, in the order of `Desk.scene`."""
        code, way, directions = self.code, self.way, self.directions
        first = [self.found, code.seed, way.end_seed, way.code_t, way.weights_t, way.layers, code.psi]
        return [*first, directions.chosen, *directions.moves]


def _code(desk: Desk) -> CodeControls:
    with gr.Column(elem_id="of-code"):
        gr.Markdown("### Code")
        with gr.Row():
            seed = gr.Number(SEED, label=LABELS["seed"], min_width=80, elem_id="seed")
            another = gr.Button("Another seed", variant="primary", elem_id="another", min_width=80)
        drop = gr.File(label="Or a picture, or saved codes (.npz)", height=140, elem_id="file")
        gr.Markdown(_domain(desk), elem_id="domain")
        text = gr.Markdown("" if desk.first is None else desk.first.words, elem_id="found")
        psi = gr.Slider(0, LARGEST_PSI, 1, step=0.05, label=LABELS["psi"], elem_id="psi")
    return CodeControls(seed, another, drop, text, psi)


def _way(desk: Desk) -> WayControls:
    with gr.Column(elem_id="of-way"):
        gr.Markdown("### From parent to child")
        both = gr.Slider(0, 1, 0.5, step=0.02, label=LABELS["both"], info=APART, elem_id="both")
        weights_t = gr.Slider(0, LARGEST_WEIGHTS, 1, step=0.02, label=LABELS["weights"], elem_id="weights")
        code_t = gr.Slider(0, 1, 0, step=0.02, label=LABELS["code"], elem_id="code")
        end_seed = gr.Number(END_SEED, label=LABELS["end_seed"], elem_id="end-seed")
        layers = gr.Dropdown(
            layer_choices(desk.parent.checkpoint.architecture),
            value=ALL_LAYERS,
            label="Layers that the child gives (layer swap)",
            elem_id="layers",
        )
        if not desk.explorer.family.children:
            hint = "No aligned child here: start with `stylealign explore --child MODEL`."
            gr.Markdown(hint, elem_id="hint")
    return WayControls(both, weights_t, code_t, end_seed, layers)


def _directions(names: list[str]) -> DirectionControls:
    with gr.Column(elem_id="of-directions"):
        gr.Markdown("### Directions")
        chosen = gr.Dropdown(
            names,
            value=names[:SLIDERS],
            multiselect=True,
            max_choices=SLIDERS,
            label=f"Along these, up to {SLIDERS}",
            info="Move a slider to see what it changes. In standard deviations.",
            elem_id="directions",
        )
        moves = [
            gr.Slider(
                -LARGEST_STRENGTH,
                LARGEST_STRENGTH,
                0,
                step=0.1,
                label=name,
                visible=place < len(names),
                elem_id=f"move{place}",
            )
            for place, name in enumerate([*names, *[""] * SLIDERS][:SLIDERS])
        ]
        reset = gr.Button("Directions back to 0", elem_id="reset")
    return DirectionControls(chosen, moves, reset)


def _save() -> SaveControls:
    with gr.Column(elem_id="of-save"):
        gr.Markdown("### Save")
        with gr.Row():
            picture = gr.Button("Picture", elem_id="save-picture", min_width=80)
            code = gr.Button("Code", elem_id="save-code", min_width=80)
            morph = gr.Button("Morph", elem_id="save-morph", min_width=80)
        gr.Markdown(MORPH, elem_id="morph-hint")
    return SaveControls(picture, code, morph)


# What they do


class Answers:
    """What the page answers; `values` are those of `Controls.inputs`.

    Args:
        desk: draws and finds.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def look(self, *values: Any) -> str:
        """Draw."""
        return as_html(self.desk.tiles(*values))

    def go(self, t: float, given: Found | None, *values: Any) -> tuple[Any, float, float, str]:
        """Bring weights and code to one place."""
        t = position(t, "both")
        seed, end_seed, _, _, *rest = values
        return gr.Slider(info=together(t, t)["info"]), t, t, self.look(given, seed, end_seed, t, t, *rest)

    def go_apart(self, *values: Any) -> tuple[Any, str]:
        """Draw with weights and code where each is, and say whether that is one place."""
        _, _, _, code_t, weights_t, *_ = values
        drawn = self.look(*values)
        return gr.Slider(**together(code_t, weights_t)), drawn

    def take(self, file: Any, given: Found | None) -> Iterator[tuple[Any, str]]:
        """Find the code of a dropped file, and say how far it is."""
        if file is None:
            yield None, ""
            return
        path = file.get("path") if isinstance(file, dict) else None
        is_busy = self.desk.must_wait(path)
        waiting = "Somebody else's picture is being found: yours comes after it ..." if is_busy else ""
        yield given, waiting or "Finding its code: some seconds ..."
        try:
            given = self.desk.find(path)
        except StyleAlignError as error:
            yield given, printable(str(error))
            return
        yield given, f"{given.words}. Shown in place of the seed."


def draw_seed() -> tuple[int, None, None, str]:
    """Return another seed, which takes the place of a picture."""
    return secrets.randbelow(LARGEST_DRAWN_SEED), None, None, ""


def label(picked: list[str]) -> list[Any]:
    """Return the sliders of the chosen directions, at 0."""
    names = [*picked, *[""] * SLIDERS][:SLIDERS]
    return [gr.Slider(label=name or " ", value=0, visible=bool(name)) for name in names]


def _let_answer(page: gr.Blocks, controls: Controls, answers: Answers) -> None:
    """Join the controls with what they do."""
    found, tiles, code, way, directions, save = controls
    inputs = controls.inputs
    # One function for all: gradio lets the calls of one wait for each other.
    look = {"fn": shown(answers.look), "inputs": inputs, "outputs": tiles, **NOW}
    page.load(**look)
    moving = [way.layers.input, code.psi.input, way.end_seed.input, *(move.input for move in directions.moves)]
    gr.on(moving, **look)
    gr.on([way.code_t.input, way.weights_t.input], shown(answers.go_apart), inputs, [way.both, tiles], **NOW)
    # A seed takes the place of a picture.
    gr.on([code.seed.input], lambda: (None, None, ""), None, [found, code.drop, code.text], **NOW).then(**look)
    code.another.click(draw_seed, None, [code.seed, found, code.drop, code.text], **NOW).then(**look)
    way.both.input(shown(answers.go), [way.both, *inputs], [way.both, way.weights_t, way.code_t, tiles], **NOW)
    directions.chosen.input(label, directions.chosen, directions.moves, **NOW).then(**look)
    directions.reset.click(label, directions.chosen, directions.moves, **NOW).then(**look)
    dropped = [code.drop.upload, code.drop.clear]
    taken = gr.on(
        dropped, answers.take, [code.drop, found], [found, code.text], concurrency_limit=MOST_WAITING, **QUIET
    )
    taken.then(**look)
    desk = answers.desk
    for button, made in zip(save, (desk.picture_file, desk.code_file, desk.morph_file), strict=True):
        _saves(button, shown(made), inputs)


def together(code_t: float, weights_t: float) -> dict[str, Any]:
    """Return where the slider of both stands, and what it says: at their place, or half-way where they differ."""
    if code_t == weights_t:
        return {"value": code_t, "info": ""}
    return {"value": min(1.0, (code_t + weights_t) / 2), "info": APART}


def _domain(desk: Desk) -> str:
    """Return which pictures the page is for."""
    parent = desk.parent
    what = "drawn people" if parent.name == BUNDLED_PARENT else "what it was trained on"
    px = parent.checkpoint.architecture.resolution
    return f"A picture has to be of the domain of {parent.name} ({what}); its middle square is taken, at {px} px."


def _saves(button: gr.Button, make: Callable[..., str], inputs: list[Any]) -> None:
    """Let a button make a file of the inputs and hand it to the browser, through a link that nobody sees."""
    name = f"{button.elem_id}-file"
    link = gr.DownloadButton(visible="hidden", elem_id=name)
    click = f"() => document.querySelector('#{name}').click()"
    options: dict[str, Any] = {"api_visibility": "private", "show_progress_on": button, "preprocess": False}
    made = button.click(make, inputs, link, concurrency_limit=1, **options)
    made.success(None, None, None, js=click)
