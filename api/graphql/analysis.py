"""What is computed of many runs' values, as GraphQL asks for it."""

import strawberry

from api import analysis
from api.conditions import Attribute, Param, Tag
from api.errors import Invalid


@strawberry.input(
    one_of=True,
    description="What runs are told apart by: one thing they have. What reads the same is the "
    'same (64, 64.0 and "64"); runs without it are together, too.',
)
class RunGroupKey:
    param: str | None = strawberry.field(
        default=strawberry.UNSET, description="A parameter's name."
    )
    tag: str | None = strawberry.field(default=strawberry.UNSET, description="A tag's name.")
    attribute: Attribute | None = strawberry.field(
        default=strawberry.UNSET, description="Something every run has; not DURATION."
    )

    def record(self) -> analysis.GroupKey:
        if isinstance(self.param, str):
            return Param(self.param)
        if isinstance(self.tag, str):
            return Tag(self.tag)
        if isinstance(self.attribute, Attribute):
            return self.attribute
        raise Invalid("say one of param, tag and attribute to group by")


@strawberry.input(
    one_of=True,
    description="How lines are made smooth, over the places of x in their order; gaps stay gaps.",
)
class Smoothing:
    ema: float | None = strawberry.field(
        default=strawberry.UNSET,
        description="As TensorBoard does: the weight of what came before, from 0 to less than 1.",
    )
    gaussian: float | None = strawberry.field(
        default=strawberry.UNSET,
        description="By weights around each place: their standard deviation in places, at most 50.",
    )
    mean: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="By the mean of so many places around each: an odd number, at most 501.",
    )

    def record(self) -> analysis.Smoothing:
        said = [
            analysis.Smoothing(method, amount)
            for method in analysis.Method
            if (amount := getattr(self, method.value)) not in (None, strawberry.UNSET)
        ]
        if len(said) != 1:
            raise Invalid("say one of ema, gaussian and mean")
        return said[0]
