"""The state of a run over a pickle: its stack, its memory, and the names that it may ask for.

A name in the file (a "global") is looked up in an allow-list of constructors, which are this project's own functions
and check what they are given. Everything else is refused with its name. `opcodes` does the run.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stylealign.checkpoints.untrusted.source import Source, shown

Constructor = Callable[["PickleMachine", tuple[Any, ...]], Any]
"""Called with the machine (for errors and limits) and the arguments found in the file."""

ANY_MODULE = "*"
"""In the allow-list, in the place of a module: the name is allowed wherever it comes from."""
MOST_KEY = 1 << 63


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
