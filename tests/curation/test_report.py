from curation.report import Figure, Section, Table, flatten, render


def test_everything_is_escaped():
    bad = "<script>alert('x')</script>&\""
    page = render(
        bad, bad, [Section(bad, [bad, Table([bad, "n"], [(bad, 1)]), Figure("<svg/>", bad)])]
    )
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 9


def test_numbers_are_set_as_numbers():
    page = render("t", "l", [Section("s", [Table(["a", "b"], [("x", 1.0), ("y", None)])])])
    assert "<td class=number>1.00</td>" in page
    assert "<td class=number>–</td>" in page
    assert "<th class=number>b</th>" in page
    assert page.count("<h2>") == 1


def test_nested_settings_become_rows():
    assert flatten({"a": {"b": {"c": 1}, "d": None}, "e": [1, 2], "f": ""}) == [
        ("a.b.c", "1"),
        ("e", "1, 2"),
        ("f", ""),
    ]
