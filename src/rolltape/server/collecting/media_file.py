"""A file in media/ that comes in pieces: it appears there as a whole, or not at all."""

from __future__ import annotations

import os
import zlib

from rolltape.server.collecting.appear import appear
from rolltape.server.collecting.trouble import PartError
from rolltape.server.collecting.whole_write import open_plain, write_at
from rolltape.tape.shipment import FileHeld, FilePart

_PIECE = 1 << 20


def store_piece(media: str, part: FilePart) -> FileHeld:
    """Take a piece of a file; one that does not follow what is held is left out.

    Args:
        media: the directory, which is there.
        part: the piece, the name checked.

    Raises:
        PartError: another file of that name is there, or the whole is not what its CRC says. OSError.
    """
    path = f"{media}/{part.name}"
    if os.path.lexists(path):
        return _there_already(path, part)
    draft = f"{media}/.{part.name}.{part.crc:08x}-{part.size:x}.part"
    descriptor = open_plain(draft, os.O_RDWR | os.O_CREAT)
    try:
        have = os.fstat(descriptor).st_size
        end = part.offset + len(part.data)
        if part.offset <= have < end:
            try:
                write_at(descriptor, memoryview(part.data)[have - part.offset :], have)
            except BaseException:
                os.ftruncate(descriptor, have)
                raise
            have = end
        if have < part.size:
            return FileHeld(have, whole=False)
        if _crc(descriptor, part.size) != part.crc:
            os.unlink(draft)  # noqa: PTH108
            raise PartError(f"{part.name!a}: the whole file is not what its CRC says; it is taken from its beginning")
        os.fsync(descriptor)
        if not appear(draft, path):
            os.unlink(draft)  # noqa: PTH108
            return _there_already(path, part)
    finally:
        os.close(descriptor)
    return FileHeld(part.size, whole=True)


def _there_already(path: str, part: FilePart) -> FileHeld:
    descriptor = open_plain(path, os.O_RDONLY)
    try:
        if os.fstat(descriptor).st_size != part.size or _crc(descriptor, part.size) != part.crc:
            raise PartError(f"{part.name!a}: there is another file of that name here", 409)
    finally:
        os.close(descriptor)
    return FileHeld(part.size, whole=True)


def _crc(descriptor: int, size: int) -> int:
    crc = 0
    for at in range(0, size, _PIECE):
        crc = zlib.crc32(os.pread(descriptor, min(_PIECE, size - at), at), crc)
    return crc
