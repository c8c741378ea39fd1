import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from trainer.answers import Answers, Stored, request_key

ANSWER = Stored("text \ud800 of a broken surrogate", "stop", 3, 2, 0.5, 0.01, "job")

WRITER = """
import asyncio, sys
from dataclasses import replace
from pathlib import Path
from trainer.answers import Answers, Stored
async def main():
    answer = Stored("x" * 2000, "stop", 1, 1, 0.0, None, "job")
    async with Answers(Path(sys.argv[1])) as answers:
        for number in range(100000):
            await asyncio.gather(*(answers.put(f"{number}-{i}", answer) for i in range(4)))
            print(number, flush=True)
asyncio.run(main())
"""


def test_an_answer_is_kept_as_it_was_and_found_by_another_process(tmp_path):
    async def write() -> None:
        async with Answers(tmp_path) as answers:
            assert answers.get("key") is None
            await asyncio.gather(*(answers.put(f"key{n}", ANSWER) for n in range(200)))

    async def read() -> list[Stored | None]:
        async with Answers(tmp_path) as answers:
            return [answers.get("key7"), answers.get("other")]

    asyncio.run(write())
    assert asyncio.run(read()) == [ANSWER, None]


def test_requests_are_alike_when_all_that_matters_is():
    messages = [{"role": "user", "content": "a"}]
    key = request_key("m", messages, {"seed": 1, "top_p": 1.0})
    assert key == request_key("m", messages, {"top_p": 1.0, "seed": 1})
    assert key != request_key("m2", messages, {"seed": 1, "top_p": 1.0})
    assert key != request_key("m", messages, {"seed": 2, "top_p": 1.0})


HOLDER = """
import asyncio, sys
from pathlib import Path
from trainer.answers import Answers
async def main():
    async with Answers(Path(sys.argv[1])) as answers, answers.alone("a" * 64):
        print("held", flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""


def test_whoever_asks_for_an_answer_is_waited_for_until_it_is_no_more(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"

    async def ask() -> list[str]:
        order = []
        async with Answers(tmp_path) as answers:

            async def one(key: str) -> None:
                async with answers.alone(key):
                    order.append(key[0])

            waiting = asyncio.create_task(one("a" * 64))
            await one("b" * 64)
            order.append("killed")
            holder.kill()
            await waiting
        return order

    try:
        assert asyncio.run(ask()) == ["b", "killed", "a"]
    finally:
        holder.kill()
        holder.communicate()


def test_what_was_kept_survives_kill_9_with_two_writers(tmp_path):
    kept: list[int] = []
    for _ in range(3):
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", WRITER, str(tmp_path)],
                stdout=subprocess.PIPE,
                text=True,
                env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
            )
            for _ in range(2)
        ]
        for writer in writers:
            assert writer.stdout is not None
            for line in writer.stdout:
                if int(line) >= 30:
                    break
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
            out, _ = writer.communicate()
            kept += [int(line) for line in out.split()] or [30]

    async def read() -> bool:
        async with Answers(tmp_path) as answers:
            last = min(kept)
            return all(answers.get(f"{n}-{i}") for n in range(last) for i in range(4))

    assert asyncio.run(read())
