"""Tokens are fetched, kept, renewed and written nowhere; requests to object stores are signed as AWS wants it."""

import logging
from datetime import UTC, datetime, timedelta

import pytest
from olmoearth_stac import access as access_module
from olmoearth_stac.access import Access
from olmoearth_stac.download import Asset, fetched
from olmoearth_stac.profile import Bucket, Profile, Signing
from olmoearth_stac.s3_signature import Keys, signed_headers

from olmoearth_core.errors import DataError
from olmoearth_core.ingest.unreachable import Unreachable

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_tokens_of_other_tests():
    access_module._TOKENS.clear()


class Doors:
    """A catalogue whose assets below /signed/ need a token, and a time that can be set."""

    def __init__(self, server, web):
        self.server, self.time = server, NOW
        signing = Signing(server.url + "/token/{account}/{container}", ("localhost",), key_variable="TOY_KEY")
        self.access = Access(Profile("local", server.url, {}, signing), web(retries=2), lambda: self.time)
        server.files["/signed/a.tif"] = b"here" * 100
        server.tokens = ["se=2026&sig=SECRETONE"]
        server.expiry = (NOW + timedelta(hours=1)).isoformat().replace("+00:00", "Z")

    def fetch(self, place):
        return fetched(Asset(f"{self.server.url}/signed/a.tif", None, None), place, self.access)


@pytest.fixture
def doors(server, web):
    return Doors(server, web)


def test_an_asset_is_opened_by_a_token_that_is_asked_for_once(doors, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    assert doors.fetch(tmp_path / "a.tif")
    assert doors.fetch(tmp_path / "b.tif")
    assert doors.server.paths("/token") == ["/token/localhost/signed"]
    noted = b"".join(p.read_bytes() for p in tmp_path.glob(".*json"))
    assert b"SECRET" not in noted
    assert "SECRET" not in caplog.text


def test_a_token_is_renewed_before_it_ends(doors, tmp_path):
    doors.fetch(tmp_path / "a.tif")
    doors.time = NOW + timedelta(minutes=56)
    doors.fetch(tmp_path / "b.tif")
    assert len(doors.server.paths("/token")) == 2


def test_a_token_that_is_refused_is_replaced_once(doors, tmp_path):
    doors.fetch(tmp_path / "a.tif")
    doors.server.tokens = ["se=2027&sig=SECRETTWO"]
    assert doors.fetch(tmp_path / "b.tif")
    assert len(doors.server.paths("/token")) == 2


def test_a_door_that_stays_shut_is_said_without_the_token(doors, tmp_path):
    doors.server.faults["/signed/a.tif"] = [("status", 403)] * 9
    with pytest.raises(Unreachable, match="HTTP 403") as caught:
        doors.fetch(tmp_path / "a.tif")
    assert "SECRET" not in str(caught.value)


def test_the_key_for_tokens_goes_to_their_endpoint_alone(doors, tmp_path, monkeypatch):
    monkeypatch.setenv("TOY_KEY", "MYKEY")
    doors.fetch(tmp_path / "a.tif")
    sent = {path.partition("?")[0]: dict(headers) for _, path, headers in doors.server.requests}
    assert sent["/token/localhost/signed"]["Ocp-Apim-Subscription-Key"] == "MYKEY"
    assert "MYKEY" not in str(sent["/signed/a.tif"])


def test_a_token_endpoint_that_redirects_is_not_followed(doors, tmp_path):
    doors.server.faults["/token/localhost/signed"] = [("status", 302, {"Location": "http://127.0.0.1:9/steal"})]
    with pytest.raises(DataError, match="no token"):
        doors.fetch(tmp_path / "a.tif")


def test_nonsense_from_the_token_endpoint_is_asked_for_again(doors, tmp_path):
    doors.server.faults["/token/localhost/signed"] = [("text", "{}"), ("text", "no json")]
    assert doors.fetch(tmp_path / "a.tif")


def test_tokens_go_to_no_other_host(doors):
    url = "https://example.org/signed/a.tif"
    assert doors.access.ticket(url, {}).url == url
    assert doors.server.requests == []


def test_a_bucket_without_keys_is_said_with_the_names_of_the_variables(web, monkeypatch, server):
    monkeypatch.delenv("TOY_S3_KEY", raising=False)
    monkeypatch.setenv("TOY_S3_SECRET", "x")
    buckets = {"eodata": Bucket(server.url, key_variable="TOY_S3_KEY", secret_variable="TOY_S3_SECRET")}
    access = Access(Profile("local", server.url, {}, s3=buckets), web())
    with pytest.raises(DataError, match=r"\$TOY_S3_KEY not set"):
        access.ticket("s3://eodata/a.tif", {})
    with pytest.raises(DataError, match=r"Add a table \[s3\.other\]"):
        access.ticket("s3://other/a.tif", {})


def test_an_object_is_fetched_from_the_endpoint_of_its_bucket(web, monkeypatch, server, tmp_path):
    monkeypatch.setenv("TOY_S3_KEY", "KEYID")
    monkeypatch.setenv("TOY_S3_SECRET", "TOPSECRET")
    server.files["/eodata/Sentinel-2/a%20b.jp2"] = b"pixels"
    bucket = Bucket(server.url, "default", key_variable="TOY_S3_KEY", secret_variable="TOY_S3_SECRET")
    access = Access(Profile("local", server.url, {}, s3={"eodata": bucket}), web())
    assert fetched(Asset("s3://eodata/Sentinel-2/a b.jp2", 6, None), tmp_path / "a.jp2", access)
    headers = server.requests[0][2]
    assert headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=KEYID/")
    assert "TOPSECRET" not in str(headers)


@pytest.mark.parametrize("session", ["", "SESSION"])
def test_signatures_are_those_of_the_vendors_library(session):
    auth = pytest.importorskip("botocore.auth")
    request = pytest.importorskip("botocore.awsrequest")
    credentials = pytest.importorskip("botocore.credentials")
    url = "https://eodata.dataspace.copernicus.eu/eodata/Sentinel-2/MSI/a%20b%2Bc/B02_10m.jp2"
    sent = {"Range": "bytes=10-", "x-amz-request-payer": "requester"}
    ours = signed_headers("GET", url, sent, Keys("KEYID", "TOPSECRET", session), "eu-central-1", NOW)
    theirs = request.AWSRequest("GET", url, headers=dict(sent))
    signer = auth.S3SigV4Auth(credentials.Credentials("KEYID", "TOPSECRET", session or None), "s3", "eu-central-1")
    theirs.context["timestamp"] = NOW.strftime("%Y%m%dT%H%M%SZ")
    theirs.headers["X-Amz-Date"] = theirs.context["timestamp"]
    if session:
        theirs.headers["X-Amz-Security-Token"] = session
    theirs.headers["X-Amz-Content-SHA256"] = signer.payload(theirs)
    text = signer.string_to_sign(theirs, signer.canonical_request(theirs))
    assert ours["Authorization"].rpartition("Signature=")[2] == signer.signature(text, theirs)


def test_keys_are_not_shown():
    assert "TOPSECRET" not in repr(Keys("KEYID", "TOPSECRET", "SESSION"))
