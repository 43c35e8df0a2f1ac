"""Bounded reading of FlatBuffers bytes.

A .bfbs is a file like any other: it can be cut short, stale or damaged. Every offset is therefore
checked before it is followed, and the total work is bounded by the file's size, so that reading
garbage ends in one `BfbsError` and never in a traceback, a wrong answer or an endless loop.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator


class BfbsError(Exception):
    """The bytes are not a .bfbs that flatc wrote."""


class Buffer:
    """The bytes of one file, and what may still be read from them."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        # In what flatc writes no table is shared and no two strings overlap, so that reading it
        # once costs at most this much. A damaged file can point back at itself, without end.
        self._tables_left = len(data) // 4
        self._string_bytes_left = len(data)
        self._strings: dict[int, str] = {}

    def root(self, identifier: bytes) -> Table:
        """The root table; the buffer must carry `identifier`."""
        if self.data[4:8] != identifier:
            raise BfbsError(f"it lacks the file identifier {identifier.decode()!r}")
        return self.table(self.follow(0))

    def table(self, position: int) -> Table:
        """The table at `position`."""
        self._tables_left -= 1
        if self._tables_left < 0:
            raise BfbsError("its tables point at each other")
        return Table(self, position)

    def string(self, position: int) -> str:
        """The string at `position`."""
        known = self._strings.get(position)
        if known is not None:
            return known
        length = self.scalar("<I", position)
        self._string_bytes_left -= length
        if self._string_bytes_left < 0:
            raise BfbsError("a string is longer than the file")
        start = position + 4
        self.require(start, length)
        text = self.data[start : start + length].decode("utf-8", errors="replace")
        self._strings[position] = text
        return text

    def vector(self, position: int) -> Iterator[int]:
        """The positions of the targets of the vector of offsets at `position`."""
        length = self.scalar("<I", position)
        self.require(position + 4, 4 * length)
        for i in range(length):
            yield self.follow(position + 4 + 4 * i)

    def follow(self, position: int) -> int:
        """Where the offset stored at `position` points to."""
        target = position + self.scalar("<I", position)
        self.require(target, 4)
        return target

    def scalar(self, code: str, position: int) -> int:
        """The integer of `struct` format `code` at `position`."""
        self.require(position, struct.calcsize(code))
        return int(struct.unpack_from(code, self.data, position)[0])

    def real(self, position: int) -> float:
        """The double at `position`."""
        self.require(position, 8)
        return float(struct.unpack_from("<d", self.data, position)[0])

    def require(self, position: int, size: int) -> None:
        """Refuses to read [position, position + size) unless all of it is in the file."""
        # Checked explicitly: Python takes a negative index to count from the end.
        if position < 0 or size < 0 or position + size > len(self.data):
            raise BfbsError(f"it points outside itself, to byte {position} of {len(self.data)}")


class Table:
    """One table of a buffer. Fields are named by their offset in the vtable: flatc's VT_ constants."""

    def __init__(self, buffer: Buffer, position: int) -> None:
        self._buffer = buffer
        self._position = position
        self._vtable = position - buffer.scalar("<i", position)
        self._vtable_bytes = buffer.scalar("<H", self._vtable)
        buffer.require(self._vtable, max(self._vtable_bytes, 4))

    def _field(self, vt: int) -> int:
        """Where field `vt` stands, or 0 when it is absent."""
        if vt + 2 > self._vtable_bytes:
            return 0
        offset = self._buffer.scalar("<H", self._vtable + vt)
        return self._position + offset if offset else 0

    def offset_at(self, vt: int) -> int:
        """Where the offset in field `vt` stands; 0 when the field is absent."""
        return self._field(vt)

    def integer(self, vt: int, code: str, default: int = 0) -> int:
        """The integer field `vt` of `struct` format `code`."""
        position = self._field(vt)
        return self._buffer.scalar(code, position) if position else default

    def boolean(self, vt: int) -> bool:
        """The bool field `vt`."""
        return self.integer(vt, "<B") != 0

    def real(self, vt: int) -> float:
        """The double field `vt`."""
        position = self._field(vt)
        return self._buffer.real(position) if position else 0.0

    def string(self, vt: int) -> str:
        """The string field `vt`; empty when absent."""
        position = self._field(vt)
        return self._buffer.string(self._buffer.follow(position)) if position else ""

    def child(self, vt: int) -> Table | None:
        """The table field `vt`."""
        position = self._field(vt)
        return self._buffer.table(self._buffer.follow(position)) if position else None

    def children(self, vt: int) -> Iterator[Table]:
        """The tables of the vector field `vt`."""
        position = self._field(vt)
        if position:
            for target in self._buffer.vector(self._buffer.follow(position)):
                yield self._buffer.table(target)

    def strings(self, vt: int) -> tuple[str, ...]:
        """The strings of the vector field `vt`."""
        position = self._field(vt)
        if not position:
            return ()
        return tuple(
            self._buffer.string(target)
            for target in self._buffer.vector(self._buffer.follow(position))
        )
