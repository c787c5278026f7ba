"""`stylealign convert`: a checkpoint or a label network in another format, or codes of another program."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from stylealign import load
from stylealign.applications.labels import onnx_export
from stylealign.applications.labels.networks import is_label_network, load_label_network, save_label_network
from stylealign.checkpoints import onnx_generator
from stylealign.checkpoints.convert import convert
from stylealign.config.labeller_files import is_description, onnx_file_of
from stylealign.errors import StyleAlignError
from stylealign.files import require_suffix, require_writable, sha256_of_file
from stylealign.latents.codes import Codes
from stylealign.latents.spaces import names
from stylealign.provenance import provenance_of
from stylealign.versions import version

ONNX = ".onnx"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the verb."""
    parser.add_argument(
        "source",
        metavar="SRC",
        help="checkpoint of any known format, recognised by its content; a label network, or the YAML of one in an "
        "ONNX file; with --codes-of, codes of another program: .npz, .npy, or tensors saved by torch",
    )
    parser.add_argument(
        "out",
        metavar="DST",
        help="file to write: .safetensors is native, .pt rosinality style, .onnx for other programs (a label network "
        "gets a .yaml beside it), .npz for codes",
    )
    parser.add_argument(
        "--part",
        choices=onnx_generator.PARTS,
        help="what of a model becomes .onnx: z to images, z to ws, or ws to images (default: generator)",
    )
    parser.add_argument("--codes-of", type=Path, metavar="MODEL", help="SRC holds codes of this model")
    parser.add_argument("--space", choices=names(), help="space of the codes (default: by their shape)")


def run(arguments: argparse.Namespace) -> None:
    """Convert and print what was written as JSON."""
    require_writable(arguments.out)
    if arguments.part is not None and (arguments.codes_of or Path(arguments.out).suffix.lower() != ONNX):
        raise StyleAlignError(f"--part: goes with a model and a .onnx to write, not with {arguments.out}")
    if arguments.space is not None and arguments.codes_of is None:
        raise StyleAlignError("--space: is of codes; name their model with --codes-of")
    if arguments.codes_of is not None:
        _convert_codes(arguments)
        return
    if is_description(arguments.source) or is_label_network(arguments.source):
        if arguments.part is not None:
            raise StyleAlignError(f"--part: is of a model, and {arguments.source} is a label network; leave it out")
        print(json.dumps(_convert_labeller(arguments.source, arguments.out), indent=2))
        return
    if Path(arguments.out).suffix.lower() == ONNX:
        model = load(arguments.source)
        result = {"path": arguments.out, "format": "onnx", "source_sha256": model.sha256}
        result |= onnx_generator.write(arguments.out, model, arguments.part or "generator")
        print(json.dumps(result | {"sha256": sha256_of_file(arguments.out)}, indent=2))
        return
    result = convert(arguments.source, arguments.out)
    for notice in result["notices"]:
        print(f"stylealign convert: {arguments.source}: {notice}", file=sys.stderr)
    print(json.dumps(result, indent=2))


def _convert_labeller(source: str, out: str) -> dict[str, Any]:
    """Write a label network as an ONNX file with its YAML, or an ONNX file and its YAML as one file."""
    require_suffix(out, (ONNX, ".safetensors"), "a label network")
    if Path(out).suffix.lower() == ONNX:
        network, _ = load_label_network(source)
        if is_description(source) and onnx_file_of(source).resolve() == Path(out).resolve():
            raise StyleAlignError(f"{out}: is the file that {source} describes; name another")
        if Path(out).with_suffix(".yaml").resolve() == Path(source).resolve():
            raise StyleAlignError(f"{out}: its YAML would take the place of {source}; name another")
        return {"path": out, "format": "onnx"} | onnx_export.write(out, network)
    network, provenance = load_label_network(source)
    if is_description(source):
        files: dict[str, str | Path | None] = {"labeller": source, "onnx": onnx_file_of(source)}
        provenance = provenance_of("convert", version("convert"), {}, files)
    save_label_network(out, network, provenance)
    return {"path": out, "format": "label network", "task": network.spec.task, "sha256": sha256_of_file(out)}


def _convert_codes(arguments: argparse.Namespace) -> None:
    require_suffix(arguments.out, (".npz",), "a file of codes")
    model = load(arguments.codes_of)
    codes = Codes.load(arguments.source, arguments.space, model.sha256, model.architecture)
    codes.save(arguments.out)
    result = {"path": arguments.out, "space": codes.space, "codes": len(codes), "model_sha256": codes.model_sha256}
    print(json.dumps(result, indent=2))
