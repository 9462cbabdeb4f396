"""The error that core raises when it refuses an event."""


class Rejected(Exception):
    """An event is refused: the client's fault, answered 400.

    `field` is a wire name, or "body" for the request as a whole. `reason` is fixed text: it never holds a value that
    the client sent, because both end up in the answer and may end up in a log.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(field, reason)
        self.field = field
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}"
