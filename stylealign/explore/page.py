"""The page: its controls, what each does, and how a mistake is shown. Imports gradio."""

import functools
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from stylealign.errors import StyleAlignError
from stylealign.explore.desk import LARGEST_SEED, Desk
from stylealign.explore.finding import Found
from stylealign.explore.scene import ALL_LAYERS, layer_choices
from stylealign.explore.tiles import as_html
from stylealign.files import printable

SLIDERS = 4
"""Directions that can be moved along at once."""
REACH = 3.0
"""Standard deviations that a slider of a direction reaches."""
LARGEST_DRAWN_SEED = 10_000
MORPH = "The morph goes from the parent, at this code, to each child at the seed that the code goes to, and back."
NOW: dict[str, Any] = {"trigger_mode": "always_last", "show_progress": "hidden", "api_visibility": "private"}
"""How an event that draws behaves: while one is drawn, only the newest of those that wait counts."""


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
                    seed = gr.Number(0, label="Seed", precision=0, minimum=0, maximum=LARGEST_SEED, min_width=80)
                    another = gr.Button("Another seed", variant="primary", elem_id="another", min_width=80)
                drop = gr.File(label="Or a picture, or saved codes (.npz)", height=140, elem_id="file")
                text = gr.Markdown("" if desk.first is None else desk.first.words, elem_id="found")
                psi = gr.Slider(0, 1.2, 1, step=0.05, label="Truncation (0: the mean image)", elem_id="psi")
            with gr.Column(elem_id="of-way"):
                gr.Markdown("### From parent to child")
                both = gr.Slider(0, 1, 0, step=0.02, label="Both: moves the two below", elem_id="both")
                weights_t = gr.Slider(0, 1.5, 1, step=0.02, label="Weights (1: the child)", elem_id="weights")
                code_t = gr.Slider(0, 1, 0, step=0.02, label="Code (1: the seed below)", elem_id="code")
                end_seed = gr.Number(
                    1, label="Seed that the code goes to", precision=0, minimum=0, maximum=LARGEST_SEED
                )
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
                        -REACH, REACH, 0, step=0.1, label=name, visible=place < len(names), elem_id=f"move{place}"
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
        def go(t: float, given: Found | None, *values: Any) -> tuple[float, float, str]:
            seed, end_seed, _, _, *rest = values
            return t, t, look(given, seed, end_seed, t, t, *rest)

        def take(path: str | None, given: Found | None, *values: Any) -> Iterator[tuple[Any, str, Any]]:
            if path is None:
                yield None, "", look(None, *values)
                return
            yield given, "Finding its code: some seconds ...", gr.skip()
            try:
                given = desk.find(path)
            except StyleAlignError as error:
                yield given, printable(str(error)), gr.skip()
                return
            yield given, f"{given.words}. Shown in place of the seed.", look(given, *values)

        def draw_seed() -> tuple[int, None, None, str]:
            return secrets.randbelow(LARGEST_DRAWN_SEED), None, None, ""

        def label(picked: list[str]) -> list[Any]:
            shown_names = [*picked, *[""] * SLIDERS][:SLIDERS]
            return [gr.Slider(label=name or " ", value=0, visible=bool(name)) for name in shown_names]

        page.load(look, inputs, tiles, **NOW)
        moving = [code_t.input, weights_t.input, layers.input, psi.input, end_seed.input, *(m.input for m in moves)]
        gr.on(moving, look, inputs, tiles, **NOW)
        # A seed takes the place of a picture.
        gr.on([seed.input], lambda: (None, None, ""), None, [found, drop, text], **NOW).then(look, inputs, tiles, **NOW)
        another.click(draw_seed, None, [seed, found, drop, text], **NOW).then(look, inputs, tiles, **NOW)
        both.input(go, [both, *inputs], [weights_t, code_t, tiles], **NOW)
        chosen.input(label, chosen, moves, **NOW).then(look, inputs, tiles, **NOW)
        reset.click(label, chosen, moves, **NOW).then(look, inputs, tiles, **NOW)
        dropped: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        gr.on([drop.upload, drop.clear], take, [drop, *inputs], [found, text, tiles], **dropped)
        for button, made in ((picture, desk.picture_file), (code, desk.code_file), (morph, desk.morph_file)):
            _saves(button, shown(made), inputs)
    return page


def _saves(button: gr.Button, make: Callable[..., str], inputs: list[Any]) -> None:
    """Let a button make a file of the inputs and hand it to the browser, through a link that nobody sees."""
    name = f"{button.elem_id}-file"
    link = gr.DownloadButton(visible="hidden", elem_id=name)
    click = f"() => document.querySelector('#{name}').click()"
    made = button.click(make, inputs, link, api_visibility="private", show_progress_on=button)
    made.success(None, None, None, js=click)
