"""The sample of a bridge: our events reach an HTTPS server, with its secret, again where it fails, and are never lost.

The local cloud's CloudFormation has no connections, API destinations and references to secrets: they are made through
EventBridge's API, of the sample's own properties.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from testbed.cloud.launch import running_cloud
from testbed.stack.template import read_template
from tests.cloud.conftest import FAKE_HOSTS, Account, eventually, name

SAMPLE = read_template(Path(__file__).parents[2] / "samples/bridge/template.yaml")["Resources"]
SECRET = "Bearer not-for-everybody"


def make_certificate(subject: str, issuer: Any = None) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """Of an authority; or, with an `issuer`, of a server at 127.0.0.1."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    signer, signing_key = (issuer[0].subject, issuer[1]) if issuer else (own, key)
    builder = (
        x509.CertificateBuilder()
        .subject_name(own)
        .issuer_name(signer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if issuer:
        address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        builder = builder.add_extension(address, critical=False)
    return builder.sign(signing_key, hashes.SHA256()), key


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


class Webhook(ThreadingHTTPServer):
    """An HTTPS server that keeps what it is given, and answers as it is told: 200 unless `answers` say otherwise."""

    def __init__(self, certificate: Path) -> None:
        self.taken: list[tuple[dict[str, str], Any]] = []
        self.answers: list[int] = []
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                webhook.taken.append((dict(self.headers), body))
                self.send_response(webhook.answers.pop(0) if webhook.answers else 200)
                self.end_headers()

            def log_message(self, *_words: Any) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.server_address[1]}/garoon"


def serve(folder: Path, authority: Any) -> Webhook:
    certificate, key = make_certificate("webhook", authority)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / name("server.pem")
    file.write_bytes(private + pem(certificate))
    return Webhook(file)


@pytest.fixture(scope="module")
def authority() -> Any:
    return make_certificate("authority of this test")


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory, authority: Any) -> Iterator[Account]:
    """A cloud that trusts this authority, and no other."""
    folder = tmp_path_factory.mktemp("bridge")
    (folder / "authority.pem").write_bytes(pem(authority[0]))
    with pytest.MonkeyPatch.context() as patches:
        patches.setenv("SSL_CERT_FILE", str(folder / "authority.pem"))
        with running_cloud(folder / "world", host_factory=FAKE_HOSTS) as cloud:
            yield Account(cloud)


def make_bridge(account: Account, webhook: Webhook, cluster: str, most_attempts: int) -> str:
    """The sample, with these parameters; returns its dead-letter queue."""
    events = account.client("events")
    given = SAMPLE["Connection"]["Properties"]
    key = given["AuthParameters"]["ApiKeyAuthParameters"]
    assert key["ApiKeyValue"] == {"Fn::Sub": "{{resolve:secretsmanager:${SecretName}:SecretString}}"}
    connection = events.create_connection(
        Name=name("bridge"), AuthorizationType=given["AuthorizationType"],
        AuthParameters={"ApiKeyAuthParameters": {"ApiKeyName": "Authorization", "ApiKeyValue": SECRET}},
    )["ConnectionArn"]  # fmt: skip
    destination = events.create_api_destination(
        Name=name("bridge"), ConnectionArn=connection, InvocationEndpoint=webhook.url,
        HttpMethod=SAMPLE["Destination"]["Properties"]["HttpMethod"],
    )["ApiDestinationArn"]  # fmt: skip
    [statement] = SAMPLE["Role"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    queue_url, queue_arn = account.make_queue()
    rule, [target] = name("bridge"), SAMPLE["Rule"]["Properties"]["Targets"]
    pattern = {"source": SAMPLE["Rule"]["Properties"]["EventPattern"]["source"], "detail": {"cluster": [cluster]}}
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    own = {
        "Arn": destination, "RoleArn": account.make_role({"Action": statement["Action"], "Resource": destination}),
        "DeadLetterConfig": {"Arn": queue_arn},
        "RetryPolicy": target["RetryPolicy"] | {"MaximumRetryAttempts": most_attempts},
    }  # fmt: skip
    assert events.put_targets(Rule=rule, Targets=[target | own])["FailedEntryCount"] == 0
    return queue_url


def send(account: Account, cluster: str) -> None:
    detail = {"version": "1", "id": "r1-outcome", "cluster": cluster, "at": "2026-11-24T12:00:00Z", "reason": 'A "b".'}
    account.client("events").put_events(
        Entries=[{"Source": "garoon.failover", "DetailType": "Garoon Failover Outcome", "Detail": json.dumps(detail)}]
    )


def test_an_event_reaches_the_webhook_with_its_secret(trusting: Account, authority: Any, tmp_path: Path) -> None:
    webhook, cluster = serve(tmp_path, authority), name("garoon")
    queue = make_bridge(trusting, webhook, cluster, 3)
    send(trusting, "another")
    send(trusting, cluster)
    eventually(lambda: webhook.taken, "the event")
    [(headers, body)] = webhook.taken
    assert headers["Authorization"] == SECRET
    assert (body["dedup"], body["at"]) == ("r1-outcome", "2026-11-24T12:00:00Z")
    assert body["summary"] == f"[{cluster}] Garoon Failover Outcome"
    assert body["detail"]["reason"] == 'A "b".'
    assert trusting.receive(queue) == []


def test_a_webhook_that_fails_for_a_while_is_tried_again(trusting: Account, authority: Any, tmp_path: Path) -> None:
    webhook, cluster = serve(tmp_path, authority), name("garoon")
    webhook.answers = [500, 429]
    queue = make_bridge(trusting, webhook, cluster, 3)
    send(trusting, cluster)
    eventually(lambda: len(webhook.taken) == 3, "the third attempt")
    assert {body["dedup"] for _, body in webhook.taken} == {"r1-outcome"}
    assert trusting.receive(queue) == []


@pytest.mark.parametrize(
    ("answers", "attempts", "condition"), [([500] * 9, 2, "MaximumRetryAttempts"), ([400], 0, "NotRetriable")]
)
def test_what_the_webhook_does_not_take_is_kept(
    answers: list[int], attempts: int, condition: str, trusting: Account, authority: Any, tmp_path: Path
) -> None:
    webhook, cluster = serve(tmp_path, authority), name("garoon")
    webhook.answers = answers
    queue = make_bridge(trusting, webhook, cluster, 2)
    send(trusting, cluster)
    [kept] = trusting.wait_for(queue, 1)
    assert kept["detail"]["id"] == "r1-outcome"
    told = {key: value["StringValue"] for key, value in kept["attributes"].items()}
    assert (told["RETRY_ATTEMPTS"], told["EXHAUSTED_RETRY_CONDITION"]) == (str(attempts), condition)
    assert SECRET not in json.dumps(kept)
    assert len(webhook.taken) == attempts + 1


def test_a_server_that_nobody_vouches_for_is_told_nothing(trusting: Account, tmp_path: Path) -> None:
    webhook, cluster = serve(tmp_path, make_certificate("somebody else")), name("garoon")
    queue = make_bridge(trusting, webhook, cluster, 0)
    send(trusting, cluster)
    [kept] = trusting.wait_for(queue, 1)
    assert "CERTIFICATE_VERIFY_FAILED" in kept["attributes"]["ERROR_MESSAGE"]["StringValue"]
    assert webhook.taken == []
