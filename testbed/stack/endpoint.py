"""Where the local cloud listens, and clients of it with an administrator's rights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.config import Config
from botocore.loaders import create_loader

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.client import CloudFormationClient
    from mypy_boto3_cloudwatch.client import CloudWatchClient
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_ec2.client import EC2Client
    from mypy_boto3_elbv2.client import ElasticLoadBalancingv2Client
    from mypy_boto3_lambda.client import LambdaClient
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sns.client import SNSClient
    from mypy_boto3_sqs.client import SQSClient
    from mypy_boto3_ssm.client import SSMClient
    from mypy_boto3_stepfunctions.client import SFNClient

REGION = "ap-northeast-1"
ACCOUNT = "000000000000"
_MODELS = create_loader()


def make_session() -> botocore.session.Session:
    """With AWS's models as this process has read them: each session would take a third of a processor second anew."""
    session = botocore.session.Session()
    session.register_component("data_loader", _MODELS)
    return session


@dataclass(frozen=True)
class Endpoint:
    """The local cloud's address. A 12-digit access key is the account's root there: it may do anything."""

    url: str
    region: str = REGION
    account: str = ACCOUNT

    def environment(self) -> dict[str, str]:
        """What the ordinary aws and sam command lines need to talk to the local cloud, and to nothing else."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_ACCESS_KEY_ID": self.account,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }


@dataclass(frozen=True)
class Session:
    """Somebody's credentials."""

    key_id: str
    secret: str
    token: str

    def environment(self) -> dict[str, str]:
        return {
            "AWS_ACCESS_KEY_ID": self.key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_SESSION_TOKEN": self.token,
        }


class Clients:
    """One client for each service, made when first asked for; they may be used from several threads."""

    def __init__(self, endpoint: Endpoint, session: Session | None = None) -> None:
        """With the rights of the session's role; without one with all."""
        self.endpoint = endpoint
        # Threads may share a client but not the session that makes it.
        self._making = Lock()
        self._session = make_session()
        self._session.set_credentials(
            session.key_id if session else endpoint.account,
            session.secret if session else "local",
            session.token if session else None,
        )
        self._config = Config(
            connect_timeout=5, read_timeout=60, retries={"mode": "standard", "max_attempts": 5}, max_pool_connections=20
        )

    def _client(self, service: str) -> Any:
        with self._making:
            url, region = self.endpoint.url, self.endpoint.region
            return self._session.create_client(service, region, endpoint_url=url, config=self._config)

    @cached_property
    def ec2(self) -> EC2Client:
        client: EC2Client = self._client("ec2")
        return client

    @cached_property
    def elbv2(self) -> ElasticLoadBalancingv2Client:
        client: ElasticLoadBalancingv2Client = self._client("elbv2")
        return client

    @cached_property
    def stepfunctions(self) -> SFNClient:
        client: SFNClient = self._client("stepfunctions")
        return client

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        client: DynamoDBClient = self._client("dynamodb")
        return client

    @cached_property
    def cloudwatch(self) -> CloudWatchClient:
        client: CloudWatchClient = self._client("cloudwatch")
        return client

    @cached_property
    def cloudformation(self) -> CloudFormationClient:
        client: CloudFormationClient = self._client("cloudformation")
        return client

    @cached_property
    def events(self) -> Any:
        return self._client("events")

    @cached_property
    def iam(self) -> Any:
        return self._client("iam")

    @cached_property
    def sts(self) -> Any:
        return self._client("sts")

    @cached_property
    def sns(self) -> SNSClient:
        client: SNSClient = self._client("sns")
        return client

    @cached_property
    def sqs(self) -> SQSClient:
        client: SQSClient = self._client("sqs")
        return client

    @cached_property
    def functions(self) -> LambdaClient:
        client: LambdaClient = self._client("lambda")
        return client

    @cached_property
    def ssm(self) -> SSMClient:
        client: SSMClient = self._client("ssm")
        return client

    @cached_property
    def s3(self) -> S3Client:
        client: S3Client = self._client("s3")
        return client

    @cached_property
    def route53(self) -> Any:
        return self._client("route53")
