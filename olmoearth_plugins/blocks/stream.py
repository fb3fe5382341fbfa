"""What runs through the blocks of an encoder: its tokens, and what attends along with them."""

# M packed tokens, B samples, R register tokens
from __future__ import annotations

from typing import Protocol

from torch import Tensor

from olmoearth_plugins.blocks.lattice import Lattice
from olmoearth_plugins.blocks.rows import Prefixed, Rows


class TokenStream(Protocol):
    """How tokens [M, ...] are arranged while they attend."""

    @property
    def rows(self) -> Rows:
        """The rows of the tokens alone, as a pooler reads them."""
        ...

    def order(self, x: Tensor) -> Tensor:
        """Bring packed tokens into the order of `rows`."""
        ...

    def asked(self, lattice: Lattice) -> Rows:
        """Return the rows of a pooler's queries."""
        ...

    def enter(self, x: Tensor, *, registers: bool = True) -> tuple[Rows, Tensor]:
        """Return the rows of all that attends and the tokens among them; without `registers` those get zeros."""
        ...

    def leave(self, x: Tensor) -> Tensor:
        """Return the tokens alone, packed."""
        ...


class Stream:
    """The tokens, with registers in front and (legacy) zeros behind each sample."""

    def __init__(self, at: Rows, registers: Tensor | None, *, padded: bool) -> None:
        """at: the tokens. registers: [R,D] or none. padded: let zeros take part as the reference does."""
        self.rows, self.registers, self.padded = at, registers, padded
        self._even = Rows((at.longest,) * len(at.lengths), at.device) if padded else at
        self._rows: Rows = self._even if registers is None else Prefixed(self._even, len(registers))

    def order(self, x: Tensor) -> Tensor:
        """Return the packed tokens as they are."""
        return x

    def asked(self, lattice: Lattice) -> Rows:
        """Return equally many rows per sample."""
        return Rows((lattice.size,) * len(self.rows.lengths), self.rows.device)

    def enter(self, x: Tensor, *, registers: bool = True) -> tuple[Rows, Tensor]:
        """Return the rows of the stream and the tokens among them; without `registers` those get zeros."""
        if self.padded:
            x = self.rows.spread_out(x)
        if self.registers is None:
            return self._rows, x
        assert isinstance(self._rows, Prefixed)
        front = self.registers if registers else x.new_zeros(len(self.registers), *x.shape[1:])
        return self._rows, self._rows.join(front, x)

    def leave(self, x: Tensor) -> Tensor:
        """Return the tokens alone."""
        if isinstance(self._rows, Prefixed):
            x = self._rows.cut(x)
        return self.rows.gather_in(x) if self.padded else x
