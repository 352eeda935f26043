"""Files of runs, and the bytes they mean."""

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0012_chunks")]  # noqa: RUF012

    initial = False

    operations = [  # noqa: RUF012
        ops.CreateModel(
            name="BlobRow",
            fields=[
                ("digest", fields.CharField(max_length=64, primary_key=True)),
                ("size", fields.BigIntField()),
                ("store", fields.CharField(max_length=250)),
                ("created", fields.BigIntField()),
            ],
            options={
                "table": "blob",
                "app": "models",
                "indexes": [Index(fields=["created"])],
                "pk_attr": "digest",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="FileRow",
            fields=[
                ("id", fields.BigIntField(primary_key=True, generated=False)),
                ("run", fields.BigIntField()),
                ("path", fields.CharField(max_length=1024)),
                ("role", fields.CharField(max_length=16)),
                ("digest", fields.CharField(max_length=64)),
                ("size", fields.BigIntField()),
                ("created", fields.BigIntField()),
            ],
            options={
                "table": "file",
                "app": "models",
                "unique_together": (("run", "path"),),
                "indexes": [Index(fields=["digest"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
    ]
