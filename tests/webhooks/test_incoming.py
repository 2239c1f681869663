"""Webhooks that come in: each scheme's own signature, and what becomes of the body."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from taskflow.errors import InvalidArguments, InvalidJson, NulCharacter, PayloadTooDeep
from taskflow.kernel.webhooks import Gate, SignatureInvalid
from taskflow.webhooks import incoming, sign
from tests.webhooks.test_sign import OTHER, SECRET

NOW = datetime.fromtimestamp(1_700_000_000, UTC)
SENT = int(NOW.timestamp())
GITHUB_SECRET = "It's a Secret to Everybody"


def gate(scheme: Any = "standard", *secrets: str, **options: Any) -> Gate:
    plain = Gate(scheme, list(secrets) or [SECRET], timedelta(minutes=5), [], "body", NOW)
    return msgspec.structs.replace(plain, **options)


def hexed(secret: str, signed: bytes) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def stripe(body: bytes, *secrets: str, sent: int = SENT) -> dict[str, str]:
    signatures = [f"v1={hexed(secret, b'%d.%b' % (sent, body))}" for secret in secrets]
    return {"Stripe-Signature": ",".join([f"t={sent}", *signatures, "v0=x"])}


def test_standard_gives_its_own_id_and_the_body_as_arguments() -> None:
    body = b'{"order": 7}'
    headers = sign.headers([OTHER, SECRET], "msg_1", SENT, body)
    assert incoming.check(gate(), headers, body) == ("msg_1", b'{"order":7}')
    with pytest.raises(SignatureInvalid):
        incoming.check(gate(), headers, body + b" ")


def test_an_envelope_passes_on_the_headers_that_are_named() -> None:
    body = b'{"order": 7}'
    headers = sign.headers([SECRET], "msg_1", SENT, body) | {"X-Kind": "paid", "Cookie": "a"}
    wanted = gate(mapping="envelope", headers=["x-kind", "x-absent"])
    _, args = incoming.check(wanted, headers, body)
    assert msgspec.json.decode(args) == {"body": {"order": 7}, "headers": {"x-kind": "paid"}}


def test_the_published_vector_of_github() -> None:
    """Its body is no JSON object, so that it is refused as that, after the signature has passed."""
    digest = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    given = {"X-Hub-Signature-256": f"sha256={digest}"}
    with pytest.raises(InvalidJson):
        incoming.check(gate("github", GITHUB_SECRET), given, b"Hello, World!")
    with pytest.raises(SignatureInvalid):
        incoming.check(gate("github", GITHUB_SECRET), given, b"Hello, World?")


def test_github_repeats_are_known_by_the_body_alone() -> None:
    """The id that comes with it is not signed: a repeat could carry another."""
    body = b'{"action": "opened"}'
    given = {"x-hub-signature-256": "sha256=" + hexed(GITHUB_SECRET, body)}
    first, _ = incoming.check(
        gate("github", GITHUB_SECRET), given | {"x-github-delivery": "1"}, body
    )
    second, _ = incoming.check(
        gate("github", GITHUB_SECRET), given | {"x-github-delivery": "2"}, body
    )
    assert first == second


def test_stripe_signs_time_and_body_and_names_its_event() -> None:
    body = b'{"id": "evt_9", "type": "charge"}'
    wanted = gate("stripe", "whsec_new_secret_0123", "whsec_old_secret_0123")
    for headers in (
        stripe(body, "whsec_old_secret_0123"),
        stripe(body, "other", "whsec_new_secret_0123"),
    ):
        id, args = incoming.check(wanted, headers, body)
        assert (id, msgspec.json.decode(args)["type"]) == ("evt_9", "charge")
    for headers in (stripe(body, "other"), stripe(body, "whsec_new_secret_0123", sent=SENT - 301),
                    {}, {"stripe-signature": f"t={SENT}"}, {"stripe-signature": "v1=x"},
                    {"stripe-signature": f"t={SENT},t={SENT},v1=x"}):  # fmt: skip
        with pytest.raises(SignatureInvalid):
            incoming.check(wanted, headers, body)


@pytest.mark.parametrize("id", ["null", "7", '"a b"', '""', '"é"', f'"{"x" * 201}"'])
def test_an_event_without_a_good_id_goes_by_its_body(id: str) -> None:
    body = f'{{"id": {id}}}'.encode()
    headers = stripe(body, "whsec_new_secret_0123")
    found, _ = incoming.check(gate("stripe", "whsec_new_secret_0123"), headers, body)
    assert found == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"1", b"{", b'{"a": NaN}', b'{"a": "\\u0000"}', b"\xff", b"[" * 5000]
)
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    given = sign.headers([SECRET], "msg_1", SENT, body)
    with pytest.raises((InvalidArguments, InvalidJson, PayloadTooDeep, NulCharacter)):
        incoming.check(gate(), given, body)


def test_a_body_too_large_is_refused_before_it_is_read() -> None:
    with pytest.raises(InvalidArguments):
        incoming.check(gate(), {}, b" " * (incoming.MAX_BODY + 1))
