"""What only Anthropic has: passed as it is to Anthropic, kept on the way back, refused by everybody else.

Shapes after https://platform.claude.com/docs/en/agents-and-tools/tool-use/web-search-tool and its sisters.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy_api.catalog import ModelFacts
from proxy_api.chat import ChatRequest, Citation, MediaSeen, Message, Opaque, Text, TextDelta, ToolCall
from proxy_api.dialects import anthropic, openai_chat
from proxy_api.dialects.anthropic.native import betas_of
from proxy_api.dialects.foreign import betas_in, check_tools, headers_for
from proxy_api.errors import BadRequest
from proxy_api.gathering import Gathered
from proxy_api.replay import collect
from tests.bodies import anthropic_answer, anthropic_blocks, anthropic_usage
from tests.proxy_api.dialects.anthropic_requests import ADAPTIVE, BUDGET, WEATHER, both, crossed, refused
from tests.proxy_api.dialects.wire import anthropic_stream, chunks, frames, joined, payloads

SEARCH = {"type": "web_search_20250305", "name": "web_search", "max_uses": 5}
USED = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "é rain"}}
FOUND = {
    "type": "web_search_tool_result",
    "tool_use_id": "srvtoolu_1",
    "content": [{"type": "web_search_result", "url": "https://w.example/", "title": "W", "encrypted_content": "E"}],
}
LOCATION = {
    "type": "web_search_result_location",
    "url": "https://w.example/",
    "title": "W",
    "encrypted_index": "I",
    "cited_text": "It rains",
}
START: dict[str, Any] = {"type": "message_start", "message": {"id": "msg_1", "model": "m", "usage": {}}}
PAGE = {"type": "page_location", "document_index": 0, "document_title": "D", "cited_text": "x"}
CITED = {"type": "text", "text": "it rains", "citations": [LOCATION, PAGE]}
BLOCKS: list[dict[str, Any]] = [
    {"type": "text", "text": "I look. Today "},
    USED,
    FOUND,
    CITED,
    {"type": "text", "text": ", I read."},
]
ANNOTATIONS = [
    {
        "type": "url_citation",
        "url_citation": {"start_index": 14, "end_index": 22, "title": "W", "url": "https://w.example/"},
    },
    {
        "type": "document_citation",
        "document_citation": {"start_index": 14, "end_index": 22, "title": "D", "citation": PAGE},
    },
]


# -- tools and fields -------------------------------------------------------------------------------------------------
def test_tools_that_run_at_anthropic_stay_where_they_stood() -> None:
    other = {"type": "function", "function": {"name": "other"}}
    mcp = {"type": "mcp_toolset", "mcp_server_name": "s"}
    body = crossed(tools=[WEATHER, SEARCH, other, mcp])
    assert [tool["name"] if "name" in tool else tool["type"] for tool in body["tools"]] == [
        "weather",
        "web_search",
        "other",
        "mcp_toolset",
    ]
    assert body["tools"][1] == SEARCH


def test_a_choice_may_name_a_tool_that_runs_at_anthropic() -> None:
    choice = {"type": "function", "function": {"name": "web_search"}}
    assert crossed(tools=[SEARCH], tool_choice=choice)["tool_choice"] == {"type": "tool", "name": "web_search"}
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [WEATHER]}}
    assert [tool["name"] for tool in crossed(tools=[SEARCH, WEATHER], tool_choice=allowed)["tools"]] == ["weather"]


@pytest.mark.parametrize("tool", [{"type": "custom", "custom": {"name": "sh"}}, {"type": "web_search"}])
def test_tools_of_others_are_refused_by_their_place(tool: dict[str, Any]) -> None:
    assert refused(tools=[WEATHER, tool]) == "tools[1].type"


def test_a_fault_of_a_function_behind_such_a_tool_is_named_by_the_clients_place() -> None:
    assert refused(tools=[SEARCH, {"type": "function", "function": {"name": "no good"}}]) == "tools[1].function.name"


def test_a_dialect_without_such_tools_refuses_them_and_reports_what_it_passes_over() -> None:
    asked = openai_chat.read_request({"model": "m", "messages": [], "tools": [WEATHER, SEARCH]})
    with pytest.raises(BadRequest) as caught:
        check_tools(asked, "google")
    assert caught.value.param == "tools[1].type"
    assert check_tools(asked, "anthropic_vertex") == ()
    extra = {"type": "function", "function": {"name": "f", "defer_loading": True}}
    asked = openai_chat.read_request({"model": "m", "messages": [], "tools": [extra]})
    assert [loss.param for loss in check_tools(asked, "google")] == ["tools[0].function.defer_loading"]


def test_fields_of_a_tool_that_only_anthropic_knows_are_passed_and_others_reported() -> None:
    function = {"name": "f", "input_examples": [{"x": 1}], "x_new": 1}
    body, losses = both(tools=[{"type": "function", "function": function, "defer_loading": True}])
    assert body["tools"][0] == {
        "name": "f",
        "input_schema": {"type": "object", "properties": {}},
        "defer_loading": True,
        "input_examples": [{"x": 1}],
    }
    assert losses == {"tools[0].function.x_new": "unknown to Anthropic"}


def test_fields_of_the_request_that_only_anthropic_knows_are_passed() -> None:
    given: dict[str, Any] = {
        "cache_control": {"type": "ephemeral", "ttl": "1h"},
        "container": {"id": "container_1"},
        "context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]},
        "mcp_servers": [{"type": "url", "url": "https://mcp.example", "name": "s"}],
        "inference_geo": "us",
        "speed": "fast",
    }
    body, losses = both(**given)
    assert {name: body[name] for name in given} == given
    assert losses == {}


def test_thinking_in_anthropics_own_words_beats_openais() -> None:
    said = {"type": "enabled", "budget_tokens": 2000, "display": "omitted"}
    body, losses = both(BUDGET, thinking=said, max_tokens=4000, temperature=0.5)
    assert body["thinking"] == said
    assert losses == {"temperature": "not with thinking"}
    body = crossed(ADAPTIVE, thinking={"type": "adaptive"}, reasoning_effort="high", output_config={"task": 1})
    assert (body["thinking"], body["output_config"]) == ({"type": "adaptive"}, {"task": 1, "effort": "high"})


def test_a_system_message_in_the_middle_is_moved_and_that_is_reported() -> None:
    system = {"role": "system", "content": "Now in French"}
    body, losses = both(messages=[{"role": "user", "content": "Hi"}, system])
    assert body["system"] == [{"type": "text", "text": "Now in French"}]
    assert losses == {"messages[1].role": "moved to the system text"}


@pytest.mark.parametrize(
    ("fields", "betas"),
    [
        ({}, ""),
        ({"tools": [SEARCH, {"name": "f"}]}, ""),
        ({"tools": [{"type": "computer_20250124"}]}, "computer-use-2025-01-24"),
        ({"tools": [{"type": "advisor_20260301"}, {"type": "computer_20251124"}]},
         "computer-use-2025-11-24,advisor-tool-2026-03-01"),
        ({"tools": [{"type": "mcp_toolset"}], "mcp_servers": []}, "mcp-client-2025-11-20"),
        ({"mcp_servers": []}, "mcp-client-2025-04-04"),
        ({"context_management": {}, "speed": "fast"}, "context-management-2025-06-27,fast-mode-2026-02-01"),
        ({"container": {"skills": [{}]}}, "skills-2025-10-02"),
        ({"container": "container_1"}, ""),
    ],
)  # fmt: skip
def test_features_that_need_a_beta_header_get_it(fields: dict[str, Any], betas: str) -> None:
    assert ",".join(betas_of(fields)) == betas


def test_the_clients_own_beta_header_is_one_list_with_what_the_body_needs() -> None:
    asked = betas_in({"anthropic-beta": "context-1m-2025-08-07, computer-use-2025-01-24,,context-1m-2025-08-07,x\n"})
    assert asked == ("context-1m-2025-08-07", "computer-use-2025-01-24", "x")
    assert betas_in({"anthropic-beta": "a b, \x00, caf\xe9"}) == ("a b",)
    body = {"tools": [{"type": "computer_20250124"}], "speed": "fast"}
    merged = {"anthropic-beta": "context-1m-2025-08-07,computer-use-2025-01-24,x,fast-mode-2026-02-01"}
    assert headers_for("anthropic", body, asked) == headers_for("anthropic_vertex", body, asked) == merged
    assert headers_for("anthropic", {}, ()) == headers_for("anthropic_bedrock", body, asked) == {}


# -- content ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "part",
    [
        {"type": "container_upload", "file_id": "file_1"},
        {"type": "document", "source": {"type": "file", "file_id": "file_1"}, "citations": {"enabled": True}},
        {"type": "search_result", "source": "https://s.example", "title": "S", "content": []},
    ],
)
def test_anthropics_own_blocks_are_passed_as_they_are(part: dict[str, Any]) -> None:
    assert crossed(messages=[{"role": "user", "content": [part]}])["messages"][0]["content"] == [part]


def test_blocks_that_nobody_knows_are_refused_by_their_place() -> None:
    said = [{"type": "text", "text": "x"}, {"type": "video_url", "video_url": {"url": "https://v.example"}}]
    assert refused(messages=[{"role": "user", "content": said}]) == "messages[0].content[1]"


def test_blocks_of_server_tools_go_back_as_they_came() -> None:
    read = anthropic.read_response(json.loads(anthropic_answer(content=BLOCKS)), 1)
    again = ChatRequest("m", (Message("user", (Text("Rain?"),)), Message("assistant", read.choices[0].parts)))
    body, losses = anthropic.write_request(again, ModelFacts())
    assert body["messages"][1]["content"] == BLOCKS
    assert losses == ()


# -- answers ----------------------------------------------------------------------------------------------------------
def test_citations_are_annotations_and_server_blocks_no_part_of_the_text() -> None:
    read = anthropic.read_response(json.loads(anthropic_answer(content=BLOCKS)), 1)
    message = openai_chat.write_response(read)["choices"][0]["message"]
    assert message["content"] == "I look. Today it rains, I read."
    assert message["annotations"] == ANNOTATIONS
    assert message["content"][14:22] == "it rains"


def test_a_stream_says_the_same() -> None:
    raw = b"".join(anthropic_blocks(BLOCKS))
    said = chunks(joined(openai_chat.write_stream(anthropic.read_stream(frames(raw), 1), False)))
    deltas = [chunk["choices"][0]["delta"] for chunk in said]
    assert "".join(delta.get("content") or "" for delta in deltas) == "I look. Today it rains, I read."
    assert [one for delta in deltas for one in delta.get("annotations", ())] == ANNOTATIONS


def test_a_streams_blocks_are_gathered_as_a_plain_answers() -> None:
    """Texts that follow each other without a citation may be one."""
    gathered = Gathered()
    for event in anthropic.read_stream(frames(b"".join(anthropic_blocks(BLOCKS))), 1):
        if event is not None:
            gathered.note(event)
    assert gathered.answers() == [
        anthropic.read_response(json.loads(anthropic_answer(content=BLOCKS)), 1).choices[0].parts
    ]


def test_every_result_of_a_server_tool_is_kept_whole() -> None:
    kinds = ("code_execution_tool_result", "bash_code_execution_tool_result", "mcp_tool_result", "block_of_tomorrow")
    results = [{"type": kind, "tool_use_id": "s", "content": {"deep": [1]}} for kind in kinds]
    events = list(anthropic.read_stream(frames(b"".join(anthropic_blocks(results))), 1))
    seen = [event.part for event in events if isinstance(event, MediaSeen)]
    assert seen == [Opaque("anthropic", result) for result in results]


def test_an_input_that_is_no_json_and_deltas_of_tomorrow_are_no_error() -> None:
    wire = b"".join(anthropic_blocks([USED, {"type": "compaction", "content": None}]))
    cut = wire.replace(b'"partial_json": "rain', b'"partial_json": "').replace(b'rain\\"}"', b'"')
    broken = cut.replace(
        b'event: content_block_stop\ndata: {"type": "content_block_stop", "index": 1}',
        b'event: content_block_delta\ndata: {"type": "content_block_delta", "index": 1, '
        b'"delta": {"type": "compaction_delta", "content": "Short"}}\n\n'
        b'event: content_block_stop\ndata: {"type": "content_block_stop", "index": 1}',
    )
    events = list(anthropic.read_stream(frames(broken), 1))
    seen = [event.part.data for event in events if isinstance(event, MediaSeen) and isinstance(event.part, Opaque)]
    assert [block["type"] for block in seen] == ["server_tool_use", "compaction"]
    assert seen[1] == {"type": "compaction", "content": "Short"}


def test_how_long_cache_writes_live_and_how_often_was_searched_is_told() -> None:
    counts = {
        "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4},
        "server_tool_use": {"web_search_requests": 2},
    }
    usage = anthropic_usage() | {"cache_creation_input_tokens": 7} | counts
    read = anthropic.read_response(json.loads(anthropic_answer(usage=usage)), 1)
    said = openai_chat.write_response(read)["usage"]
    assert {name: said[name] for name in counts} == counts
    assert said["prompt_tokens_details"]["cache_write_tokens"] == 7
    assert openai_chat.usage_of({"usage": said}) == read.usage
    assert anthropic.read_response(anthropic.write_response(read), 1) == read


def test_a_container_is_told_so_that_it_can_be_used_again() -> None:
    container = {"id": "container_1", "expires_at": "2026-11-24T00:00:00Z"}
    read = anthropic.read_response(json.loads(anthropic_answer(container=container)), 1)
    assert openai_chat.write_response(read)["container"] == container
    assert anthropic.write_response(read)["container"] == container


@pytest.mark.parametrize("usage", [False, True])
def test_a_streams_container_is_told_where_its_end_is(usage: bool) -> None:
    container = {"id": "container_1", "expires_at": "2026-11-24T00:00:00Z"}
    last = {"type": "message_delta", "delta": {"stop_reason": "end_turn", "container": container}}
    raw = anthropic_stream(START, {**last, "usage": {"output_tokens": 3}}, {"type": "message_stop"})
    events = list(anthropic.read_stream(frames(raw), 1))
    client = joined(openai_chat.write_stream(iter(events), usage))
    finish = next(chunk for chunk in chunks(client) if chunk["choices"] and chunk["choices"][0]["finish_reason"])
    assert finish["container"] == container
    assert collect(events).extra == {"container": openai_chat.fold(payloads(client))["container"]}
    again = joined(anthropic.write_stream(iter(events), usage))
    assert list(anthropic.read_stream(frames(again), 1)) == events


def test_a_container_of_the_streams_beginning_is_told_too() -> None:
    message = {**START["message"], "container": {"id": "container_1"}}
    ending = {"type": "message_delta", "delta": {"stop_reason": "end_turn", "container": None}}
    raw = anthropic_stream({**START, "message": message}, ending, {"type": "message_stop"})
    assert collect(anthropic.read_stream(frames(raw), 1)).extra == {"container": {"id": "container_1"}}


def test_what_a_message_has_before_its_stream_is_told_first() -> None:
    """A call that code run at Anthropic makes comes with message_start."""
    caller = {"type": "code_execution_20250825", "tool_id": "srvtoolu_1"}
    call = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"x": 1}, "caller": caller}
    message = {**START["message"], "content": [{"type": "text", "text": "So: "}, call]}
    later = {"type": "content_block_start", "index": 0, "content_block": {**call, "id": "toolu_2", "input": {}}}
    stop = {"type": "content_block_stop", "index": 0}
    ending = {"type": "message_delta", "delta": {"stop_reason": "tool_use"}}
    raw = anthropic_stream({**START, "message": message}, later, stop, ending, {"type": "message_stop"})
    said = collect(anthropic.read_stream(frames(raw), 1)).choices[0]
    assert said.finish_reason == "tool_calls"
    assert [part for part in said.parts if not isinstance(part, Opaque)] == [
        Text("So: "),
        ToolCall("toolu_1", "f", '{"x":1}'),
        ToolCall("toolu_2", "f", "{}"),
    ]


def test_anthropics_own_requests_keep_their_tools_blocks_and_citations() -> None:
    said = {
        "model": "m",
        "max_tokens": 10,
        "messages": [{"role": "user", "content": "Rain?"}, {"role": "assistant", "content": BLOCKS}],
        "tools": [SEARCH, {"name": "f", "input_schema": {"type": "object"}, "defer_loading": True}],
    }
    body, losses = anthropic.write_request(anthropic.read_request(said), ModelFacts())
    assert body == said
    assert losses == ()


def test_a_citation_of_the_clients_is_not_told_as_anthropics() -> None:
    cited = Text("x", citations=(Citation(0, 1, "https://x.example", "X"),))
    asked = ChatRequest("m", (Message("user", (Text("?"),)), Message("assistant", (cited,))))
    assert anthropic.write_request(asked, ModelFacts())[0]["messages"][1]["content"] == "x"


def test_a_cited_text_ends_its_block_in_a_stream() -> None:
    citation = Citation(0, 1, "https://w.example/", "W", LOCATION)
    events = iter([TextDelta("a", citations=(citation,)), TextDelta("b")])
    raw = joined(anthropic.write_stream(events, False)).decode()
    kinds = [line.removeprefix("event: ") for line in raw.splitlines() if line.startswith("event")]
    assert kinds == [
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "content_block_start",
        "content_block_delta",
    ]
