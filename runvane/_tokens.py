"""`runvane token`: make, list and revoke tokens, through the API as its owner."""

import argparse
import re
from typing import Any

from runvane import _asking
from runvane._tables import table

SCOPES = ("read", "write", "ingest", "execute", "worker")
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_CREATE = """mutation CreateToken($input: CreateTokenInput!) {
  createToken(input: $input) { secret userErrors { message } } }"""
_LIST = "query Tokens { tokens { id name scopes experiment expiresAt usedAt } }"
_REVOKE = """mutation RevokeToken($id: ID!) {
  revokeToken(id: $id) { userErrors { message } } }"""


def add(commands: Any) -> argparse.ArgumentParser:
    """Say what `runvane token` takes."""
    words: argparse.ArgumentParser = commands.add_parser("token", help="let programs in")
    kinds = words.add_subparsers(required=True, metavar="what")
    creating = kinds.add_parser("create", help="print a new token, once")
    creating.add_argument("name", help="what it is for")
    creating.add_argument(
        "--scope", action="append", choices=SCOPES, required=True, help="may be said again"
    )
    creating.add_argument("--experiment", help="limit it to this one")
    creating.add_argument("--expires-in", type=_seconds, help="such as 12h or 30d")
    creating.set_defaults(told=create)
    kinds.add_parser("list", help="those that are not revoked").set_defaults(told=list_tokens)
    revoking = kinds.add_parser("revoke", help="let it let nobody in any more")
    revoking.add_argument("id", help="as `runvane token list` says it")
    revoking.set_defaults(told=revoke)
    return words


def create(chosen: argparse.Namespace) -> str:
    wanted = {
        "name": chosen.name,
        "scopes": [scope.upper() for scope in chosen.scope],
        "experiment": chosen.experiment,
        "expiresIn": chosen.expires_in,
    }
    return str(_asking.change(_CREATE, "createToken", input=wanted)["secret"])


def list_tokens(_: argparse.Namespace) -> str:
    lines = [("id", "scopes", "experiment", "expires", "used", "name")]
    for each in _asking.ask(_LIST)["tokens"]:
        scopes = ",".join(each["scopes"]).lower()
        expires, used = each["expiresAt"] or "never", each["usedAt"] or "never"
        place = each["experiment"] or "all"
        lines.append((each["id"], scopes, place, expires, used, each["name"]))
    return table(lines)


def revoke(chosen: argparse.Namespace) -> str:
    _asking.change(_REVOKE, "revokeToken", id=chosen.id)
    return f"{chosen.id} lets nobody in any more"


def _seconds(text: str) -> int:
    said = re.fullmatch(r"(\d{1,9})([smhd])", text)
    if said is None:
        raise argparse.ArgumentTypeError("a number with s, m, h or d, such as 12h or 30d")
    return int(said[1]) * _UNITS_S[said[2]]
