"""Lines that cannot be used: counted, shown by kind, and too many of them refused."""

from kerazoo.harness.errors import DataError
from kerazoo.harness.wording import listed

FEWEST_LINES = 1000  # before which a stream is not given up


class OddLines:
    """Count the lines of a file, and those of them that are skipped.

    Args:
        name: of the file, for messages.
        most: the share of odd lines that is let pass.

    >>> odd = OddLines("pairs.tsv", most=0.5)
    >>> odd.num_lines = 4
    >>> odd.add("without a tab", 3)
    >>> odd.note
    'pairs.tsv: 1 of 4 lines was skipped: 1 without a tab (line 3)'
    """

    def __init__(self, name: str, most: float):
        self.name = name
        self.most = most
        self.num_lines = 0
        self._lines: dict[str, list[int]] = {}
        self._hints: dict[str, str] = {}

    @property
    def count(self) -> int:
        """How many lines are odd."""
        return sum(map(len, self._lines.values()))

    @property
    def note(self) -> str:
        """What was skipped, for people; empty: nothing was."""
        if not self.count:
            return ""
        were = "was" if self.count == 1 else "were"
        return f"{self._found()} {were} skipped: {self._kinds()}"

    def add(self, kind: str, line: int, hint: str = "") -> None:
        """Note an odd line.

        Args:
            kind: what is wrong with it, such as "without a tab".
            line: counted from 1.
            hint: what to do if most lines are like it.

        Raises:
            DataError: too many are odd.
        """
        self._lines.setdefault(kind, []).append(line)
        self._hints.setdefault(kind, hint)
        if self.num_lines >= FEWEST_LINES:
            self.check()

    def check(self) -> None:
        """Raise DataError if too many of the lines so far are odd."""
        if self.count > self.most * self.num_lines:
            commonest = max(self._lines, key=lambda kind: len(self._lines[kind]))
            raise DataError(
                f"{self._found()} cannot be used: {self._kinds()}. Up to "
                f"{self.most:.0%} are skipped. {self._hints[commonest]}".rstrip()
            )

    def _found(self) -> str:
        return f"{self.name}: {self.count:,} of {self.num_lines:,} lines"

    def _kinds(self) -> str:
        return ", ".join(
            f"{len(lines):,} {kind} (line{'s' * (len(lines) > 1)} {listed(lines)})"
            for kind, lines in self._lines.items()
        )
