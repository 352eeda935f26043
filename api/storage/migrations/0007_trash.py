"""The trash, who folds which run, and metrics of a run by name and in their order."""

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from api.storage.indexes import TrashIndex


class Migration(migrations.Migration):
    dependencies = [("models", "0006_outlines")]  # noqa: RUF012

    initial = False

    operations = [  # noqa: RUF012
        ops.CreateModel(
            name="FoldTaskRow",
            fields=[
                ("run", fields.BigIntField(primary_key=True, generated=False)),
                ("dirty_since", fields.BigIntField()),
                ("lease_owner", fields.BigIntField()),
                ("lease_until", fields.BigIntField()),
            ],
            options={"table": "fold_task", "app": "models", "pk_attr": "run"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="PurgedRow",
            fields=[
                ("run", fields.BigIntField(primary_key=True, generated=False)),
                ("begun", fields.BigIntField()),
                ("ended", fields.BigIntField(null=True)),
            ],
            options={"table": "purged", "app": "models", "pk_attr": "run"},
            bases=["Model"],
        ),
        ops.AddIndex(model_name="RunRow", index=TrashIndex(fields=("deleted",), name="run_trash")),
        ops.AddIndex(model_name="RunMetricRow", index=Index(fields=["run", "metric"])),
        ops.AddIndex(model_name="RunMetricRow", index=Index(fields=["run", "position", "id"])),
    ]
