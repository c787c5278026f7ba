"""A local S3 server, as the remote of a ledger."""

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, str]]:
    """Serve S3 on a free port; yield the endpoint and the `s3://` address of an empty bucket."""
    server_module = pytest.importorskip("moto.server", reason="needs moto: pip install -e '.[dev]'")
    boto3 = pytest.importorskip("boto3")
    pytest.importorskip("dvc_s3", reason="needs DVC's S3 part: pip install 'stylealign[ledger]'")
    (tmp_path / "aws").touch()  # nobody's own settings
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(tmp_path / "aws"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "aws"),
        "no_proxy": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        endpoint = "http://{}:{}".format(*server.get_host_and_port())
        boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket="results")
        yield endpoint, "s3://results/stylealign"
    finally:
        server.stop()
