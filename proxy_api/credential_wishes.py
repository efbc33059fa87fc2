"""What POST /v1/proxy/credentials asks for, read from its body. Pure.

The fields are the reference's: https://braintrust.dev/docs/api-reference/proxy/create-temporary-credential . Unlike
there a life may be as short as a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from keys.entrance.temporary import DEFAULT_SECONDS, MOST_SECONDS, Wishes
from proxy_api.errors import BadRequest
from proxy_api.selectors import parent_of

MODEL_LONGEST = 512
NAME_LONGEST = 200
Fault = dict[str, Any]


class Faults(BadRequest):
    """All that is wrong with a body. faults: in the reference's form, [{code, path, message}]."""

    code = "invalid_credential_request"

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(fault["message"] for fault in faults), param=str(faults[0]["path"][0]))
        self.faults = faults


def read(body: Mapping[str, Any], organization: str) -> Wishes:
    """organization: whose the credential will be, as the call says. Raises Faults."""
    faults = list(found(body))
    if faults:
        raise Faults(faults)
    logging = body.get("logging")
    return Wishes(
        seconds=body.get("ttl_seconds") or DEFAULT_SECONDS,
        model=body.get("model"),
        organization=organization,
        logging={name: logging[name] for name in LOGGING if name in logging} if logging else None,
    )


def found(body: Mapping[str, Any]) -> Iterator[Fault]:
    """What is wrong, field by field. A field that nobody knows is left alone (clients.md)."""
    for name, check in FIELDS.items():
        if name in body:
            yield from check(name, body[name])


def model(name: str, value: Any) -> Iterator[Fault]:
    """An empty one is a mistake, such as a variable that is not set, and must not mean every model."""
    if value is not None and not is_text(value, MODEL_LONGEST):
        yield fault("invalid_type", [name], f"model must be a text of 1 to {MODEL_LONGEST} characters, or null")


def seconds(name: str, value: Any) -> Iterator[Fault]:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield fault("invalid_type", [name], "ttl_seconds must be a number")
    elif not 1 <= value <= MOST_SECONDS:
        code = "too_big" if value > MOST_SECONDS else "too_small"
        yield fault(code, [name], f"ttl_seconds must be a number from 1 to {MOST_SECONDS}")


def logging(name: str, value: Any) -> Iterator[Fault]:
    if value is None:
        return
    if not isinstance(value, dict):
        yield fault("invalid_type", [name], "logging must be an object or null")
        return
    if "project_name" not in value and "parent" not in value:
        yield fault("invalid_union", [name], "logging must have project_name or parent")
    for inner in LOGGING:
        if inner in value:
            yield from LOGGING[inner]([name, inner], value[inner])


def project_name(path: list[str], value: Any) -> Iterator[Fault]:
    if not is_text(value, NAME_LONGEST):
        yield fault("invalid_type", path, f"logging.project_name must be a text of 1 to {NAME_LONGEST} characters")


def parent(path: list[str], value: Any) -> Iterator[Fault]:
    if not isinstance(value, str) or not value:
        yield fault("invalid_type", path, "logging.parent must be a text")
        return
    try:
        parent_of(value)
    except BadRequest as error:
        yield fault("custom", path, error.message)


def compress_audio(path: list[str], value: Any) -> Iterator[Fault]:
    if not isinstance(value, bool):
        yield fault("invalid_type", path, "logging.compress_audio must be true or false")


def is_text(value: Any, longest: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= longest and value.isprintable()


def fault(code: str, path: list[str], message: str) -> Fault:
    return {"code": code, "path": path, "message": message}


FIELDS: Mapping[str, Callable[[str, Any], Iterator[Fault]]] = {
    "model": model,
    "ttl_seconds": seconds,
    "logging": logging,
}
LOGGING: Mapping[str, Callable[[list[str], Any], Iterator[Fault]]] = {
    "project_name": project_name,
    "parent": parent,
    "compress_audio": compress_audio,
}
