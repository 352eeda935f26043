"""
Questions that want to cost much: each kind of them a function of chance.

What servers have fallen to: the list of `graphql-cop`, OWASP's of GraphQL, and the advisories
of other servers. Sizes go beyond what a body may hold.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SIZES = (2, 7, 31, 61, 400, 3000, 20_000)
GOOD = """query Q($first: Int = 5) { runs(first: $first, filter: {text: "number > 0"}) {
  totalCount { value } edges { node { runId name status tags children(first: 2) {
  edges { node { runId } } } } } } series(runs: ["h1"], metric: "loss") { x pointsTotal } }"""
SIGNS = """{ } ( ) [ ] : = ! | & @ $ ... query mutation subscription fragment on f a b
  runs run series node edges children runId first after filter text id __schema
  types fields ofType __typename __type metricsAppended runChanged true null"""
WORDS = (
    *SIGNS.split(),
    *("1", "-0", "9" * 30, "1e400", '"x"', '"""y"""', '"', "#z\n", "\ufeff", "\u202e", "$v"),
)


@dataclass(frozen=True, slots=True)
class Question:
    kind: str
    query: str
    variables: Any = field(default_factory=dict[str, Any])
    operation: str | None = None
    extensions: Mapping[str, Any] | None = None


def question(chance: random.Random) -> Question:
    make = chance.choice(KINDS)
    made = make(chance)
    asked = made if isinstance(made, Question) else Question("", made)
    return Question(make.__name__, asked.query, asked.variables, asked.operation, asked.extensions)


def nested(chance: random.Random) -> str:
    down, up = chance.choice(
        [
            ("runs{edges{node{", "}}}"),
            ("children{edges{node{", "}}}"),
            ("a{", "}"),
            ("...{", "}"),
            ("...on Run{", "}"),
            ("__schema{", "}"),
        ]
    )
    size = size_of(chance)
    return "{runs{edges{node{" + down * size + "runId" + up * size + "}}}}"


def unclosed(chance: random.Random) -> str:
    return chance.choice(["{a", "{a(b:", "{a(b:[", "{a(b:{c:", "query($a:[", "[", "("]) * size_of(
        chance
    )


def aliases(chance: random.Random) -> str:
    field = chance.choice(
        [
            "runs(first:1000){edges{node{name}}}",
            "__typename",
            "alarm",
            'run(runId:"h1"){metricNames{names}}',
            "runs{totalCount{value}}",
            'series(runs:["h1"],metric:"loss",maxPoints:5000){x}',
        ]
    )
    inside = " ".join(f"a{number}:{field}" for number in range(size_of(chance)))
    return "{" + inside + "}"


def repeats(chance: random.Random) -> str:
    field = chance.choice(
        ["alarm", "runs{edges{node{name}}}", "__typename", "runs(first:%d){edges{cursor}}"]
    )
    each = (field % number if "%d" in field else field for number in range(size_of(chance)))
    return "{" + " ".join(each) + "}"


def cycles(chance: random.Random) -> str:
    size = size_of(chance)
    return "{runs{edges{node{...f0}}}}" + " ".join(
        f"fragment f{number} on Run{{parentId ...f{(number + 1) % size}}}" for number in range(size)
    )


def fans(chance: random.Random) -> str:
    """Fragments that double, level by level."""
    size, times = size_of(chance), chance.choice([2, 5, 59])
    levels = " ".join(
        f"fragment f{number} on Run{{" + f"...f{number + 1} " * times + "name}"
        for number in range(size)
    )
    return "{runs{edges{node{...f0}}}}" + levels + f" fragment f{size} on Run{{name}}"


def overlaps(chance: random.Random) -> str:
    """Many fragments with the same fields in one set: each pair is compared."""
    size = size_of(chance)
    spread = " ".join(f"...f{number}" for number in range(size))
    field = chance.choice(
        ["children{edges{node{name runId}}}", "name", "metric(name:%r){name}", "n:name n:runId"]
    )
    return f"{{runs{{edges{{node{{{spread}}}}}}}}}" + " ".join(
        f"fragment f{n} on Run{{{field.replace('%r', chr(34) + str(n) + chr(34))}}}"
        for n in range(size)
    )


def pages(chance: random.Random) -> str:
    first = chance.choice([1000, 2**31 - 1, 2**40, -5, 100])
    depth = chance.randrange(1, 5)
    down = f"children(first:{first}){{edges{{node{{"
    return f"{{runs(first:{first}){{edges{{node{{{down * depth}name{'}}}' * depth}}}}}}}}}"


def tables(chance: random.Random) -> str:
    """What is worked out for each run of a list, often."""
    field = chance.choice(
        [
            'metric(name:"loss"){columns{last}}',
            "children(first:1){edges{cursor}}",
            "metricList{name}",
            "metricNames(first:1){edges{node}}",
            "transitions{at}",
            "childCount",
        ]
    )
    many = " ".join(f"a{number}:{field}" for number in range(chance.choice([1, 4, 12, 30])))
    return f"{{runs(first:{chance.choice([50, 200, 1000])}){{edges{{node{{{many}}}}}}}}}"


def introspection(chance: random.Random) -> str:
    size = size_of(chance)
    down = chance.choice(["ofType{", "fields{type{", "possibleTypes{", "interfaces{fields{type{"])
    closing = "}" * (down.count("{") * size)
    inner = f"types{{fields{{type{{{down * size}name{closing}}}}}}}"
    return "{__schema{" + inner * chance.choice([1, 3, 60]) + "}}"


def names(chance: random.Random) -> Question | str:
    name = "a" * chance.choice([300, 20_000, 400_000])
    return chance.choice(
        [
            f"{{{name}}}",
            f"{{{name}:alarm}}",
            f"{{runs({name}:1){{totalCount{{value}}}}}}",
            f"query {name}{{alarm}}",
            f"query(${name}:Int){{alarm}}",
            f"{{alarm @{name}}}",
            f"{{...{name}}}",
            f"fragment {name} on {name}{{a}}",
            f'{{run(runId:"{name}"){{name}}}}',
            f"{{run(runId:{name}){{name}}}}",
            Question("", "{alarm}", operation=name),
            Question("", "query($a:Int){runs(first:$a){edges{cursor}}}", {name: 1, "a": name}),
        ]
    )


def directives(chance: random.Random) -> str:
    word = chance.choice(
        ["@skip(if:false)", "@include(if:true)", "@x", "@skip(if:$v)", "@deprecated"]
    )
    many = word * size_of(chance)
    return chance.choice(
        [
            f"{{alarm {many}}}",
            f"query{many}{{alarm}}",
            f"{{...{many}{{alarm}}}}",
            f"query($v:Int{many}){{alarm}}",
        ]
    )


def texts(chance: random.Random) -> str:
    """Escapes, half characters, and signs that are not seen, where a text may be."""
    text = "".join(
        chance.choice(
            [
                "\\uD800",
                "\\uDFFF\\uD800",
                "\\u{110000}",
                "\\u{" + "F" * 50 + "}",
                "\\x",
                "\x00",
                "\x7f",
                "\u202e",
                "\U0001d54f",
                "\\n",
                "\\",
                "a",
                "\r\n",
                '"',
                '""',
                '"""',
                "\ufeff",
                "é",
                "\u2028",
            ]
        )
        for _ in range(size_of(chance))
    )
    quoted = chance.choice(['"%s"', '"""%s"""', "%s", "#%s\n"]).replace("%s", text)
    return f"{{run(runId:{quoted}){{name}}}}"


def comments(chance: random.Random) -> str:
    sign = chance.choice(
        ["#\n", ",", " ", "\n", "\t", "\ufeff", "# a long remark to nobody at all\n"]
    )
    return "{" + sign * chance.choice([1000, 30_000, 300_000]) + "alarm}"


def blocks(chance: random.Random) -> str:
    lines = chance.choice(["\n", "\n ", " \n", '\\"""', "\n" + " " * 50]) * (size_of(chance) * 5)
    return f'{{run(runId:"""{lines}"""){{name}}}}'


def digits(chance: random.Random) -> Question | str:
    number = chance.choice(
        ["9" * size_of(chance), "-" + "1" * 5000, "1e" + "9" * 400, "0." + "3" * 20_000]
    )
    return chance.choice(
        [
            f"{{runs(first:{number}){{edges{{cursor}}}}}}",
            f'{{series(runs:["h1"],metric:"loss",range:{{from:{number},to:{number}}}){{x}}}}',
            f'{{runs(filter:{{where:{{test:{{subject:{{param:"lr"}},value:{number}}}}}}}){{edges{{cursor}}}}}}',
            f'mutation{{tagRuns(runIds:["h1"],setTags:{{a:{number}}}){{runs{{runId}}}}}}',
        ]
    )


def literals(chance: random.Random) -> str:
    size = size_of(chance)
    ids = ",".join(f'"h{number}"' for number in range(size))
    return chance.choice(
        [
            f"mutation{{cancelRuns(runIds:[{ids}]){{userErrors{{code}}}}}}",
            f'{{series(runs:[{ids}],metric:"loss"){{x}}}}',
            f"{{runDiff(runs:[{ids}]){{capped}}}}",
            "{runs(filter:{where:"
            + "{not:" * size
            + "{test:null}"
            + "}" * size
            + "}){edges{cursor}}}",
            "{runs(filter:{where:{any:["
            + '{test:{subject:{param:"a"}}},' * size
            + "]}}){edges{cursor}}}",
            'mutation{tagRuns(runIds:["h1"],setTags:{a:'
            + "[" * size
            + "]" * size
            + "}){runs{runId}}}",
            "{runs(sort:[" + "{by:{attribute:NAME}}" * size + "]){edges{cursor}}}",
        ]
    )


def variables(chance: random.Random) -> Question:
    size = size_of(chance)
    ids = [f"h{number}" for number in range(size)]
    deep: Any = 1
    for _ in range(min(size, 200)):
        deep = {"not": deep} if chance.random() < 0.5 else [deep]
    condition = {"test": {"subject": {"param": "lr"}, "compare": "EQUAL", "value": deep}}
    return chance.choice(
        [
            Question(
                "", "mutation($v:[String!]!){deleteRuns(runIds:$v){userErrors{code}}}", {"v": ids}
            ),
            Question(
                "",
                "mutation($v:[String!]!){tagRuns(runIds:$v){userErrors{code}}}",
                {"v": ids[:1000]},
            ),
            Question("", 'query($v:[String!]!){series(runs:$v,metric:"loss"){x}}', {"v": ids}),
            Question("", "query($v:[String!]!){runDiff(runs:$v){capped}}", {"v": ids}),
            Question(
                "",
                "query($v:RunCondition){runs(filter:{where:$v}){edges{cursor}}}",
                {"v": condition},
            ),
            Question(
                "",
                "query($v:RunCondition){runs(filter:{where:$v}){edges{cursor}}}",
                {"v": {"all": [condition] * size}},
            ),
            Question("", "query($v:RunCondition){filterReading(where:$v){text}}", {"v": deep}),
            Question(
                "",
                'mutation($v:JSON!){tagRuns(runIds:["h1"],setTags:$v){userErrors{code}}}',
                {"v": {"a": deep}},
            ),
            Question(
                "",
                'mutation($v:JSON!){tagRuns(runIds:["h1"],setTags:$v){userErrors{code}}}',
                {"v": dict.fromkeys(ids, "x" * 50)},
            ),
            Question("", "query(" + " ".join(f"$v{n}:Int=1" for n in range(size)) + "){alarm}", {}),
            Question(
                "",
                "query($v:Int){runs(first:$v){edges{cursor}}}",
                {f"w{n}": n for n in range(size)},
            ),
            Question("", "query($v:Int){runs(first:$v){edges{cursor}}}", deep),
        ]
    )


def filters(chance: random.Random) -> Question:
    size = size_of(chance)
    text = chance.choice(
        [
            "(" * size,
            "(" * size + "number > 1" + ")" * size,
            "not " * size + "number > 1",
            " and ".join(["number > 1"] * size),
            " or ".join(f'params."p{n}" = {n}' for n in range(size)),
            "name = " + '"' + "\\" * size,
            "metrics." + '"a".' * size,
            "tags." + "x" * size + " = 1",
            "name ~ " + '"' + "(a+)+" * size + '"',
            "name like " + '"' + "%a" * size + '"',
            f"number > {'9' * size}",
            "\u202e" * size,
            "child(" * size,
        ]
    )
    return chance.choice(
        [
            Question(
                "",
                "query($v:String){runs(filter:{text:$v}){edges{cursor} totalCount{value}}}",
                {"v": text},
            ),
            Question(
                "",
                "query($v:String){runTrees(filter:{text:$v,scope:ANY}){edges{cursor}}}",
                {"v": text},
            ),
            Question("", "query($v:String){filterReading(text:$v){text}}", {"v": text}),
        ]
    )


def operations(chance: random.Random) -> Question:
    many = " ".join(f"query q{number}{{alarm}}" for number in range(size_of(chance)))
    return Question("", many, operation=chance.choice([None, "q1", "none", ""]))


def definitions(chance: random.Random) -> str:
    word = chance.choice(
        [
            "type A{a:Int}",
            "extend type Query{a:Int}",
            "scalar A",
            "fragment f on Run{name}",
            "directive @a on FIELD",
            "input I{i:I!}",
        ]
    )
    return "{alarm}" + f" {word}" * size_of(chance)


def charts(chance: random.Random) -> str:
    runs = ",".join(f'"h{number}"' for number in range(chance.choice([1, 60, 200])))
    more = chance.choice(
        [
            "",
            "smoothing:{gaussian:50}",
            "smoothing:{mean:501}",
            "x:TIME",
            'x:METRIC,xMetric:"loss"',
            "range:{from:-1e308,to:1e308}",
            'groupBy:[{param:"lr"}]',
        ]
    )
    said = f'runs:[{runs}],metric:"loss",maxPoints:5000 {more}'
    return f"{{series({said}){{x pointsTotal lines{{mean min max}}}}}}"


def hashed(chance: random.Random) -> Question:
    """Documents by a hash that is not theirs, or that nobody knows, or is no hash."""
    sha = chance.choice(
        ["0" * 64, chance.randbytes(32).hex(), "x" * 64, "a" * 100_000, "", None, 5, [1]]
    )
    said = {"version": chance.choice([1, 1, 1, 2, "1", None]), "sha256Hash": sha}
    return Question(
        "", chance.choice(["", "{alarm}", GOOD]),
        extensions={"persistedQuery": chance.choice([said, said, said, [], "x", 5])},
    )  # fmt: skip


def mutated(chance: random.Random) -> str:
    """A good question with some of it elsewhere."""
    text = list(GOOD)
    for _ in range(chance.choice([1, 3, 10, 100])):
        at = chance.randrange(len(text))
        match chance.randrange(3):
            case 0:
                text[at] = chance.choice(WORDS)
            case 1:
                text[at : at + chance.randrange(20)] = []
            case _:
                text[at:at] = text[chance.randrange(len(text)) :][: chance.randrange(50)]
        text = text or ["{"]
    return "".join(text)


def soup(chance: random.Random) -> str:
    return " ".join(chance.choices(WORDS, k=size_of(chance)))


def followed(chance: random.Random) -> Question:
    size = size_of(chance)
    runs = [{"runId": f"h{number}"} for number in range(size)]
    after = "x" * size
    return chance.choice(
        [
            Question(
                "", "subscription($v:[RunCursor!]!){metricsAppended(runs:$v){cursor}}", {"v": runs}
            ),
            Question(
                "",
                "subscription($v:[RunCursor!]!){metricsAppended(runs:$v){cursor}}",
                {"v": [{"runId": "h1", "after": after}]},
            ),
            Question(
                "",
                "subscription{" + " ".join(f"a{n}:runsChanged{{reset}}" for n in range(size)) + "}",
            ),
            Question(
                "",
                'subscription{runChanged(runId:"h1"){'
                + "children{edges{node{" * size
                + "name"
                + "}}}" * size
                + "}}",
            ),
            Question(
                "",
                'subscription{runChanged(runId:"h1"){name '
                + "...f " * size
                + "}} fragment f on Run{runId}",
            ),
            Question(
                "",
                "subscription($v:String){runsChanged(filter:{text:$v}){reset}}",
                {"v": "(" * size},
            ),
            Question("", f'subscription{{runChanged(runId:"{"h" * size}"){{name}}}}'),
        ]
    )


KINDS: Sequence[Callable[[random.Random], Question | str]] = (
    nested, unclosed, aliases, repeats, cycles, fans, overlaps, pages, introspection, names,
    directives, texts, comments, blocks, digits, literals, variables, filters, operations,
    definitions, charts, hashed, mutated, soup, followed, tables,
)  # fmt: skip


def size_of(chance: random.Random) -> int:
    return chance.choice(SIZES)
