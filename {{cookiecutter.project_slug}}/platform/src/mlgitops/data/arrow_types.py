"""Converts parts of a table to types that Parquet stores: views, dictionaries, extension types; and parts to pandas."""

from collections.abc import Iterable, Iterator

import pandas as pd
import pyarrow as pa

from .reading import Reading, unique

EXACT = {pa.int64(): pd.Int64Dtype(), pa.uint64(): pd.UInt64Dtype()}  # which floats beside missing values would round


def to_frame(part: pa.RecordBatch) -> pd.DataFrame:
    """Return *part* as pandas; see `to_series`."""
    columns = zip(part.schema.names, part.columns, strict=True)
    return pd.DataFrame({name: to_series(values) for name, values in columns}, copy=False)


def to_series(values: pa.Array | pa.ChunkedArray) -> pd.Series:
    """Return *values* as pandas; whole numbers keep all digits where others are missing.

    Bytes become strings: of UTF-8 if all of them are, else hexadecimal digits.
    """
    if is_bytes(values.type):
        texts = in_utf8(values)
        hexadecimal = [None if value is None else value.hex() for value in values.to_pylist()] if texts is None else []
        values = pa.array(hexadecimal, pa.string()) if texts is None else texts
    series: pd.Series = values.to_pandas(date_as_object=False, types_mapper=EXACT.get if values.null_count else None)
    return series


def is_bytes(kind: pa.DataType) -> bool:
    """Return whether values of type *kind* are bytes, as old writers of Parquet store strings."""
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def in_utf8(values: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray | None:
    """Return bytes as strings, None if they are not in UTF-8."""
    try:
        return values.cast(pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:
        return None


def storable(parts: Iterable[pa.RecordBatch], reading: Reading) -> Iterator[pa.RecordBatch]:
    """Yield the *parts* with plain types and unique names of columns; what cannot be stored is left out with a remark.

    The metadata of pandas is dropped: an index is a column like any other.
    """
    left_out: dict[str, str] = {}
    for part in parts:
        columns = {}
        for name, values in zip(unique(part.schema.names), part.columns, strict=True):
            kind = plain_type(values.type)
            if kind is None:
                left_out[name] = str(values.type)
            else:
                columns[name] = _plain(values, kind)
        yield pa.RecordBatch.from_pydict(columns)
    reading.remarks.extend(f"{name} is left out: no table stores {kind}" for name, kind in left_out.items())


def plain_type(kind: pa.DataType) -> pa.DataType | None:
    """Return the type in which values of type *kind* are stored; None if they cannot be."""
    if isinstance(kind, pa.UuidType):
        return pa.string()
    if isinstance(kind, pa.BaseExtensionType):
        return plain_type(kind.storage_type)
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return plain_type(kind.value_type)
    if pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_binary_view(kind):
        return pa.binary()
    if pa.types.is_float16(kind):
        return pa.float32()
    if pa.types.is_decimal(kind) and kind.bit_width < 128:
        return pa.decimal128(kind.precision, kind.scale)
    return None if pa.types.is_interval(kind) or pa.types.is_union(kind) else kind


def _plain(values: pa.Array, kind: pa.DataType) -> pa.Array:
    if isinstance(values.type, pa.UuidType):
        return pa.array([None if value is None else str(value) for value in values.to_pylist()], kind)
    if isinstance(values.type, pa.BaseExtensionType):
        return _plain(values.storage, kind)
    if pa.types.is_dictionary(values.type):
        return _plain(values.dictionary_decode(), kind)
    if pa.types.is_run_end_encoded(values.type):
        return _plain(pa.compute.run_end_decode(values), kind)
    return values if values.type == kind else values.cast(kind)
