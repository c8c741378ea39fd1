"""The ways of ranking, by name; each module names its paper."""

from typing import Annotated

from pydantic import Field

from trainer.strategies.base import Strategy
from trainer.strategies.cascade import Cascade, Collaborative, Single
from trainer.strategies.exclusion import Exclusion
from trainer.strategies.fused import Fused
from trainer.strategies.listwise import First, Listwise, ListwiseDirect
from trainer.strategies.pairwise import Pairwise
from trainer.strategies.partition import Partition, Tournament
from trainer.strategies.pointwise import PointwiseScore, PointwiseYesNo
from trainer.strategies.setwise import Setwise

AnyStrategy = Annotated[Single | Cascade | Collaborative, Field(discriminator="name")]

STRATEGIES: dict[str, type[Strategy]] = {
    cls.model_fields["name"].default: cls
    for cls in (
        Listwise,
        ListwiseDirect,
        First,
        Setwise,
        PointwiseScore,
        PointwiseYesNo,
        Pairwise,
        Exclusion,
        Collaborative,
        Cascade,
        Partition,
        Tournament,
        Fused,
    )
}

__all__ = ["STRATEGIES", "AnyStrategy", "Listwise", "Strategy"]
