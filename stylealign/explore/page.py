"""The page: its controls, what each does, and how a mistake is shown. Imports gradio."""

import functools
import secrets
from collections.abc import Callable, Iterator
from typing import Any

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
    names = list(desk.explorer.directions)
    has_children = bool(desk.explorer.family.children)
    with gr.Blocks(title="StyleAlign", analytics_enabled=False) as page:
        gr.Markdown("# One code, every model", elem_id="title")
        found = gr.State(desk.first)
        tiles = gr.HTML(elem_id="tiles", padding=False)
        # Where each column stands at which width: page.css.
        with gr.Row(elem_id="controls"):
            with gr.Column(elem_id="of-code"):
                gr.Markdown("### Code")
                with gr.Row():
                    seed = gr.Number(SEED, label=LABELS["seed"], min_width=80, elem_id="seed")
                    another = gr.Button("Another seed", variant="primary", elem_id="another", min_width=80)
                drop = gr.File(label="Or a picture, or saved codes (.npz)", height=140, elem_id="file")
                gr.Markdown(_domain(desk), elem_id="domain")
                text = gr.Markdown("" if desk.first is None else desk.first.words, elem_id="found")
                psi = gr.Slider(0, LARGEST_PSI, 1, step=0.05, label=LABELS["psi"], elem_id="psi")
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
                if not has_children:
                    hint = "No aligned child here: start with `stylealign explore --child MODEL`."
                    gr.Markdown(hint, elem_id="hint")
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
            with gr.Column(elem_id="of-save"):
                gr.Markdown("### Save")
                with gr.Row():
                    picture = gr.Button("Picture", elem_id="save-picture", min_width=80)
                    code = gr.Button("Code", elem_id="save-code", min_width=80)
                    morph = gr.Button("Morph", elem_id="save-morph", min_width=80)
                gr.Markdown(MORPH, elem_id="morph-hint")
        controls = [seed, end_seed, code_t, weights_t, layers, psi, chosen, *moves]
        inputs = [found, *controls]

        @shown
        def look(*values: Any) -> str:
            return as_html(desk.tiles(*values))

        @shown
        def go(t: float, given: Found | None, *values: Any) -> tuple[Any, float, float, str]:
            t = position(t, "both")
            seed, end_seed, _, _, *rest = values
            return gr.Slider(info=together(t, t)["info"]), t, t, look(given, seed, end_seed, t, t, *rest)

        @shown
        def go_apart(*values: Any) -> tuple[Any, str]:
            _, _, _, code_t, weights_t, *_ = values
            drawn = look(*values)
            return gr.Slider(**together(code_t, weights_t)), drawn

        def take(file: Any, given: Found | None) -> Iterator[tuple[Any, str]]:
            if file is None:
                yield None, ""
                return
            path = file.get("path") if isinstance(file, dict) else None
            waiting = "Somebody else's picture is being found: yours comes after it ..." if desk.must_wait(path) else ""
            yield given, waiting or "Finding its code: some seconds ..."
            try:
                given = desk.find(path)
            except StyleAlignError as error:
                yield given, printable(str(error))
                return
            yield given, f"{given.words}. Shown in place of the seed."

        def draw_seed() -> tuple[int, None, None, str]:
            return secrets.randbelow(LARGEST_DRAWN_SEED), None, None, ""

        def label(picked: list[str]) -> list[Any]:
            shown_names = [*picked, *[""] * SLIDERS][:SLIDERS]
            return [gr.Slider(label=name or " ", value=0, visible=bool(name)) for name in shown_names]

        page.load(look, inputs, tiles, **NOW)
        moving = [layers.input, psi.input, end_seed.input, *(move.input for move in moves)]
        gr.on(moving, look, inputs, tiles, **NOW)
        gr.on([code_t.input, weights_t.input], go_apart, inputs, [both, tiles], **NOW)
        # A seed takes the place of a picture.
        gr.on([seed.input], lambda: (None, None, ""), None, [found, drop, text], **NOW).then(look, inputs, tiles, **NOW)
        another.click(draw_seed, None, [seed, found, drop, text], **NOW).then(look, inputs, tiles, **NOW)
        both.input(go, [both, *inputs], [both, weights_t, code_t, tiles], **NOW)
        chosen.input(label, chosen, moves, **NOW).then(look, inputs, tiles, **NOW)
        reset.click(label, chosen, moves, **NOW).then(look, inputs, tiles, **NOW)
        taken = gr.on(
            [drop.upload, drop.clear], take, [drop, found], [found, text], concurrency_limit=MOST_WAITING, **QUIET
        )
        taken.then(look, inputs, tiles, **NOW)
        for button, made in ((picture, desk.picture_file), (code, desk.code_file), (morph, desk.morph_file)):
            _saves(button, shown(made), inputs)
    return page


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
