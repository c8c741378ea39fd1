"""The demo world's sentences: problems, worked problems and notes, made from `domains.yaml`."""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from random import Random

import yaml

NAMES = (
    "Mara", "Tomas", "Ines", "Jonas", "Leila", "Pavel", "Ruth", "Kofi", "Anneke", "Diego",
    "Sana", "Olaf", "Mei", "Bruno", "Freya", "Hugo", "Nadia", "Emil", "Zora", "Felix",
    "Ada", "Ivo", "Greta", "Omar", "Lucia", "Stefan", "Yuki", "Clara", "Henrik", "Amara",
)  # fmt: skip
OPENERS = (
    "At {place}, {name} has {n} {things}.",
    "{name} looks after {n} {things} at {place}.",
    "There are {n} {things} at {place}.",
    "A busy day at {place}: {n} {things}.",
)
_SENTENCE = re.compile(r".*?[.?]")
WORKED = ("{problem} Answer: {principle}.", "{problem} It is a case of {principle}.")
NOTES = ("{line} This is {principle}.", "Note: {line} Keyword: {principle}.")


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a problem happens, and the things it is about."""

    place: str
    things: str
    thing: str


@dataclass(frozen=True, slots=True)
class Principle:
    """What a problem turns on, with the ways to show it without naming it."""

    domain: str
    name: str
    cues: tuple[str, ...]
    steps: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Domain:
    """Settings and principles that go together."""

    name: str
    settings: tuple[Setting, ...]
    principles: tuple[Principle, ...]


@cache
def domains() -> tuple[Domain, ...]:
    """Return the demo world's domains."""
    text = files("curation.demo").joinpath("domains.yaml").read_text(encoding="utf-8")
    return tuple(
        Domain(
            name=name,
            settings=tuple(Setting(**setting) for setting in content["settings"]),
            principles=tuple(
                Principle(
                    domain=name,
                    name=each["name"],
                    cues=tuple(each["cues"]),
                    steps=tuple(each["steps"]),
                    notes=tuple(each["notes"]),
                )
                for each in content["principles"]
            ),
        )
        for name, content in yaml.safe_load(text).items()
    )


def problem(random: Random, setting: Setting, principle: Principle, cue: int) -> str:
    """Return a word problem: an opening that sets the scene, and a situation with its question."""
    values = _values(random, setting)
    opener = random.choice(OPENERS).format(**values)
    return f"{opener} {principle.cues[cue].format(**values)}"


def worked_problem(random: Random, setting: Setting, principle: Principle) -> str:
    """Return a worked problem; it names its principle at the end, which no query does."""
    cue = random.choice(principle.cues).format(**_values(random, setting))
    situation = _SENTENCE.match(cue)
    assert situation is not None, "every cue holds a sentence"
    return random.choice(WORKED).format(problem=situation[0], principle=principle.name)


def note(random: Random, principle: Principle) -> str:
    """Return a reference note; it has no setting."""
    line = random.choice(principle.notes + principle.steps)
    return random.choice(NOTES).format(principle=principle.name, line=line)


def _values(random: Random, setting: Setting) -> dict[str, object]:
    return {
        "place": setting.place,
        "things": setting.things,
        "thing": setting.thing,
        "name": random.choice(NAMES),
        "n": random.randrange(3, 99),
    }
