"""The simulated teacher: it knows the demo world's truth, and answers with seeded faults.

It is reached over HTTP alone (see `curation.demo.teacher_server`), as a real one would be.
"""

import re
import time
from dataclasses import fields, replace
from typing import Any

from curation.demo import reasoning
from curation.demo.reasoning import Faults
from curation.demo.world import World
from curation.prices import Price

MODEL = "simulated-teacher"
WEAK = "simulated-teacher-weak"
"""A cheaper one, which goes wrong twice as often."""

PRICES = {MODEL: Price(prompt=0.55, completion=2.19), WEAK: Price(prompt=0.07, completion=0.28)}
"""Simulated as the answers are; the figures are of the size that such models cost."""

PORT = 8222
"""Where it is served unless told otherwise."""

_PASSAGE = re.compile(r"^\[(\d+)\] (.*)$", re.MULTILINE)
_HARD_NEGATIVES = "hard negatives"  # the words by which the question about them is known


class UnknownModelError(ValueError):
    """A model is asked for that is not served."""


class SimulatedTeacher:
    """Looks the texts of a request up in the world's truth."""

    def __init__(self, world: World, seed: int = 0, faults: Faults | None = None) -> None:
        """Take what the world holds.

        Args:
            faults: Of the stronger model; the weaker one's are twice as likely.
        """
        faults = faults or Faults()
        doubled = {each.name: min(1.0, 2 * getattr(faults, each.name)) for each in fields(faults)}
        self._faults = {MODEL: faults, WEAK: replace(faults, **doubled)}
        self._seed = seed
        self._queries = {item.query: world.truth.of_query[item.qid] for item in world.items}
        self._answers = {item.answer for item in world.items}
        self._passages = {
            candidate.text: world.truth.of_passage[candidate.docid]
            for item in world.items
            for candidate in item.candidates
        }

    def complete(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return a chat completion. The same request gets the same one, if it names a seed or none.

        Raises:
            UnknownModelError: Another model is asked for.
            ValueError: The request does not hold a query and passages of the world.
        """
        model = str(request.get("model"))
        if model not in self._faults:
            raise UnknownModelError(f"there is no model {model!r}, only {', '.join(self._faults)}")
        prompt = "\n".join(str(m["content"]) for m in _messages(request))
        drawn = "" if request.get("temperature") == 0 else str(request.get("seed"))
        chain, content, truncated = self._answer(
            reasoning.chance(self._seed, model, prompt, drawn), prompt, self._faults[model]
        )
        most = request.get("max_completion_tokens") or request.get("max_tokens")
        if most is not None and len(chain.split()) + len(content.split()) > int(most):
            chain, content = " ".join(chain.split()[: int(most)]), ""
            truncated = True
        usage = {
            "prompt_tokens": len(prompt.split()),
            "completion_tokens": len(chain.split()) + len(content.split()),
        }
        message = {"role": "assistant", "content": content}
        finish = "length" if truncated else "stop"
        return {
            "id": f"chatcmpl-{reasoning.chance(self._seed, prompt, drawn).getrandbits(64):016x}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": model,
            "choices": [
                {
                    "index": 0,
                    "message": message | ({"reasoning_content": chain} if chain else {}),
                    "finish_reason": finish,
                }
            ],
            "usage": {**usage, "total_tokens": sum(usage.values())},
        }

    def _answer(self, random: Any, prompt: str, faults: Faults) -> tuple[str, str, bool]:
        """Return chain, content, and whether the answer was cut off."""
        asked, query = self._find_query(prompt)
        texts = [text for _, text in _PASSAGE.findall(prompt)]
        passages = [self._principle(text) for text in texts]
        if not passages:
            raise ValueError("the prompt shows no passages as `[1] text` lines")
        if not self._shows_solution(prompt):
            found = reasoning.rank(random, query, passages, faults)
            content = "" if found.answer is None else f"<answer>{found.answer}</answer>"
            return found.chain, content, found.truncated
        if _HARD_NEGATIVES in prompt:
            alike = [_shared(asked, text) for text in texts]
            return "", reasoning.select_hard(random, query, passages, alike, faults), False
        return "", reasoning.select(random, query, passages, faults), False

    def _shows_solution(self, prompt: str) -> bool:
        lines = (line.removeprefix("Solution: ") for line in prompt.splitlines())
        return any(line in self._answers for line in lines)

    def _find_query(self, prompt: str) -> tuple[str, str]:
        for line in prompt.splitlines():
            _, _, text = line.partition("uery: ")
            if text in self._queries:
                return text, self._queries[text]
        raise ValueError("the prompt holds no query of the demo world after `Query: `")

    def _principle(self, text: str) -> str:
        if text not in self._passages:
            raise ValueError(f"this is no passage of the demo world: {text[:60]!r}")
        return self._passages[text]


def _shared(query: str, passage: str) -> int:
    """Return how many words of some length two texts share."""
    words = [
        {w for w in re.findall(r"\w+", text.lower()) if len(w) > 4} for text in (query, passage)
    ]
    return len(words[0] & words[1])


def _messages(request: dict[str, Any]) -> list[dict[str, object]]:
    messages = request.get("messages")
    if not isinstance(messages, list) or not all(
        isinstance(m, dict) and "content" in m for m in messages
    ):
        raise ValueError("messages must be a list of objects with role and content")
    return messages
