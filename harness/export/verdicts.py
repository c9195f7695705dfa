"""The table of exported files and how each was verified, for people."""

from collections.abc import Sequence

from kerazoo.harness.export.exam import Verdict, show_score

WIDTH = 140  # of the table at least: narrower, it loses its last column


def columns(verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    """Return the heads of the verification table.

    Milliseconds per sample are a median, with the 95th percentile in brackets.
    """
    metric = next((v.metric_name for v in verdicts if v.metric_name), "metric")
    tokens = any(v.per_token is not None for v in verdicts)
    apart = "ms per token" if tokens else "max diff"
    times = ("ms, 1 thread", "ms, all")
    known = ("format", "size", metric, "agreement", apart, *times)
    return (*known, "phone GPU", "verified")


def rows(verdicts: Sequence[Verdict]) -> list[tuple[str, ...]]:
    """Return one row of text per verdict, under `columns`."""
    table = []
    for v in verdicts:
        if v.metric is None:
            table.append((v.format, *"-" * (len(columns(verdicts)) - 2), "no"))
            continue
        fewest, most = v.latency[min(v.latency)], v.latency[max(v.latency)]
        times = [f"{t['p50']:.2f} ({t['p95']:.2f})" for t in (fewest, most)]
        gpu = {"": "-", "yes": "yes"}.get(v.gpu, "no")
        table.append(
            (
                v.format,
                _size(v.size),
                show_score(v.metric),
                "-" if v.agreement is None else f"{v.agreement:.1%}",
                _apart(v),
                *times,
                gpu,
                "yes" if v.passed else "no",
            )
        )
    return table


def _apart(v: Verdict) -> str:
    if v.per_token is not None:
        return f"{v.per_token:.3f}"
    return "-" if v.max_difference is None else f"{v.max_difference:.1e}"


def by_column(verdicts: Sequence[Verdict]) -> dict[str, list[str]]:
    """Return the table by its heads."""
    cells = zip(*rows(verdicts), strict=True)
    return dict(zip(columns(verdicts), map(list, cells), strict=True))


def print_verdicts(verdicts: Sequence[Verdict]) -> None:
    """Print the verification table, and why a format failed."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns(verdicts):
        table.add_column(column, no_wrap=True)
    for row, verdict in zip(rows(verdicts), verdicts, strict=True):
        table.add_row(
            *row[:-1], f"[{'green' if verdict.passed else 'red'}]{row[-1]}[/]"
        )
    Console(width=max(Console().width, WIDTH)).print(table)
    for line in failures(verdicts):
        print(line)


def failures(verdicts: Sequence[Verdict]) -> list[str]:
    """Return one line per failed format, with its reason."""
    return [f"{v.format}: {v.failure}" for v in verdicts if not v.passed]


def markdown(verdicts: Sequence[Verdict]) -> str:
    """Return the verdicts as a Markdown table, and how to read it."""
    heads = columns(verdicts)
    lines = [heads, ["---"] * len(heads), *rows(verdicts)]
    table = [f"| {' | '.join(line)} |" for line in lines]
    machines = sorted({v.machine for v in verdicts if v.machine})
    # Records of before lack the numbers of samples.
    counts = sorted({v.num_samples for v in verdicts if v.num_samples})
    number = " or ".join(f"{count:,}" for count in counts) + " " if counts else ""
    legend = (
        "Milliseconds for one sample, median (95th percentile), on "
        f"{' and '.join(machines)}. Scores are of {number}validation samples, as are "
        "agreement and differences, which are to Keras."
    )
    for name, unit in sorted({(v.metric_name, v.metric_unit) for v in verdicts}):
        if unit:
            legend += f" The {name} and differences are {unit}."
    failed = [*failures(verdicts), ""] if failures(verdicts) else []
    return "\n".join([*table, "", *failed, *([legend, ""] if machines else [])])


def _size(size: int) -> str:
    return f"{size / 1e6:.2f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"
