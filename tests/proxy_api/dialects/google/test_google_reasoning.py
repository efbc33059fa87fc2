"""How much a Gemini model shall think. Levels and budgets after https://ai.google.dev/gemini-api/docs/thinking"""

from __future__ import annotations

from typing import Any

import pytest

from tests.proxy_api.dialects.google.crossing import FLASH, NEW, PRO, both, config

LITE, OLD, THREE, LATEST = "gemini-2.5-flash-lite", "gemini-2.0-flash", "gemini-3.1-pro-preview", "gemini-3.8-flash"


def thinking(model: str, **asked: Any) -> Any:
    return (config(model, **asked) or {}).get("thinkingConfig")


def shown(**more: Any) -> dict[str, Any]:
    return {"includeThoughts": True, **more}


@pytest.mark.parametrize("model", [FLASH, PRO, NEW, THREE, LATEST])
def test_b12_efforts_none_minimal_and_high_differ_upstream(model: str) -> None:
    said = [str(thinking(model, reasoning_effort=effort)) for effort in ("none", "minimal", "high")]
    assert len(set(said)) == 3


@pytest.mark.parametrize(
    ("model", "effort", "expected"),
    [
        (FLASH, "none", {"thinkingBudget": 0}),
        (FLASH, "minimal", shown(thinkingBudget=1024)),
        (FLASH, "low", shown(thinkingBudget=1024)),
        (FLASH, "medium", shown(thinkingBudget=8192)),
        (FLASH, "high", shown(thinkingBudget=24576)),
        (PRO, "none", {"thinkingBudget": 128}),
        (PRO, "xhigh", shown(thinkingBudget=32768)),
        (NEW, "none", {"thinkingLevel": "MINIMAL"}),
        (NEW, "minimal", shown(thinkingLevel="MINIMAL")),
        (NEW, "xhigh", shown(thinkingLevel="HIGH")),
        (THREE, "minimal", shown(thinkingLevel="LOW")),
        (THREE, "medium", shown(thinkingLevel="MEDIUM")),
        ("gemini-3-pro-preview", "medium", shown(thinkingLevel="LOW")),
        (OLD, "high", None),
        (OLD, "none", None),
    ],
)
def test_an_effort_is_a_level_or_a_budget_by_the_models_family(model: str, effort: str, expected: Any) -> None:
    assert thinking(model, reasoning_effort=effort) == expected


@pytest.mark.parametrize(
    ("model", "asked", "expected"),
    [
        (FLASH, {"reasoning_budget": 2000}, shown(thinkingBudget=2000)),
        (FLASH, {"reasoning_budget": 2000, "reasoning_effort": "high"}, shown(thinkingBudget=2000)),
        (FLASH, {"reasoning_budget": 0}, {"thinkingBudget": 0}),
        (FLASH, {"reasoning_budget": -1}, shown(thinkingBudget=-1)),
        (FLASH, {"reasoning_enabled": True}, shown(thinkingBudget=-1)),
        (FLASH, {"reasoning_enabled": False, "reasoning_effort": "high"}, {"thinkingBudget": 0}),
        (LITE, {"reasoning_budget": 100}, shown(thinkingBudget=512)),
        (FLASH, {"reasoning_budget": 90000}, shown(thinkingBudget=24576)),
        (NEW, {"reasoning_budget": 2000}, shown(thinkingBudget=2000)),
        (NEW, {"reasoning_enabled": True}, shown()),
        (NEW, {"reasoning_enabled": False}, {"thinkingLevel": "MINIMAL"}),
        (LATEST, {"reasoning_budget": 2000}, shown(thinkingLevel="MEDIUM")),
        ("gemini-3-pro-image-preview", {"reasoning_effort": "high"}, shown()),
        (OLD, {"reasoning_enabled": False}, None),
    ],
)
def test_budgets_and_the_switch_of_the_reference_work(model: str, asked: dict[str, Any], expected: Any) -> None:
    assert thinking(model, **asked) == expected


@pytest.mark.parametrize(
    ("model", "asked", "reason"),
    [
        (OLD, {"reasoning_effort": "high"}, "the model does not think"),
        (PRO, {"reasoning_effort": "none"}, "the model always thinks"),
        (NEW, {"reasoning_effort": "none"}, "the model always thinks"),
        (NEW, {"reasoning_effort": "xhigh"}, "xhigh became high"),
        (LITE, {"reasoning_budget": 100}, "100 became 512"),
        (LATEST, {"reasoning_budget": 2000}, "2000 became medium"),
        ("gemini-3-pro-image-preview", {"reasoning_effort": "high"}, "the model decides how much it thinks"),
    ],
)
def test_what_a_model_cannot_do_is_reported(model: str, asked: dict[str, Any], reason: str) -> None:
    assert both(model, **asked)[1] == {next(iter(asked)): reason}


def test_what_a_model_can_do_is_not_reported() -> None:
    for model, asked in (
        (FLASH, {"reasoning_effort": "none"}),
        (NEW, {"reasoning_effort": "low"}),
        (OLD, {"reasoning_budget": 0}),
    ):
        assert both(model, **asked)[1] == {}


def test_fixed_sampling_is_left_out_and_reported() -> None:
    body, losses = both(LATEST, temperature=0, top_p=1, top_k=3)
    assert "generationConfig" not in body
    assert losses == dict.fromkeys(("temperature", "top_p", "top_k"), "the model's sampling is fixed")


def test_a_modality_that_gemini_has_not_is_reported() -> None:
    body, losses = both(modalities=["text", "smell"])
    assert body["generationConfig"] == {"responseModalities": ["TEXT"]}
    assert losses.keys() == {"modalities"}
