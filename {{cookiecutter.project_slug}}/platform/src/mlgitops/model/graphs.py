"""ONNX graphs put together: a model of one tensor behind the inputs that the contract declares."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..common.errors import ProjectError
from ..contract.contract import Contract

if TYPE_CHECKING:
    from onnx import ModelProto

PREFIX = "final_"  # of all names of the second graph
OPSET = 18  # of operators that are added to a graph that has none of its own
JOINED = "joined_features"


def join(contract: Contract, opset: int) -> "ModelProto":
    """Return a graph that joins the contract's features, which must be numbers, to one tensor, in their order."""
    from onnx import TensorProto, helper

    names = [feature.name for feature in contract.features]
    strings = [feature.name for feature in contract.features if feature.kind == "category"]
    if strings:
        raise ProjectError(
            f"one tensor of numbers cannot hold the categories {', '.join(strings)}: give the model one input per "
            "feature, or put the preprocessing before it (estimators.preprocessing)"
        )
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 1]) for name in names]
    output = helper.make_tensor_value_info(JOINED, TensorProto.FLOAT, [None, len(names)])
    node = helper.make_node("Concat", names, [JOINED], axis=1)
    graph = helper.make_graph([node], "model", inputs, [output])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def chain(front: "ModelProto", final: "ModelProto") -> "ModelProto":
    """Return the model whose only tensor, the input of *final*, is the last output of *front*."""
    from onnx import ModelProto, TensorProto, compose, helper

    joined = ModelProto()
    joined.CopyFrom(front)
    renamed = compose.add_prefix(final, PREFIX)
    graph, behind = joined.graph, renamed.graph
    constants = {tensor.name for tensor in behind.initializer}
    (entry,) = (put for put in behind.input if put.name not in constants)
    kind = entry.type.tensor_type.elem_type
    graph.node.append(helper.make_node("Cast", [graph.output[-1].name], [entry.name], to=kind or TensorProto.FLOAT))
    graph.node.extend(behind.node)
    graph.initializer.extend(behind.initializer)
    graph.value_info.extend(behind.value_info)
    joined.functions.extend(renamed.functions)
    del graph.output[:]
    graph.output.extend(behind.output)
    versions = {entry.domain: entry.version for entry in front.opset_import}
    for imported in final.opset_import:
        versions[imported.domain] = max(imported.version, versions.get(imported.domain, 0))
    set_opsets(joined, versions)
    joined.ir_version = max(front.ir_version, final.ir_version)
    return joined


def set_opsets(model: "ModelProto", versions: dict[str, int]) -> None:
    """Set the versions of the operators, in an order that does not depend on the hash seed."""
    from onnx import helper

    del model.opset_import[:]
    model.opset_import.extend(helper.make_opsetid(domain, versions[domain]) for domain in sorted(versions))


def opset(model: "ModelProto") -> int:
    """Return the version of the standard operators of *model*, or that of ours if it uses none."""
    return next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), OPSET)


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


def adapted(content: bytes, contract: Contract) -> bytes:
    """Return the ONNX model *content* with one input per feature, if it has one tensor of all; else unchanged.

    Its output is adapted as `answering` does it. Raises ProjectError if the tensor cannot hold the contract's features.
    """
    from onnx import load_from_string

    try:
        model = load_from_string(content)
    except Exception:  # not ONNX at all, which the caller reports
        return content
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [put for put in model.graph.input if put.name not in constants]
    names = [feature.name for feature in contract.features]
    adapted = answering(model, contract)
    if len(inputs) == 1 and inputs[0].name not in names:
        width, name = columns(inputs[0].type.tensor_type), inputs[0].name
        if width not in (None, len(names)):
            raise ProjectError(
                f"input {name}: has {width} columns; the contract has {len(names)} features, in this order: "
                f"{', '.join(names)}"
            )
        adapted = chain(join(contract, opset(adapted)), adapted)
    unchanged = adapted == model
    return content if unchanged else bytes(adapted.SerializeToString(deterministic=True))


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
