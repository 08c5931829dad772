"""A run that remembers what a computation told it, and can end it."""

from explorer.errors import Cancelled
from explorer.run import Run


class Heard(Run):
    """Counts ticks and keeps reports; ends the computation at tick number `end_at`."""

    def __init__(self, *, end_at=0):
        self.ticks, self.reports, self.end_at = 0, [], end_at

    def tick(self):
        self.ticks += 1
        if self.ticks == self.end_at:
            raise Cancelled

    def report(self, progress):
        self.reports.append(progress)
