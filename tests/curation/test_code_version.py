from curation import code_version as module
from curation.code_version import code_version


def test_the_release_stands_in_where_there_is_no_checkout(monkeypatch, tmp_path):
    code_version.cache_clear()
    monkeypatch.setattr(module, "_ROOT", tmp_path)
    try:
        assert code_version() == "0.1.0"
    finally:
        code_version.cache_clear()
