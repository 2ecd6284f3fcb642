"""ONNX graphs put together: a model of one tensor behind the inputs that the contract declares."""

from typing import TYPE_CHECKING

from ..common.errors import ProjectError
from ..contract.contract import Contract
from .graph_output import OPSET, answering, columns, set_opsets

if TYPE_CHECKING:
    from onnx import ModelProto

PREFIX = "final_"  # of all names of the second graph
JOINED = "joined_features"


def join(contract: Contract, opset: int) -> "ModelProto":
    """Return a graph that joins the contract's features, which must be numbers, to one tensor, in their order."""
    from onnx import TensorProto, helper

    names = [feature.name for feature in contract.features]
    strings = [feature.name for feature in contract.features if feature.kind != "number"]
    if strings:
        raise ProjectError(
            f"one tensor of numbers cannot hold the strings of {', '.join(strings)}: give the model one input per "
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


def opset(model: "ModelProto") -> int:
    """Return the version of the standard operators of *model*, or that of ours if it uses none."""
    return next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), OPSET)


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
