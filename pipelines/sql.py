"""Quoting for SQL that can't take parameters, such as names, COPY and COMMENT."""


def literal(value: object) -> str:
    """A value's text as a SQL string, quotes included."""
    return "'" + str(value).replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A name as a SQL identifier, quotes included."""
    return '"' + name.replace('"', '""') + '"'
