"""README's table of providers, out of their rows. `python -m tests.provider_table` writes it anew."""

from __future__ import annotations

from pathlib import Path

from keys.outward.options import Option
from proxy_api.providers.rows import ROWS
from proxy_api.upstream import Provider

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN, END = "<!-- providers: begin -->\n", "<!-- providers: end -->\n"
HEAD = "| provider | key | also | address | languages |\n|---|---|---|---|---|\n"
LANGUAGES = {
    "openai_chat": "OpenAI",
    "openai_responses": "Responses",
    "anthropic": "Anthropic",
    "anthropic_bedrock": "InvokeModel",
    "anthropic_vertex": "rawPredict",
    "google": "Gemini",
    "bedrock_converse": "Converse",
    "mistral": "Mistral",
    "cohere": "Cohere",
    "ollama": "Ollama",
}


def table() -> str:
    """One line for each provider, by name."""
    return HEAD + "".join(line(row) for row in sorted(ROWS, key=lambda row: row.name))


def line(row: Provider) -> str:
    capital = row.name.upper().replace("-", "_")
    keys = ", ".join(f"`{name}`" for name in (f"{capital}_API_KEY", *row.env))
    more = [*(option_names(row, option) for option in row.options), parts(row)]
    also = "; ".join(filter(None, more))
    address = ", ".join(f"`{name}`" for name in (row.base_url or f"{capital}_BASE_URL", *row.addresses))
    none = " (none needed)" if row.keyless else ""
    return f"| [{row.name}]({row.source}) | {keys}{none} | {also} | {address} | {', '.join(languages(row))} |\n"


def option_names(row: Provider, option: Option) -> str:
    capital = row.name.upper().replace("-", "_")
    names = ", ".join(f"`{name}`" for name in (f"{capital}_{option.name.upper()}", *option.variables))
    return f"{names} ({option.default})" if option.default else names


def parts(row: Provider) -> str:
    """The variables that give a key in parts."""
    names = (f"`{part.variable}`" if part.needed else f"[`{part.variable}`]" for part in row.parts)
    return f"or {' '.join(names)}" if row.parts else ""


def languages(row: Provider) -> list[str]:
    """The usual one, then the others with the word that asks for them."""
    words = {name: word for word, name in row.dialects.items() if name != row.dialect}
    return [LANGUAGES[row.dialect], *(f"{LANGUAGES[name]} (`{row.name}:{word}/...`)" for name, word in words.items())]


def inside(text: str) -> str:
    """The table as it stands in the README."""
    return text.partition(BEGIN)[2].partition(END)[0]


def write() -> None:
    text = README.read_text(encoding="utf-8")
    README.write_text(text.replace(BEGIN + inside(text) + END, BEGIN + table() + END), encoding="utf-8")


if __name__ == "__main__":
    write()
