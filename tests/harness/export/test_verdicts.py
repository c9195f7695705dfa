"""What is written of exported files for people."""

from kerazoo.harness.export.exam import Verdict
from kerazoo.harness.export.verdicts import markdown


def verdict(**known):
    latency = {1: {"p50": 2.0, "p95": 3.0}}
    known = {"metric_name": "rmse", "metric": 0.5, "latency": latency, **known}
    return Verdict("tflite", "model.tflite", machine="a machine", **known)


def test_the_table_says_on_how_many_samples_and_in_which_unit():
    table = markdown([verdict(num_samples=1234, metric_unit="of the scaled target")])
    assert "Scores are of 1,234 validation samples" in table
    assert "The rmse and differences are of the scaled target.\n" in table


def test_what_an_older_record_lacks_is_left_out():
    legend = markdown([verdict()]).splitlines()[-1]
    assert "Scores are of validation samples" in legend and "The rmse" not in legend
    assert "of 7 validation samples" in markdown([verdict(), verdict(num_samples=7)])
