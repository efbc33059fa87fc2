"""Features in trial that a client asks for by Anthropic's header reach Claude wherever it runs, in each host's words.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html
"""

from __future__ import annotations

from tests.bodies import anthropic_answer
from tests.live import Live
from tests.loopback import answer
from tests.proxy_api import vendors
from tests.proxy_api.asking import hello

BETAS = "context-1m-2025-08-07, interleaved-thinking-2025-05-14,context-1m-2025-08-07"
EACH = ["context-1m-2025-08-07", "interleaved-thinking-2025-05-14"]


def test_converse_gets_them_among_claudes_own_fields(crossing: Live) -> None:
    said = answer(vendors.converse({"text": "Hi"}))
    crossing.upstream.script(said, path=vendors.converse_path(vendors.BEDROCK_CLAUDE))
    assert crossing.chat(hello(model=vendors.BEDROCK_CLAUDE), anthropic_beta=BETAS).status == 200
    assert vendors.sent(crossing)["additionalModelRequestFields"] == {"anthropic_beta": EACH}
    assert "anthropic-beta" not in crossing.upstream.calls[-1].headers


def test_invoke_model_gets_them_as_a_list_in_the_body(crossing: Live) -> None:
    model = vendors.BEDROCK_CLAUDE.replace("bedrock/", "bedrock:anthropic/")
    crossing.upstream.script(answer(anthropic_answer()), path=vendors.converse_path(model, "invoke"))
    assert crossing.chat(hello(model=model), anthropic_beta=BETAS).status == 200
    assert vendors.sent(crossing)["anthropic_beta"] == EACH
    assert "anthropic-beta" not in crossing.upstream.calls[-1].headers
