"""What can go wrong between Twoway and a source system, as one line that says how to mend it."""

from pipelines.errors import Problem, SourceError


class ApiError(SourceError):
    """A source system can't be read: its last complete load stays.

    Args:
        source_id: the source.
        where: the endpoint or the setting.
        what: what is wrong and how to mend it, as a sentence; redacted already.
    """

    def __init__(self, source_id: str, where: str, what: str) -> None:
        super().__init__(source_id, [Problem(where, what)])


class DriftError(ApiError):
    """Records are not shaped as the connector knows them: a field is gone, or of another type."""
