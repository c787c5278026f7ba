"""What `stylealign edit` writes: a sheet of the edits, a zip of them, and a video."""

import argparse

from stylealign.applications.editing import CodesOf, Move, Relative, edited, frames, sweep
from stylealign.checkpoints import Checkpoint
from stylealign.datasets.images import write_image_zip
from stylealign.provenance import provenance_of
from stylealign.report.sheets import Pixels, enlarge, grid, labelled_rows, save_picture
from stylealign.report.video import video_writer
from stylealign.versions import version

LEAST_HEIGHT_PX = 128
FPS = 24
NamedCodes = tuple[list[str], CodesOf]
"""Names of the codes, and the codes."""


def write_stills(
    arguments: argparse.Namespace,
    checkpoint: Checkpoint,
    moves: list[Move],
    models: list[Relative],
    given: NamedCodes,
) -> None:
    """Write the grid, which may have too many pixels for its format, then the zip."""
    names, codes = given
    rows: list[tuple[str, Pixels]] = []
    entries: list[dict[str, object]] = []
    drawn: list[Pixels] = []
    if arguments.grid is None and arguments.zip is None:
        return
    for move in moves:
        edits = [edited(codes, move, arguments.strengths, relative) for relative in models]
        for place, name in enumerate(names):
            for relative, pixels in zip(models, edits, strict=True):
                rows.append((f"{name}, {relative.name}: {move.name}", pixels[place]))
                drawn.extend(pixels[place])
                own = {"code": name, "model": relative.name, "direction": move.name}
                entries.extend({**own, "strength": strength} for strength in arguments.strengths)
    if arguments.grid is not None:
        factor = -(-LEAST_HEIGHT_PX // rows[0][1].shape[-1])
        heads = [f"{strength:+g}" if strength else "0" for strength in arguments.strengths]
        save_picture(arguments.grid, labelled_rows([(label, enlarge(row, factor)) for label, row in rows], heads=heads))
    if arguments.zip is not None:
        inputs = {"model": arguments.model, "codes": arguments.codes, "pictures": arguments.pictures}
        inputs |= {f"relative-{number}": path for number, path in enumerate(arguments.relative)}
        inputs |= {f"directions-{number}": path for number, path in enumerate(arguments.directions)}
        settings = {
            "seeds": arguments.seeds,
            "strengths": arguments.strengths,
            "layers": arguments.layers,
            "direction": arguments.direction,
            "channel": arguments.channel,
            "together": arguments.together,
            "truncation_psi": arguments.truncation_psi,
        }
        made = provenance_of("edit", version("edit"), settings, inputs, {"model": checkpoint.sha256})
        write_image_zip(arguments.zip, drawn, extra={"edits": entries, "provenance": made})


def write_video(arguments: argparse.Namespace, moves: list[Move], models: list[Relative], codes: CodesOf) -> None:
    """Write the video: a row a code, a column a model; there and back for each move."""
    strengths = sweep(arguments.strengths, arguments.frames)
    there_and_back = [*strengths, *strengths[-2:0:-1]]

    with video_writer(arguments.video, FPS) as write:
        for frame in frames(codes, moves, there_and_back, models):
            write(grid(enlarge(frame, -(-LEAST_HEIGHT_PX // frame.shape[-1])), len(models)))
