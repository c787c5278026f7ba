"""Reads pickles without running anything in them.

Python's unpickler calls whatever a file names. This one knows the opcodes that checkpoints are written with and
builds plain containers; `machine` looks the names in the file up in an allow-list. Long byte strings stay in the file
(`Blob`), so a pickle of tensors takes no more memory than its skeleton.
"""

import struct
from collections.abc import Callable
from typing import Any

from stylealign.checkpoints.untrusted.machine import PickleMachine, Stateful
from stylealign.checkpoints.untrusted.source import Blob, shown

MOST_INTEGER_BYTES = 32
HIGHEST_PROTOCOL = 5
STOP = ord(".")


def run(m: PickleMachine) -> Any:
    """Return the pickled value; `m.position` is behind it afterwards.

    Raises:
        StyleAlignError: a global that is not on the allow-list, an argument a constructor does not take, or a
            truncated, damaged or endless pickle.
    """
    source, data = m.source, m.source.data
    while m.position < m.stop:
        code = data[m.position]
        m.position += 1
        source.steps_left -= 1
        if code == STOP:
            return m.pop()
        if code not in OPCODES:
            raise source.refuse(f"pickle opcode {bytes([code])!r}, which no known checkpoint uses; not a model")
        if source.steps_left < 0:
            raise source.refuse("a pickle of more steps than any known checkpoint needs; refused")
        OPCODES[code](m)
    raise m.damaged("ends in the middle")


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
