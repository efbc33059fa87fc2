"""The README's promises, held against the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from django.conf import settings

from tests import provider_table

ROOT = Path(__file__).resolve().parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
# By the names of providers, which are data; held against them in proxy_api's tests.
PATTERNS = {"<PROVIDER>_API_KEY", "<PROVIDER>_BASE_URL", "<PROVIDER>_<OPTION>"}


def table() -> dict[str, str]:
    """{setting: default} of the README's settings table."""
    section = README.partition("## Settings")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.+?) \| .+? \| (.+?) \|$", section, re.MULTILINE)
    return {name: default for cell, default in rows for name in re.findall(r"`([^`]+)`", cell)}


def read_in_settings() -> dict[str, str]:
    """{setting: its default as written} of every call of environment.py in settings.py."""
    tree = ast.parse((ROOT / "proxy_site" / "settings.py").read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    ours = [call for call in calls if isinstance(call.func.value, ast.Name) and call.func.value.id == "env"]
    named = [call for call in ours if call.args and isinstance(call.args[0], ast.Constant)]
    return {call.args[0].value: ast.unparse(call.args[1]) if len(call.args) > 1 else "" for call in named}


def test_every_setting_stands_in_the_readme_and_every_line_of_it_is_a_setting() -> None:
    assert set(table()) - PATTERNS == set(read_in_settings())


def test_the_defaults_in_the_readme_are_the_defaults_of_the_code() -> None:
    numbers = {name: default for name, default in table().items() if default.isdigit()}
    assert len(numbers) > 10
    for name, default in numbers.items():
        assert ast.literal_eval(str(eval(read_in_settings()[name], {}))) == int(default), name


def test_the_readme_names_the_routes_that_exist() -> None:
    for path in ("/v1/proxy/chat/completions", "/v1/models", "/admin/", "/docs/", "/healthz", "/readyz"):
        assert path in README
    assert settings.ROOT_URLCONF


def test_the_table_of_providers_is_what_the_rows_say() -> None:
    assert provider_table.inside(README) == provider_table.table(), "python -m tests.provider_table writes it anew"
