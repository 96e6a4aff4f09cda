"""Small generators of hostile files. `benchmarks/hostile.py` makes them large; the tests keep them small."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path


def sparse_tar(path: Path, *, members: int = 4, real: int = 990_000_000) -> Path:
    """Write a tar file of a few kilobytes whose members say that they are of `real` bytes."""
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for number in range(members):
            block = f"1\n{real}\n0\n".encode().ljust(512, b"\0")
            member = tarfile.TarInfo(f"{number}.png")
            member.size = len(block)
            member.pax_headers = {
                "GNU.sparse.major": "1",
                "GNU.sparse.minor": "0",
                "GNU.sparse.name": f"{number}.png",
                "GNU.sparse.realsize": str(real),
            }
            archive.addfile(member, io.BytesIO(block))
    return path


def zeros_tar(path: Path, *, size: int) -> Path:
    """Write a compressed tar file with one member of `size` zeros, which takes a thousandth of that."""
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        member = tarfile.TarInfo("zeros.png")
        member.size = size
        archive.addfile(member, io.BytesIO(bytes(size)))
    return path


def long_header_tar(path: Path, *, size: int) -> Path:
    """Write a compressed tar file with a name of `size` bytes."""
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, size
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        archive.addfile(header, io.BytesIO(b"a" * size))
    return path


def zip_of_lists(path: Path, *, count: int) -> Path:
    """Write a zip that says that so many empty lists were taught, three bytes each."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("taught.json", "w") as file:
        file.write(b'{"taught":[')
        for _ in range(count // 10_000):
            file.write(b"[]," * 10_000)
        file.write(b"[]]}")
    return path
