"""What a call says of organization, project and parent span, held against its key. Pure.

The organization comes by x-bt-org-name or in the address (/v1/proxy/btorg/ORG/...), the project by x-bt-project-id, the
span by x-bt-parent, all as in the reference (Braintrust's proxy), whose texts the refusals have. A key decides where
its calls belong: a selector may say the same, never something else.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from keys.entrance.identity import Identity
from proxy_api.errors import BadRequest
from proxy_api.rights import refused

ORGANIZATION, PROJECT, PARENT = "x-bt-org-name", "x-bt-project-id", "x-bt-parent"
IN_ADDRESS = "dragoman.organization"  # where the server puts what the address says, among a request's CGI variables
LONGEST = 200  # characters of a name that the ledger keeps
PARENT_LONGEST = 512
OBJECTS = ("project_id:", "project_name:", "experiment_id:")
SPAN_VERSIONS = range(1, 5)  # the first byte of what Braintrust's SDKs export of a span
_ADDRESS = re.compile(r"(?:/v1/proxy|/v1/v1|/v1|/proxy)?/(?i:btorg)/([^/]+)(?:/(.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Selected:
    """organization: as the call, or else its key, has it; parent: what the call is logged under. "": nothing."""

    organization: str = ""
    parent: str = ""


NOTHING = Selected()


def selected(headers: Mapping[str, str], in_address: str | None, identity: Identity) -> Selected:
    """What holds for one call. headers: names in lower case. Raises BadRequest; GatewayError 403 for a contradiction to
    the key."""
    if PROJECT in headers:
        check_project(said(headers, PROJECT), identity)
    organization = organization_of(said(headers, ORGANIZATION), in_address or "", identity.organization or "")
    parent = parent_of(said(headers, PARENT)) or identity.parent
    return Selected(organization, parent[:PARENT_LONGEST]) if organization or parent else NOTHING


def said(headers: Mapping[str, str], name: str) -> str:
    """A header's text: servers read its bytes as latin-1, clients write UTF-8."""
    value = headers.get(name, "").strip()
    if value.isascii():
        return value
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value


def organization_of(in_header: str, in_address: str, own: str) -> str:
    if in_header and in_address and in_header != in_address:
        raise BadRequest("Conflicting organization selectors", param=ORGANIZATION, code="conflicting_selectors")
    asked = in_header or in_address
    if not asked:
        return own
    if len(asked) > LONGEST or not asked.isprintable():
        raise BadRequest(f"An organization's name has 1 to {LONGEST} printable characters.", param=ORGANIZATION)
    if own and asked != own:
        raise refused(
            "The key that was sent belongs to another organization.", "organization_not_allowed", ORGANIZATION
        )
    return asked


def check_project(asked: str, identity: Identity) -> None:
    """Whether the key belongs to the project of this id or name."""
    if not identity.rights.project:
        raise refused(
            "The key that was sent belongs to no project, so x-bt-project-id cannot choose one.",
            "project_not_allowed",
            PROJECT,
        )
    if asked not in (identity.rights.project, identity.project_name):
        raise refused("The key that was sent belongs to another project.", "project_not_allowed", PROJECT)


def parent_of(asked: str) -> str:
    """An object or an exported span, as it came. Raises BadRequest with the reference's text."""
    if not asked:
        return ""
    if asked.startswith(OBJECTS):
        if not asked.isprintable() or not asked.partition(":")[2].strip():
            raise bad_parent(asked, "it names nothing")
    elif not is_span(asked):
        raise bad_parent(asked, "it is neither an exported span nor one of project_id:, project_name:, experiment_id:")
    return asked


def is_span(text: str) -> bool:
    """Base64 of a version byte and more: what stands in it is Braintrust's own matter."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(data) > 1 and data[0] in SPAN_VERSIONS


def bad_parent(asked: str, reason: str) -> BadRequest:
    shown = "".join(one if one.isprintable() else "?" for one in asked[:64])
    return BadRequest(f"Invalid parent header '{shown}': {reason}", param=PARENT, code="invalid_parent")


def without_organization(path: str) -> tuple[str, str] | None:
    """(path without its organization, organization) of a path as it was sent, percent-encoded; None where it has none.
    The path comes back decoded into latin-1, as PEP 3333 has it, and always under /v1/proxy/: whoever closes /admin/ or
    /v1/admin/ in front of this server has closed all ways to it."""
    found = _ADDRESS.fullmatch(path)
    if found is None:
        return None
    rest = unquote_to_bytes(found[2] or "").decode("latin-1")
    return f"/v1/proxy/{rest}", unquote_to_bytes(found[1]).decode(errors="replace")
