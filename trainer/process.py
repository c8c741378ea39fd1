"""What every job's process does around its work: take its turn, say how it ended.

A job ends as `done`, as `stopped` (asked by a signal or the `control` file) or as `failed`, with
a sentence in the event log and, for a failure nobody foresaw, the traceback in `stderr.log`.
No torch is loaded before the job has the slot.
"""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NoReturn

from db.errors import RankDeskError
from trainer.errors import JobError
from trainer.joblog import write_event
from trainer.jobs import CONTROL, JobConfig, TrainSpec, load_config
from trainer.slot import slot

Work = Callable[[Path, JobConfig], str]

DONE, FAILED, STOPPED = 0, 1, 3  # exit codes


class StopNow(BaseException):
    """The job was asked to end at once.

    No `Exception`, so that no library on the way takes it for a fault of its own.
    """


def asked_to_stop(job_dir: Path) -> str | None:
    """Return what the `control` file asks: `stop`, `stop-and-save`, or None without one."""
    try:
        return (job_dir / CONTROL).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None


def raise_if_stopped(job_dir: Path) -> None:
    """End work that has nothing to save: raise StopNow if a stop of either kind was asked."""
    if asked_to_stop(job_dir) is not None:
        raise StopNow


def rank() -> int:
    """Return this process's number among those of its job; 0 writes the job's files."""
    return int(os.environ.get("RANK", "0"))


def write_json(path: Path, value: Any) -> None:
    """Write `value` whole or not at all, so that a reader never sees half a file."""
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(value, indent=1, ensure_ascii=False), encoding="utf-8")
    draft.replace(path)


def run_job(work: Work) -> NoReturn:
    """Run `work` on the job folder given as the only argument, and exit.

    Args:
        work: Does the job and returns a closing sentence; raises StopNow once it has stopped.
    """
    if len(sys.argv) != 2:
        sys.exit(f"usage: python -m trainer.KIND JOB_FOLDER, got {sys.argv[1:]}")
    job_dir = Path(sys.argv[1]).resolve()
    signal.signal(signal.SIGTERM, _on_signal)
    signal.signal(signal.SIGINT, _on_signal)
    try:
        config = load_config(job_dir)
    except JobError as error:
        sys.exit(str(error))
    code = DONE
    with ExitStack() as held:  # the slot, until the end is written down
        try:
            message = _in_turn(job_dir, config, work, held)
            _end(job_dir, "done", message)
        except StopNow as stop:
            code = STOPPED
            _end(job_dir, "stopped", str(stop) or "stopped on request")
        except RankDeskError as error:
            code = FAILED
            _end(job_dir, "failed", str(error))
        except Exception as error:  # noqa: BLE001 - the process's edge: everything must be told
            code = FAILED
            traceback.print_exc()
            _end(job_dir, "failed", explain(error, config))
    sys.exit(code)


def _in_turn(job_dir: Path, config: JobConfig, work: Work, held: ExitStack) -> str:
    if "RANK" in os.environ:  # one of several: the process that started them holds the slot
        return work(job_dir, config)
    if not config.needs_device:
        write_event(job_dir, "started", pid=os.getpid(), kind=config.kind)
        return work(job_dir, config)
    waiting = slot(
        job_dir,
        on_wait=lambda: write_event(job_dir, "queued", pid=os.getpid()),
        check=lambda: raise_if_stopped(job_dir),
    )
    lock = held.enter_context(waiting)
    write_event(job_dir, "started", pid=os.getpid(), kind=config.kind)
    processes = config.spec.recipe.processes if isinstance(config.spec, TrainSpec) else 1
    if processes > 1:
        _become_launcher(processes, config.kind, job_dir, lock)
    return work(job_dir, config)


def _become_launcher(processes: int, kind: str, job_dir: Path, lock: int) -> NoReturn:
    """Replace this process by torchrun, which keeps its pid and its slot."""
    os.set_inheritable(lock, True)
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    job = ["-m", f"trainer.{kind}", str(job_dir)]
    os.execv(sys.executable, [sys.executable, "-P", *launcher, *job])


def _on_signal(number: int, frame: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # one is enough: let the goodbye be written
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise StopNow


@contextmanager
def told_to_stop(tell: Callable[[], object]) -> Iterator[None]:
    """Tell of the first signal to end, instead of raising StopNow wherever the work just is.

    For work that has something to finish, such as answers on their way. Further signals are let
    pass. In the main thread alone, as Python has it.
    """

    def heed(number: int, frame: object) -> None:
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, signal.SIG_IGN)
        tell()

    before = [(each, signal.signal(each, heed)) for each in (signal.SIGTERM, signal.SIGINT)]
    try:
        yield
    finally:
        for each, handler in before:
            if signal.getsignal(each) is heed:
                signal.signal(each, handler)


def _end(job_dir: Path, outcome: str, message: str) -> None:
    # Of several processes the first speaks for the job, and each may report its own failure.
    if outcome == "failed" or rank() == 0:
        write_event(job_dir, "ended", outcome=outcome, message=message)


def explain(error: Exception, config: JobConfig) -> str:
    """Say a failure in one line that a user can act on."""
    text = " ".join(str(error).split())
    if _out_of_memory(error):
        remedy = "give the job more memory, or a smaller model"
        if isinstance(config.spec, TrainSpec):
            recipe = config.spec.recipe
            remedy = (
                f"lower per_device_train_batch_size (now {recipe.per_device_train_batch_size}) and "
                "raise gradient_accumulation_steps by the same factor, lower max_prompt_tokens "
                f"(now {recipe.max_prompt_tokens}), or turn on gradient_checkpointing"
            )
        return f"Out of memory: {remedy}. ({text:.200})"
    return f"{type(error).__name__}: {text:.500}. The traceback is in stderr.log."


def _out_of_memory(error: Exception) -> bool:
    # By name: torch's own class, without loading torch for a job that failed before it.
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or "can't allocate memory" in str(error)
    )
