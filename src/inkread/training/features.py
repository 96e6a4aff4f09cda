"""Features: a second output for an ONNX network, of what goes into its last layer, by which it can be taught."""

from __future__ import annotations

from pathlib import Path

from inkread.files import whole_file
from inkread.models.classifier import FEATURES


def expose_features(path: Path) -> None:
    """Give the ONNX network in a file the output `features`: (N, K) float32, the input of its last dense layer.

    Nothing is computed anew: the tensor is there anyhow, and only gets its name. A network that has the output already,
    or no dense layer, stays as it is.
    """
    import onnx

    model = onnx.load(path)
    graph = model.graph
    dense = [node for node in graph.node if node.op_type in {"Gemm", "MatMul"}]
    given = {value.name for value in graph.input}
    if not dense or FEATURES in {value.name for value in graph.output} or dense[-1].input[0] in given:
        return
    old = dense[-1].input[0]
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [FEATURES if name == old else name for name in names]
    for value in [value for value in graph.value_info if value.name == old]:
        graph.value_info.remove(value)
    graph.output.append(onnx.helper.make_tensor_value_info(FEATURES, onnx.TensorProto.FLOAT, ["N", "K"]))
    onnx.checker.check_model(model)
    with whole_file(path) as file:
        onnx.save(model, file)
