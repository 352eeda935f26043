"""Buckets of about 4,096 points, and the segments that wait to be merged."""

from typing import Any

from tortoise import fields, migrations
from tortoise.indexes import PartialIndex
from tortoise.migrations import operations as ops

_COLUMNS = {
    "id": "BIGINT NOT NULL PRIMARY KEY",
    "run": "BIGINT NOT NULL",
    "key": "BIGINT NOT NULL",
    "level": "SMALLINT NOT NULL",
    "first_step": "BIGINT NOT NULL",
    "last_step": "BIGINT NOT NULL",
    "first_time": "BIGINT NOT NULL",
    "last_time": "BIGINT NOT NULL",
    "n": "INT NOT NULL",
    "n_nan": "INT NOT NULL",
    "vfirst": "REAL",
    "vlast": "REAL",
    "vmin": "REAL",
    "vmax": "REAL",
    "vsum": "REAL",
    "outline": "BLOB",
    "coarse": "BLOB",
    "payload": "BLOB NOT NULL",
}


async def _arrange(apps: Any, editor: Any) -> None:
    """
    Put `outline` before `payload` on SQLite, which walks through a row to its last column.

    PostgreSQL keeps long values elsewhere; what pcodec squeezed is not to be squeezed again.
    """
    client = editor.client
    if client.capabilities.dialect == "postgres":
        kept = ("outline", "coarse", "payload")
        changes = ", ".join(f"ALTER COLUMN {name} SET STORAGE EXTERNAL" for name in kept)
        await client.execute_query(f"ALTER TABLE segment {changes}")
        return
    columns = ", ".join(f'"{name}" {kind}' for name, kind in _COLUMNS.items())
    names = ", ".join(f'"{name}"' for name in _COLUMNS)
    for statement in (
        f"CREATE TABLE arranged ({columns})",
        f"INSERT INTO arranged ({names}) SELECT {names} FROM segment ORDER BY id",  # noqa: S608
        "DROP TABLE segment",
        "ALTER TABLE arranged RENAME TO segment",
        'CREATE INDEX "idx_segment_run_2c4c5e" ON segment ("run", "key", "first_step")',
    ):
        await client.execute_query(statement)


class Migration(migrations.Migration):
    dependencies = [("models", "0003_lists")]  # noqa: RUF012

    initial = False

    operations = [  # noqa: RUF012
        ops.AddField(model_name="SegmentRow", name="outline", field=fields.BinaryField(null=True)),
        ops.RunPython(_arrange),
        ops.AddIndex(
            model_name="SegmentRow",
            index=PartialIndex(fields=["run", "key", "id"], condition={"level": 0}),
        ),
    ]
