"""Saved views, and the documents that they ask."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0009_tokens")]  # noqa: RUF012

    initial = False

    operations = [  # noqa: RUF012
        ops.CreateModel(
            name="DocumentRow",
            fields=[
                ("sha256", fields.CharField(max_length=64, primary_key=True)),
                ("text", fields.TextField()),
            ],
            options={"table": "document", "app": "models", "pk_attr": "sha256"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ViewRow",
            fields=[
                ("id", fields.BigIntField(primary_key=True, generated=False)),
                ("owner", fields.BigIntField()),
                ("name", fields.CharField(max_length=250)),
                ("document", fields.CharField(max_length=64)),
                ("variables", fields.JSONField()),
                ("created", fields.BigIntField()),
                ("changed", fields.BigIntField()),
            ],
            options={
                "table": "view",
                "app": "models",
                "unique_together": (("owner", "name"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
    ]
