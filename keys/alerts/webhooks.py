"""An alert as a POST of JSON, through the address gate, signed as https://www.standardwebhooks.com/ says.

    webhook-id         the same in every try: who has seen it may answer 204 and do nothing
    webhook-timestamp  Unix seconds of the try
    webhook-signature  "v1," and the base64 of HMAC-SHA256 over `id.timestamp.body`

The key is out of the installation's pepper and the address, so that no receiver can sign for another one. `manage.py
webhook_secret URL` shows it in the form that the libraries take: "whsec_" and its base64.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from keys.alerts.channels import NotDelivered
from keys.alerts.notices import Notice, payload
from keys.outward.fetching import FetchFailed, Request, fetch
from keys.secrecy.pepper import pepper

PURPOSE = "alert webhooks"
SECONDS = 10.0
MOST = 1 << 16  # bytes of the answer, which nobody reads


def send(url: str, notice: Notice, now: float) -> None:
    """`now`: Unix s. Raises NotDelivered for everything but an answer of 2xx."""
    if not url:
        raise NotDelivered("no webhook any more")
    body = payload(notice)
    headers = {"content-type": "application/json", **signed(signing_key(url), notice.id, int(now), body)}
    try:
        answer = fetch(Request("POST", url, headers, body, SECONDS, MOST))
    except FetchFailed as failure:
        raise NotDelivered(str(failure)) from None
    if not 200 <= answer.status < 300:
        raise NotDelivered(f"the webhook answered {answer.status}")


def signed(key: bytes, id: str, at: int, body: bytes) -> dict[str, str]:
    """The three headers."""
    signature = hmac.digest(key, f"{id}.{at}.".encode() + body, hashlib.sha256)
    said = f"v1,{base64.b64encode(signature).decode()}"
    return {"webhook-id": id, "webhook-timestamp": str(at), "webhook-signature": said}


def signing_key(url: str) -> bytes:
    """32 bytes. DatabaseAway, SealBroken."""
    return hmac.digest(pepper(PURPOSE), url.encode(), hashlib.sha256)


def shown_key(url: str) -> str:
    """What the receiver at `url` checks signatures with."""
    return f"whsec_{base64.b64encode(signing_key(url)).decode()}"
