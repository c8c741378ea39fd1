import json

from hypothesis import given
from hypothesis import strategies as st

from trainer.joblog import append_record, read_events, read_records, write_event


def test_events_are_read_on_from_where_the_last_read_ended(tmp_path):
    write_event(tmp_path, "queued", pid=1)
    first, offset = read_events(tmp_path)
    write_event(tmp_path, "ended", outcome="done", message="")
    second, end = read_events(tmp_path, offset)
    assert [event["type"] for event in first] == ["queued"]
    assert [event["type"] for event in second] == ["ended"]
    assert end == (tmp_path / "events.jsonl").stat().st_size


def test_a_line_still_being_written_is_left_for_the_next_read(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"type": "queued"}\n{"type": "pro')
    records, offset = read_records(path)
    assert records == [{"type": "queued"}]
    with path.open("ab") as file:
        file.write(b'gress"}\n')
    assert read_records(path, offset)[0] == [{"type": "progress"}]


def test_a_killed_writers_half_line_costs_only_itself(tmp_path):
    path = tmp_path / "calls.jsonl"
    path.write_bytes(b'{"call": 0}\n{"call": 1, "respon')
    append_record(path, {"call": 1})
    assert read_records(path)[0] == [{"call": 0}, {"call": 1}]


def test_a_missing_file_has_no_records(tmp_path):
    assert read_records(tmp_path / "events.jsonl", 0) == ([], 0)


@given(st.lists(st.dictionaries(st.text(), st.text())), st.data())
def test_any_text_comes_back_whatever_the_reading_steps(tmp_path_factory, records, data):
    path = tmp_path_factory.mktemp("log") / "records.jsonl"
    for record in records:
        append_record(path, record)
    whole = path.read_bytes() if records else b""
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut])
    first, offset = read_records(path)
    path.write_bytes(whole)
    assert first + read_records(path, offset)[0] == json.loads(json.dumps(records))
