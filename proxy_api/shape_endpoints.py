"""The validators of the endpoints beside chat: tables of fields as in shape.py, and chat's own rules where they agree.

https://developers.openai.com/api/reference/resources/completions , /embeddings , /moderations . Unknown fields pass,
null stands for an absent field, and where hosts of the family allow more than OpenAI, the wider rule stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from proxy_api.errors import BadRequest
from proxy_api.shape import FIELDS, MAX_TOKENS, NO_LIMIT
from proxy_api.shape_rules import (
    Rule,
    a_dict,
    filled,
    flag,
    integer,
    items,
    missing,
    one_of,
    text,
    wrong_type,
    wrong_value,
)

_TOKEN = integer(0, MAX_TOKENS)
_ITEMS: Mapping[type, Rule] = {str: text, int: _TOKEN, list: items(_TOKEN, low=1), dict: a_dict}


def _several(value: Any, param: str, single: Rule) -> None:
    """A text, or a list of texts, of token ids, of token arrays or of parts, all of one kind."""
    if type(value) is str:
        single(value, param)
        return
    if type(value) is not list:
        raise wrong_type(param, "a string or an array", value)
    if not value:
        raise wrong_value(param, "array too short, expected at least 1")
    rule = _ITEMS.get(type(value[0]))
    if rule is None:
        raise wrong_type(f"{param}[0]", "a string, an integer, an array or an object", value[0])
    items(rule)(value, param)


def _input(value: Any, param: str) -> None:
    _several(value, param, filled)
    if type(value) is list and "" in value:
        raise wrong_value(f"{param}[{value.index('')}]", "empty string")


def _prompt(value: Any, param: str) -> None:
    _several(value, param, text)


def _never(value: Any, param: str) -> None:
    flag(value, param)
    if value:
        raise BadRequest("This endpoint has no streamed answers.", param=param, code="unsupported_value")


_SHARED = ("model", "user", "metadata", "safety_identifier")
_OF_CHAT = ("temperature", "top_p", "n", "stream", "stream_options", "stop", "presence_penalty", "frequency_penalty")
_COMMON: Mapping[str, Rule] = {name: FIELDS[name] for name in _SHARED}
EMBEDDINGS: Mapping[str, Rule] = {
    **_COMMON,
    "input": _input,
    "encoding_format": one_of("float", "base64"),
    "dimensions": integer(1, MAX_TOKENS),
    "stream": _never,
}
MODERATIONS: Mapping[str, Rule] = {**_COMMON, "input": _input, "stream": _never}
COMPLETIONS: Mapping[str, Rule] = {
    **_COMMON,
    **{name: FIELDS[name] for name in (*_OF_CHAT, "logit_bias", "seed", "use_cache")},
    "prompt": _prompt,
    "suffix": text,
    "echo": flag,
    "max_tokens": integer(NO_LIMIT, MAX_TOKENS),  # 0 with `echo`: the prompt's own logprobs
    "best_of": integer(1, 128),
    "logprobs": integer(-1),  # as top_logprobs
}


def checker(fields: Mapping[str, Rule], *required: str) -> Callable[[dict[str, Any]], None]:
    """A validator as shape.check_chat is one: returns, or raises BadRequest with the param."""

    def check(value: dict[str, Any]) -> None:
        for name in required:
            if value.get(name) is None:
                raise missing(name)
        for name, item in value.items():
            rule = fields.get(name)
            if rule is not None and item is not None:
                rule(item, name)

    return check


check_embeddings = checker(EMBEDDINGS, "model", "input")
check_moderations = checker(MODERATIONS, "model", "input")
check_completions = checker(COMPLETIONS, "model")
