"""The ledger with an S3 remote."""

import boto3
import pytest

from tests.ledger.conftest import Repository
from tests.ledger.s3 import bucket  # noqa: F401 - a fixture
from tests.ledger.test_restore import contents


def add_remote(repository: Repository, bucket: tuple[str, str]) -> None:  # noqa: F811
    endpoint, url = bucket
    repository.dvc("remote", "add", "--quiet", "cloud", url)
    repository.dvc("remote", "modify", "cloud", "endpointurl", endpoint)
    repository.commit("remote")


def test_a_clone_restores_from_s3_and_a_partial_pull_loses_nothing(
    tracked: Repository,
    bucket: tuple[str, str],  # noqa: F811
) -> None:
    add_remote(tracked, bucket)
    code, out, told = tracked.stylealign("track", "--push", "cloud")
    assert code == 0, told
    assert '"pushed_to": "cloud"' in out
    clone = tracked.clone("clone")
    code, _, told = clone.stylealign("restore", "--remote", "cloud")
    assert code == 0, told
    assert contents(clone) == contents(tracked)

    client = boto3.client("s3", endpoint_url=bucket[0])
    objects = client.list_objects_v2(Bucket="results")["Contents"]
    log = next(
        entry["Key"]
        for entry in objects
        if client.get_object(Bucket="results", Key=entry["Key"])["Body"].read() == b"log\n"
    )
    client.delete_object(Bucket="results", Key=log)
    other = tracked.clone("other")
    told = other.fails("restore", "--remote", "cloud")
    assert "remote 'cloud' lacks results/models/human/log.jsonl" in told
    assert contents(other) == {}


def test_a_bucket_that_is_not_there_is_one_line(
    tracked: Repository,
    bucket: tuple[str, str],  # noqa: F811
) -> None:
    add_remote(tracked, (bucket[0], "s3://nobody/nothing"))
    told = tracked.fails("track", "--push", "cloud")
    assert "dvc push: " in told
    assert "bucket" in told
    clone = tracked.clone("clone")
    assert "remote 'cloud' lacks" in clone.fails("restore", "--remote", "cloud")
    assert contents(clone) == {}


pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
