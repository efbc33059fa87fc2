import pytest

from proxy_api.catalog import facts


@pytest.mark.parametrize("model", ["gemini-2.0-flash", "gemini-1.5-pro", "gemini-2.5-flash-preview-tts"])
def test_models_before_2_5_and_those_that_speak_do_not_think(model: str) -> None:
    assert facts(model).thinking == "none"


@pytest.mark.parametrize(
    ("model", "budgets", "always"),
    [
        ("gemini-2.5-pro", (128, 32768), True),
        ("gemini-2.5-flash", (1, 24576), False),
        ("gemini-2.5-flash-lite", (512, 24576), False),
        ("google/gemini-2.5-flash", (1, 24576), False),
    ],
)
def test_2_5_thinks_by_a_budget_within_limits(model: str, budgets: tuple[int, int], always: bool) -> None:
    known = facts(model)
    assert (known.thinking, known.budgets, known.always_thinks) == ("budget", budgets, always)
    assert not known.signed_calls


@pytest.mark.parametrize(
    ("model", "levels"),
    [
        ("gemini-3-pro-preview", ("low", "high")),
        ("gemini-3.1-pro-preview", ("low", "medium", "high")),
        ("gemini-3-flash-preview", ("minimal", "low", "medium", "high")),
        ("gemini-3.1-flash-lite", ("minimal", "low", "medium", "high")),
        ("gemini-3.5-flash", ("minimal", "low", "medium", "high")),
        ("gemini-3.8-flash", ("low", "medium", "high")),
        ("gemini-flash-latest", ("low", "medium", "high")),
        ("gemini-4-pro", ("low", "medium", "high")),
    ],
)
def test_from_gemini_3_on_thinking_has_levels_and_calls_are_signed(model: str, levels: tuple[str, ...]) -> None:
    known = facts(model)
    assert (known.efforts, known.signed_calls, known.media_results) == (levels, True, True)


def test_sampling_is_fixed_from_3_6_on() -> None:
    assert not facts("gemini-3.5-flash").refuses_sampling
    assert all(
        facts(model).refuses_sampling for model in ("gemini-3.5-flash-lite", "gemini-3.6-flash", "gemini-3.8-flash")
    )
