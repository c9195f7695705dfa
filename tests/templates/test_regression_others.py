"""A run of the regression template is measured on other tables than its own."""

import pytest
from house_table import houses


@pytest.fixture(scope="module")
def priced(new_project):
    """A copy that was trained on a table of the user's own."""
    project = new_project("regression")
    houses().to_csv(project.folder / "houses.csv", index=False)
    return project.train(
        *("--data.path", "houses.csv", "--data.target", "price", "--epochs", "1"),
        *("--model.arguments.width", "16", "--export", "[]"),
    )


def test_booleans_of_another_table_may_be_in_another_case(priced, inside, call):
    inside(priced)
    frame, scores = houses(), []
    for name, change in (("as_it_was", str), ("upper", str.upper)):
        garden = frame["garden"].map(change)
        frame.assign(garden=garden).to_csv(priced.folder / f"{name}.csv", index=False)
        shown = call("evaluate", "last", "--data.path", f"{name}.csv")[1]
        scores.append([line for line in shown.splitlines() if "  test_" in line])
    assert scores[0] == scores[1] and "test_rmse" in scores[0][0]


def test_another_table_is_measured_as_a_whole(priced, inside, call):
    inside(priced)
    houses()[:17].to_csv(priced.folder / "others.csv", index=False)
    status, shown, errors = call("evaluate", "last", "--data.path", "others.csv")
    assert (status, errors) == (0, "") and "17 test samples of others" in shown


def test_values_that_the_run_never_saw_are_told(priced, inside, call):
    inside(priced)
    frame = houses()[:17]
    frame["town"] = ["Ulm", *range(16)]
    frame.to_csv(priced.folder / "others.csv", index=False)
    shown = call("evaluate", "last", "--data.path", "others.csv")[1]
    told = "note   column town: the model knows none such as '0', in 16 of 17 rows"
    assert told in shown.splitlines() and "test_rmse" in shown


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.drop(columns="town"), "needs the columns town; the table"),
        (
            lambda frame: frame.assign(town=range(len(frame))),
            "such as '0': --data.kinds '{town: category}' if they are new.",
        ),
        (lambda frame: frame.assign(built="new"), "Column built: 'new' in "),
    ],
)
def test_a_run_is_not_measured_on_tables_of_another_kind(
    change, message, priced, inside, call
):
    inside(priced)
    change(houses()).to_csv(priced.folder / "others.csv", index=False)
    status, _, errors = call("evaluate", "last", "--data.path", "others.csv")
    assert status == 2 and message in errors.splitlines()[-1]
