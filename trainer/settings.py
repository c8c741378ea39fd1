"""Settings that are checked as they are read, of which recipes and job files are made."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[int, Field(ge=1)]


class Strict(BaseModel):
    """Frozen settings in which an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())
