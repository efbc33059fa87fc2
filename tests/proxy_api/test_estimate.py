import pytest

from proxy_api.chat import Usage
from proxy_api.estimate import MEDIA_TOKENS, MOST, OUTPUT_TOKENS, estimate, presumed


def asked(models=("gpt-4o-mini",), writes=True, **body):
    return estimate(body, models, writes=writes)


def test_input_is_a_token_for_four_characters_of_text():
    assert asked(prompt="a" * 400).input_tokens == 100
    assert asked(prompt="a" * 401).input_tokens == 101
    assert asked(input=["a" * 8, "b" * 8]).input_tokens == 4


def test_tokens_that_are_given_as_numbers_count_one_each():
    assert asked(input=[1, 2, 3], writes=False).total == 3
    assert asked(input=[[1, 2], [3]], writes=False).total == 3


def test_media_are_a_flat_number_whatever_their_size():
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 100_000}}
    sound = {"type": "input_audio", "input_audio": {"data": "A" * 100_000, "format": "wav"}}
    said = {"role": "user", "content": [picture, sound, {"type": "text", "text": "a" * 40}]}
    assert 2 * MEDIA_TOKENS + 10 <= asked(messages=[said]).input_tokens <= 2 * MEDIA_TOKENS + 15


def test_tools_count_as_the_input_that_they_are_whatever_a_schema_holds():
    schema = {"type": ["string", "null"], "minimum": 1.5, "nullable": True, "default": None}
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}
    assert asked(tools=[tool]).input_tokens > 0


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", "max_output_tokens"])
def test_output_is_what_the_request_allows_for_each_choice(name):
    assert asked(**{name: 7}).output_tokens == 7
    assert asked(**{name: 7}, n=3).output_tokens == 21


def test_without_a_word_output_is_a_flat_number():
    assert asked().output_tokens == OUTPUT_TOKENS


def test_output_is_no_more_than_the_model_writes():
    assert asked(models=["claude-3-haiku"], max_tokens=50_000).output_tokens == 4096
    assert asked(models=["claude-3-haiku", "gpt-4o-mini"], max_tokens=50_000).output_tokens == 50_000


def test_vectors_are_no_tokens():
    assert asked(input="a" * 40, writes=False).total == 10


def test_each_prompt_of_a_list_has_an_answer():
    assert asked(prompt=["a", "b", "c"], max_tokens=5).output_tokens == 15
    assert asked(prompt=[1, 2, 3], max_tokens=5).output_tokens == 5


@pytest.mark.parametrize("rubbish", ["7", -7, 0, True, 7.5, None, [7], {"a": 7}])
def test_what_is_no_number_is_as_if_it_were_not_said(rubbish):
    assert asked(max_tokens=rubbish, n=rubbish).output_tokens == OUTPUT_TOKENS


def test_no_number_is_beyond_what_can_be_counted():
    assert asked(max_tokens=10**30, n=10**30).output_tokens == MOST


def test_of_an_untold_call_the_request_and_what_came_are_counted():
    assert presumed({"prompt": "a" * 400}, None, 9) == Usage(100, 3)


def test_what_was_told_of_it_is_the_least():
    told = Usage(7, 5, cached_tokens=2)
    assert presumed({"prompt": "a" * 400}, told, 0) == told
    assert presumed({"prompt": "a" * 400}, told, 40) == Usage(7, 10, cached_tokens=2)


@pytest.mark.parametrize("count", ["7", None, -1, True, 1.5])
def test_a_count_that_is_none_is_not_told(count):
    assert presumed({"prompt": "a" * 4}, Usage(count, count), 4) == Usage(1, 1)
