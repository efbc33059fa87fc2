"""The loss report: what crossing languages leaves out is named, and refused where the caller is strict."""

from __future__ import annotations

from tests.bodies import anthropic_answer
from tests.live import Live
from tests.loopback import answer
from tests.proxy_api.asking import CLAUDE, anthropic, hello, refusal, with_request_id


def test_what_is_left_out_is_named_in_the_answer_and_on_the_record(live: Live) -> None:
    anthropic(live, answer(anthropic_answer()))
    found = live.chat(hello(model=CLAUDE, logit_bias={"50256": 1}, presence_penalty=1))
    assert found.status == 200
    assert found.headers["x-dragoman-dropped"] == "logit_bias, presence_penalty"
    dropped = live.usage(with_request_id(found))["dropped"]
    assert [loss.partition(": ")[0] for loss in dropped] == ["logit_bias", "presence_penalty"]
    assert all(loss.partition(": ")[2] for loss in dropped)


def test_a_strict_caller_gets_a_400_that_names_the_param_and_no_call_is_made(live: Live) -> None:
    anthropic(live, answer(anthropic_answer()))
    found = live.chat(hello(model=CLAUDE, logit_bias={"50256": 1}), x_dragoman_strict="1")
    assert found.status == 400
    error = refusal(found)
    assert (error["param"], error["code"]) == ("logit_bias", "unsupported_parameter")
    assert live.upstream.count == 0
    assert live.usage(with_request_id(found))["status"] == "refused"


def test_a_strict_caller_whose_request_can_be_said_is_served(live: Live) -> None:
    anthropic(live, answer(anthropic_answer()))
    assert live.chat(hello(model=CLAUDE), x_dragoman_strict="1").status == 200
    assert live.chat(hello(logit_bias={"50256": 1}), x_dragoman_strict="1").status == 200
