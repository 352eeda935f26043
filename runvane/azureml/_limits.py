"""
Azure's limits: Runvane takes far more, and says where Azure would not.

Numbers of "Manage and increase quotas and limits with Azure Machine Learning". Set
RUNVANE_AZUREML_LIMITS to `ignore` to hear nothing of them.
"""

import os
from collections.abc import Sized
from typing import Any

from runvane.azureml._handle import logger

VARIABLE = "RUNVANE_AZUREML_LIMITS"
# Of one run.
METRIC_NAMES_MAX = 50
TAGS_MAX = 50
PROPERTIES_MAX = 50
# Of one call of `log_list` or `log_table`.
ROWS_MAX = 250
COLUMNS_MAX = 15
KEY_LENGTH_MAX = 100
VALUE_LENGTH_MAX = 1000
COLUMN_LENGTH_MAX = 255
DESCRIPTION_LENGTH_MAX = 5000
DISPLAY_NAME_LENGTH_MAX = 256

_said: set[str] = set()


def say(words: str, *, topic: str = "") -> None:
    """Once each, where they are wanted."""
    if os.environ.get(VARIABLE, "warn") != "ignore" and (topic or words) not in _said:
        _said.add(topic or words)
        logger.warning("%s", words)


def names(run_id: str, count: int) -> None:
    if count == METRIC_NAMES_MAX + 1:
        say(
            f"Azure keeps {METRIC_NAMES_MAX} metric names per run; run {run_id} has more",
            topic=f"names {run_id}",
        )


def rows(name: str, count: int) -> None:
    if count > ROWS_MAX:
        say(f"Azure takes {ROWS_MAX} rows per call; {name} was logged with {count:,}",
            topic=f"rows {name}")  # fmt: skip


def columns(name: str, of: Sized) -> None:
    if len(of) > COLUMNS_MAX:
        say(f"Azure keeps {COLUMNS_MAX} columns per row; {name} has {len(of)}",
            topic=f"columns {name}")  # fmt: skip


def pairs(what: str, of: dict[str, Any], limit: int) -> None:
    """Tags or properties."""
    if len(of) > limit:
        say(f"Azure keeps {limit} {what} per run; here are {len(of)}", topic=f"many {what}")
    for key, value in of.items():
        if len(key) > KEY_LENGTH_MAX:
            say(f"Azure keeps {KEY_LENGTH_MAX} characters of the key of one of the {what}: {key}")
        if value is not None and len(value) > VALUE_LENGTH_MAX:
            say(f"Azure keeps {VALUE_LENGTH_MAX:,} characters of the value of {key}")


def length(what: str, text: str, limit: int) -> None:
    if len(text) > limit:
        say(f"Azure keeps {limit:,} characters of a {what}; this one has {len(text):,}")
