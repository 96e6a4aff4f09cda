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


def shape_from_data(path: Path, *, elements: float = 1.5e9, products: int = 0) -> Path:
    """Write a network that asks for memory as soon as a glyph has ink: `elements` times the largest value in it.

    products: how many times that memory, as a square, is then multiplied by itself. Needs the package `onnx`.
    """
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    node = helper.make_node
    one = helper.make_tensor("value", TensorProto.FLOAT, [1], [1.0])
    nodes = [
        node("Reshape", ["x", "shape"], ["flat"]),
        node("MatMul", ["flat", "weights"], ["logits"]),
        node("ReduceMax", ["x"], ["most"], keepdims=0),
        node("Mul", ["most", "elements"], ["count"]),
        node("Cast", ["count"], ["whole"], to=TensorProto.INT64),
        node("Reshape", ["whole", "single"], ["side"]),
        node("Concat", ["side", "side"] if products else ["side"], ["sides"], axis=0),
        node("ConstantOfShape", ["sides"], ["power0"], value=one),
        *(node("MatMul", [f"power{at}", "power0"], [f"power{at + 1}"]) for at in range(products)),
        node("ReduceSum", [f"power{products}"], ["sum"], keepdims=0),
        node("Mul", ["sum", "zero"], ["nothing"]),
        node("Add", ["logits", "nothing"], ["sums"]),
        node("Softmax", ["sums"], ["y"], axis=1),
    ]
    weights = np.random.default_rng(0).normal(0, 0.05, (784, 10)).astype(np.float32)
    values = {"shape": np.int64([-1, 784]), "weights": weights, "elements": np.float32(elements),
              "single": np.int64([1]), "zero": np.float32(0)}  # fmt: skip
    graph = helper.make_graph(
        nodes,
        "hostile",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 28, 28, 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 10])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in values.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path
