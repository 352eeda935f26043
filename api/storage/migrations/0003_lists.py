"""What lists are found and ordered by: terms, ranks, and orders of a run's own columns."""

from typing import Any

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from api.storage.indexes import RUN_INDEXES
from api.storage.terms import TermsField

# `w` is kept as places only: its text is in `run.terms`.
_TABLE = "CREATE VIRTUAL TABLE run_terms USING fts5(w, content='', detail=none, columnsize=0)"
_MADE = """CREATE TRIGGER run_terms_made AFTER INSERT ON run WHEN new.terms IS NOT NULL BEGIN
  INSERT INTO run_terms (rowid, w) VALUES (new.id, new.terms);
END"""
_CHANGED = """CREATE TRIGGER run_terms_changed AFTER UPDATE OF terms ON run
WHEN old.terms IS NOT new.terms BEGIN
  INSERT INTO run_terms (run_terms, rowid, w)
    SELECT 'delete', old.id, old.terms WHERE old.terms IS NOT NULL;
  INSERT INTO run_terms (rowid, w) SELECT new.id, new.terms WHERE new.terms IS NOT NULL;
END"""
_GONE = """CREATE TRIGGER run_terms_gone AFTER DELETE ON run WHEN old.terms IS NOT NULL BEGIN
  INSERT INTO run_terms (run_terms, rowid, w) VALUES ('delete', old.id, old.terms);
END"""
_RANKS = """INSERT INTO metric_rank (id, run, key, experiment, vlast, vmin, vmax)
  SELECT m.id, m.run, m.key, r.experiment, CASE m.flag WHEN 0 THEN m.vlast
    WHEN 2 THEN {infinity} WHEN 3 THEN -{infinity} END, m.vmin, m.vmax
  FROM run_metric m JOIN run r ON r.id = m.run WHERE r.deleted IS NULL"""


async def _index(apps: Any, editor: Any) -> None:
    """One statement at a time: the editor would cut triggers at their semicolons."""
    postgres = editor.client.capabilities.dialect == "postgres"
    index = "CREATE INDEX idx_run_terms ON run USING GIN (terms)"
    made = (index,) if postgres else (_TABLE, _MADE, _CHANGED, _GONE)
    infinity = "CAST('Infinity' AS DOUBLE PRECISION)" if postgres else "9e999"
    for statement in (*made, _RANKS.format(infinity=infinity)):
        await editor.client.execute_query(statement)


class Migration(migrations.Migration):
    dependencies = [("models", "0002_folded_frames")]  # noqa: RUF012

    initial = False

    operations = [  # noqa: RUF012
        ops.CreateModel(
            name="MetricRankRow",
            fields=[
                ("id", fields.BigIntField(primary_key=True, generated=False)),
                ("run", fields.BigIntField()),
                ("key", fields.BigIntField()),
                ("experiment", fields.BigIntField()),
                ("vlast", fields.FloatField(null=True)),
                ("vmin", fields.FloatField(null=True)),
                ("vmax", fields.FloatField(null=True)),
            ],
            options={
                "table": "metric_rank",
                "app": "models",
                "unique_together": (("run", "key"),),
                "indexes": [
                    Index(fields=["key", "vlast", "run"]),
                    Index(fields=["key", "vmin", "run"]),
                    Index(fields=["key", "vmax", "run"]),
                ],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="RankTaskRow",
            fields=[
                ("run", fields.BigIntField(primary_key=True, generated=False)),
                ("since", fields.BigIntField()),
            ],
            options={"table": "rank_task", "app": "models", "pk_attr": "run"},
            bases=["Model"],
        ),
        ops.AddField(model_name="RunRow", name="terms", field=TermsField(null=True)),
        *(ops.AddIndex(model_name="RunRow", index=each) for each in RUN_INDEXES),
        ops.RunPython(_index),
    ]
