"""Messages are data before they are sentences: a code with named parameters, said in words where somebody reads them.

A `Message` is a string, its English sentence, so that people can read logs, errors and the data of the workflows as
they stand; and it knows what it says, so that a notification or the widget can say it in another language, and a
program can compare it. The catalogue has the words of every code in every language (`failover.catalogue`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import cache
from string import Formatter
from types import MappingProxyType
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

from failover.catalogue import CATALOGUE

Param = str | int | float | Sequence[str]
"""A name, a number, a message within the message, or several of them."""

TEXT, TOGETHER = "text", "together"
FOREIGN = ("words", "cause")
"""Parameters with words of somebody else's (a node, AWS, an operator): catalogues put them in quotation marks."""

LONGEST_PARAMETER = 2000
"""Characters of one parameter; what is longer nobody reads in a notification."""


class Language(StrEnum):
    ENGLISH = "en"
    JAPANESE = "ja"


_BETWEEN = {Language.ENGLISH: ", ", Language.JAPANESE: "、"}
_BETWEEN_A_PAIR = {Language.ENGLISH: " and ", Language.JAPANESE: "、"}
_BETWEEN_SENTENCES = {Language.ENGLISH: " ", Language.JAPANESE: ""}


class Message(str):
    """A sentence, or part of one, by its code in the catalogue and its parameters.

    Raises KeyError for a code that is not in the catalogue, or a parameter that its words need and that is not given.
    """

    code: str
    params: Mapping[str, Param]

    def __new__(cls, code: str, /, **params: Param) -> Message:
        self = super().__new__(cls, _say(code, params, Language.ENGLISH))
        self.code, self.params = code, MappingProxyType(params)
        return self

    def __reduce_ex__(self, _protocol: Any, /) -> tuple[Any, ...]:
        return _again, (self.code, dict(self.params))

    @classmethod
    def about(cls, code: str, facts: Callable[[str], Param]) -> Message:
        """The message with what the facts say of each parameter that its words need."""
        return cls(code, **{name: facts(name) for name in _parameters(code)})

    @classmethod
    def of(cls, text: str) -> Message:
        """The message that it is; words that nobody gave a code are somebody else's, and stay as they are."""
        if isinstance(text, cls):
            return text
        return cls(TEXT, words=text)

    def to_json(self) -> dict[str, Any]:
        """What travels: code and parameters for programs, the English text for people."""
        return {**_to_data(self), "text": str(self)}

    @classmethod
    def from_json(cls, value: object) -> Message:
        """Of what `to_json` made; of a version with other codes its text. Raises ValueError for what is none."""
        match value:
            case Message():
                return value
            case str():
                return cls.of(value)
            case {"code": str(), "params": dict(), "text": str(text)}:
                try:
                    return _from_data(value)
                except (KeyError, ValueError, TypeError):
                    return cls.of(text)
            case _:
                raise ValueError("a message is a text, or an object with code, params and text")

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.from_json,
            # What says nothing is no object: the workflows compare it with ''.
            serialization=core_schema.plain_serializer_function_ser_schema(lambda said: said.to_json() if said else ""),
        )


def together(*sentences: str) -> Message:
    """Sentences one after the other; empty ones are left out."""
    said = [part for sentence in sentences if sentence for part in _sentences_of(Message.of(sentence))]
    return said[0] if len(said) == 1 else Message(TOGETHER, sentences=said)


def _sentences_of(message: Message) -> list[Message]:
    parts = message.params["sentences"] if message.code == TOGETHER else message
    return [message] if isinstance(parts, str | int | float) else [Message.of(part) for part in parts]


def say(message: str, language: Language) -> str:
    """The message in a language. What has no code is somebody else's words."""
    if language is Language.ENGLISH or not message:
        return str(message)
    said = Message.of(message)
    return _say(said.code, said.params, language)


def is_same(one: str, other: str) -> bool:
    """Both say the same of the same: codes and names are compared; not numbers, nor somebody else's words within."""
    return _identity(Message.of(one)) == _identity(Message.of(other))


def harmless(words: str) -> str:
    """Anybody's words on one line. Signs that show nothing, or turn the direction of writing, are named, not obeyed."""
    cut = words if len(words) <= LONGEST_PARAMETER else f"{words[:LONGEST_PARAMETER]}..."
    return "".join(map(visible, cut))


def visible(sign: str) -> str:
    """A sign as something that can be seen: control and format signs, lone surrogates and unassigned ones by number."""
    if sign.isspace():
        return " "
    return f"\\u{ord(sign):04x}" if unicodedata.category(sign).startswith("C") else sign


@cache
def _parameters(code: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for _, name, _, _ in Formatter().parse(CATALOGUE[code][0]) if name))


def _say(code: str, params: Mapping[str, Param], language: Language) -> str:
    words = CATALOGUE[code][0 if language is Language.ENGLISH else 1]
    said = words.format_map({name: _say_param(name, value, language) for name, value in params.items()})
    if _EDGE not in said:
        return said
    said = _STOP_WITHIN.sub("", said)
    return (said if language is Language.ENGLISH else _BLANK_BESIDE.sub("", said)).replace(_EDGE, "")


def _say_param(name: str, value: Param, language: Language) -> str | int | float:
    match value:
        case Message():
            return f"{_EDGE}{_say(value.code, value.params, language)}{_EDGE}"
        case str():
            return harmless(value)
        case int() | float():
            return value
        case _:
            between = {"sentences": _BETWEEN_SENTENCES, "pair": _BETWEEN_A_PAIR}.get(name, _BETWEEN)
            return between[language].join(str(_say_param("", part, language)) for part in value)


_EDGE = "\0"
_STOP_WITHIN = re.compile(f"[.\\u3002](?={_EDGE}+[.,;:)\\u3002\\u3001\\uff09])")
"""A sentence within another ends with the other's sign."""
_BLANK_BESIDE = re.compile(
    f"(?<=[^\\x00-\\x7f]) {_EDGE}(?=[^\\x00-\\x7f])|(?<=[^\\x00-\\x7f]){_EDGE} (?=[^\\x00-\\x7f])"
)
"""Japanese sets names off with a blank, and nothing off from Japanese: so where a part turned out to be no name."""


def parts_of(message: str) -> Iterator[Message]:
    """The message, and every message within it."""
    whole = Message.of(message)
    yield whole
    for value in whole.params.values():
        for part in [value] if isinstance(value, str | int | float) else value:
            if isinstance(part, Message):
                yield from parts_of(part)


def _identity(message: Message) -> tuple[Any, ...]:
    if message.code == TEXT:
        return TEXT, str(message)
    names = sorted(name for name in message.params if name not in FOREIGN)
    return message.code, *(_identity_of(message.params[name]) for name in names)


def _identity_of(value: Param) -> Any:
    match value:
        case Message():
            return _identity(value)
        case str():
            return str(value)
        case int() | float():
            return None
        case _:
            return tuple(_identity_of(part) for part in value)


def _to_data(message: Message) -> dict[str, Any]:
    return {"code": message.code, "params": {name: _to_plain(value) for name, value in message.params.items()}}


def _to_plain(value: Param) -> Any:
    match value:
        case Message():
            return _to_data(value)
        case str() | int() | float():
            return value
        case _:
            return [_to_plain(part) for part in value]


def _from_data(data: Any) -> Message:
    return Message(data["code"], **{str(name): _from_plain(part) for name, part in data["params"].items()})


def _from_plain(value: Any) -> Param:
    match value:
        case dict():
            return _from_data(value)
        case str() | int() | float():
            return value
        case list():
            return [str(part) if isinstance(part, str) else _from_data(part) for part in value]
        case _:
            raise ValueError(f"no parameter of a message: {value!r:.100}")


def _again(code: str, params: dict[str, Param]) -> Message:
    return Message(code, **params)


NOTHING = Message.of("")
