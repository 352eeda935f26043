"""The chunks of logs that wait to be merged."""

from typing import Any

from tortoise import migrations
from tortoise.indexes import PartialIndex
from tortoise.migrations import operations as ops


async def _keep_squeezed(apps: Any, editor: Any) -> None:
    """What zlib squeezed is not to be squeezed again by PostgreSQL."""
    if editor.client.capabilities.dialect == "postgres":
        await editor.client.execute_query(
            "ALTER TABLE log_chunk ALTER COLUMN payload SET STORAGE EXTERNAL"
        )


class Migration(migrations.Migration):
    dependencies = [("models", "0011_requests")]  # noqa: RUF012

    initial = False

    operations = [  # noqa: RUF012
        ops.RunPython(_keep_squeezed),
        ops.AddIndex(
            model_name="LogChunkRow",
            index=PartialIndex(
                fields=["run", "writer", "stream", "first_byte"], condition={"level": 0}
            ),
        ),
    ]
