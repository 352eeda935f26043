"""
A condition as text: `metrics."val/acc".max > 0.9 and tags.team = "vision"`.

    any     = all { "or" all }
    all     = part { "and" part }
    part    = "not" part | [ "child" | "below" ] "(" any ")" | "true" | "false" | test
    test    = subject comparison value
            | subject [ "not" ] "in" "(" value { "," value } ")"
            | subject "exists"
    subject = attribute
            | ( "params" | "tags" ) "." name { "." name }
            | "metrics" "." name [ "." name ] [ "." statistic ]
    value   = number | time | span | text | "true" | "false" | word

`child(…)` holds of a run one of whose children meets it, `below(…)` of one that has such a run
anywhere below it. A comparison is = != < <= > >= or contains. A name of a metric that has dots,
spaces or the like stands in quotes. A span, such as 90m or 7d, is a number of seconds. Words are
those of the language whatever their case. What everything means is said by `api.conditions`.

Text and tree are two spellings of one value: `parsed(spelled(condition))` is the condition
again, but that what stands within its own kind is opened, and a list of one is what it holds.
"""

import difflib
import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple, NoReturn, TypeAlias

from api.conditions import (
    CONDITION_DEPTH_MAX,
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
    Subject,
    Tag,
)
from api.errors import Invalid, Unreadable
from api.records import RunStatus, Stat

LENGTH_MAX = 10_000
# Within each other; `measured` is stricter, but is asked of what could be read.
NESTED_MAX = 10 * CONDITION_DEPTH_MAX
TIMES = frozenset({Attribute.CREATED, Attribute.STARTED, Attribute.ENDED, Attribute.HEARTBEAT})

Value: TypeAlias = str | float | int | bool

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<time>\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[-+]\d\d:\d\d)?)?)
    | (?P<span>\d+(?:\.\d+)?(?:ms|[smhdw])\b)
    | (?P<number>[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?(?![\w.]))
    | (?P<sign>==|!=|<=|>=|[=<>~(),.]|[-+](?=inf\b))
    | (?P<word>[^\s"'=<>!~(),.]+)
    )""",
    re.VERBOSE,
)
_END = "end"
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COMPARISONS = {
    **{each.value: each for each in Comparison if each is not Comparison.EXISTS},
    "==": Comparison.EQUAL,
    "~": Comparison.CONTAINS,
}
_ATTRIBUTES = {each.name.lower(): each for each in Attribute}
_STATS = {each.name.lower(): each for each in Stat}
_STATUSES = {each.value.lower(): each.value for each in RunStatus}
STATUSES = "one of " + ", ".join(sorted(_STATUSES.values()))
# Of a part of a status any text is asked, of a whole one only what there is.
WHOLE = frozenset({Comparison.EQUAL, Comparison.NOT_EQUAL})
_KINDS = {"params": Param, "param": Param, "tags": Tag, "tag": Tag}
_METRICS = ("metrics", "metric")
# A name, a word or a value as a person types it: what a completion of it replaces.
_TYPED = re.compile(r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s"'=<>!~(),])*""")
_PLAIN = re.compile(r"[^\s\"'=<>!~(),.]+")
_SUBJECT = "what to look at, such as status, params.lr, tags.team or metrics.loss.min"
_COMPARISON = "a comparison: = != < <= > >= contains, in (…) or exists"
_VALUE = 'a value: a number, "a text", true, false, or a time such as 2026-01-31T12:00Z'


class _Token(NamedTuple):
    kind: str
    said: str
    at: int

    @property
    def word(self) -> str:
        """As the language has it; a text in quotes is none of its words."""
        return "" if self.kind == "text" else self.said.lower()


@dataclass(slots=True)
class Expected:
    """What can come at the end of a text: all that its reader asked for there."""

    words: list[str] = field(default_factory=list[str])
    subject: bool = False
    # What was said of a test before its comparison, and before its value.
    compared: Subject | None = None
    valued: tuple[Subject, Comparison] | None = None


def parsed(text: str) -> Condition:
    """Raise `Unreadable`, which says where and what was expected there."""
    tokens = _read_in(text)
    if tokens[0].kind == _END:
        raise Unreadable("there is nothing in the filter", 0, _SUBJECT)
    return _Reader(tokens).whole()


def expected(text: str) -> Expected:
    """What can follow the text; raise `Unreadable` where something before its end is wrong."""
    reader = _Reader(_read_in(text))
    try:
        reader.whole()
    except Unreadable as error:
        if error.position < len(text):
            raise
    return reader.expected


def typed_at(text: str, at: int) -> tuple[int, int]:
    """Where the name, word or value that the cursor is in or behind begins and ends."""
    begin = end = 0
    try:
        for token in _tokens(text[:at]):
            if token.at != end:
                begin = token.at
            end = token.at + len(token.said)
            if token.kind == "sign" and token.said != ".":
                begin = end
    except Unreadable as error:
        # Quotes that are still open, or half a comparison.
        begin = begin if error.position == end else error.position
    found = _TYPED.match(text, begin)
    return begin, max(at, found.end()) if found and begin < at else at


def spelled(condition: Condition) -> str:
    """The usual spelling."""
    match condition:
        case AllOf(parts):
            return _joined(" and ", parts, empty="true")
        case AnyOf(parts):
            return _listed(parts) or _joined(" or ", parts, empty="false")
        case Not(part):
            inner = spelled(part)
            return f"not ({inner})" if isinstance(part, AllOf | AnyOf) else f"not {inner}"
        case Below(part, direct):
            return f"{'child' if direct else 'below'}({spelled(part)})"
        case Check(subject, Comparison.EXISTS):
            return f"{named(subject)} exists"
        case Check(subject, comparison, value):
            return f"{named(subject)} {comparison.value} {said(value)}"


def milliseconds(text: str) -> int:
    """A time as an attribute keeps it; without a zone it is UTC."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(
            f"{text!r} is no time: write 2026-01-31T12:00:00Z, or milliseconds"
        ) from error
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    # Exactly: seconds as a float lose a millisecond here and there.
    gone = at - _EPOCH
    return (gone.days * 86_400 + gone.seconds) * 1000 + gone.microseconds // 1000


def _read_in(text: str) -> Sequence[_Token]:
    if len(text) > LENGTH_MAX:
        raise Unreadable(f"a filter has at most {LENGTH_MAX:,} characters", LENGTH_MAX)
    return list(_tokens(text))


def _tokens(text: str) -> Iterable[_Token]:
    at = 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if not found or not found.lastgroup:
            at += len(text[at:]) - len(text[at:].lstrip())
            hint = "close the quotes" if text[at] in "\"'" else ""
            raise Unreadable(f"nothing begins with {text[at]} here", at, hint)
        yield _Token(found.lastgroup, found[found.lastgroup], found.start(found.lastgroup))
        at = found.end()
    yield _Token(_END, "", len(text))


class _Reader:
    def __init__(self, tokens: Sequence[_Token]) -> None:
        self._tokens = tokens
        self._place = 0
        self._depth = 0
        self.expected = Expected()

    def whole(self) -> Condition:
        found = self._any()
        if self._next.kind != _END:
            self._fail("`and`, `or`, or the end")
        return found

    @property
    def _next(self) -> _Token:
        return self._tokens[self._place]

    def _take(self) -> _Token:
        token = self._next
        self._place += token.kind != _END
        return token

    def _taken(self, *words: str) -> bool:
        """Whether one of these came next; then it is behind us."""
        if self._next.kind == _END:
            self.expected.words += words
            return False
        if self._next.word not in words:
            return False
        self._place += 1
        return True

    def _expect(self, word: str) -> None:
        if not self._taken(word):
            self._fail(f"`{word}`")

    def _fail(self, expected: str) -> NoReturn:
        token = self._next
        if token.kind == _END:
            raise Unreadable("the filter ends too soon", token.at, expected)
        raise Unreadable(f"{token.said} cannot stand here", token.at, expected)

    def _any(self) -> Condition:
        return self._chain("or", AnyOf)

    def _all(self) -> Condition:
        return self._chain("and", AllOf)

    def _chain(self, word: str, kind: type[AllOf] | type[AnyOf]) -> Condition:
        part = self._all if kind is AnyOf else self._part
        parts = [part()]
        while self._taken(word):
            parts.append(part())
        return _together(kind, parts)

    def _part(self) -> Condition:
        self._depth += 1
        if self._depth > NESTED_MAX:
            raise Unreadable(f"at most {NESTED_MAX} are within each other", self._next.at)
        try:
            if self._taken("not"):
                return Not(self._part())
            if self._next.kind == _END:
                self.expected.words += ("child", "below", "(")
            for word in ("child", "below"):
                # Before anything else it would be an attribute.
                if self._next.word == word and self._behind == "(":
                    self._take()
                    return Below(self._bracketed(), direct=word == "child")
            if self._next.word == "(":
                return self._bracketed()
            return self._test()
        finally:
            self._depth -= 1

    @property
    def _behind(self) -> str:
        """The word behind the next one."""
        return self._tokens[min(self._place + 1, len(self._tokens) - 1)].word

    def _bracketed(self) -> Condition:
        self._expect("(")
        found = self._any()
        self._expect(")")
        return found

    def _test(self) -> Condition:
        if self._taken("true"):
            return AllOf([])
        if self._taken("false"):
            return AnyOf([])
        return self._compared(self._subject())

    def _compared(self, subject: Subject) -> Condition:
        if self._taken("exists"):
            return Check(subject, Comparison.EXISTS)
        if self._taken("not"):
            self._expect("in")
            return Not(self._among(subject))
        if self._taken("in"):
            return self._among(subject)
        comparison = _COMPARISONS.get(self._next.word)
        if comparison is None:
            if self._next.kind == _END:
                self.expected.compared = subject
            self._fail(_COMPARISON)
        self._take()
        return self._check(subject, comparison)

    def _check(self, subject: Subject, comparison: Comparison) -> Check:
        token = self._next
        if token.kind == _END:
            self.expected.valued = subject, comparison
        value = self._value(subject, whole=comparison in WHOLE)
        try:
            return Check(subject, comparison, value)
        except Invalid as error:
            raise Unreadable(str(error), token.at) from error

    def _among(self, subject: Subject) -> Condition:
        self._expect("(")
        checks = [self._check(subject, _EQUAL)]
        while self._taken(","):
            checks.append(self._check(subject, _EQUAL))
        self._expect(")")
        return _together(AnyOf, checks)

    def _subject(self) -> Subject:
        token = self._next
        self.expected.subject = token.kind == _END
        if token.kind != "word":
            self._fail(_SUBJECT)
        self._take()
        dotted = self._next.word == "."
        if dotted and token.word in _KINDS:
            return _KINDS[token.word](".".join(part.said for part in self._names()))
        if dotted and token.word in _METRICS:
            return self._metric()
        attribute = _ATTRIBUTES.get(token.word)
        if attribute is None or dotted:
            near = difflib.get_close_matches(
                token.word, [*_ATTRIBUTES, "params", "tags", "metrics", "child", "below"]
            )
            hint = f"did you mean {near[0]}?" if near else _SUBJECT
            raise Unreadable(f"there is no {token.said}", token.at, hint)
        return attribute

    def _names(self) -> Sequence[_Token]:
        """The names behind dots; those in quotes without them."""
        names: list[_Token] = []
        while self._next.word == ".":
            self._take()
            token = self._next
            if token.kind in ("sign", _END):
                self._fail("a name, in quotes if it has dots or spaces")
            self._take()
            said = _unquoted(token) if token.kind == "text" else token.said
            names.append(_Token(token.kind, said, token.at))
        return names

    def _metric(self) -> MetricStat:
        *names, last = self._names()
        stat = _STATS.get(last.word) if names else None
        if stat is None:
            names, stat = [*names, last], Stat.LAST
        if len(names) > 2:
            hint = 'put a metric with dots in quotes: metrics."train.loss".min'
            raise Unreadable(f"{names[2].said} is no statistic", names[2].at, hint)
        return MetricStat(names[0].said, names[1].said if len(names) > 1 else "value", stat)

    def _value(self, subject: Subject, *, whole: bool) -> Value:
        """`whole`: it is to be equal or not, so a status is one that there is."""
        token = self._next
        if token.kind in (_END, "sign") and token.said not in ("-", "+"):
            self._fail(_VALUE)
        self._take()
        if token.kind == "sign":
            self._take()
            return -math.inf if token.said == "-" else math.inf
        value = _read(token, subject)
        if subject is Attribute.STATUS and whole:
            status = status_of(str(value))
            if status is None:
                raise Unreadable(f"there is no status {token.said}", token.at, STATUSES)
            return status
        return value


def status_of(said: str) -> str | None:
    """A status as it is kept, however it is written: CANCEL_REQUESTED, cancel requested."""
    return _STATUSES.get(said.lower().replace("_", "").replace(" ", ""))


_EQUAL = Comparison.EQUAL


def _read(token: _Token, subject: Subject) -> Value:
    said = token.said
    if token.kind == "number":
        return int(said) if re.fullmatch(r"[-+]?\d+", said) else float(said)
    if token.kind == "span":
        if subject in TIMES:
            raise Unreadable(f"{said} is no time", token.at, "a time such as 2026-01-31T12:00Z")
        amount, unit = re.split(r"(?<=\d)(?=[a-z])", said)
        return float(amount) * _SECONDS[unit]
    if token.kind == "text":
        said = _unquoted(token)
    elif token.word in ("true", "false"):
        return token.word == "true"
    elif token.word == "inf":
        return math.inf
    if subject in TIMES:
        try:
            return milliseconds(said)
        except Invalid as error:
            raise Unreadable(str(error), token.at) from error
    return said


def _unquoted(token: _Token) -> str:
    said = token.said
    if said[0] == "'":
        inner = re.sub(r"\\'|\"", lambda found: {"\\'": "'", '"': '\\"'}[found[0]], said[1:-1])
        said = f'"{inner}"'
    try:
        return json.loads(said, strict=False)
    except ValueError as error:
        hint = "write a backslash as \\\\"
        raise Unreadable(
            f"{token.said} has a backslash that means nothing", token.at, hint
        ) from error


def _together(kind: type[AllOf] | type[AnyOf], parts: Sequence[Condition]) -> Condition:
    opened = [each for part in parts for each in (part.parts if isinstance(part, kind) else [part])]
    return opened[0] if len(opened) == 1 else kind(opened)


def _joined(word: str, parts: Sequence[Condition], *, empty: str) -> str:
    if len(parts) == 1:
        return spelled(parts[0])
    said = [
        f"({spelled(each)})" if isinstance(each, AllOf | AnyOf) and each.parts else spelled(each)
        for each in parts
    ]
    return word.join(said) or empty


def _listed(parts: Sequence[Condition]) -> str:
    """As `in (…)`, where one thing is to equal one of several."""
    checks = [each for each in parts if isinstance(each, Check) and each.comparison is _EQUAL]
    if len(checks) < len(parts) or len({each.subject for each in checks}) != 1 or len(parts) < 2:
        return ""
    subject = checks[0].subject
    values = [said(each.value) for each in checks]
    return f"{named(subject)} in ({', '.join(values)})"


def named(subject: Subject) -> str:
    """The usual spelling of what is looked at."""
    match subject:
        case Param(key):
            return f"params.{_quoted(key)}"
        case Tag(key):
            return f"tags.{_quoted(key)}"
        case MetricStat(metric, column, stat):
            names = [metric] if column == "value" else [metric, column]
            return ".".join(["metrics", *map(_quoted, names), stat.name.lower()])
        case Attribute():
            return subject.name.lower()


def _quoted(name: str) -> str:
    plain = _PLAIN.fullmatch(name) and not re.match(r"[-+\d]", name)
    return name if plain else json.dumps(name, ensure_ascii=False)


def said(value: Any) -> str:
    """The usual spelling of a value."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return repr(value)
