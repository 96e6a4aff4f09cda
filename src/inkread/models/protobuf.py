"""Protobuf's wire format, as far as an ONNX file needs it: strict, bounded, and without the package `protobuf`.

See https://protobuf.dev/programming-guides/encoding. It refuses truncated messages,
numbers of more than 64 bits, the field number 0 and unused wire types.
"""

from __future__ import annotations

from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types


def fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield the number and the value of each field. A value is a number, or the bytes of a text or message.

    Raises `ValueError` for bytes that are not a message.
    """
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        # Protobuf's readers ignore the bits above, so a field could hide behind them.
        key &= 0xFFFF_FFFF
        if not key >> 3:
            raise ValueError("a protobuf message has no field of the number 0")
        wire = key & 7
        if wire == _VARINT:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if wire == _BYTES:
            length, at = _varint(message, at)
        elif wire in (_FIXED64, _FIXED32):
            length = 8 if wire == _FIXED64 else 4
        else:
            raise ValueError(f"a protobuf message has no field of wire type {wire}")
        if at + length > len(message):
            raise ValueError("a protobuf message ends in the middle of a field")
        content = message[at : at + length]
        yield key >> 3, content if wire == _BYTES else int.from_bytes(content, "little")
        at += length


def packed_numbers(content: memoryview) -> Iterator[int]:
    """Yield the numbers of a packed field."""
    at = 0
    while at < len(content):
        number, at = _varint(content, at)
        yield number


def field(number: int, content: bytes) -> bytes:
    """Return a field that holds bytes."""
    return _encoded(number << 3 | _BYTES) + _encoded(len(content)) + content


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """Return the number that begins at `at`, seven bits per byte, and the position after it."""
    number = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise ValueError("a protobuf message ends in the middle of a number")
        byte = message[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
    raise ValueError("a number in a protobuf message has more than 64 bits")


def _encoded(number: int) -> bytes:
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
