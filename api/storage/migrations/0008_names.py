"""Names of metrics are found by how they begin, among a million of them."""

from typing import Any

from tortoise import migrations
from tortoise.migrations import operations as ops

_MADE = 'CREATE INDEX metric_name_bytes ON metric_name (experiment, metric COLLATE "C")'


async def _index(apps: Any, editor: Any) -> None:
    if editor.client.capabilities.dialect == "postgres":
        await editor.client.execute_query(_MADE)


class Migration(migrations.Migration):
    dependencies = [("models", "0007_trash")]  # noqa: RUF012

    initial = False

    operations = [ops.RunPython(_index)]  # noqa: RUF012
