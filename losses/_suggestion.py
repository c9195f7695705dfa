"""What a suggestion is, and how its numbers are written."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Suggestion:
    """A loss that may suit, with its arguments, for `losses.get(name, **arguments)`.

    >>> print(Suggestion("huber", "A tenth are outliers.", {"delta": 2.0}))
    huber  delta=2.0
        A tenth are outliers.
    """

    name: str
    reason: str
    arguments: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        given = ", ".join(f"{key}={value}" for key, value in self.arguments.items())
        return f"{f'{self.name}  {given}'.strip()}\n    {self.reason}"


def short(value: float, digits: int = 3) -> float:
    """Round to so many digits that a flag is easily typed."""
    return float(f"{value:.{digits}g}")


def percent(share: float) -> str:
    """Write a share for a sentence.

    >>> percent(0.5), percent(0.012)
    ('50%', '1.2%')
    """
    return f"{share:.1%}" if share < 0.1 or share > 0.99 else f"{share:.0%}"
