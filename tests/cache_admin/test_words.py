"""The word index finds stored requests by what they say, and tells nobody what that is."""

from __future__ import annotations

import time
import unicodedata
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache_admin import words
from cache_admin.models import CompletionWord, StoredCompletion
from cache_admin.shipping import ship
from tests.cache_admin.entries import keep

pytestmark = pytest.mark.django_db(transaction=True)


def said(request: Any) -> list[str]:
    return list(words.distinct(words.texts(request)))


def asked(*contents: str) -> bytes:
    return orjson.dumps({"model": "gpt", "messages": [{"role": "user", "content": text} for text in contents]})


def found(text: str) -> list[int]:
    rows = words.containing(StoredCompletion.objects.all(), text).order_by("created_at")
    return [int(row.digest, 16) for row in rows]


def test_requests_are_found_by_all_the_words_of_a_search() -> None:
    now = time.time()
    keep(1, at=now, request=asked("Which plums are purple?"))
    keep(2, at=now + 1, request=asked("Which PLUMS are blue in 1984?"))
    keep(3, at=now + 2, request=asked("Nothing of the kind"))
    ship(now)
    assert found("plums") == [1, 2]
    assert found("Plums which") == [1, 2]
    assert found("plums blue") == [2]
    assert found("1984") == [2]
    assert found("plum") == []


def test_a_search_finds_the_same_whether_many_or_few_have_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    keep(1, at=now, request=asked("purple plums"))
    keep(2, at=now + 1, request=asked("purple plums and pears"))
    keep(3, at=now + 2, request=asked("pears"))
    ship(now)
    for few in (1, 2, 3000):
        monkeypatch.setattr(words, "FEW", few)
        assert [found(text) for text in ("purple", "pears plums", "pears", "apples")] == [[1, 2], [2], [2, 3], []]


def test_a_search_without_a_word_finds_nothing() -> None:
    keep(1, at=time.time(), request=asked("to be or not to be"))
    ship(time.time())
    assert found("?!") == found("") == found("to be") == []


def test_words_are_the_same_in_any_case_and_with_or_without_accents() -> None:
    assert said({"prompt": "Café CAFE\u0301 ᴬBC Straße STRASSE Ünïcode 東京都"}) == [
        "cafe",
        "abc",
        "strasse",
        "unicode",
        "東京",
        "京都",
    ]


@pytest.mark.parametrize(
    ("text", "words_"),
    [
        ("吾輩は猫である。", ["吾輩", "輩は", "は猫", "猫て", "てあ", "ある"]),
        ("我爱北京，猫", ["我爱", "爱北", "北京", "猫"]),
        ("ﾗｰﾒﾝ", ["ラー", "ーメ", "メン"]),
        ("東京tower2024年", ["東京", "tower2024", "年"]),
        ("时时时时", ["时时"]),
        ("서울에서", [unicodedata.normalize("NFKD", "서울에서")]),  # Korean sets its words apart
    ],
)
def test_where_nothing_sets_words_apart_every_two_characters_are_one(text: str, words_: list[str]) -> None:
    assert said({"prompt": text}) == words_


def test_a_chinese_or_japanese_word_is_found_within_a_sentence() -> None:
    now = time.time()
    keep(1, at=now, request=asked("明日の東京都の天気予報を教えてください"))
    keep(2, at=now + 1, request=asked("东京今天的天气怎么样？"))
    keep(3, at=now + 2, request=asked("Nothing of the kind, 天"))
    ship(now)
    assert found("天気") == found("天気予報") == found("東京都 教えて") == [1]
    assert found("天气") == found("今天的天气") == [2]
    assert found("天") == [3]
    assert found("京東") == []


def test_an_entry_has_no_more_than_sixty_words_of_chinese_either() -> None:
    keep(1, at=time.time(), request=asked("".join(chr(0x4E00 + at) for at in range(500))))
    ship(time.time())
    assert CompletionWord.objects.count() == 60


def test_short_words_are_left_out_and_numbers_are_not() -> None:
    assert said({"prompt": "I am an owl of 7 in 2024, no_way"}) == ["owl", "7", "2024", "way"]


@pytest.mark.parametrize(
    ("request_", "words_"),
    [
        ({"input": ["first text", "second text"]}, ["second", "text", "first"]),
        ({"input": [[1, 2], [3]], "model": "embedding"}, []),
        (
            {"instructions": "stay calm", "input": [{"role": "user", "content": [{"text": "hello"}]}]},
            ["hello", "stay", "calm"],
        ),
        ({"system": "stay calm", "messages": [{"content": "bye"}]}, ["bye", "stay", "calm"]),
        ({"messages": [{"content": [{"image_url": {"url": "data:image/png;base64,iVBORw0KGgo"}}]}]}, []),
        (
            {"messages": [{"tool_calls": [{"id": "call1", "function": {"arguments": '{"city":"Oslo"}'}}]}]},
            ["city", "oslo"],
        ),
        ({"messages": "loose"}, ["loose"]),
        ([], []),
        (7, []),
    ],
)
def test_of_a_request_only_what_somebody_said_counts(request_: Any, words_: list[str]) -> None:
    assert said(request_) == words_


def test_an_entry_has_sixty_words_and_the_last_message_comes_first() -> None:
    keep(1, at=time.time(), request=asked("beginning", " ".join(f"word{n}" for n in range(100))))
    keep(2, at=time.time(), request=asked("beginning", "end"))
    ship(time.time())
    assert CompletionWord.objects.filter(digest__endswith="1").count() == 60
    assert found("beginning") == [2]
    assert found("word59") == [1]


def test_what_is_sealed_to_its_caller_has_no_words() -> None:
    keep(1, at=time.time(), request=asked("a secret between us"), caller_key=bytes(32))
    assert ship(time.time())["completions"] == 1
    assert not CompletionWord.objects.exists()


def test_a_request_that_is_no_json_lands_without_words() -> None:
    keep(1, at=time.time(), request=b"no json")
    assert ship(time.time())["completions"] == 1
    assert not CompletionWord.objects.exists()


def test_a_newer_answer_moves_its_words_along() -> None:
    now = time.time()
    keep(1, at=now, request=asked("purple plums"))
    ship(now)
    keep(1, at=now + 5, request=asked("purple plums"))
    ship(now)
    assert CompletionWord.objects.count() == 2
    assert found("purple") == [1]


def test_no_word_stands_in_the_index() -> None:
    keep(1, at=time.time(), request=asked("purple"))
    ship(time.time())
    row = CompletionWord.objects.get()
    assert row.word == words.mark_of("purple") != words.mark_of("purples")
    assert 0 <= row.word < 2**63


@given(st.text())
def test_every_word_of_a_text_is_found_by_itself(text: str) -> None:
    for word in words.distinct([text]):
        assert list(words.distinct([word])) == [word]
