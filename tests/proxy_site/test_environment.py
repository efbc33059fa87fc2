"""Settings come from the environment, or from a file that it names."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from proxy_site import environment


def test_a_value_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from file\n")
    monkeypatch.setenv("R5_FILE", str(tmp_path / "secret"))
    assert environment.text("R5") == "from file"


def test_the_value_itself_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from file")
    monkeypatch.setenv("R5_FILE", str(tmp_path / "secret"))
    monkeypatch.setenv("R5", " here ")
    assert environment.text("R5") == "here"


def test_a_file_that_is_missing_is_said_with_the_settings_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("R5_FILE", "/no/such/file")
    with pytest.raises(ImproperlyConfigured, match="R5_FILE"):
        environment.text("R5")


@pytest.mark.parametrize(("value", "meaning"), [("1", True), ("Yes", True), ("off", False), ("", False)])
def test_a_flag_has_a_few_spellings(monkeypatch: pytest.MonkeyPatch, value: str, meaning: bool) -> None:
    monkeypatch.setenv("R5", value)
    assert environment.flag("R5") is meaning


def test_networks_are_a_list_and_anything_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("R5", "10.0.0.0/8, 192.0.2.1,2001:db8::/32")
    assert [str(one) for one in environment.networks("R5")] == ["10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32"]
    monkeypatch.setenv("R5", "proxy.example.com")
    with pytest.raises(ImproperlyConfigured, match="R5"):
        environment.networks("R5")


@pytest.mark.parametrize("value", ["maybe", "2"])
def test_a_flag_that_is_neither_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("R5", value)
    with pytest.raises(ImproperlyConfigured, match="R5 must be 1 or 0"):
        environment.flag("R5")


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "x"])
def test_a_number_that_makes_no_sense_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("R5", value)
    with pytest.raises(ImproperlyConfigured, match="R5"):
        environment.number("R5", 3)


def test_a_whole_number_has_no_fraction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("R5", "1.5")
    with pytest.raises(ImproperlyConfigured, match="whole"):
        environment.whole("R5", 1)


def test_a_list_drops_blanks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("R5", "a, ,b,")
    assert environment.names("R5") == ("a", "b")


def test_a_providers_key_may_stand_in_a_file_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-1\n")
    monkeypatch.setenv("ACME_API_KEY_FILE", str(tmp_path / "key"))
    assert environment.everything()["ACME_API_KEY"] == "sk-1"


def test_azures_address_may_stand_in_a_file_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "address").write_text("https://r.openai.azure.com\n")
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT_FILE", str(tmp_path / "address"))
    assert environment.everything()["AZURE_OPENAI_ENDPOINT"] == "https://r.openai.azure.com"
