"""What the operator is told once: the first key with a line to try it, the admin's address and password."""

from __future__ import annotations

from django.conf import settings

from proxy_site.serving import readiness
from proxy_site.serving.first_run import Made
from proxy_site.serving.plan import Options


def greeting(made: Made, options: Options) -> str:
    """The text for a first run; empty where there is nothing new to say."""
    address = readiness.web_address(readiness.reachable(options.host), options.port)
    parts = [key_lines(made.token, address), admin_lines(made, address), host_lines(options.host)]
    return "\n".join(part for part in parts if part)


def key_lines(token: str | None, address: str) -> str:
    if token is None:
        return ""
    return f"""
Your first key (shown this once):

    {token}

Try it (a provider's key must be there: OPENAI_API_KEY in the environment, or a credential in the admin):

    curl {address}/v1/chat/completions \\
      -H "Authorization: Bearer {token}" -H "Content-Type: application/json" \\
      -d '{{"model": "openai/gpt-4o-mini", "messages": [{{"role": "user", "content": "Hello"}}]}}'
"""


def admin_lines(made: Made, address: str) -> str:
    if made.admin_user is None:
        return ""
    password = made.admin_password or "the one in DRAGOMAN_ADMIN_PASSWORD"
    return f"Admin: {address}/admin/  user: {made.admin_user}  password: {password}\n"


def host_lines(host: str) -> str:
    """Listening for others while answering only to loopback names is a common first mistake."""
    if host in ("localhost", "127.0.0.1", "::1") or settings.PUBLIC:
        return ""
    return (
        f"Listening on {host}, but only loopback names are answered: set DRAGOMAN_ALLOWED_HOSTS to this host's names.\n"
    )
