"""What is written of exported files for people."""

from kerazoo.harness.export.exam import Verdict
from kerazoo.harness.export.verdicts import markdown, print_verdicts


def verdict(**known):
    latency = {1: {"p50": 2.0, "p95": 3.0}}
    known = {"metric_name": "rmse", "metric": 0.5, "latency": latency, **known}
    name = "tflite-int8-dynamic"
    return Verdict(name, "model.tflite", machine="a machine", **known)


def test_the_table_says_on_how_many_samples_and_in_which_unit():
    table = markdown([verdict(num_samples=1234, metric_unit="of the scaled target")])
    assert "Scores are of 1,234 validation samples" in table
    assert "The rmse and differences are of the scaled target.\n" in table


def test_what_an_older_record_lacks_is_left_out():
    legend = markdown([verdict()]).splitlines()[-1]
    assert "Scores are of validation samples" in legend and "The rmse" not in legend
    assert "of 7 validation samples" in markdown([verdict(), verdict(num_samples=7)])


def test_the_widest_table_keeps_its_last_column(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    times = {"p50": 1039.26, "p95": 1111.11}
    slow = verdict(latency={1: times, 2: times}, per_token=10.0, agreement=1.0)
    print_verdicts([slow])
    head, row = capsys.readouterr().out.splitlines()
    assert head.split()[-1] == "verified" and row.split()[-1] == "yes"
