"""Tables of texts as people see them."""

from kerazoo.harness import text_tables


def test_no_number_of_a_wide_table_is_cut(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    text_tables.show({f"score {n}": ["0.1234 ± 0.0012"] for n in range(9)})
    _, row = capsys.readouterr().out.splitlines()
    assert row.split("  ")[0] == "0.1234 ± 0.0012" and row.count("0.1234 ± 0.0012") == 9


def test_markdown_has_a_row_for_the_heads_and_one_for_each_line():
    columns = {"loss": ["a", "b"], "runs": ["2", "1"]}
    expected = ["| loss | runs |", "| --- | --- |", "| a | 2 |", "| b | 1 |"]
    assert text_tables.markdown(columns).splitlines() == expected
