import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from typing import Any

import pytest
import requests

from tests.local.toy import Toy

NewToy = Callable[..., AbstractContextManager[Toy]]


def write(toy: Toy, key: str, times: int = 1) -> None:
    for _ in range(times):
        toy.request("POST", f"/count/{key}").raise_for_status()


def echoes(toy: Toy, key: str) -> list[int]:
    found: list[int] = toy.get(f"/echoes/{key}")["echoes"]
    return found


def delivered(toy: Toy, key: str) -> list[tuple[str, dict[str, Any]]]:
    return [(name, image) for batch in toy.call("deliveries") for name, at, image in batch if at == key]


def test_write_has_its_effect_without_being_asked(toy: Toy) -> None:
    write(toy, "alone")
    until = time.monotonic() + 5
    while not echoes(toy, "alone") and time.monotonic() < until:
        time.sleep(0.01)
    assert echoes(toy, "alone") == [1]


def test_drain_waits_for_every_effect_in_order(toy: Toy) -> None:
    write(toy, "drained", times=30)
    toy.call("drain")
    assert echoes(toy, "drained") == list(range(1, 31))
    numbers = [image["number"]["N"] for _, image in delivered(toy, "drained")]
    assert numbers == [str(number) for number in range(1, 31)]
    assert toy.call("drain") == 0


def test_record_is_what_lambda_hands_over(toy: Toy) -> None:
    write(toy, "shape", times=2)
    toy.call("drain")
    records = delivered(toy, "shape")
    # An update that creates an item is one record, and binary values are Base64 text.
    assert [name for name, _ in records] == ["INSERT", "MODIFY"]
    assert records[0][1] == {"key": {"S": "shape"}, "number": {"N": "1"}, "data": {"B": "AAE="}}


def test_batch_that_fails_is_retried(toy: Toy) -> None:
    toy.call("poison", "retried", "2")
    write(toy, "retried")
    toy.call("drain")
    assert echoes(toy, "retried") == [1]
    assert "retried" not in toy.call("set_aside")


def test_record_that_always_fails_is_put_aside_and_holds_up_no_other(toy: Toy) -> None:
    toy.call("poison", "bad", "1000")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: write(toy, key), ["good0", "good1", "bad", "good2", "good3", "good4"]))
    toy.call("drain")
    assert toy.call("set_aside") == ["bad"]
    assert echoes(toy, "bad") == []
    assert [echoes(toy, f"good{number}") for number in range(5)] == [[1]] * 5


def test_sweep_runs_the_schedules_now(toy: Toy) -> None:
    before = len(toy.call("sweep"))
    assert len(toy.call("sweep")) == before + 1


def test_presigned_urls_work_from_another_process(toy: Toy) -> None:
    urls = toy.get("/upload/report.txt")
    assert requests.put(urls["put"], data=b"contents", timeout=10).status_code == 200
    assert requests.get(urls["get"], timeout=10).content == b"contents"


def test_browser_may_use_presigned_urls(toy: Toy) -> None:
    asked = {"Origin": "https://app.example.org", "Access-Control-Request-Method": "PUT"}
    answer = requests.options(toy.get("/upload/page.txt")["put"], headers=asked, timeout=10)
    assert answer.ok
    assert answer.headers["Access-Control-Allow-Origin"] in {"*", "https://app.example.org"}


def test_key_encrypts_and_decrypts(toy: Toy) -> None:
    assert toy.get("/secret/text") == {"same": True}


def test_conditional_write_has_one_winner(toy: Toy) -> None:
    assert toy.request("POST", "/races/30").json()["winners"] == [1] * 30


def test_cloud_starts_again_in_the_same_process(new_toy: NewToy) -> None:
    with new_toy() as toy:
        write(toy, "before")
        urls = toy.get("/upload/kept.txt")
        toy.url = toy.call("restart")
        assert echoes(toy, "before") == []
        write(toy, "after")
        toy.call("drain")
        assert echoes(toy, "after") == [1]
        # Clients remember where S3 was.
        assert urls["put"].split("?")[0] == toy.get("/upload/kept.txt")["put"].split("?")[0]


def test_users_own_aws_is_never_touched_and_the_environment_is_put_back(new_toy: NewToy) -> None:
    own = {
        "AWS_ACCESS_KEY_ID": "REALKEY",
        "AWS_SECRET_ACCESS_KEY": "real",
        "AWS_SESSION_TOKEN": "real",
        "AWS_PROFILE": "work",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "CLAIMCHECK_BUCKET": "mine",
    }
    with new_toy(**own) as toy:
        assert "REALKEY" not in toy.get("/upload/x")["put"]
        assert "/mine/x" in toy.get("/upload/x")["put"]
        during = toy.call("environment")
        assert {name for name in during if name.startswith("AWS_")}.isdisjoint({"AWS_SESSION_TOKEN", "AWS_PROFILE"})
        assert len(during["CLAIMCHECK_AGENT_SECRET"]) >= 32
        after = toy.call("stop")
    assert {name: after.get(name) for name in own} == own
    assert "CLAIMCHECK_AGENT_SECRET" not in after
    assert "AWS_ENDPOINT_URL_S3" not in after


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    """AWS at an address of its own, in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen(  # noqa: S603  our own interpreter
        [sys.executable, "-m", "moto.server", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
        process.terminate()


def test_service_with_an_endpoint_of_its_own_is_not_embedded(new_toy: NewToy, elsewhere: str) -> None:
    with new_toy(
        AWS_ENDPOINT_URL_S3=elsewhere,
        AWS_ENDPOINT_URL_KMS=elsewhere,
        AWS_ACCESS_KEY_ID="MYKEY",
        AWS_SECRET_ACCESS_KEY="mine",
    ) as toy:
        put = toy.get("/upload/x")["put"]
        assert put.startswith(f"{elsewhere}/claimcheck/x?")
        assert "MYKEY" in put
        assert requests.put(put, data=b"there", timeout=10).ok
        assert toy.get("/secret/text") == {"same": True}
        write(toy, "embedded")
        toy.call("drain")
        assert echoes(toy, "embedded") == [1]
    aliases = {
        "X-Amz-Target": "TrentService.ListAliases",
        "Content-Type": "application/x-amz-json-1.1",
        "Authorization": "AWS4-HMAC-SHA256 Credential=MYKEY/20260101/us-east-1/kms/aws4_request",
    }
    assert "alias/claimcheck" in requests.post(elsewhere, data="{}", headers=aliases, timeout=10).text
    assert requests.get(f"{elsewhere}/claimcheck/x", timeout=10).status_code in {200, 403}


def test_queues_may_be_elsewhere(new_toy: NewToy, elsewhere: str) -> None:
    with new_toy(AWS_ENDPOINT_URL_SQS=elsewhere) as toy:
        assert len([line for line in toy.call("logged") if "uploads are not announced" in line]) == 1
        toy.call("send", "write polled")
        until = time.monotonic() + 5
        while not echoes(toy, "polled") and time.monotonic() < until:
            time.sleep(0.01)
        assert echoes(toy, "polled") == [1]
        toy.call("send_and_drain", "write drained", "write drained")
        assert echoes(toy, "drained") == [1, 2]


def test_all_of_aws_may_be_elsewhere(new_toy: NewToy, elsewhere: str) -> None:
    with new_toy(AWS_ENDPOINT_URL=elsewhere) as toy:
        write(toy, "far")
        toy.call("drain")
        assert echoes(toy, "far") == [1]
        assert toy.get("/secret/text") == {"same": True}
        delayed = toy.call("count_waiting", "claimcheck-uploads")[1]
        assert requests.put(toy.get("/upload/input%2Fx")["put"], data=b"x", timeout=10).ok
        assert toy.call("count_waiting", "claimcheck-uploads")[1] == delayed + 1
