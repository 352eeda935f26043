"""What can be done to experiments."""

from collections.abc import Awaitable
from typing import Annotated, TypeAlias

import strawberry

from api import records
from api.domain import changes
from api.graphql.experiments import Experiment
from api.graphql.info import Info
from api.graphql.payloads import UserError, object_of, settled
from api.graphql.policy import WRITE
from api.graphql.scalars import JSON

Name: TypeAlias = Annotated[str, strawberry.argument(description="The experiment's name.")]


@strawberry.input(description="What to change of an experiment; what is not given stays.")
class UpdateExperimentInput:
    description: str | None = strawberry.field(
        default=None, description="Its new description in Markdown."
    )
    set_tags: JSON | None = strawberry.field(
        default=None, description="An object: tags to set by name."
    )
    remove_tags: list[str] = strawberry.field(
        default_factory=list[str], description="Names of tags to remove."
    )


@strawberry.type(description="What became of an experiment, or why nothing did.")
class ExperimentPayload:
    experiment: Experiment | None = strawberry.field(
        description="The experiment as it is now; null after an error."
    )
    user_errors: list[UserError] = strawberry.field(description="Empty when it was done.")


@strawberry.type
class ExperimentMutations:
    @strawberry.mutation(
        extensions=WRITE, description="Make an experiment before its first run, which makes it too."
    )
    async def create_experiment(
        self,
        info: Info,
        name: Name,
        description: Annotated[
            str, strawberry.argument(description="A description in Markdown.")
        ] = "",
    ) -> ExperimentPayload:
        return await _payload(
            changes.create(info.context.actor, info.context.live, name, description)
        )

    @strawberry.mutation(
        extensions=WRITE, description="Change an experiment's description or tags."
    )
    async def update_experiment(
        self,
        info: Info,
        name: Name,
        input: Annotated[  # noqa: A002 - GraphQL's name for it
            UpdateExperimentInput, strawberry.argument(description="What to change.")
        ],
    ) -> ExperimentPayload:
        async def update() -> records.Experiment:
            tags = records.Tags(object_of(input.set_tags, "setTags"), input.remove_tags)
            return await changes.update(
                info.context.actor,
                info.context.live,
                name,
                description=input.description,
                tags=tags,
            )

        return await _payload(update())

    @strawberry.mutation(
        extensions=WRITE,
        description="Leave an experiment out of lists; its runs stay, and may go on.",
    )
    async def archive_experiment(self, info: Info, name: Name) -> ExperimentPayload:
        return await _payload(
            changes.archive(info.context.actor, info.context.live, name, archived=True)
        )

    @strawberry.mutation(extensions=WRITE, description="List an archived experiment again.")
    async def unarchive_experiment(self, info: Info, name: Name) -> ExperimentPayload:
        return await _payload(
            changes.archive(info.context.actor, info.context.live, name, archived=False)
        )


async def _payload(doing: Awaitable[records.Experiment]) -> ExperimentPayload:
    found = await settled(doing, ["name"])
    if isinstance(found, list):
        return ExperimentPayload(experiment=None, user_errors=found)
    return ExperimentPayload(experiment=Experiment.of(found), user_errors=[])
