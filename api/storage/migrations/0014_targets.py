"""Compute targets, their nodes, and who executes a run."""

from tortoise import fields, migrations
from tortoise.indexes import PartialIndex
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0013_files")]  # noqa: RUF012

    initial = False

    operations = [  # noqa: RUF012
        ops.CreateModel(
            name="TargetRow",
            fields=[
                ("name", fields.CharField(max_length=250, primary_key=True)),
                ("kind", fields.CharField(max_length=250)),
                ("facts", fields.JSONField()),
                ("created", fields.BigIntField()),
            ],
            options={"table": "target", "app": "models", "pk_attr": "name"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="NodeRow",
            fields=[
                ("id", fields.BigIntField(primary_key=True, generated=False)),
                ("target", fields.CharField(max_length=250)),
                ("name", fields.CharField(max_length=250)),
                ("owner", fields.CharField(max_length=64)),
                ("slots", fields.IntField()),
                ("responding", fields.SmallIntField()),
                ("heartbeat", fields.BigIntField()),
                ("beats", fields.BigIntField()),
                ("facts", fields.JSONField()),
            ],
            options={
                "table": "node",
                "app": "models",
                "unique_together": (("target", "name"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ClaimRow",
            fields=[
                ("run", fields.BigIntField(primary_key=True, generated=False)),
                ("target", fields.CharField(max_length=250)),
                ("definition", fields.JSONField()),
                ("slots", fields.IntField()),
                ("retryable", fields.SmallIntField()),
                ("attempt", fields.IntField()),
                ("submitter", fields.TextField()),
                ("queued", fields.BigIntField()),
                ("place", fields.BigIntField()),
                ("state", fields.SmallIntField()),
                ("owner", fields.CharField(max_length=64, null=True)),
                ("node", fields.BigIntField(null=True)),
                ("renewed", fields.BigIntField()),
                ("fence", fields.IntField()),
            ],
            options={
                "table": "claim",
                "app": "models",
                "indexes": [
                    PartialIndex(fields=["target", "place"], condition={"state": 0}),
                    PartialIndex(fields=["node"], condition={"state": 1}),
                ],
                "pk_attr": "run",
            },
            bases=["Model"],
        ),
    ]
