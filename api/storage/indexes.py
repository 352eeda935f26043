"""Kinds of index that Tortoise does not say."""

from typing import Any

from tortoise.indexes import Index
from tortoise.models import Model


class TermsIndex(Index):
    """An inverted index on PostgreSQL; a migration makes SQLite's, which is a table."""

    INDEX_TYPE = "GIN"

    def get_sql(self, schema_generator: Any, model: type[Model], safe: bool) -> str:  # noqa: FBT001
        postgres = schema_generator.DIALECT == "postgres"
        return super().get_sql(schema_generator, model, safe) if postgres else ""


class BytesIndex(Index):
    """
    Texts in the order of their bytes, whatever the database's language is, so that those that
    begin alike stand together. SQLite's indexes have no other order, and it needs no second one.
    """

    def get_sql(self, schema_generator: Any, model: type[Model], safe: bool) -> str:  # noqa: FBT001
        if schema_generator.DIALECT != "postgres":
            return ""
        sql = super().get_sql(schema_generator, model, safe)
        return sql.replace('"metric"', '"metric" COLLATE "C"')


class RunsIndex(Index):
    """Runs that are there, and of these what else is said."""

    def __init__(self, *, fields: tuple[str, ...], name: str, also: str = "") -> None:
        super().__init__(fields=fields, name=name)
        self.also = also
        self.extra = f" WHERE deleted IS NULL{also}"

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        return path, args, {**kwargs, "also": self.also}


class TrashIndex(Index):
    """Runs that were deleted."""

    def __init__(self, *, fields: tuple[str, ...], name: str) -> None:
        super().__init__(fields=fields, name=name)
        self.extra = " WHERE deleted IS NOT NULL"


# What lists walk and count, and what is known of an experiment; named so that a plan can say it.
RUN_INDEXES = (
    RunsIndex(fields=("created", "id"), name="run_there"),
    RunsIndex(fields=("experiment", "created", "id"), name="run_there_created"),
    RunsIndex(
        fields=("experiment", "created", "id"), name="run_there_roots", also=" AND parent IS NULL"
    ),
    RunsIndex(fields=("experiment", "status", "id"), name="run_there_status"),
    RunsIndex(fields=("experiment", "name", "id"), name="run_there_name"),
    RunsIndex(fields=("experiment", "number", "id"), name="run_there_number"),
    RunsIndex(fields=("experiment", "started", "id"), name="run_there_started"),
    RunsIndex(fields=("experiment", "ended", "id"), name="run_there_ended"),
    RunsIndex(
        fields=("experiment", "created", "id"),
        name="run_there_judged",
        also=" AND primary_metric IS NOT NULL",
    ),
)
