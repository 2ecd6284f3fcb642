"""The output of an ONNX graph, as the contract needs it: float, and one column per class."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..contract.contract import Contract

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET = 18  # of operators that are added to a graph that has none of its own


def answering(model: "ModelProto", contract: Contract) -> "ModelProto":
    """Return *model* with the last output that the contract needs: float, and a column per class.

    A ZipMap is removed, double becomes float, and one probability of a binary model becomes that of both classes.
    """
    from onnx import ModelProto, TensorProto, helper

    changed = ModelProto()
    changed.CopyFrom(model)
    graph = changed.graph
    _remove_zip_map(changed, contract)
    output = graph.output[-1]
    width = len(contract.classes) or 1
    name, single = output.name, len(contract.classes) == 2 and columns(output.type.tensor_type) == 1
    if output.type.tensor_type.elem_type != TensorProto.DOUBLE and not single:
        return changed
    graph.node.append(helper.make_node("Cast", [name], ["float_answer"], to=TensorProto.FLOAT))
    if single:
        graph.node.extend(_both_classes("float_answer", "answer"))
        graph.initializer.append(helper.make_tensor("answer_shape", TensorProto.INT64, [2], [-1, 1]))
        graph.initializer.append(helper.make_tensor("answer_one", TensorProto.FLOAT, [1], [1.0]))
    else:
        graph.node.append(helper.make_node("Identity", ["float_answer"], ["answer"]))
    del graph.output[-1]
    rank = 1 if columns(output.type.tensor_type) is None and not contract.classes else 2
    graph.output.append(helper.make_tensor_value_info("answer", TensorProto.FLOAT, [None, width][:rank]))
    if "" not in {entry.domain for entry in changed.opset_import}:
        set_opsets(changed, {entry.domain: entry.version for entry in changed.opset_import} | {"": OPSET})
    return changed


def _remove_zip_map(model: "ModelProto", contract: Contract) -> None:
    """Let the probabilities be a tensor, where the last output is a list of dictionaries of them."""
    from onnx import TensorProto, helper

    graph = model.graph
    for node in [node for node in graph.node if node.op_type == "ZipMap" and node.output[0] == graph.output[-1].name]:
        graph.node.remove(node)
        del graph.output[-1]
        shape = [None, len(contract.classes)]
        graph.output.append(helper.make_tensor_value_info(node.input[0], TensorProto.FLOAT, shape))


def set_opsets(model: "ModelProto", versions: dict[str, int]) -> None:
    """Set the versions of the operators, in an order that does not depend on the hash seed."""
    from onnx import helper

    del model.opset_import[:]
    model.opset_import.extend(helper.make_opsetid(domain, versions[domain]) for domain in sorted(versions))


def columns(tensor: object) -> int | None:
    """Return the second dimension of an ONNX tensor type; 1 if it has one dimension, None if it is not fixed."""
    dimensions: Sequence[object] = list(tensor.shape.dim)  # type: ignore[attr-defined]  # onnx has no types
    if len(dimensions) == 1:
        return 1
    size = getattr(dimensions[1], "dim_value", 0) if len(dimensions) == 2 else 0
    return size or None


def _both_classes(single: str, both: str) -> list[object]:
    """Return nodes that make two columns of the probability of the positive class."""
    from onnx import helper

    return [
        helper.make_node("Reshape", [single, "answer_shape"], ["positive"]),
        helper.make_node("Sub", ["answer_one", "positive"], ["negative"]),
        helper.make_node("Concat", ["negative", "positive"], [both], axis=1),
    ]
