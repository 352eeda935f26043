"""
Conditions as SQL, in two ways: as a look at one run, and as a list of the runs that meet one.

The look is for plans that walk an order and ask of each run; it never is NULL, so
that NOT of it is what it says. The list is for plans that begin with few runs.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.conditions import (
    ORDERED,
    ROOTS,
    AllOf,
    AnyOf,
    Attribute,
    Below,
    Check,
    Comparison,
    Condition,
    MetricStat,
    Not,
    Param,
    Tag,
)
from api.records import Stat
from api.storage import ranks, terms
from api.storage.clauses import Clause, containing, joined, within
from api.storage.database import postgres
from api.storage.keys import metric_key, param_key, run_key
from runvane.wire import INTEGER_MAX

RANKED = {Stat.LAST: "vlast", Stat.MIN: "vmin", Stat.MAX: "vmax"}
# Orders of a run's own columns that an index of its experiment has.
INDEXED = frozenset(
    {Attribute.CREATED, Attribute.NUMBER, Attribute.STARTED, Attribute.ENDED, Attribute.NAME}
)
_RANGES = ORDERED | {Comparison.EQUAL}
_LOOKED_UP = frozenset({Attribute.STATUS, Attribute.NAME, Attribute.KIND, Attribute.TARGET})
_OTHERS = {
    Attribute.EXPERIMENT: "(SELECT x.name FROM experiment x WHERE x.id = r.experiment)",
    Attribute.PARENT: "(SELECT x.public_id FROM run x WHERE x.id = r.parent)",
    Attribute.ROOT: "(SELECT x.public_id FROM run x WHERE x.id = r.root)",
}
# By the client's clock where it said both times; else until now.
_DURATION = (
    "CAST(CASE WHEN r.client_started IS NOT NULL AND r.client_ended IS NOT NULL"
    " THEN (r.client_ended - r.client_started) / 1000.0"
    " ELSE (COALESCE(r.ended, {now}) - r.started) / 1000.0 END AS DOUBLE PRECISION)"
)
_NEVER_EMPTY = frozenset({Attribute.NAME, Attribute.RUN_ID, Attribute.STATUS, *_OTHERS})


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose runs a list shows."""

    # None: of all experiments.
    experiment: int | None
    # How many runs there are or were, to weigh plans.
    runs: int
    deleted: bool
    now: int

    @property
    def place(self) -> int:
        return terms.EVERYWHERE if self.experiment is None else self.experiment

    @property
    def ranked(self) -> bool:
        """Whether there are indexed copies of values: only for runs that are there."""
        return not self.deleted


def attribute(subject: Attribute, scope: Scope) -> str:
    """The value of a row `r`; NULL where it is empty."""
    if subject is Attribute.DURATION:
        # `now` is ours, and a number.
        return _DURATION.format(now=int(scope.now))
    if subject in _OTHERS:
        return _OTHERS[subject]
    column = f"r.{subject.value}"
    return column if subject.numeric or subject in _NEVER_EMPTY else f"NULLIF({column}, '')"


def look(condition: Condition, scope: Scope, run: str = "r.id") -> Clause:
    """Whether a run meets it; `run` is where its key stands, `r` its row."""
    match condition:
        case AllOf(parts):
            return within(joined(" AND ", [look(each, scope, run) for each in parts]))
        case AnyOf(parts):
            each = [look(part, scope, run) for part in parts]
            return within(joined(" OR ", each, empty="FALSE"))
        case Not(part):
            return Clause("NOT ") + look(part, scope, run)
        case Below(part, direct):
            return within(_below(part, scope, run, direct=direct))
        case Check():
            return within(_looked(condition, scope, run))


def _below(part: Condition, scope: Scope, run: str, *, direct: bool) -> Clause:
    """Of all parents that have such a run: the database finds them once for all it looks at."""
    there = f"r.deleted IS {'NOT NULL' if scope.deleted else 'NULL'}"
    if part == AllOf([]):
        # Whether there is any: an index of parents says it.
        child = there.replace("r.", "c.")
        return Clause(f"EXISTS (SELECT 1 FROM run c WHERE c.parent = {run} AND {child})")  # noqa: S608
    where = [Clause("r.parent IS NOT NULL"), Clause(there), look(part, scope)]
    if scope.experiment is not None:
        where.insert(0, Clause("r.experiment = ?", [scope.experiment]))
    # With a sign it is no column: SQLite would leave our plan for its rows.
    run = f"+{run}"
    parents = Clause("SELECT r.parent AS id FROM run r WHERE ") + joined(" AND ", where)
    if direct:
        return Clause(f"{run} IN (") + parents + ")"
    above = " UNION SELECT x.parent FROM up JOIN run x ON x.id = up.id WHERE x.parent IS NOT NULL"
    opening = Clause(f"{run} IN (WITH RECURSIVE up(id) AS (")
    return opening + parents + above + ") SELECT id FROM up)"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Listed:
    """
    A statement that gives as `run` the key of every run that meets some conditions.

    One index answers it, and no run is among them that is deleted (or is not, where
    deleted ones are meant), or is of another experiment.
    """

    runs: Clause
    meets: Sequence[Condition]
    # PostgreSQL reads such a list whole before it gives the first.
    inverted: bool = False


def lists(conditions: Sequence[Condition], scope: Scope) -> Sequence[Listed]:
    found = list[Listed]()
    known = [each for each in conditions if _words(each, scope) is not None]
    # Most runs are roots: together with them a short list would take as long as a long one.
    for some in (
        [each for each in known if each != ROOTS],
        [each for each in known if each == ROOTS],
    ):
        if some:
            found.append(Listed(_looked_up(AllOf(some), scope), some, inverted=True))
    if scope.experiment is None or not scope.ranked:
        return found
    by_subject: dict[Any, list[Check]] = {}
    for each in conditions:
        if isinstance(each, Check) and each.comparison in _RANGES:
            by_subject.setdefault(each.subject, []).append(each)
    for subject, tests in by_subject.items():
        if ranged := _ranged(subject, scope):
            column, runs = ranged
            tested = [(each, said) for each in tests if (said := compared(column, each))]
            if tested:
                runs = runs.also(*(said for _, said in tested))
                found.append(Listed(runs, [each for each, _ in tested]))
    return found


def looked_up(conditions: Sequence[Condition], scope: Scope) -> Listed:
    """All that the inverted index knows of them, in one list: long ones are met there at once."""
    known = [each for each in conditions if _words(each, scope) is not None]
    return Listed(_looked_up(AllOf(known), scope), known, inverted=True)


def metric_of(subject: MetricStat, scope: Scope, alias: str) -> tuple[str, Clause, str]:
    """Table, which of its rows are meant (of a run `r`, or of one experiment), and the value."""
    if scope.experiment is None:
        which = Clause(
            f"{alias}.key = (SELECT n.id FROM metric_name n WHERE n.experiment = r.experiment"  # noqa: S608
            ' AND n.metric = ? AND n."column" = ?)',
            [subject.metric, subject.column],
        )
    else:
        key = metric_key(scope.experiment, subject.metric, subject.column)
        which = Clause(f"{alias}.key = ?", [key])
    if scope.ranked and subject.stat in RANKED:
        return "metric_rank", which, f"{alias}.{RANKED[subject.stat]}"
    values: Mapping[Stat, str] = {
        Stat.LAST: ranks.last_of(alias),
        Stat.MIN: f"{alias}.vmin",
        Stat.MAX: f"{alias}.vmax",
        Stat.FIRST: f"{alias}.vfirst",
        Stat.MEAN: f"{alias}.vsum / NULLIF({alias}.n_finite, 0)",
        Stat.COUNT: f"CAST({alias}.n AS DOUBLE PRECISION)",
    }
    return "run_metric", which, values[subject.stat]


def json_number(column: str, key: str) -> Clause:
    """The number a run's param or tag holds, or NULL."""
    if postgres():
        return Clause(
            f"(CASE WHEN jsonb_typeof(r.{column} -> CAST(? AS TEXT)) = 'number'"
            f" THEN CAST(r.{column} ->> CAST(? AS TEXT) AS DOUBLE PRECISION) END)",
            [key, key],
        )
    return Clause(
        f"(SELECT CAST(j.value AS REAL) FROM json_each(r.{column}) j"  # noqa: S608
        " WHERE j.key = ? AND j.type IN ('integer', 'real'))",
        [key],
    )


def json_said(column: str, key: str) -> Clause:
    """How a param or tag reads that is no number, or NULL; in the order of code points."""
    if postgres():
        return Clause(
            f"(CASE WHEN jsonb_typeof(r.{column} -> CAST(? AS TEXT)) NOT IN ('number', 'null')"
            f' THEN r.{column} ->> CAST(? AS TEXT) END) COLLATE "C"',
            [key, key],
        )
    return Clause(
        "(SELECT CASE WHEN j.type IN ('true', 'false') THEN j.type ELSE j.value END"  # noqa: S608
        f" FROM json_each(r.{column}) j"
        " WHERE j.key = ? AND j.type NOT IN ('integer', 'real', 'null'))",
        [key],
    )


def json_text(column: str, key: str) -> Clause:
    """The text a run's param or tag holds, or NULL; in the order of code points."""
    if postgres():
        return Clause(
            f"(CASE WHEN jsonb_typeof(r.{column} -> CAST(? AS TEXT)) = 'string'"
            f' THEN r.{column} ->> CAST(? AS TEXT) END) COLLATE "C"',
            [key, key],
        )
    return Clause(
        f"(SELECT j.value FROM json_each(r.{column}) j"  # noqa: S608
        " WHERE j.key = ? AND j.type = 'text')",
        [key],
    )


def number(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _looked(test: Check, scope: Scope, run: str) -> Clause:
    subject = test.subject
    if isinstance(subject, Attribute):
        return _looked_at_attribute(subject, test, scope)
    if isinstance(subject, MetricStat):
        table, which, value = metric_of(subject, scope, "m")
        said = _said(value, test.comparison, number(test.value or 0))
        return (
            Clause(f"EXISTS (SELECT 1 FROM {table} m WHERE m.run = {run} AND ")  # noqa: S608
            + which.also(said)
            + ")"
        )
    if test.comparison in (Comparison.EQUAL, Comparison.EXISTS):
        return _has(_fact(test), scope)
    if test.comparison is Comparison.NOT_EQUAL:
        equal = Check(subject, Comparison.EQUAL, test.value)
        return _has(_key_fact(subject), scope).also(Clause("NOT ") + _has(_fact(equal), scope))
    return _looked_at_value(subject, test, scope, run)


def _looked_at_value(subject: Param | Tag, test: Check, scope: Scope, run: str) -> Clause:
    column = "params" if isinstance(subject, Param) else "tags"
    if isinstance(test.value, str):
        text = json_text(column, subject.key)
        return text + " IS NOT NULL AND " + text + _against(test.comparison, test.value)
    value = number(test.value)
    if isinstance(subject, Param) and scope.experiment is not None and scope.ranked:
        key = param_key(scope.experiment, subject.key)
        return Clause(
            f"EXISTS (SELECT 1 FROM param_num p WHERE p.run = {run} AND p.key = ?"  # noqa: S608
            f" AND p.num {test.comparison.value} ?)",
            [key, value],
        )
    held = json_number(column, subject.key)
    return held + " IS NOT NULL AND " + held + _against(test.comparison, value)


def _looked_at_attribute(subject: Attribute, test: Check, scope: Scope) -> Clause:
    value = attribute(subject, scope)
    if test == ROOTS:
        return Clause("r.parent IS NULL")
    if test.comparison is Comparison.EXISTS:
        return Clause(f"{value} IS NOT NULL")
    if subject.numeric:
        # Not the bare column: an index on it would be another plan than ours.
        return _said(f"CAST({value} AS DOUBLE PRECISION)", test.comparison, number(test.value))
    if subject is Attribute.PARENT and test.comparison is Comparison.EQUAL:
        return Clause("r.parent IS NOT NULL AND r.parent = ?", [run_key(str(test.value))])
    collated = f'{value} COLLATE "C"' if postgres() and test.comparison in ORDERED else value
    return Clause(f"{value} IS NOT NULL AND {collated}") + _against(test.comparison, test.value)


def _said(value: str, comparison: Comparison, against: Any) -> Clause:
    if comparison is Comparison.EXISTS:
        return Clause(f"{value} IS NOT NULL")
    return Clause(f"{value} IS NOT NULL AND {value}") + _against(comparison, against)


def _against(comparison: Comparison, value: Any) -> Clause:
    if comparison is Comparison.CONTAINS:
        return containing(str(value))
    sign = "<>" if comparison is Comparison.NOT_EQUAL else comparison.value
    kind = "DOUBLE PRECISION" if isinstance(value, float) else "TEXT"
    return Clause(f" {sign} CAST(? AS {kind})", [value])


def _key_fact(subject: Param | Tag) -> tuple[str, ...]:
    return ("param" if isinstance(subject, Param) else "tag", subject.key)


def _fact(test: Check) -> tuple[str, ...]:
    """What of a run's facts the test asks for; its comparison is equal, or exists."""
    if isinstance(test.subject, Attribute):
        return (test.subject.value, str(test.value))
    assert isinstance(test.subject, Param | Tag)
    key = _key_fact(test.subject)
    if test.comparison is Comparison.EXISTS:
        return key
    return (*key, terms.spelled(test.value) or "")


def _has(fact: tuple[str, ...], scope: Scope) -> Clause:
    """Whether the row has the term, without the inverted index."""
    term = terms.term(scope.place, fact, deleted=scope.deleted)
    if postgres():
        return Clause("? = ANY (r.terms)", [term])
    return Clause("instr(r.terms, ?) > 0", [f" {term:x} "])


def _words(condition: Condition, scope: Scope) -> Clause | None:
    """As a question to the inverted index: its words on SQLite, a clause on PostgreSQL."""
    if isinstance(condition, AllOf | AnyOf):
        parts = [_words(each, scope) for each in condition.parts]
        known = [each for each in parts if each]
        if not known or len(known) < len(parts):
            return None
        return within(joined(" AND " if isinstance(condition, AllOf) else " OR ", known))
    if not isinstance(condition, Check):
        return None
    if condition == ROOTS:
        return _word(("root",), scope)
    equal, exists = (condition.comparison is each for each in (Comparison.EQUAL, Comparison.EXISTS))
    subject = condition.subject
    facts = isinstance(subject, Param | Tag) and (equal or exists)
    if not facts and not (equal and condition.value and subject in _LOOKED_UP):
        return None
    return _word(_fact(condition), scope)


def _word(fact: tuple[str, ...], scope: Scope) -> Clause:
    term = terms.term(scope.place, fact, deleted=scope.deleted)
    return Clause("r.terms @> ?", [[term]]) if postgres() else Clause(f"{term:x}")


def _looked_up(condition: Condition, scope: Scope) -> Clause:
    words = _words(condition, scope)
    assert words
    if postgres():
        return Clause("SELECT r.id AS run FROM run r WHERE ") + words
    return Clause("SELECT rowid AS run FROM run_terms WHERE run_terms MATCH ?", [words.text])


def _ranged(subject: Any, scope: Scope) -> tuple[str, Clause] | None:
    """The column of an index that has the subject's values in order, and how to list its runs."""
    assert scope.experiment is not None
    if isinstance(subject, MetricStat) and subject.stat in RANKED:
        key = metric_key(scope.experiment, subject.metric, subject.column)
        return RANKED[subject.stat], Clause("SELECT run FROM metric_rank WHERE key = ?", [key])
    if isinstance(subject, Param):
        key = param_key(scope.experiment, subject.key)
        return "num", Clause("SELECT run FROM param_num WHERE key = ?", [key])
    if isinstance(subject, Attribute) and subject in INDEXED and subject.numeric:
        of = Clause(
            "SELECT id AS run FROM run WHERE experiment = ? AND deleted IS NULL", [scope.experiment]
        )
        return subject.value, of
    return None


def compared(column: str, test: Check) -> Clause | None:
    """On the bare column, so that its index serves; None where that is another question."""
    if test.comparison not in _RANGES or isinstance(test.value, str):
        return None
    # What a param equals is how it reads.
    if isinstance(test.subject, Param) and test.comparison is Comparison.EQUAL:
        return None
    sign = test.comparison.value
    if not isinstance(test.subject, Attribute):
        return Clause(f"{column} {sign} CAST(? AS DOUBLE PRECISION)", [number(test.value)])
    value = number(test.value)
    if not math.isfinite(value) or abs(value) > INTEGER_MAX:
        return None
    if test.comparison is Comparison.EQUAL and not value.is_integer():
        return None
    up = test.comparison in (Comparison.LESS, Comparison.GREATER_OR_EQUAL)
    whole = math.ceil(value) if up else math.floor(value)
    return Clause(f"{column} {sign} CAST(? AS BIGINT)", [whole])
