"""Labels read from what users have, and `kerazoo suggest-loss` on them."""

import json
import re
import shlex

import numpy as np
import pytest

from kerazoo.harness import TrainingConfig, cli, parse_config
from kerazoo.harness.errors import DataError
from kerazoo.harness.loss_lab.label_files import read_labels
from kerazoo.losses import get


@pytest.fixture
def sources(tmp_path):
    """A folder with labels in every form that can be read."""
    np.save(tmp_path / "a.npy", [0, 1, 2])
    np.savez(tmp_path / "b.npz", x=np.zeros((2, 4)), y=[1.5, 2.5], other=[3, 4])
    (tmp_path / "c.csv").write_text(
        'n,price,sort,"a, b"\n1,2.5,cat,x\n\n2,1e3,dog,y\n', "utf-8-sig"
    )
    (tmp_path / "d.csv").write_text("n;p\n1;2,5\n3;4,5\n")
    (tmp_path / "e.tsv").write_text("n\tp\n1\t2\n3\t\n5\tNA\n")
    for name, count in (("dog", 2), ("cat", 1)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(count):
            (tmp_path / "photos" / name / f"{i}.png").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("a.npy", "", [0, 1, 2]),
        ("b.npz", "", [1.5, 2.5]),
        ("b.npz", "other", [3, 4]),
        ("c.csv", "n", [1, 2]),
        ("c.csv", "price", [2.5, 1000.0]),
        ("c.csv", "sort", ["cat", "dog"]),
        ("c.csv", "a, b", ["x", "y"]),
        ("d.csv", "n", [1, 3]),
        ("e.tsv", "n", [1, 3, 5]),
        ("photos", "", ["cat", "dog", "dog"]),
    ],
)
def test_labels_are_read(source, target, expected, sources):
    labels = read_labels(str(sources / source), target)
    assert labels.tolist() == expected
    assert labels.dtype.kind == np.array(expected).dtype.kind


def test_a_data_set_is_known_by_name():
    assert np.bincount(read_labels("digits")).tolist()[:3] == [178, 182, 177]


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("gone.csv", "n", "There is no file or folder"),
        ("c.csv", "", "give --target COLUMN, one of: n, price, sort"),
        ("c.csv", "prise", "Did you mean 'price'"),
        ("e.tsv", "p", "2 of 3 rows have no p"),
        ("b.npz", "z", "array: 'z' is not known"),
        ("readme.md", "", "labels are read from"),
        ("cut.npz", "", "not a complete .npz file"),
        ("empty.npy", "", "not a complete .npy file"),
        ("objects.npy", "", "Python objects"),
        ("latin.csv", "n", "0xf6 is not utf-8"),
        ("empty", "", "no class folders"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(source, target, message, sources):
    (sources / "readme.md").touch()
    (sources / "cut.npz").write_bytes((sources / "b.npz").read_bytes()[:80])
    (sources / "empty.npy").touch()
    (sources / "latin.csv").write_bytes("n\nGröße\n".encode("latin-1"))
    (sources / "empty").mkdir()
    objects = np.array([{}, None], object)
    np.save(sources / "objects.npy", objects, allow_pickle=True)
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        read_labels(str(sources / source), target)
    assert "\n" not in str(caught.value)


# -------------------------------------------------------------------------- the command


def test_suggest_loss_prints_what_it_saw_and_flags_that_work(sources, capsys):
    table = sources / "long.csv"
    table.write_text("sort\n" + "cat\n" * 60 + "dog\n" * 20 + "eel\n" * 4)
    assert cli.main(["suggest-loss", str(table), "--target", "sort"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(
        f"{table}: 84 labels of 3 classes; the most frequent has 60"
    )
    lines = re.findall(r"^  (--loss .*)", shown, re.M)
    assert len(lines) == 3
    for line in lines:
        config = parse_config(TrainingConfig, shlex.split(line))
        assert f"\n{config.loss}\n" in shown
        get(config.loss, **config.loss_arguments)
    assert config.loss == "focal" and config.loss_arguments["alpha"] == [
        0.467,
        1.4,
        7.0,
    ]


def test_suggest_loss_tells_what_fits_the_scaled_target_of_the_template(
    sources, capsys
):
    amounts = np.exp(np.random.default_rng(0).normal(11, 1, 500))
    table = sources / "prices.csv"
    table.write_text("price\n" + "\n".join(f"{amount:.2f}" for amount in amounts))
    assert cli.main(["suggest-loss", str(table), "--target", "price"]) == 0
    own, template = capsys.readouterr().out.split("The regression template")
    assert 'losses.get("gamma_deviance")' in own and "--loss" not in own
    flags = re.findall(r"^  (--loss .*)", template, re.M)
    configs = [parse_config(TrainingConfig, shlex.split(line)) for line in flags]
    assert configs[0].loss == "huber" and configs[0].loss_arguments["delta"] < 2
    assert not {"gamma_deviance", "msle"} & {config.loss for config in configs}
    assert "--data.target_transform log" in template


def test_suggest_loss_for_programs(sources, capsys):
    np.save(sources / "ranks.npy", [1, 2, 3] * 5)
    path = str(sources / "ranks.npy")
    assert cli.main(["suggest-loss", path, "--task", "ordinal", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["seen"].startswith("15 labels of 3 classes")
    assert [s["name"] for s in found["suggestions"]] == ["coral", "corn", "squared_emd"]
    assert cli.main(["suggest-loss", "digits"]) == 0
    shown = capsys.readouterr().out
    assert "--loss cross_entropy\n" in shown and "say task" not in shown


def test_suggest_loss_answers_a_mistake_with_status_2(sources, capsys):
    np.save(sources / "gaps.npy", [1.0, np.nan])
    assert cli.main(["suggest-loss", str(sources / "gaps.npy")]) == 2
    errors = capsys.readouterr().err
    assert errors == "kerazoo: error: 1 of 2 labels are NaN or infinite.\n"
    assert cli.main(["suggest-loss", "digits", "--target", "price"]) == 2
    errors = capsys.readouterr().err
    assert "--target price: digits has one target, without a name." in errors
