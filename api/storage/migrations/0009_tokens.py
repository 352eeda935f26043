"""Tokens: how programs get in, with less than all rights."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0008_names")]  # noqa: RUF012

    initial = False

    operations = [  # noqa: RUF012
        ops.CreateModel(
            name="TokenRow",
            fields=[
                ("id", fields.CharField(max_length=8, primary_key=True)),
                ("account", fields.BigIntField()),
                ("name", fields.TextField()),
                ("sha256", fields.CharField(max_length=64)),
                ("scopes", fields.TextField()),
                ("experiment", fields.BigIntField(null=True)),
                ("created", fields.BigIntField()),
                ("expires", fields.BigIntField(null=True)),
                ("used", fields.BigIntField(null=True)),
                ("revoked", fields.BigIntField(null=True)),
            ],
            options={"table": "token", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
    ]
