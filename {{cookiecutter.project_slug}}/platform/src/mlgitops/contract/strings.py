"""The strings of a category or text: how the contract normalizes them, the same in tables and requests."""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, StringConstraints
from pydantic_core import CoreSchema, core_schema

Step = Literal["trim", "lower"]
MAX_CHARS, MAX_TEXT_CHARS = 1000, 10_000  # of a string in a request, and of one whose words are features
WORD = re.compile(r"\w+")
BLANKS = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))


def normalized(text: str, steps: Collection[Step]) -> str:
    """Return *text* after these steps."""
    text = text.strip(BLANKS) if "trim" in steps else text
    return text.lower() if "lower" in steps else text


def words(text: str) -> str:
    """Return the words of *text* in lower case, with one blank between two, as the model's vocabulary has them."""
    return " ".join(WORD.findall(unicodedata.normalize("NFKC", text).lower()))


def any_string(steps: Collection[Step], max_chars: int = MAX_CHARS) -> Any:
    """Return the type of a field that takes any string but one of blanks alone, which a table means as missing."""
    trim, lower = "trim" in steps, "lower" in steps
    limits = {"min_length": 1, "max_length": max_chars} | ({} if trim else {"pattern": r"\S"})
    constraints = StringConstraints(strip_whitespace=trim, to_lower=lower, **limits)  # type: ignore[arg-type]
    return Annotated[str, constraints, Field(json_schema_extra={"pattern": r"\S"})]  # JSON schema does not trim


def one_of(categories: tuple[str, ...], steps: Collection[Step]) -> Any:
    """Return the type of a field that takes one of *categories*."""
    return Annotated[Literal[categories], _Normalized("trim" in steps, "lower" in steps)]


@dataclass(frozen=True)
class _Normalized:
    """Normalizes a string before it is compared; pydantic does so without calling Python."""

    trim: bool
    lower: bool

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the schema of a string, followed by that of the choice."""
        string = core_schema.str_schema(strip_whitespace=self.trim, to_lower=self.lower)
        return core_schema.chain_schema([string, handler(source)])

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Return the JSON schema of the choice alone."""
        return handler(schema["steps"][1])
