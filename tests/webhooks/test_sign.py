"""Signatures: the published vectors, a second opinion, and everything that must not pass."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook

from taskflow.errors import TaskflowError
from taskflow.kernel.webhooks import SecretInvalid, SignatureInvalid
from taskflow.webhooks import sign

# the example of the Standard Webhooks specification
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
SENT = 1614265330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
OTHER = "whsec_" + base64.b64encode(b"x" * 32).decode()
NOW = datetime.fromtimestamp(SENT, UTC)


def signed(**changed: str) -> dict[str, str]:
    return sign.headers([SECRET], ID, SENT, BODY) | {
        f"webhook-{name}": value for name, value in changed.items()
    }


def test_the_published_vector() -> None:
    assert sign.sign(SECRET, ID, SENT, BODY) == SIGNATURE
    assert sign.verify([SECRET], signed(), BODY, NOW) == ID


def test_both_sides_agree_with_the_reference_library() -> None:
    now = datetime.now(UTC)
    theirs = Webhook(SECRET)
    headers = sign.headers([SECRET], "evt_1", int(now.timestamp()), '{"a": "ü"}'.encode())
    assert theirs.verify('{"a": "ü"}', headers) == {"a": "ü"}
    made = theirs.sign("evt_2", now, '{"b": 1}')
    given = {"Webhook-Id": "evt_2", "Webhook-Timestamp": str(int(now.timestamp())),
             "Webhook-Signature": f"v1a,x {made}"}  # fmt: skip
    assert sign.verify([SECRET], given, b'{"b": 1}', now) == "evt_2"


def test_two_secrets_give_two_signatures_and_one_is_enough() -> None:
    headers = sign.headers([OTHER, SECRET], ID, SENT, BODY)
    assert headers["webhook-signature"].count("v1,") == 2
    assert sign.verify([SECRET], headers, BODY, NOW) == ID
    assert sign.verify([OTHER], headers, BODY, NOW) == ID
    assert sign.verify([OTHER, SECRET], signed(), BODY, NOW) == ID


def test_every_flipped_bit_of_the_body_is_noticed() -> None:
    for place in range(len(BODY) * 8):
        body = bytearray(BODY)
        body[place // 8] ^= 1 << place % 8
        with pytest.raises(SignatureInvalid):
            sign.verify([SECRET], signed(), bytes(body), NOW)


def test_every_flipped_bit_of_the_signature_is_noticed() -> None:
    digest = base64.b64decode(SIGNATURE.removeprefix("v1,"))
    for place in range(len(digest) * 8):
        changed = bytearray(digest)
        changed[place // 8] ^= 1 << place % 8
        flipped = "v1," + base64.b64encode(changed).decode()
        with pytest.raises(SignatureInvalid):
            sign.verify([SECRET], signed(signature=flipped), BODY, NOW)


@pytest.mark.parametrize(
    "changed",
    [
        {"id": "msg_other"},
        {"id": ""},
        {"id": "\ud800"},
        {"timestamp": str(SENT + 1)},
        {"timestamp": "1e9"},
        {"timestamp": "-1"},
        {"timestamp": "9" * 400},
        {"timestamp": ""},
        {"signature": ""},
        {"signature": SIGNATURE.removeprefix("v1,")},
        {"signature": SIGNATURE.replace("v1,", "v2,")},
        {"signature": "v1,"},
        {"signature": "v1,ü\ud800"},
        {"signature": " ".join(["v1,x"] * 25 + [SIGNATURE])},
    ],
    ids=str,
)
def test_forged_headers_do_not_pass(changed: dict[str, str]) -> None:
    with pytest.raises(SignatureInvalid):
        sign.verify([SECRET], signed(**changed), BODY, NOW)


@pytest.mark.parametrize(
    ("seconds", "passes"), [(300, True), (301, False), (-300, True), (-301, False)]
)
def test_old_and_early_ones_do_not_pass(seconds: int, passes: bool) -> None:
    now = NOW + timedelta(seconds=seconds)
    if passes:
        assert sign.verify([SECRET], signed(), BODY, now) == ID
        return
    with pytest.raises(SignatureInvalid):
        sign.verify([SECRET], signed(), BODY, now)


def test_no_secret_and_the_wrong_one_do_not_pass() -> None:
    for secrets in ([], [OTHER]):
        with pytest.raises(SignatureInvalid):
            sign.verify(secrets, signed(), BODY, NOW)


@pytest.mark.parametrize("secret", ["", "whsec_", SECRET[6:], "whsec_AAAA", "whsec_" + "é" * 40,
                                    "whsec_" + "A" * 120, SECRET + "\n"])  # fmt: skip
def test_weak_secrets_sign_nothing(secret: str) -> None:
    with pytest.raises(SecretInvalid) as error:
        sign.sign(secret, ID, SENT, BODY)
    assert isinstance(error.value, TaskflowError)
    assert len(secret) < 12 or secret not in str(error.value)
