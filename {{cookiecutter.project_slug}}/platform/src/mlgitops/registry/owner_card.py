"""What only the owner knows of the model: what it is for, its limits, and who is responsible (model-card.yaml)."""

from typing import Self

from pydantic import Field

from ..common.document import Document
from ..common.project import root

FILE = "model-card.yaml"


class OwnerCard(Document):
    """The owner's part of the model card; the rest is taken from the model, the data and git."""

    owner: str = Field("", description="The person or team that is responsible.")
    contact: str = Field("", description="Where questions and complaints go.")
    intended_use: str = Field("", description="The decisions that the model is made for.")
    intended_users: str = Field("", description="Who uses its predictions.")
    affected: str = Field("", description="Who is affected by decisions that follow from it.")
    out_of_scope: str = Field("", description="What it must not be used for.")
    limits: str = Field("", description="Where it is known to be wrong, or was not tried.")
    risks: str = Field("", description="What could happen to people if it is wrong, and what is done about it.")
    oversight: str = Field("", description="Who checks its predictions, and how they are overruled.")

    @classmethod
    def of_project(cls) -> Self:
        """Return the card of this project; an empty one if there is no file."""
        path = root() / FILE
        return cls.load(path) if path.is_file() else cls()
