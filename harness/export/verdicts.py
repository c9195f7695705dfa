"""The table of exported files and how each was verified, for people."""

from collections.abc import Sequence

from kerazoo.harness import text_tables
from kerazoo.harness.export.exam import Verdict, show_score


def by_column(verdicts: Sequence[Verdict]) -> dict[str, list[str]]:
    """Return the verification table: a row of text per verdict, by its heads.

    Milliseconds per sample are a median, with the 95th percentile in brackets.
    """
    metric = next((v.metric_name for v in verdicts if v.metric_name), "metric")
    tokens = any(v.per_token is not None for v in verdicts)
    apart = "ms per token" if tokens else "max diff"
    heads = ["format", "size", metric, "agreement", apart]
    heads += ["ms, 1 thread", "ms, all", "phone GPU", "verified"]
    cells = zip(*map(_row, verdicts), strict=True)
    return dict(zip(heads, map(list, cells), strict=True))


def _row(v: Verdict) -> tuple[str, ...]:
    if v.metric is None:
        return (v.format, *"-" * 7, "no")
    fewest, most = v.latency[min(v.latency)], v.latency[max(v.latency)]
    return (
        v.format,
        _size(v.size),
        show_score(v.metric),
        "-" if v.agreement is None else f"{v.agreement:.1%}",
        _apart(v),
        *(f"{t['p50']:.2f} ({t['p95']:.2f})" for t in (fewest, most)),
        {"": "-", "yes": "yes"}.get(v.gpu, "no"),
        "yes" if v.passed else "no",
    )


def _apart(v: Verdict) -> str:
    if v.per_token is not None:
        return f"{v.per_token:.3f}"
    return "-" if v.max_difference is None else f"{v.max_difference:.1e}"


def print_verdicts(verdicts: Sequence[Verdict]) -> None:
    """Print the verification table, and why a format failed."""
    columns = by_column(verdicts)
    columns["verified"] = [
        f"[{'green' if word == 'yes' else 'red'}]{word}[/]"
        for word in columns["verified"]
    ]
    text_tables.show(columns)
    for line in failures(verdicts):
        print(line)


def failures(verdicts: Sequence[Verdict]) -> list[str]:
    """Return one line per failed format, with its reason."""
    return [f"{v.format}: {v.failure}" for v in verdicts if not v.passed]


def markdown(verdicts: Sequence[Verdict]) -> str:
    """Return the verdicts as a Markdown table, and how to read it."""
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
    table = text_tables.markdown(by_column(verdicts))
    return "\n".join([table, "", *failed, *([legend, ""] if machines else [])])


def _size(size: int) -> str:
    return f"{size / 1e6:.2f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"
