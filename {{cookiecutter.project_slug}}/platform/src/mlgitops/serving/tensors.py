"""Tensors of the Open Inference Protocol in JSON."""

from typing import Any

from .refusal import RequestError, detail

WHOLE = ("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64")
KINDS: dict[Any, tuple[type, ...]] = {  # datatype: the types of its values in JSON
    **dict.fromkeys(("FP16", "FP32", "FP64"), (int, float)),
    **dict.fromkeys(WHOLE, (int,)),
    "BOOL": (bool,),
    "BYTES": (str,),
}


def tensor_values(tensor: dict[str, Any], name: str) -> list[Any]:
    """Return the values of a tensor of shape [n] or [n, 1]; raises RequestError."""
    shape, data, datatype = tensor.get("shape"), tensor.get("data"), tensor.get("datatype")
    if (
        not isinstance(shape, list)
        or len(shape) not in (1, 2)
        or type(shape[0]) is not int
        or shape[1:] not in ([], [1])
    ):
        raise RequestError(422, "a tensor has another shape", [detail(None, name, "Shape should be [n] or [n, 1]")])
    if not isinstance(datatype, str) or datatype not in KINDS:
        raise RequestError(422, "a tensor has another datatype", [detail(None, name, "There is no such datatype")])
    if not isinstance(data, list):
        message = "Data should be an array: send JSON, not the binary extension"
        raise RequestError(400, "a tensor has no data", [detail(None, name, message)])
    flat = [value for part in data for value in part] if data and all(type(part) is list for part in data) else data
    if len(flat) != shape[0]:
        raise RequestError(422, "a tensor has another size", [detail(None, name, f"Shape says {shape[0]} values")])
    for row, value in enumerate(flat):
        if value is not None and type(value) not in KINDS[datatype]:
            message = f"Input does not have the datatype of its tensor, {datatype}"
            raise RequestError(422, "the rows violate the contract", [detail(row, name, message)])
    return flat
