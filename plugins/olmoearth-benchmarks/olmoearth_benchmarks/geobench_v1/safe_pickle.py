"""Pickles read as data: the stream is walked, opcode by opcode, and nothing in it is ever imported or called.

A class or function that a stream names becomes a `Name` if it is on the allow-list, and an object made of one a
`Record` of its parts; anything else is refused. Size, number of opcodes and depth are bounded.
Opcodes: https://docs.python.org/3/library/pickletools.html
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from olmoearth_core.errors import DataError

LARGEST = 2**20
"""Bytes of a stream. The largest that is known has 20 kB."""
MOST_OPCODES = 200_000
DEEPEST = 64

_NUMPY = ("multiarray.scalar", "multiarray._reconstruct")
ALLOWED = frozenset(
    [
        *(
            f"geobench.dataset.{name}"
            for name in (
                "Sentinel1", "Sentinel2", "Landsat8", "SpectralBand", "Mask", "CloudProbability", "ElevationBand",
                "SegmentationClasses", "MultiBand", "HyperSpectralBands",
            )
        ),
        *(
            f"geobench.task.{name}"
            for name in ("TaskSpecifications", "Accuracy", "MultilabelAccuracy", "SegmentationAccuracy")
        ),
        *(
            f"geobench.label.{name}"
            for name in ("Classification", "MultiLabelClassification", "SegmentationClasses")
        ),
        *(f"numpy.{core}.{name}" for core in ("core", "_core") for name in _NUMPY),
        "numpy.dtype", "numpy.ndarray", "affine.Affine", "rasterio.crs.CRS", "datetime.date", "datetime.datetime",
    ]
)  # fmt: skip
"""What the files of GEO-Bench v1 refer to. Only the text is compared; nothing of it needs to be installed."""


@dataclass(frozen=True)
class Name:
    """A class or function that a stream refers to, as text."""

    text: str


@dataclass(eq=False)
class Record:
    """An object that a stream would have made: of what, from which arguments, with which state."""

    of: str
    args: tuple[Any, ...]
    state: Any = None

    def get(self, key: str) -> Any:
        """Return an attribute, None where there is none."""
        return self.state.get(key) if isinstance(self.state, dict) else None


def read(stream: bytes, *, where: str) -> Any:
    """Return what a stream holds: None, numbers, text, bytes, tuples, lists, dicts and `Record`s.

    where: what the stream is, for messages.

    Raises:
        DataError: it is damaged, too large or too deep, or refers to anything that is not on the allow-list.
    """
    if len(stream) > LARGEST:
        raise DataError(f"{where}: a pickle of {len(stream)} bytes, expected at most {LARGEST}. It is not read.")
    machine = _Machine(where)
    try:
        for count, (name, argument) in enumerate(_opcodes(stream, where)):
            if name == "STOP":
                return machine.result()
            if count >= MOST_OPCODES:
                raise DataError(f"{where}: a pickle of more than {MOST_OPCODES} steps. It is not read.")
            machine.step(name, argument)
    # Each way in which a stream can be cut or forged has an error of its own; assertions are those of pickletools.
    except (ValueError, TypeError, LookupError, AssertionError, OverflowError, MemoryError) as cause:
        raise DataError(f"{where}: a damaged pickle ({type(cause).__name__}). Get the file again.") from cause
    raise DataError(f"{where}: a pickle that is cut short. Get the file again.")


def _opcodes(content: bytes, where: str) -> Iterator[tuple[str, Any]]:
    """Yield opcodes with their arguments; an argument is read only once its opcode is known to be harmless."""
    stream = io.BytesIO(content)
    while code := stream.read(1):
        opcode = _KNOWN.get(code[0])
        if opcode is None:
            raise DataError(f"{where}: a pickle with the opcode {code!r}, which no file of this benchmark needs. "
                            "It may run code when it is loaded; do not use it.")  # fmt: skip
        yield opcode.name, opcode.arg.reader(stream) if opcode.arg is not None else None


@dataclass
class _Machine:
    """The stack of a stream, and what it has noted down."""

    where: str
    stack: list[Any] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def step(self, name: str, argument: Any) -> None:
        if name in _PUSHED:
            self.stack.append(_PUSHED[name](argument))
        else:
            _STEPS[name](self, argument)

    def result(self) -> Any:
        if len(self.stack) != 1 or self.marks:
            raise ValueError("unbalanced")
        _check_depth(self.stack[0], self.where)
        return self.stack[0]

    def pop(self) -> Any:
        if self.marks and len(self.stack) <= self.marks[-1]:
            raise ValueError("nothing to take")
        return self.stack.pop()

    def top(self, kind: type) -> Any:
        """Return the top of the stack, which must be of a kind."""
        floor = self.marks[-1] if self.marks else 0
        if len(self.stack) <= floor or not isinstance(self.stack[-1], kind):
            raise TypeError("another kind was expected")
        return self.stack[-1]

    def since_mark(self) -> list[Any]:
        start = self.marks.pop()
        taken = self.stack[start:]
        del self.stack[start:]
        return taken

    def name(self, text: str) -> None:
        if text not in ALLOWED:
            raise DataError(f"{self.where}: a pickle that refers to {text[:80]!r}, which no file of this benchmark "
                            "needs. It may run code when it is loaded; do not use it.")  # fmt: skip
        self.stack.append(Name(text))

    def made(self) -> None:
        """Turn a name and its arguments into a record."""
        arguments, of = self.pop(), self.pop()
        if not isinstance(of, Name) or not isinstance(arguments, tuple):
            raise TypeError("only names can be called")
        self.stack.append(Record(of.text, arguments))

    def build(self) -> None:
        state = self.pop()
        record: Record = self.top(Record)
        record.state = state

    def put(self, items: list[Any]) -> None:
        """Put keys and values into the dict on top."""
        target: dict[Any, Any] = self.top(dict)
        if len(items) % 2:
            raise ValueError("a key without a value")
        for key, value in zip(items[::2], items[1::2], strict=True):
            # Tuples of tuples take for ever to hash.
            if not isinstance(key, str | int | None):
                raise TypeError("a key that is no text or number")
            target[key] = value

    def stack_global(self) -> None:
        last, module = self.pop(), self.pop()
        if not isinstance(module, str) or not isinstance(last, str):
            raise TypeError("a name that is no text")
        self.name(f"{module}.{last}")

    def tuple_of(self, count: int) -> None:
        taken = [self.pop() for _ in range(count)]
        self.stack.append(tuple(reversed(taken)))


_STEP = Callable[[_Machine, Any], None]
_PUSHED: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT"), lambda value: value),
    **dict.fromkeys(("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"), lambda value: _text(value)),
    **dict.fromkeys(("SHORT_BINBYTES", "BINBYTES", "BINBYTES8"), lambda value: value),
    "NONE": lambda _: None,
    "NEWTRUE": lambda _: True,
    "NEWFALSE": lambda _: False,
    "EMPTY_TUPLE": lambda _: (),
    "EMPTY_LIST": lambda _: [],
    "EMPTY_DICT": lambda _: {},
}
_STEPS: dict[str, _STEP] = {
    **dict.fromkeys(("PROTO", "FRAME"), lambda m, _: None),
    "MARK": lambda m, _: m.marks.append(len(m.stack)),
    "TUPLE1": lambda m, _: m.tuple_of(1),
    "TUPLE2": lambda m, _: m.tuple_of(2),
    "TUPLE3": lambda m, _: m.tuple_of(3),
    "TUPLE": lambda m, _: m.stack.append(tuple(m.since_mark())),
    "APPENDS": lambda m, _: _extend(m, m.since_mark()),
    "APPEND": lambda m, _: _extend(m, [m.pop()]),
    "SETITEMS": lambda m, _: m.put(m.since_mark()),
    "SETITEM": lambda m, _: m.put([m.pop(), m.pop()][::-1]),
    "MEMOIZE": lambda m, _: _remember(m, len(m.memo)),
    "BINPUT": lambda m, key: _remember(m, key),
    "LONG_BINPUT": lambda m, key: _remember(m, key),
    "BINGET": lambda m, key: m.stack.append(m.memo[key]),
    "LONG_BINGET": lambda m, key: m.stack.append(m.memo[key]),
    "GLOBAL": lambda m, text: m.name(text.replace(" ", ".", 1)),
    "STACK_GLOBAL": lambda m, _: m.stack_global(),
    "NEWOBJ": lambda m, _: m.made(),
    "REDUCE": lambda m, _: m.made(),
    "BUILD": lambda m, _: m.build(),
}
_KNOWN = {ord(op.code): op for op in pickletools.opcodes if op.name in (*_PUSHED, *_STEPS, "STOP")}


def _text(value: str) -> str:
    value.encode()  # Half a character cannot be written to any result.
    return value


def _extend(machine: _Machine, items: list[Any]) -> None:
    machine.top(list).extend(items)


def _remember(machine: _Machine, key: int) -> None:
    machine.memo[key] = machine.top(object)


def _check_depth(value: Any, where: str) -> None:
    """Refuse what would exhaust the stack of whoever walks it; each object is looked at once."""
    level, seen = [value], set()
    for _ in range(DEEPEST):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict | list | tuple | Record) and id(item) not in seen:
                seen.add(id(item))
                below += _parts(item)
        if not below:
            return
        level = below
    raise DataError(f"{where}: a pickle that nests deeper than {DEEPEST}. It is not read.")


def _parts(item: Any) -> list[Any]:
    if isinstance(item, Record):
        return [item.args, item.state]
    return list(item.values()) if isinstance(item, dict) else list(item)
