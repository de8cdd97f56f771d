"""Wrapping data keys with a root key, with the public client."""

import base64
import os

from support import error_response, result, stream
from keyprotect import (
    GetImportToken,
    RewrapKeyResponseBody,
    UnwrapKeyResponseBody,
    WrapKeyResponseBody,
)


def test_data_key_is_wrapped_and_unwrapped(kms, instance, new_key):
    key, plaintext = new_key(), base64.b64encode(os.urandom(32)).decode()
    document = result(
        kms.wrap_key(key, instance, key_action_wrap_body=stream({"plaintext": plaintext}))
    )
    wrapped = WrapKeyResponseBody.from_dict(document)
    assert wrapped.ciphertext not in ("", plaintext)

    document = result(kms.unwrap_key(key, instance, stream({"ciphertext": wrapped.ciphertext})))
    unwrapped = UnwrapKeyResponseBody.from_dict(document)
    assert unwrapped.plaintext == plaintext
    assert unwrapped.key_version.id == wrapped.key_version.id


def test_wrap_without_plaintext_generates_data_key(kms, instance, new_key):
    key = new_key()
    wrapped = result(kms.wrap_key(key, instance, key_action_wrap_body=stream({})))
    assert len(base64.b64decode(wrapped["plaintext"])) == 32
    unwrapped = result(kms.unwrap_key(key, instance, stream({"ciphertext": wrapped["ciphertext"]})))
    assert unwrapped["plaintext"] == wrapped["plaintext"]


def test_rewrap_after_rotation_uses_new_version(kms, instance, new_key):
    key = new_key()
    wrapped = result(kms.wrap_key(key, instance, key_action_wrap_body=stream({})))
    kms.rotate_key(key, instance)

    old = stream({"ciphertext": wrapped["ciphertext"]})
    rewrapped = RewrapKeyResponseBody.from_dict(result(kms.rewrap_key(key, instance, old)))
    assert rewrapped.ciphertext != wrapped["ciphertext"]
    assert rewrapped.key_version.id == wrapped["keyVersion"]["id"]
    assert rewrapped.rewrapped_key_version.id != wrapped["keyVersion"]["id"]
    for ciphertext in (wrapped["ciphertext"], rewrapped.ciphertext):
        unwrapped = result(kms.unwrap_key(key, instance, stream({"ciphertext": ciphertext})))
        assert unwrapped["plaintext"] == wrapped["plaintext"]


def test_disabled_key_rejects_wrap_and_unwrap(kms, instance, new_key):
    key = new_key()
    wrapped = result(kms.wrap_key(key, instance, key_action_wrap_body=stream({})))
    kms.disable_key(key, instance)

    error = error_response(kms.wrap_key, key, instance, key_action_wrap_body=stream({}))
    assert (error.status, error.code) == (409, "KEY_ACTION_INVALID_STATE_ERR")
    error = error_response(
        kms.unwrap_key, key, instance, stream({"ciphertext": wrapped["ciphertext"]})
    )
    assert (error.status, error.code) == (409, "KEY_ACTION_INVALID_STATE_ERR")


def test_import_token_has_limited_retrievals(kms, instance):
    made = result(kms.post_import_token(instance, expiration=600, max_allowed_retrievals=1))
    assert (made["maxAllowedRetrievals"], made["remainingRetrievals"]) == (1, 1)

    token = GetImportToken.from_dict(result(kms.get_import_token(instance)))
    assert token.payload.startswith(b"-----BEGIN PUBLIC KEY-----")
    assert len(token.nonce) == 12
    assert (token.expiration_date - token.creation_date).total_seconds() == 600
    assert token.remaining_retrievals == 0
    assert error_response(kms.get_import_token, instance).status == 409
