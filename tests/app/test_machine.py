from types import SimpleNamespace

import psutil

from app.widgets import machine


def process(pid, cpu, memory, children=(), *, ended=False):
    def used(interval=None):
        if ended:
            raise psutil.NoSuchProcess(pid)
        return cpu

    return SimpleNamespace(
        pid=pid,
        create_time=lambda: 1.0,
        cpu_percent=used,
        memory_info=lambda: SimpleNamespace(rss=memory),
        children=lambda recursive: list(children),
    )


def test_the_use_of_a_job_is_that_of_its_whole_tree(monkeypatch):
    tree = [process(2, 190.0, 30), process(3, 40.0, 7), process(4, 9.0, 9, ended=True)]
    root = process(1, 5.0, 100, tree)
    found = {each.pid: each for each in [root, *tree]}
    monkeypatch.setattr(machine, "_process", lambda pid, started: found[pid])
    assert machine._use(root) == (235.0, 137)
