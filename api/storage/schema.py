"""
Bring the tables up to date, all or nothing.

Migrations are read by a person before they are kept, and only add: what
Tortoise generates for a changed column rebuilds the table and loses its
indexes, and `generated=False` of a key is lost on the way.
"""

# Its own way would not be one transaction, so this file reaches inside; Tortoise is pinned.
# pyright: reportPrivateUsage=false
# ruff: noqa: SLF001

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tortoise.migrations.executor import MigrationExecutor, MigrationTarget
from tortoise.migrations.recorder import MigrationRecorder
from tortoise.migrations.schema_generator.state import State
from tortoise.transactions import in_transaction

# Any number, the same in every process.
_LOCK = 7_238_461
# Their modules import what imports this one; their names are enough.
RELEASED = sorted(path.stem for path in Path(__file__).with_name("migrations").glob("[0-9]*.py"))


@dataclass(frozen=True, slots=True)
class Standing:
    """The migrations that a database has not seen, and those that this program does not know."""

    missing: Sequence[str]
    unknown: Sequence[str]
    # There was nothing before: nothing can be lost.
    fresh: bool


def standing(applied: Iterable[str]) -> Standing:
    seen = set(applied)
    missing = [name for name in RELEASED if name not in seen]
    return Standing(missing, sorted(seen.difference(RELEASED)), fresh=not seen)


async def upgrade(apps: dict[str, Any], target: str | None = None) -> None:
    """Run what is missing, through `target` if given, inside the current context."""
    async with in_transaction("default") as client:
        if client.capabilities.dialect == "postgres":
            # Of two processes that start at once, the second finds everything done.
            await client.execute_script(f"SELECT pg_advisory_xact_lock({_LOCK})")
        executor = Executor(client, apps)
        executor.recorder = executor.loader.recorder = Recorder(client)
        # First of all: a look into a table that is not there ends a PostgreSQL transaction.
        await executor.recorder.ensure_schema(executor._schema_editor())
        await executor.migrate([MigrationTarget("models", target)] if target else None)


class Known(State):
    """
    What a first start does not wait for: migrations only add, and ask nothing through models.

    So no copy is made of what was before, and no query of all models after each step.
    """

    def clone(self) -> State:
        return self

    def _reload(self, models_to_reload: set[tuple[str, str]]) -> None:
        for app, name in models_to_reload:
            self.apps.unregister_model(app, name)
            self.apps.register_model(app, self.models[app, name].render(self.apps))
        self.apps._init_relations()


class Executor(MigrationExecutor):
    async def _project_state(self, *args: Any, **kwargs: Any) -> State:
        state = await super()._project_state(*args, **kwargs)
        return Known(state.models, state.apps)


class Recorder(MigrationRecorder):
    """Its own first statement would end the transaction on SQLite."""

    async def ensure_schema(self, schema_editor: Any) -> None:
        made = schema_editor._get_model_sql_data(self.model).table_sql
        made = made.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS", 1)
        await schema_editor.client.execute_query(made.strip().rstrip(";"))
