"""gunicorn's settings as a worker reads them for each request: each what it was, and nobody's word is taken."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from gunicorn.config import Config
from gunicorn.http import wsgi

from proxy_site import once


@pytest.fixture
def unsettled() -> Iterator[None]:
    """What settle() puts into gunicorn's module goes again."""
    before = wsgi.base_environ
    yield
    wsgi.base_environ = before


@pytest.mark.usefixtures("unsettled")
def test_a_settled_configuration_says_what_it_said_before() -> None:
    config, fresh = Config(), Config()
    for each in (config, fresh):
        each.set("keepalive", 7)
        each.set("workers", 3)
    once.settle(config)
    assert {name: getattr(config, name) for name in fresh.settings} == {
        name: getattr(fresh, name) for name in fresh.settings
    }
    assert (config.is_ssl, config.address) == (fresh.is_ssl, fresh.address)


@pytest.mark.usefixtures("unsettled")
def test_each_request_has_an_environ_of_its_own() -> None:
    config = Config()
    expected = wsgi.base_environ(config)
    once.settle(config)
    first, second = wsgi.base_environ(config), wsgi.base_environ(config)
    first["HTTP_X"] = "mine"
    assert "HTTP_X" not in second
    assert {**second, "wsgi.errors": None} == {**expected, "wsgi.errors": None}
