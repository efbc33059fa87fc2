"""The reasoning vault: what a plain OpenAI client drops is there again with its next turn, and for nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from cache_admin.thoughts import Owner, address
from keys import redis
from keys.secrecy.sealing import SealBroken, ring
from proxy_api.chat import (
    ChatRequest,
    Citation,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from proxy_api.vault import conversation, keep, named_call, pack, recalled, unpack
from proxy_site import installation
from tests import services

pytestmark = pytest.mark.django_db

OWNER = Owner("scope", "anthropic", "claude-sonnet-4-5")
CALL = ToolCall("toolu_1", "weather", '{"city":"Rome"}')
SIGNED = Reasoning("Rome is asked for.", "sig-1")
ASKED = (Message("system", (Text("Be brief"),)), Message("user", (Text("Weather in Rome?"),)))
RESULT = Message("tool", (ToolResult("toolu_1", (Text("20 C"),)),))


def request(*said: Part, rest: tuple[Message, ...] = (RESULT,), **fields: Any) -> ChatRequest:
    return ChatRequest(OWNER.model, (*ASKED, Message("assistant", said), *rest), **fields)


def answer_of(found: ChatRequest) -> tuple[Part, ...]:
    return found.messages[2].parts


def test_the_thought_before_a_tool_call_comes_back() -> None:
    keep(ASKED, [(SIGNED, Reasoning(redacted="r"), CALL)], OWNER)
    assert answer_of(recalled(request(CALL), OWNER)) == (SIGNED, Reasoning(redacted="r"), CALL)


def test_what_is_sealed_to_its_caller_opens_with_its_token_alone() -> None:
    mine, theirs = replace(OWNER, caller_mark=bytes(32)), replace(OWNER, caller_mark=bytes([1] * 32))
    keep(ASKED, [(SIGNED, CALL)], mine)
    keep(ASKED, [(Reasoning("Another thought", "sig-2"), CALL)], theirs)  # neither is in the other's way
    assert answer_of(recalled(request(CALL), mine)) == (SIGNED, CALL)
    assert answer_of(recalled(request(CALL), OWNER)) == (CALL,)
    sealed = redis.command("GET", address(mine, named_call(CALL.id)))
    with pytest.raises(SealBroken):
        ring().unseal(sealed, mine.place(named_call(CALL.id)))
    assert repr(mine) == repr(OWNER)


def test_thoughts_between_texts_and_calls_come_back_in_their_order() -> None:
    other = ToolCall("toolu_2", "time", "{}")
    parts = (SIGNED, Text("I look. "), CALL, Reasoning("And now", "sig-2"), other)
    keep(ASKED, [parts], OWNER)
    assert answer_of(recalled(request(Text("I look."), CALL, other), OWNER)) == parts


def test_the_clients_spelling_of_arguments_is_the_models_again_unless_it_changed_them() -> None:
    keep(ASKED, [(SIGNED, CALL)], OWNER)
    spaced = replace(CALL, arguments='{ "city": "Rome" }', cache_control={"type": "ephemeral"})
    assert answer_of(recalled(request(spaced), OWNER))[1] == replace(spaced, arguments=CALL.arguments)
    changed = replace(CALL, arguments='{"city":"Oslo"}')
    assert answer_of(recalled(request(changed), OWNER)) == (SIGNED, changed)


def test_a_calls_own_signature_comes_back_also_to_a_call_that_was_split_off() -> None:
    first, second = replace(CALL, signature="g1"), ToolCall("call_2", "time", "{}", "g2")
    keep(ASKED, [(first, second)], OWNER)
    plain = replace(first, signature=None), replace(second, signature=None)
    alone = recalled(request(plain[0], rest=(RESULT, Message("assistant", (plain[1],)))), OWNER)
    assert alone.messages[2].parts == (first,)
    assert alone.messages[4].parts == (second,)


def test_blocks_of_server_tools_and_the_source_of_a_citation_come_back() -> None:
    search = Opaque("anthropic", {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}})
    cited = Text("20 C", citations=(Citation(0, 4, "https://w.example", "W", {"encrypted_index": "E"}),))
    keep(ASKED, [(search, cited, Text(" today"))], OWNER)
    tools = ((0, Opaque("anthropic", {"type": "web_search_20250305", "name": "web_search"})),)
    more = (Message("user", (Text("And tomorrow?"),)),)
    found = recalled(request(Text("20 C today"), rest=more, native_tools=tools), OWNER)
    assert answer_of(found) == (search, cited, Text(" today"))


def test_the_phases_of_an_answers_texts_come_back_to_the_one_text_that_a_client_has() -> None:
    """gpt-5.3-codex and later want them, whether they think or not."""
    owner = replace(OWNER, provider="openai", model="gpt-5.4")
    phased = Text("I look. ", phase="commentary"), Text("20 C", phase="final_answer")
    keep(ASKED, [phased], owner)
    asked = replace(request(Text("I look. 20 C"), rest=()), model="gpt-5.4")
    assert answer_of(recalled(asked, owner)) == phased
    echoed = replace(request(Text("I look. 20 C", phase="final_answer"), rest=()), model="gpt-5.4")
    assert answer_of(recalled(echoed, owner)) == phased


def test_an_images_signature_comes_back_to_the_image_that_the_client_sends_again() -> None:
    first, second = Image("image/png", "AAAA", signature="i1"), Image("image/png", "BBBB", signature="i2")
    keep(ASKED, [(Text("Here", signature="t"), first, second)], OWNER)
    thinking = {"reasoning_effort": "low"}
    plain = [replace(image, signature=None) for image in (first, second)]
    own = Image(url="https://w.example/own.png")

    def back(*images: Image) -> tuple[Part, ...]:
        return answer_of(recalled(request(Text("Here"), *images, rest=(), knobs=thinking), OWNER))

    assert back(*plain) == (Text("Here", signature="t"), first, second)
    assert back(plain[1], own) == (Text("Here", signature="t"), second, own)
    assert back() == (Text("Here", signature="t"),)
    assert b"AAAA" not in (pack((first,)) or b"")


def test_a_cache_mark_of_the_client_stays() -> None:
    mark = {"type": "ephemeral", "ttl": "1h"}
    keep(ASKED, [(SIGNED, Text("20 C"))], OWNER)
    found = recalled(request(Text("20 C", mark), rest=(), knobs={"reasoning_effort": "low"}), OWNER)
    assert answer_of(found) == (SIGNED, Text("20 C", mark))


def test_an_answer_without_calls_is_found_by_its_conversation_alone() -> None:
    """Two users of one key may get the same short answer."""
    keep(ASKED, [(SIGNED, Text("20 C"))], OWNER)
    thinking = {"reasoning_effort": "low"}
    mine = request(Text("20 C"), rest=(), knobs=thinking)
    assert answer_of(recalled(mine, OWNER)) == (SIGNED, Text("20 C"))
    new_system = replace(mine, messages=(Message("system", (Text("It is noon"),)), *mine.messages[1:]))
    assert answer_of(recalled(new_system, OWNER))[0] == SIGNED
    others = replace(mine, messages=(ASKED[0], Message("user", (Text("In Oslo?"),)), mine.messages[2]))
    assert recalled(others, OWNER) == others
    no_thinking = replace(mine, knobs={})
    assert recalled(no_thinking, OWNER) == no_thinking


@pytest.mark.parametrize("change", [{"scope": "other"}, {"provider": "bedrock"}, {"model": "claude-opus-4-8"}])
def test_another_key_provider_or_model_gets_nothing(change: dict[str, Any]) -> None:
    keep(ASKED, [(SIGNED, CALL)], OWNER)
    asked = request(CALL)
    assert recalled(asked, replace(OWNER, **change)) is asked


def test_a_client_that_sends_its_thoughts_back_keeps_its_own() -> None:
    keep(ASKED, [(SIGNED, CALL)], OWNER)
    asked = request(Reasoning("Mine", "sig-mine"), CALL)
    assert recalled(asked, OWNER) is asked


def test_the_text_of_a_thought_without_its_signature_is_replaced() -> None:
    """reasoning_content is a string that some clients do send back."""
    keep(ASKED, [(SIGNED, CALL)], OWNER)
    assert answer_of(recalled(request(Reasoning("Rome is asked for."), CALL), OWNER)) == (SIGNED, CALL)


def test_an_answer_that_the_client_has_cut_keeps_its_words_and_gets_the_first_thoughts() -> None:
    keep(ASKED, [(SIGNED, Text("A long text"), CALL)], OWNER)
    assert answer_of(recalled(request(Text("A long"), CALL), OWNER)) == (SIGNED, Text("A long"), CALL)


def test_an_answer_without_anything_of_its_providers_own_is_not_kept() -> None:
    keep(ASKED, [(Reasoning("unsigned"), Text("hi"), CALL)], OWNER)
    assert redis.command("DBSIZE") == 0


def test_at_rest_it_is_sealed_under_names_that_tell_nothing_and_forgotten_in_time(settings: Settings) -> None:
    settings.DRAGOMAN_REASONING_TTL = 60
    keep(ASKED, [(SIGNED, CALL)], OWNER)
    [name] = redis.command("KEYS", "r:*")
    value = redis.command("GET", name)
    for secret in (b"Rome", b"sig-1", b"weather", b"toolu_1", b"scope"):
        assert secret not in value
        assert secret not in name
    assert 0 < redis.command("TTL", name) <= 60
    redis.command("SET", name, value[:-1] + bytes([value[-1] ^ 1]))
    asked = request(CALL)
    assert recalled(asked, OWNER) is asked


def test_a_value_moved_to_another_name_is_not_opened() -> None:
    keep(ASKED, [(SIGNED, CALL)], OWNER)
    [name] = redis.command("KEYS", "r:*")
    redis.command("SET", address(OWNER, "call toolu_9"), redis.command("GET", name))
    asked = request(replace(CALL, id="toolu_9"))
    assert recalled(asked, OWNER) is asked


def test_zero_seconds_keep_nothing(settings: Settings) -> None:
    settings.DRAGOMAN_REASONING_TTL = 0
    keep(ASKED, [(SIGNED, CALL)], OWNER)
    assert redis.command("DBSIZE") == 0
    asked = request(CALL)
    assert recalled(asked, OWNER) is asked


@pytest.fixture
def no_redis(settings: Settings) -> Iterator[None]:
    service = services.start_valkey()
    settings.CACHES = {"default": installation.cache(service.url)}
    redis.forget()
    service.stop()
    yield
    redis.forget()


@pytest.mark.usefixtures("no_redis")
def test_without_redis_all_goes_on() -> None:
    keep(ASKED, [(SIGNED, CALL)], OWNER)
    asked = request(CALL)
    assert recalled(asked, OWNER) is asked


def test_parts_survive_their_packing() -> None:
    parts = (
        SIGNED,
        Reasoning(redacted="r"),
        Text("t", {"type": "ephemeral"}, "s", (Citation(0, 1, None, "T", {"type": "char_location"}),)),
        ToolCall("i", "n", "{}", "s"),
        Opaque("anthropic", {"deep": [1, {"é": None}]}),
    )
    packed = pack(parts)
    assert packed is not None
    assert unpack(packed) == parts
    assert pack((Opaque("anthropic", {"n": 2**70}),)) is None


def test_a_conversation_is_the_same_whatever_a_client_drops() -> None:
    full = (*ASKED, Message("assistant", (SIGNED, Text("I "), Text("look"), replace(CALL, signature="s"))), RESULT)
    plain = (*ASKED[1:], Message("assistant", (Text("I look"), CALL)), RESULT)
    assert conversation(full)[-1] == conversation(plain)[-1]
    assert len(set(conversation(plain))) == len(plain)
