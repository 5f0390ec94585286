"""The results of the rows, round by round."""

from statistics import median

from processes import BenchFailed


class Samples:
    """A row is identified by (kind, name). A row that failed in any round has no figures."""

    def __init__(self):
        self._samples = {}
        self.failures = {}

    def measure(self, row, act):
        """Runs one round of a row and returns its sample, or None if it failed."""
        try:
            sample = act()
        except BenchFailed as failure:
            self.failures[row] = str(failure)
            return None
        self._samples.setdefault(row, []).append(sample)
        return sample

    def rows(self):
        """All rows that were tried, in the order of their first samples. Failed rows come last."""
        return list(self._samples | dict.fromkeys(self.failures))

    def of(self, row):
        return [] if row in self.failures else self._samples.get(row, [])

    def last(self, row, column):
        samples = self.of(row)
        if not samples:
            raise BenchFailed(f"needs the row {' '.join(row)}, which failed")
        return samples[-1][column]

    def median(self, row, column):
        """None if the row failed or was not run."""
        values = [sample[column] for sample in self.of(row) if column in sample]
        return median(values) if values else None

    def ratio(self, row, other, column):
        """The median, over the rounds, of the ratio of one row's figure to the other's of the same round."""
        pairs = list(zip(self.of(row), self.of(other)))
        return median(one[column] / two[column] for one, two in pairs if two[column]) if pairs else None
