"""Login at IAM with an API key, with the client's authenticator."""

import time

import jwt
import pytest
from support import error_response
from ibm_cloud_sdk_core import ApiException
from ibm_cloud_sdk_core.authenticators import IAMAuthenticator


def test_api_key_gets_token_for_an_hour(harness):
    tokens = IAMAuthenticator(harness.info.api_key, url=harness.info.iam).token_manager
    token = tokens.get_token()

    assert token == tokens.get_token(), "a valid token must be reused"
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["iss"] == "https://iam.cloud.ibm.com/identity"
    assert claims["exp"] - claims["iat"] == 3600
    assert abs(tokens.expire_time - time.time() - 3600) < 60
    assert tokens.token_info["token_type"] == "Bearer"
    assert tokens.refresh_token == "not_supported"


def test_unknown_api_key_is_rejected_by_iam(client_of, instance):
    with pytest.raises(ApiException) as raised:
        client_of("not-an-api-key").get_keys(instance)

    assert raised.value.status_code == 400
    assert raised.value.message == "Provided API key could not be found."
    assert raised.value.http_response.json()["errorCode"] == "BXNIM0415E"


def test_reader_can_read_but_not_rotate_keys(harness, client_of, instance, new_key):
    key = new_key()
    reader = client_of(harness.info.reader_api_key)

    assert reader.get_key_metadata(key, instance).get_status_code() == 200
    error = error_response(reader.rotate_key, key, instance)
    assert (error.status, error.code) == (401, "UNAUTHORIZED_ERR")


def test_unknown_instance_returns_401(kms):
    error = error_response(kms.get_keys, "00000000-0000-4000-8000-000000000000")
    assert (error.status, error.code) == (401, "UNAUTHORIZED_ERR")
