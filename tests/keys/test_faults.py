"""What an operator may write of keys and budgets, and what is said of the rest."""

from decimal import Decimal

import pytest

from keys.administration import faults
from keys.outward import credentials
from keys.outward.credentials import Declared


@pytest.fixture
def openai(monkeypatch):
    monkeypatch.setattr(credentials, "_declared", {})
    credentials.declare({"openai": Declared(), "mistral": Declared()})


@pytest.mark.parametrize("network", ["10.0.0.0/8", "10.1.2.3/8", "203.0.113.7", "2001:db8::/32", "::1"])
def test_networks_are_addresses_and_blocks_of_both_kinds(network):
    assert faults.network_faults([network]) == []


@pytest.mark.parametrize("network", ["10.0.0.0/33", "example.com", "10.0.0", "10.0.0.0-10.0.0.9", "*", "::/129"])
def test_what_is_no_network_is_named(network):
    assert network in faults.network_faults(["10.0.0.0/8", network])[0]


@pytest.mark.parametrize("endpoint", ["chat/completions", "embeddings", "audio/*", "*", "files/file-abc/content"])
def test_endpoints_are_paths_and_patterns(endpoint):
    assert faults.endpoint_faults([endpoint]) == []


@pytest.mark.parametrize("endpoint", ["/chat/completions", "v1/embeddings", "https://x.example/v1", "chat completions"])
def test_an_endpoint_that_nothing_would_fit_is_refused(endpoint):
    assert faults.endpoint_faults([endpoint])


@pytest.mark.usefixtures("openai")
def test_a_provider_is_one_that_there_is_or_a_pattern_of_one():
    assert faults.provider_faults(["openai", "mis*"]) == []
    assert "opena1" in faults.provider_faults(["openai", "opena1"])[0]


@pytest.mark.parametrize(("amount", "unit"), [("0", "usd"), ("0.000001", "usd"), ("5", "tokens"), ("5.0", "requests")])
def test_an_amount_is_money_or_a_whole_number(amount, unit):
    assert faults.amount_faults(Decimal(amount), unit) == []


@pytest.mark.parametrize(("amount", "unit"), [("0.5", "tokens"), ("9007200", "usd"), (str(2**53 + 1), "requests")])
def test_an_amount_that_cannot_be_counted_exactly_is_refused(amount, unit):
    assert faults.amount_faults(Decimal(amount), unit)


@pytest.mark.parametrize("written", [[0], [1001], [-5], list(range(1, 12))])
def test_thresholds_are_a_few_percentages(written):
    assert faults.threshold_faults(written)
    assert faults.threshold_faults([50, 80, 100, 120]) == []


@pytest.mark.parametrize("url", ["http://hooks.example.com/x", "https://127.0.0.1/jwks", "https://u:p@example.com/"])
def test_an_address_passes_the_gate(url):
    assert faults.address_faults(url)
    assert faults.address_faults("https://hooks.example.com/x?token=abc") == []
