"""Requests with an idempotency key, and what they were answered."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0010_views")]  # noqa: RUF012

    initial = False

    operations = [  # noqa: RUF012
        ops.CreateModel(
            name="RequestRow",
            fields=[
                ("id", fields.BigIntField(primary_key=True, generated=False)),
                ("account", fields.BigIntField()),
                ("key", fields.CharField(max_length=255)),
                ("mutation", fields.CharField(max_length=64)),
                ("digest", fields.BinaryField()),
                ("answer", fields.JSONField()),
                ("created", fields.BigIntField()),
            ],
            options={
                "table": "request",
                "app": "models",
                "unique_together": (("account", "key"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
    ]
