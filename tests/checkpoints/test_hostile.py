"""Hostile files: refused with the reason, without side effects and without large allocations."""

import contextlib
import io
import os
import pickle
import struct
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import stylealign
from stylealign.errors import StyleAlignError
from tests.checkpoints import builders
from tests.checkpoints.conftest import Model
from tests.checkpoints.test_importers import ADA_ARGUMENTS

MOST_BYTES = 8 << 20


@pytest.fixture
def trap(tmp_path: Path) -> Iterator[Path]:
    """A file that hostile content tries to make; it must not exist afterwards."""
    path = tmp_path / "trap"
    yield path
    assert not path.exists(), "code from the file was run"


def refused(path: Path, message: str, most_bytes: int = MOST_BYTES) -> None:
    """Assert that `path` is refused in one line that matches, and that little memory was asked for on the way."""
    tracemalloc.start()
    try:
        with pytest.raises(StyleAlignError, match=message) as caught:
            stylealign.load(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    assert peak < most_bytes, f"{peak} bytes were allocated"


class Call:
    """Pickled as a call of any function."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


def body_of(value: Any) -> bytes:
    """Return a pickle without its protocol and its end, to be put inside another one."""
    return builders.pickled(value, protocol=3)[2:-1]


CONTAINERS = {
    "plain": lambda value, path: path.write_bytes(pickle.dumps(value, protocol=4)),
    "plain protocol 2": lambda value, path: path.write_bytes(pickle.dumps(value, protocol=2)),
    "zip": lambda value, path: builders.torch_saved(value, path),
    "legacy": lambda value, path: builders.torch_saved(value, path, legacy=True),
}


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize(
    ("function", "arguments", "name"),
    [
        (os.system, ("touch {}",), "posix.system"),
        (eval, ("open({!r}, 'w')",), "builtin.*eval"),
        (exec, ("open({!r}, 'w')",), "builtin.*exec"),
        (open, ("{}", "w"), "io.open|builtins.open"),
        (getattr, ("{}", "upper"), "builtin.*getattr"),
        (torch.load, ("{}",), r"torch.serialization.load"),
        (np.load, ("{}",), "numpy"),
        (pickle.loads, (b"cos\nsystem\n.",), "[pP]ickle.loads"),
        (__import__, ("os",), "builtin.*__import__"),
        (os.makedirs, ("{}",), "os.makedirs"),
    ],
)
def test_calls_are_named_and_refused(
    container: str, function: Any, arguments: tuple[Any, ...], name: str, tmp_path: Path, trap: Path
) -> None:
    filled = tuple(part.format(str(trap)) if isinstance(part, str) else part for part in arguments)
    for depth, value in enumerate((Call(function, *filled), {"g_ema": [Call(function, *filled)]})):
        path = tmp_path / f"hostile{depth}"
        CONTAINERS[container](value, path)
        refused(path, name)


def test_text_pickle(tmp_path: Path, trap: Path) -> None:
    (tmp_path / "m.pkl").write_bytes(f"cos\nsystem\n(S'touch {trap}'\ntR.".encode() + bytes(32))
    refused(tmp_path / "m.pkl", "os.system")


def test_chain_of_reduces(tmp_path: Path, trap: Path) -> None:
    """A function that is itself the result of calls."""
    inner = Call(getattr, Call(__import__, "os"), "system")
    protocol = b"\x80\x04"
    argument = (f"touch {trap}",)
    (tmp_path / "m.pkl").write_bytes(protocol + body_of(inner) + body_of(argument) + b"R.")
    refused(tmp_path / "m.pkl", "builtins.getattr")


@pytest.mark.parametrize("opcode", [b"i", b"o", b"\x82", b"\x92", b"\x97"])
def test_opcodes_that_build_objects_otherwise(tmp_path: Path, opcode: bytes) -> None:
    """INST, OBJ, EXT1, NEWOBJ_EX, NEXT_BUFFER."""
    (tmp_path / "m.pkl").write_bytes(b"\x80\x04(" + opcode + b"os\nsystem\n" + b"." * 32)
    refused(tmp_path / "m.pkl", "opcode")


def test_hostile_source_text_is_never_run(tmp_path: Path, trap: Path, small: Model) -> None:
    """A persistent class with hostile `module_src` is imported all the same: its text is not used."""
    source = f"open({str(trap)!r}, 'w')\nraise SystemExit\n"
    snapshot = builders.ada_snapshot(small.generator, None, ADA_ARGUMENTS, module_src=source)
    (tmp_path / "m.pkl").write_bytes(builders.pickled(snapshot))
    generator = stylealign.load(tmp_path / "m.pkl").generator
    assert torch.equal(generator.mapping.w_avg, small.generator["mapping.w_avg"])


def test_hostile_tensorflow_source_is_never_run(tmp_path: Path, trap: Path, small: Model) -> None:
    snapshot = builders.tensorflow_snapshot(small.generator, small.discriminator, {})
    for network in snapshot:
        network.state["build_module_src"] = f"open({str(trap)!r}, 'w')\n"
    (tmp_path / "m.pkl").write_bytes(builders.pickled(snapshot))
    stylealign.load(tmp_path / "m.pkl")


def nested(blob: bytes) -> bytes:
    """Return a pickle that passes `blob` to torch.storage._load_from_bytes."""
    length = struct.pack("<I", len(blob))
    return b"\x80\x04\x8c\x0dtorch.storage\x8c\x10_load_from_bytes\x93B" + length + blob + b"\x85R."


def test_nested_torch_file_that_is_hostile(tmp_path: Path, trap: Path) -> None:
    buffer = io.BytesIO()
    torch.save(Call(os.system, f"touch {trap}"), buffer, _use_new_zipfile_serialization=False)
    (tmp_path / "m.pkl").write_bytes(nested(buffer.getvalue()))
    refused(tmp_path / "m.pkl", "posix.system")


def test_nested_file_is_allowed_storages_only(tmp_path: Path) -> None:
    """Not even what is allowed outside: a nested file within a nested file, say."""
    buffer = io.BytesIO()
    torch.save({"a": torch.zeros(1)}, buffer, _use_new_zipfile_serialization=False)
    (tmp_path / "a.pkl").write_bytes(nested(buffer.getvalue()))
    refused(tmp_path / "a.pkl", "_rebuild_tensor_v2")
    (tmp_path / "b.pkl").write_bytes(nested(builders.LOWPASS.numpy().tobytes()))
    refused(tmp_path / "b.pkl", "opcode|truncated|not a file")
    header = bytes.fromhex("80028a0a6cfc9c46f9206aa850192e80024de9032e80027d")
    system = b"X\x0d\x00\x00\x00little_endian\x88s."
    (tmp_path / "c.pkl").write_bytes(nested(header + system + nested(b"")))
    refused(tmp_path / "c.pkl", "torch.storage._load_from_bytes")


def hand_made(module: str, name: str, arguments: Any) -> bytes:
    """Return a pickle that calls module.name with plain arguments."""
    text = b"".join(b"\x8c" + bytes([len(part)]) + part.encode() for part in (module, name))
    return b"\x80\x04" + text + b"\x93" + body_of(arguments) + b"R."


@pytest.mark.parametrize(
    ("module", "name", "arguments"),
    [
        ("collections", "OrderedDict", (1,)),
        ("collections", "OrderedDict", ([(1, 2, 3)],)),
        ("dnnlib.util", "EasyDict", ("x",)),
        ("torch_utils.persistence", "_reconstruct_persistent_obj", ()),
        ("torch_utils.persistence", "_reconstruct_persistent_obj", ({"type": "class"},)),
        (
            "torch_utils.persistence",
            "_reconstruct_persistent_obj",
            ({"type": "module", "version": 6, "module_src": "", "class_name": "G", "state": {}},),
        ),
        (
            "torch_utils.persistence",
            "_reconstruct_persistent_obj",
            ({"type": "class", "version": 6, "module_src": "", "class_name": "G", "state": {}, "hook": "os.system"},),
        ),
        (
            "torch_utils.persistence",
            "_reconstruct_persistent_obj",
            ({"type": "class", "version": 6, "module_src": "", "class_name": 3, "state": {}},),
        ),
        ("torch._utils", "_rebuild_tensor_v2", ("storage", 0, (1,), (1,), False, {})),
        ("torch._utils", "_rebuild_tensor_v2", (1, 2)),
        ("torch._utils", "_rebuild_parameter", ("tensor", True, {})),
        ("torch.storage", "_load_from_bytes", ("text",)),
        ("torch.storage", "_load_from_bytes", ()),
        ("torch", "float32", ("x",)),
        ("torch", "Size", (3,)),
        ("torch", "device", ([],)),
        ("numpy", "ndarray", ((1 << 40,),)),
        ("numpy", "dtype", ()),
        ("numpy.core.multiarray", "_reconstruct", ("x", (0,), b"b")),
        ("numpy.core.multiarray", "scalar", ("f4", b"\0\0\0\0")),
        ("numpy._core.numeric", "_frombuffer", (b"", "f4", (1,), "C")),
        ("_codecs", "encode", ("x", "rot13")),
        ("_codecs", "encode", ("x", "latin1", "x")),
        ("argparse", "Namespace", (1,)),
        ("pathlib", "PosixPath", ([],)),
        ("builtins", "set", (3,)),
        ("dnnlib.tflib.network", "Network", ("G", "os.system")),
        ("os", "Generator", ("touch trap",)),
        ("torch.nn.parallel.data_parallel", "DataParallel", ("x",)),
    ],
)
def test_allowed_names_with_unexpected_arguments(
    tmp_path: Path, module: str, name: str, arguments: tuple[Any, ...]
) -> None:
    (tmp_path / "m.pkl").write_bytes(hand_made(module, name, arguments) + bytes(16))
    refused(tmp_path / "m.pkl", "with unexpected arguments; refused")


@pytest.mark.parametrize("dtype", ["O", "V8", "U4", ">f4", "f4,f4", "c16", "M8"])
def test_arrays_of_objects_or_unknown_types(tmp_path: Path, dtype: str) -> None:
    array = np.zeros(3, dtype=dtype)
    (tmp_path / "m.pkl").write_bytes(pickle.dumps({"G_ema": array}, protocol=4))
    refused(tmp_path / "m.pkl", "type|unexpected")


def test_calling_what_is_no_function(tmp_path: Path) -> None:
    (tmp_path / "m.pkl").write_bytes(b"\x80\x04\x8c\x01xX\x01\x00\x00\x00y\x85R." + bytes(16))
    refused(tmp_path / "m.pkl", "no function")


def test_state_of_what_takes_none(tmp_path: Path) -> None:
    (tmp_path / "m.pkl").write_bytes(b"\x80\x04]}b." + bytes(16))
    refused(tmp_path / "m.pkl", "unexpected arguments")


# Memory.


@pytest.mark.parametrize(
    "body",
    [
        b"B" + struct.pack("<I", 0xFFFFFFFF),
        b"\x8e" + struct.pack("<Q", 4 << 30),
        b"\x96" + struct.pack("<Q", 4 << 30),
        b"X" + struct.pack("<I", 0xFFFFFFFF),
        b"\x8d" + struct.pack("<Q", 1 << 62),
        b"\x95" + struct.pack("<Q", 4 << 30),
        b"T" + struct.pack("<i", -1),
        b"\x8b" + struct.pack("<i", 0x7FFFFFFF),
        b"\x8a\xff" + bytes(255) + b".",
        b"Nr" + struct.pack("<I", 0xFFFFFFFF) + b".",
    ],
)
def test_claims_of_four_gigabytes(tmp_path: Path, body: bytes) -> None:
    """Lengths (and a memo index) far beyond the file."""
    (tmp_path / "m.pkl").write_bytes((b"\x80\x04" + body).ljust(1024, b"\0"))
    refused(tmp_path / "m.pkl", "truncated|opcode|no StyleGAN2|absurdly")


def storage_pickle(numel: int, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> bytes:
    """Return the pickle of a torch file whose one tensor is described freely."""

    class Pickler(pickle.Pickler):
        def persistent_id(self, value: Any) -> Any:
            return ("storage", torch.FloatStorage, "0", "cpu", numel) if value == "STORAGE" else None

    buffer = io.BytesIO()
    tensor = Call(torch._utils._rebuild_tensor_v2, "STORAGE", offset, shape, strides, False, {})
    Pickler(buffer, protocol=2).dump({"g_ema": {"input.input": tensor, "conv1.conv.weight": tensor}})
    return buffer.getvalue()


def zip_file(path: Path, pickled: bytes, data: bytes, compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/byteorder", "little")
        archive.writestr("archive/data/0", data)
    return path


@pytest.mark.parametrize(
    ("numel", "offset", "shape", "strides"),
    [
        (1 << 30, 0, (1 << 30,), (1,)),
        (64, 0, (1 << 30,), (0,)),
        (64, 0, (1 << 15, 1 << 15), (0, 0)),
        (64, 60, (8,), (1,)),
        (64, 0, (2, 2), (63, 1)),
        (64, 0, (2,), (1 << 40,)),
        (64, -1, (2,), (1,)),
        (64, 0, (-2,), (1,)),
        (64, 0, (4,), (1, 1)),
        (-1, 0, (4,), (1,)),
        (64, 0, (1,) * 9, (1,) * 9),
    ],
)
def test_tensors_that_claim_more_than_there_is(
    tmp_path: Path, numel: int, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]
) -> None:
    path = zip_file(tmp_path / "m.pt", storage_pickle(numel, offset, shape, strides), bytes(256))
    refused(path, "claims|unexpected arguments")


def test_one_storage_for_many_large_tensors(tmp_path: Path, small: Model) -> None:
    """Every weight a view of the same megabyte: the sum would be far longer than the file."""
    shared = torch.zeros(16 * 16 * 3 * 3 * 400)
    state = {}
    for name, value in builders.rosinality_generator(small.generator).items():
        state[name] = shared.view(1, 16, 16, 3, 300, 4)[:, :, :, :, :, 0] if name.endswith("conv.weight") else value
    path = builders.torch_saved({"g_ema": state}, tmp_path / "m.pt")
    refused(path, "more data than it is long", 3 * path.stat().st_size)


def test_arrays_that_claim_more_than_there_is(tmp_path: Path, small: Model) -> None:
    honest = np.zeros(16, np.float32)
    function, arguments, (version, _, dtype, order, data) = honest.__reduce__()

    class Claim:
        def __reduce__(self) -> tuple[Any, ...]:
            return function, arguments, (version, (1 << 30,), dtype, order, data)

    (tmp_path / "m.pkl").write_bytes(pickle.dumps(Claim(), protocol=4))
    refused(tmp_path / "m.pkl", "claims another size")


@pytest.mark.parametrize("entry", ["data.pkl", "data/0", "bomb"])
def test_zip_bomb(tmp_path: Path, entry: str) -> None:
    path = tmp_path / "m.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {"data.pkl": b"\x80\x02}.", "byteorder": b"little", "data/0": b"abcd"}.items():
            stored = zipfile.ZipInfo(f"archive/{name}")
            archive.writestr(stored, content, zipfile.ZIP_STORED if name != entry else zipfile.ZIP_DEFLATED)
        if entry == "bomb":
            archive.writestr("archive/bomb", bytes(50 << 20), zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1 << 17
    refused(path, "compressed")


def test_zip_with_overlapping_entries(tmp_path: Path) -> None:
    """Many names for the same bytes, as bombs of stored entries have them."""
    path = zip_file(tmp_path / "m.pt", b"\x80\x02}.", bytes(4096))
    data = bytearray(path.read_bytes())
    directory = data.find(b"PK\x01\x02")
    second = data.find(b"PK\x01\x02", directory + 4)
    data[second + 42 : second + 46] = data[directory + 42 : directory + 46]
    path.write_bytes(data)
    refused(path, "overlaps")


def test_zip_entry_that_claims_four_gigabytes(tmp_path: Path) -> None:
    path = zip_file(tmp_path / "m.pt", b"\x80\x02}.", bytes(64))
    data = bytearray(path.read_bytes())
    last = data.rfind(b"PK\x01\x02")
    data[last + 20 : last + 28] = struct.pack("<II", 0xFFFFFFF0, 0xFFFFFFF0)
    path.write_bytes(data)
    refused(path, "overlaps")


def test_zip_storage_that_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "m.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", storage_pickle(4, 0, (4,), (1,)))
    refused(path, "storage '0' is missing")


def test_zip_that_torch_did_not_write(tmp_path: Path) -> None:
    path = tmp_path / "m.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    refused(path, "not one that torch.save wrote")


def test_strings_that_multiply(tmp_path: Path) -> None:
    """One long text, encoded again and again: each call would make another copy."""
    text = b"X" + struct.pack("<I", 1 << 20) + b"a" * (1 << 20) + b"q\x01"
    latin = b"X\x06\x00\x00\x00latin1q\x02"
    call = b"c_codecs\nencode\n" + b"h\x01h\x02\x86R"
    (tmp_path / "m.pkl").write_bytes(b"\x80\x02(" + text + latin + call * 3000 + b"t.")
    refused(tmp_path / "m.pkl", "more data than it is long", 32 << 20)


def test_endless_pickle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stylealign.checkpoints.untrusted.source.MOST_STEPS", 10_000)
    (tmp_path / "m.pkl").write_bytes(b"\x80\x04" + b"N0" * 10_000 + b".")
    refused(tmp_path / "m.pkl", "more steps")


# Recursion.


@pytest.mark.parametrize(
    "body",
    [
        b"]" + b"]a" * 0 + b"]" * 100_000 + b"a" * 100_000,
        b")" + b"\x85" * 100_000,
        b"}" + b"N" * 0 + b"NN}" * 0 + b"}" * 50_000,
        b"(" * 100_000 + b"t" * 100_000,
    ],
)
def test_recursion_bombs(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "m.pkl").write_bytes(b"\x80\x04" + body + b".")
    refused(tmp_path / "m.pkl", "no StyleGAN2|keys", 64 << 20)


def test_deep_value_as_a_key(tmp_path: Path) -> None:
    """Hashing a tuple nested very deep would overrun the C stack."""
    (tmp_path / "m.pkl").write_bytes(b"\x80\x04}" + b")" + b"\x85" * 300_000 + b"Ns.")
    refused(tmp_path / "m.pkl", "as a key", 256 << 20)


def test_list_that_holds_itself(tmp_path: Path) -> None:
    (tmp_path / "m.pkl").write_bytes(b"\x80\x04]\x94h\x00a." + bytes(16))
    refused(tmp_path / "m.pkl", "a list")


def test_module_that_holds_itself(tmp_path: Path, small: Model) -> None:
    module = builders.ada_module(small.generator, False, {})
    state = module.meta["state"]
    state["_modules"] = {"again": builders.Persistent("Generator", state)}
    (tmp_path / "m.pkl").write_bytes(builders.pickled({"G_ema": module}))
    refused(tmp_path / "m.pkl", "no StyleGAN2 module")


def test_network_that_holds_itself(tmp_path: Path) -> None:
    network = builders.tensorflow_network("G", "G_main", {}, {})
    network.state["components"]["again"] = network
    (tmp_path / "m.pkl").write_bytes(builders.pickled((network, network, network)))
    refused(tmp_path / "m.pkl", "not the three networks")


def test_names_in_messages_are_escaped(tmp_path: Path) -> None:
    """A global's name cannot move the cursor or add lines."""
    (tmp_path / "m.pkl").write_bytes(b"\x80\x04\x8c\x07a\n\x1b[2Jb\x8c\x01c\x93." + bytes(16))
    refused(tmp_path / "m.pkl", r"a\\n\\x1b\[2Jb\.c")


@pytest.mark.parametrize("seed", range(60))
def test_damaged_bytes_never_crash(tmp_path: Path, small: Model, seed: int) -> None:
    """Random damage in the skeleton of a pickle: refused, or loaded where only numbers changed."""
    rng = np.random.default_rng(seed)
    kinds: list[bytes] = [
        builders.pickled({"G_ema": builders.ada_module(small.generator, False, {"": ADA_ARGUMENTS})}),
        builders.pickled(builders.tensorflow_snapshot(small.generator, small.discriminator, {})),
        builders.torch_saved(builders.rosinality_snapshot(small.generator), tmp_path / "r").read_bytes(),
    ]
    data = bytearray(kinds[seed % 3])
    for position in rng.integers(0, min(len(data), 6000), 3):
        data[position] = rng.integers(0, 256)
    (tmp_path / "m").write_bytes(data)
    with contextlib.suppress(StyleAlignError):
        stylealign.load(tmp_path / "m")


def test_a_module_that_holds_itself(tmp_path: Path) -> None:
    module = torch.nn.ModuleList()
    module._modules["again"] = module
    builders.torch_saved(module, tmp_path / "m.pt")
    refused(tmp_path / "m.pt", "holds itself")


def test_a_module_whose_parts_are_no_tensors(tmp_path: Path) -> None:
    for group, part, message in (("_parameters", {"weight": "text"}, "not a tensor"), ("_buffers", 3, "_buffers")):
        module = torch.nn.ModuleList()
        module.__dict__[group] = part
        builders.torch_saved(module, tmp_path / "m.pt")
        refused(tmp_path / "m.pt", message)


def test_source_text_of_an_old_whole_module_is_never_run(tmp_path: Path, trap: Path) -> None:
    """Before torch 1.6 a module's class was stored with its file and source."""
    start = bytes.fromhex("80028a0a6cfc9c46f9206aa850192e80024de9032e80027d")
    system = b"X\x0d\x00\x00\x00little_endian\x88s."
    source = body_of((f"open({str(trap)!r}, 'w')", "model.py"))
    reference = b"(X\x06\x00\x00\x00modulecmodel\nGenerator\n" + source + b"0X\x01\x00\x00\x00mX\x01\x00\x00\x00stQ"
    (tmp_path / "m.pt").write_bytes(start + system + b"\x80\x02" + reference + b")\x81." + b"\x80\x02]." + bytes(16))
    refused(tmp_path / "m.pt", "no StyleGAN2 model")
    system = b"cposix\nsystem\n"
    (tmp_path / "n.pt").write_bytes(start + b"X\x0d\x00\x00\x00little_endian\x88s.\x80\x02" + system + b".")
    refused(tmp_path / "n.pt", "posix.system")
