"""Tables of texts, by column: on a terminal, and as Markdown."""


def markdown(columns: dict[str, list[str]]) -> str:
    """Return a table as Markdown."""
    rows = [list(columns), ["---"] * len(columns), *zip(*columns.values(), strict=True)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def show(columns: dict[str, list[str]]) -> None:
    """Print a table; cells may be marked up as rich has it."""
    from rich.console import Console
    from rich.table import Table

    shown = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        shown.add_column(column)
    for row in zip(*columns.values(), strict=True):
        shown.add_row(*row)
    # A terminal wraps what is too long for it; cut numbers would say nothing.
    Console(width=1000, highlight=False).print(shown)
