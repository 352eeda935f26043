"""`python -m api.graphql.export` prints the schema: what `schema.graphql` holds."""

import sys

from api.graphql.schema import schema


def sdl() -> str:
    return schema.as_str() + "\n"


if __name__ == "__main__":
    sys.stdout.write(sdl())
