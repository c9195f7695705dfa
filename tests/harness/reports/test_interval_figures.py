"""Whether figures of intervals show what a plain count says."""

import numpy as np
import pytest

from kerazoo.harness.reports import intervals
from kerazoo.harness.tables.tabular import NORMAL_95
from kerazoo.harness.tables.target import fit_target, scale_target

RNG = np.random.default_rng(0)
TARGETS = np.exp(RNG.normal(2.0, 0.7, 400))
LOG = fit_target(TARGETS, "log")


def normal_answers(deviation):
    """Answers about normal in the logarithm, decoded: (samples, 3)."""
    z = scale_target(TARGETS, LOG)
    mean = z + RNG.normal(0, 1, len(z))
    ends = [mean, mean - NORMAL_95 * deviation, mean + NORMAL_95 * deviation]
    return z - mean, np.exp(np.stack(ends, axis=1) * LOG["scale"] + LOG["center"])


def drawn(outputs, head):
    (axes,) = intervals.calibration(TARGETS, outputs, head, LOG).axes
    _, points = axes.lines
    return points.get_xydata(), axes.get_ylabel()


@pytest.mark.parametrize("deviation", [1.0, 2.5])
def test_errors_are_counted_in_predicted_deviations_where_targets_are_scaled(deviation):
    errors, outputs = normal_answers(deviation)
    found = intervals.standard_errors(TARGETS, outputs, LOG)
    np.testing.assert_allclose(found, errors / deviation, atol=1e-4)


def test_a_predicted_variance_is_judged_at_every_level():
    _, outputs = normal_answers(1.0)
    points, label = drawn(outputs, "mean_variance")
    assert label == "share of targets inside the interval"
    assert points[:, 0].tolist() == list(intervals.LEVELS)
    np.testing.assert_allclose(points[:, 1], points[:, 0], atol=0.06)
    # The interval that is answered, counted plainly.
    inside = np.mean((outputs[:, 1] <= TARGETS) & (outputs[:, 2] >= TARGETS))
    assert points[8].tolist() == pytest.approx([0.9, inside], abs=1e-9)


def test_a_variance_that_is_too_large_shows_above_the_diagonal():
    _, outputs = normal_answers(3.0)
    points, _ = drawn(outputs, "mean_variance")
    assert (points[:8, 1] > points[:8, 0] + 0.1).all()


def test_quantiles_are_judged_at_the_levels_that_were_trained():
    low, middle, high = np.quantile(TARGETS, [0.1, 0.5, 0.9])
    outputs = np.tile([middle, low, high], (len(TARGETS), 1))
    points, label = drawn(outputs, "quantiles")
    assert label == "share of targets below the quantile"
    np.testing.assert_allclose(points, [[0.05, 0.1], [0.5, 0.5], [0.95, 0.9]])


def test_coverage_by_width_is_that_of_each_tenth(tmp_path):
    width = np.repeat(np.arange(1.0, 11.0), 40)
    outputs = np.stack([TARGETS, TARGETS - width, TARGETS + width], axis=1)
    outputs[:40] += 5  # the narrowest tenth holds nothing
    figure = intervals.widths(TARGETS, outputs)
    points = figure.axes[0].lines[0].get_xydata()
    np.testing.assert_allclose(points[:, 0], 2 * np.arange(1.0, 11.0))
    assert points[:, 1].tolist() == [0.0] + [1.0] * 9
    assert figure.axes[0].get_title() == "Coverage: 90.0%, should be 90%"
    figure.savefig(tmp_path / "figure.png")
