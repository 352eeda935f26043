"""`runvane completion`: a script for the shell, which knows all commands and their options."""

import argparse
from collections.abc import Iterator, Mapping
from typing import Any, cast

SHELLS = ("bash", "zsh", "fish")
_BASH = """_runvane() {{
    local word at=runvane
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case "$at $word" in
{paths}        esac
    done
    case "$at" in
{words}    esac
    COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _runvane runvane
"""
_ZSH = """#compdef runvane
_runvane() {{
    local word words_of at=runvane
    for word in "${{(@)words[2,CURRENT-1]}}"; do
        case "$at $word" in
{paths}        esac
    done
    case "$at" in
{words}    esac
    compadd -- ${{=words_of}}
    _files
}}
compdef _runvane runvane
"""


def script(shell: str, parser: argparse.ArgumentParser) -> str:
    """For `source <(runvane completion bash)` in the shell's start file."""
    commands = dict(_commands(parser, "runvane"))
    if shell == "fish":
        return "".join(f"{line}\n" for line in _fish(commands))
    paths = "".join(f'            "{path}") at="{path}" ;;\n' for path in commands if " " in path)
    name = "words" if shell == "bash" else "words_of"
    words = "".join(
        f'        "{path}") {name}="{" ".join(said)}" ;;\n' for path, said in commands.items()
    )
    return (_BASH if shell == "bash" else _ZSH).format(paths=paths, words=words)


def _fish(commands: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """A rule for each word: after these commands, and before any that goes on from there."""
    for path, said in commands.items():
        above = path.split(" ")[1:]
        below = [word for word in said if not word.startswith("-")]
        tests = [f"__fish_seen_subcommand_from {word}" for word in above]
        if below:
            tests.append(f"not __fish_seen_subcommand_from {' '.join(below)}")
        when = f' -n "{"; and ".join(tests)}"' if tests else ""
        for word, help_ in said.items():
            about = help_.replace("'", "\\'")
            kind = f"-l {word[2:]}" if word.startswith("--") else f"-f -a {word}"
            yield f"complete -c runvane{when} {kind} -d '{about}'"


def _commands(
    parser: argparse.ArgumentParser, path: str
) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Each command with the words that can follow it, and what they are."""
    said: dict[str, str] = {}
    below: list[tuple[str, Any]] = []
    every: list[Any] = cast("Any", parser)._actions  # noqa: SLF001 - argparse shows them nowhere else
    for action in every:
        if action.nargs == argparse.PARSER:
            helps = {each.dest: each.help or "" for each in action._choices_actions}  # noqa: SLF001
            subs: dict[str, Any] = action.choices
            for name, sub in subs.items():
                said[name] = helps.get(name, "")
                below.append((f"{path} {name}", sub))
        elif not action.option_strings and action.choices:
            said.update(dict.fromkeys(action.choices, action.help or ""))
        for option in action.option_strings:
            if option.startswith("--"):
                said[option] = action.help or ""
    yield path, said
    for name, sub in below:
        yield from _commands(sub, name)
