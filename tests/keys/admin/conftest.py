import pytest
from django.contrib.auth.models import User

from keys.outward import credentials
from keys.outward.credentials import Declared
from keys.outward.options import Option


@pytest.fixture(autouse=True)
def declared(monkeypatch, settings):
    monkeypatch.setattr(credentials, "_declared", {})
    settings.DRAGOMAN_PROVIDER_ENV = {"OPENAI_API_KEY": "sk-from-the-environment"}
    told = {"openai": Declared(), "ollama": Declared(keyless=True), "custom": Declared()}
    credentials.declare({**told, "vertex": Declared(options=(Option("project"), Option("location")))})


@pytest.fixture
def operator(client):
    client.force_login(User.objects.create_superuser("operator"))
    return client
