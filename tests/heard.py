"""A run that remembers what a computation told it, and can end it."""

from explorer.errors import Cancelled
from explorer.run import Run


class Heard(Run):
    """Counts ticks and keeps reports; ends the computation at tick number `end_at`, or as soon as `when()`."""

    def __init__(self, *, end_at=0, when=lambda: False, error=Cancelled):
        self.ticks, self.reports, self.end_at, self.when, self.error = 0, [], end_at, when, error

    def tick(self):
        self.ticks += 1
        if self.ticks == self.end_at or self.when():
            raise self.error

    def report(self, progress):
        self.reports.append(progress)
        if self.when():
            raise self.error


class Killed(BaseException):
    """As if the process had ended here."""
