"""When a frame was folded, where a column's first value stands, whose heartbeat is watched."""

from tortoise import fields, migrations
from tortoise.indexes import PartialIndex
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0001_tables")]  # noqa: RUF012

    initial = False

    operations = [  # noqa: RUF012
        ops.AddField(model_name="FrameRow", name="folded", field=fields.BigIntField(null=True)),
        ops.AddIndex(
            model_name="FrameRow",
            index=PartialIndex(fields=["folded"], condition={"state": 1}),
        ),
        ops.AddField(
            model_name="RunMetricRow", name="first_step", field=fields.BigIntField(null=True)
        ),
        ops.AddField(
            model_name="RunMetricRow", name="first_time", field=fields.BigIntField(null=True)
        ),
        ops.AddIndex(
            model_name="RunRow",
            index=PartialIndex(fields=["heartbeat"], condition={"status": "Running"}),
        ),
    ]
