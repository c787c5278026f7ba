"""Reads pickles without running anything in them.

Python's unpickler calls whatever a file names. This one knows the opcodes that checkpoints are written with and
builds plain containers; a name in the file (a "global") is looked up in an allow-list of constructors, which are this
project's own functions and check what they are given. Everything else is refused with its name. Long byte strings
stay in the file (`Blob`), so a pickle of tensors takes no more memory than its skeleton.
"""

import struct
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stylealign.checkpoints.source import Blob, Source, shown

Constructor = Callable[["PickleMachine", tuple[Any, ...]], Any]
"""Called with the machine (for errors and limits) and the arguments found in the file."""

ANY_MODULE = "*"
"""In the allow-list, in the place of a module: the name is allowed wherever it comes from."""
MOST_INTEGER_BYTES = 32
MOST_KEY = 1 << 63
HIGHEST_PROTOCOL = 5


@dataclass(frozen=True)
class Global:
    """A name on the allow-list; `construct` is None for a name that may be mentioned but not called."""

    module: str
    name: str
    construct: Constructor | None

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


class Stateful:
    """An object of the file whose state follows after it (the BUILD opcode)."""

    def set_state(self, machine: "PickleMachine", state: Any) -> None:
        """Take over the state, or refuse it."""
        raise NotImplementedError


class PickleMachine:
    """One run over one pickle at `start` of `source`; `position` is behind it afterwards."""

    def __init__(
        self,
        source: Source,
        globals_: Mapping[tuple[str, str], Constructor | None],
        start: int = 0,
        stop: int | None = None,
        persistent: Callable[[Any], Any] | None = None,
    ) -> None:
        """Prepare a run.

        Args:
            source: the file.
            globals_: allow-list: (module, name) to constructor.
            start: first byte of the pickle.
            stop: byte behind the last one the pickle may use. Default: the file's end.
            persistent: returns the object of a persistent id; None refuses such ids.
        """
        self.source = source
        self.globals = globals_
        self.position = start
        self.stop = source.size if stop is None else stop
        self.persistent = persistent
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        """Return the pickled value.

        Raises:
            StyleAlignError: a global that is not on the allow-list, an argument a constructor does not take, or a
                truncated, damaged or endless pickle.
        """
        source, data, opcodes = self.source, self.source.data, OPCODES
        while self.position < self.stop:
            code = data[self.position]
            self.position += 1
            source.steps_left -= 1
            if code == STOP:
                return self.pop()
            if code not in opcodes:
                raise source.refuse(f"pickle opcode {bytes([code])!r}, which no known checkpoint uses; not a model")
            if source.steps_left < 0:
                raise source.refuse("a pickle of more steps than any known checkpoint needs; refused")
            opcodes[code](self)
        raise self.damaged("ends in the middle")

    def damaged(self, how: str) -> Exception:
        """Return the error for a pickle that is not well-formed."""
        return self.source.refuse(f"the pickle {how}; truncated or damaged, make or fetch it again")

    def unexpected(self, what: str) -> Exception:
        """Return the error for an allowed name that is used in an unknown way."""
        return self.source.refuse(f"{what} with unexpected arguments; refused, nothing of the file was run")

    def find(self, module: Any, name: Any) -> Global:
        """Return an allow-listed global.

        Raises:
            StyleAlignError: any other, naming it.
        """
        if not isinstance(module, str) or not isinstance(name, str):
            raise self.damaged("names a global that is not text")
        key = (module, name) if (module, name) in self.globals else (ANY_MODULE, name)
        if key not in self.globals:
            what = shown(f"{module}.{name}")
            remedy = "; a whole model? Save its state_dict() instead" if _may_be_a_class(module, name) else ""
            why = "which no known checkpoint needs; nothing of the file was run"
            raise self.source.refuse(f"asks for {what}, {why}{remedy}")
        return Global(module, name, self.globals[key])

    def call(self, function: Any, arguments: Any) -> Any:
        """Return what an allow-listed constructor makes of its arguments."""
        if not isinstance(function, Global):
            raise self.source.refuse(f"calls {shown(function)}, which is no function; refused")
        if function.construct is None or not isinstance(arguments, tuple):
            raise self.unexpected(f"calls {function}")
        return function.construct(self, arguments)

    # The stack.

    def take(self, n_bytes: int) -> bytes:
        """Return the next bytes of the pickle."""
        start = self.skip(n_bytes)
        return self.source.data[start : self.position]

    def skip(self, n_bytes: int) -> int:
        """Move past the next bytes and return where they begin."""
        start = self.position
        if n_bytes < 0 or n_bytes > self.stop - start:
            raise self.damaged("ends in the middle")
        self.position = start + n_bytes
        return start

    def unsigned(self, n_bytes: int) -> int:
        """Return the next bytes as a little-endian number."""
        return int.from_bytes(self.take(n_bytes), "little")

    def text(self, n_bytes: int, encoding: str = "utf-8") -> str:
        """Return the next bytes as text."""
        try:
            return self.take(n_bytes).decode(encoding)
        except UnicodeDecodeError as error:
            raise self.damaged("holds text that is not UTF-8") from error

    def line(self) -> str:
        """Return the text up to the next line end."""
        end = self.source.data.find(b"\n", self.position, min(self.stop, self.position + 4096))
        if end < 0:
            raise self.damaged("ends in the middle")
        text = self.text(end - self.position)
        self.position += 1
        return text

    def push(self, value: Any) -> None:
        """Put a value on the stack."""
        self.stack.append(value)

    def pop(self) -> Any:
        """Take the last value off the stack."""
        if not self.stack:
            raise self.damaged("takes a value that is not there")
        return self.stack.pop()

    def top(self, kind: type, what: str) -> Any:
        """Return the last value, which must be of one kind."""
        if not self.stack or not isinstance(self.stack[-1], kind):
            raise self.damaged(f"adds items to what is no {what}")
        return self.stack[-1]

    def pop_mark(self) -> list[Any]:
        """Take everything above the last mark off the stack."""
        if not self.marks:
            raise self.damaged("has no mark where one belongs")
        items, self.stack = self.stack, self.marks.pop()
        return items

    def key(self, value: Any) -> Any:
        """Return a dictionary key: text, or a number of no more than 64 bits (old optimisers used addresses).

        Tuples are refused because hashing a deeply nested one overruns the C stack; larger numbers because many of
        them can be chosen to collide.
        """
        if isinstance(value, (str, bool, type(None))) or (isinstance(value, int) and -MOST_KEY < value < MOST_KEY):
            return value
        raise self.damaged(f"uses {shown(value)} as a key")


def _may_be_a_class(module: str, name: str) -> bool:
    """Say whether a name looks like a class of a user's program."""
    return name[:1].isupper() and module.split(".")[0] not in sys.stdlib_module_names


# One function an opcode; `m` is the machine.


def _mark(m: PickleMachine) -> None:
    m.marks.append(m.stack)
    m.stack = []


def _pop(m: PickleMachine) -> None:
    if m.stack:
        m.stack.pop()
    else:
        m.pop_mark()


def _protocol(m: PickleMachine) -> None:
    if m.unsigned(1) > HIGHEST_PROTOCOL:
        raise m.damaged("is of an unknown protocol")


def _frame(m: PickleMachine) -> None:
    if m.unsigned(8) > m.stop - m.position:
        raise m.damaged("ends in the middle")


def _long(m: PickleMachine) -> None:
    length = m.unsigned(1)
    if length > MOST_INTEGER_BYTES:
        raise m.damaged("holds an absurdly large number")
    m.push(int.from_bytes(m.take(length), "little", signed=True))


def _blob(width: int) -> Callable[[PickleMachine], None]:
    def action(m: PickleMachine) -> None:
        start = m.skip(m.unsigned(width))
        m.push(Blob(m.source, start, m.position))

    return action


def _text(width: int, encoding: str = "utf-8") -> Callable[[PickleMachine], None]:
    return lambda m: m.push(m.text(m.unsigned(width), encoding))


def _tuple(length: int) -> Callable[[PickleMachine], None]:
    def action(m: PickleMachine) -> None:
        items = [m.pop() for _ in range(length)]
        m.push(tuple(reversed(items)))

    return action


def _append(m: PickleMachine) -> None:
    item = m.pop()
    m.top(list, "list").append(item)


def _appends(m: PickleMachine) -> None:
    items = m.pop_mark()
    m.top(list, "list").extend(items)


def _set_item(m: PickleMachine) -> None:
    value, key = m.pop(), m.pop()
    m.top(dict, "dictionary")[m.key(key)] = value


def _set_items(m: PickleMachine) -> None:
    items = m.pop_mark()
    if len(items) % 2:
        raise m.damaged("has a key without a value")
    target = m.top(dict, "dictionary")
    for key, value in zip(items[::2], items[1::2], strict=True):
        target[m.key(key)] = value


def _add_items(m: PickleMachine) -> None:
    items = m.pop_mark()
    m.top(set, "set").update(m.key(item) for item in items)


def _frozen_set(m: PickleMachine) -> None:
    m.push(frozenset(m.key(item) for item in m.pop_mark()))


def _get(width: int) -> Callable[[PickleMachine], None]:
    def action(m: PickleMachine) -> None:
        number = m.unsigned(width)
        if number not in m.memo:
            raise m.damaged("refers to a value that is not there")
        m.push(m.memo[number])

    return action


def _put(width: int) -> Callable[[PickleMachine], None]:
    def action(m: PickleMachine) -> None:
        number, value = m.unsigned(width), m.pop()
        m.memo[number] = value
        m.push(value)

    return action


def _memoize(m: PickleMachine) -> None:
    value = m.pop()
    m.memo[len(m.memo)] = value
    m.push(value)


def _global(m: PickleMachine) -> None:
    module = m.line()
    m.push(m.find(module, m.line()))


def _stack_global(m: PickleMachine) -> None:
    name, module = m.pop(), m.pop()
    m.push(m.find(module, name))


def _reduce(m: PickleMachine) -> None:
    arguments, function = m.pop(), m.pop()
    m.push(m.call(function, arguments))


def _build(m: PickleMachine) -> None:
    state = m.pop()
    target = m.pop()
    m.push(target)
    if isinstance(target, Stateful):
        target.set_state(m, state)
    elif not isinstance(target, dict):
        raise m.unexpected(f"sets the state of {shown(target)}")
    # Attributes of a dictionary (such as `_metadata` of a state dict) hold no weights.


def _persistent(m: PickleMachine) -> None:
    if m.persistent is None:
        raise m.source.refuse("refers to data outside the pickle, which no known checkpoint does; refused")
    m.push(m.persistent(m.pop()))


STOP = ord(".")
OPCODES: dict[int, Callable[[PickleMachine], None]] = {
    0x80: _protocol,
    0x95: _frame,
    ord("("): _mark,
    ord("0"): _pop,
    ord("1"): lambda m: (m.pop_mark(), None)[1],
    ord("N"): lambda m: m.push(None),
    0x88: lambda m: m.push(True),
    0x89: lambda m: m.push(False),
    ord("J"): lambda m: m.push(struct.unpack("<i", m.take(4))[0]),
    ord("K"): lambda m: m.push(m.unsigned(1)),
    ord("M"): lambda m: m.push(m.unsigned(2)),
    0x8A: _long,
    ord("G"): lambda m: m.push(struct.unpack(">d", m.take(8))[0]),
    ord("C"): _blob(1),
    ord("B"): _blob(4),
    0x8E: _blob(8),
    0x96: _blob(8),
    ord("U"): _text(1, "latin-1"),
    ord("T"): _text(4, "latin-1"),
    0x8C: _text(1),
    ord("X"): _text(4),
    0x8D: _text(8),
    ord(")"): _tuple(0),
    0x85: _tuple(1),
    0x86: _tuple(2),
    0x87: _tuple(3),
    ord("t"): lambda m: m.push(tuple(m.pop_mark())),
    ord("]"): lambda m: m.push([]),
    ord("a"): _append,
    ord("e"): _appends,
    ord("}"): lambda m: m.push({}),
    ord("s"): _set_item,
    ord("u"): _set_items,
    0x8F: lambda m: m.push(set()),
    0x90: _add_items,
    0x91: _frozen_set,
    ord("h"): _get(1),
    ord("j"): _get(4),
    ord("q"): _put(1),
    ord("r"): _put(4),
    0x94: _memoize,
    ord("c"): _global,
    0x93: _stack_global,
    ord("R"): _reduce,
    0x81: _reduce,
    ord("b"): _build,
    ord("Q"): _persistent,
}
