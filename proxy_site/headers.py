"""The browser's orders for our own pages: everything from here, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

PAGE = (
    "default-src 'none'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; font-src 'self'; script-src 'self'{}; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# django-unfold's Alpine.js evaluates expressions from attributes; nothing else of ours does.
ADMIN = PAGE.format(" 'unsafe-eval'")
ELSEWHERE = PAGE.format("")


def content_security_policy(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: a Content-Security-Policy (https://www.w3.org/TR/CSP3/) on every page, looser on /admin/ alone."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        policy = ADMIN if request.path.startswith("/admin/") else ELSEWHERE
        response.headers.setdefault("Content-Security-Policy", policy)
        return response

    return middleware
