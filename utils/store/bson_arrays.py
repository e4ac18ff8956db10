"""Long BSON arrays of numbers, straight into numpy: made into Python objects first, they would cost
several times what is computed from them.

A document is its length (int32), then its elements, then a zero byte. An element is a type byte,
its name, a zero byte, and its value. An array is a document whose names are the positions, "0", "1"
and so on. https://bsonspec.org/spec.html
"""

import struct
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np

_NUMBERS = {0x01: "<f8", 0x12: "<i8"}
_STRING, _DOCUMENT, _ARRAY = 0x02, 0x03, 0x04
_SIZES = {0x01: 8, 0x08: 1, 0x09: 8, 0x0A: 0, 0x10: 4, 0x12: 8}
"""Type -> the bytes of a value, where they are always as many: double, boolean, datetime, null,
int32, int64."""


class Element(NamedTuple):
    name: str
    is_array: bool
    value: bytes
    whole: bytes
    """With its type and name."""


def documents(batch: bytes) -> Iterator[bytes]:
    """Yield the documents that stand one after the other."""
    position = 0
    while position < len(batch):
        (length,) = struct.unpack_from("<i", batch, position)
        yield batch[position : position + length]
        position += length


def elements(document: bytes) -> Iterator[Element]:
    """Yield the elements of a document, as they are. Raise `ValueError` for one of an unknown
    type."""
    position = 4
    while kind := document[position]:
        end_of_name = document.index(0, position + 1)
        begin = end_of_name + 1
        if kind in (_STRING, _DOCUMENT, _ARRAY):
            (length,) = struct.unpack_from("<i", document, begin)
            end = begin + length + (4 if kind == _STRING else 0)
        elif kind in _SIZES:
            end = begin + _SIZES[kind]
        else:
            raise ValueError(f"BSON type {kind} is not known here")
        name = document[position + 1 : end_of_name].decode()
        yield Element(name, kind == _ARRAY, document[begin:end], document[position:end])
        position = end


def document_of(found: list[Element]) -> bytes:
    """Return the document that has these elements."""
    body = b"".join(element.whole for element in found)
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def numbers(array: bytes) -> np.ndarray | None:
    """Return the numbers of an array of 64-bit integers alone, or of doubles alone, as int64 or
    float64. None for any other.

    The positions are written in decimal, so elements 0 to 9 are one byte shorter than 10 to 99, and
    so on. The first element of another type begins where one of ours would, so looking at the type
    bytes is enough.
    """
    kind, end = array[4], len(array) - 1
    if kind not in _NUMBERS:
        return None
    parts, position, digits = [], 4, 1
    while position < end:
        cell = _cell(kind, digits)
        count = min(9 * 10 ** (digits - 1) + (digits == 1), (end - position) // cell.itemsize)
        cells = np.frombuffer(array, dtype=cell, count=count, offset=position)
        if not count or (cells["type"] != kind).any() or cells["zero"].any():
            return None
        parts.append(cells["value"])
        position, digits = position + count * cell.itemsize, digits + 1
    return np.concatenate(parts)


@cache
def _cell(kind: int, digits: int) -> np.dtype[np.void]:
    """Return the type of an element whose position has so many digits."""
    return np.dtype(
        [("type", "u1"), ("name", f"S{digits}"), ("zero", "u1"), ("value", _NUMBERS[kind])]
    )
