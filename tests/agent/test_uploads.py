"""Artifacts: one PUT or many, only what was measured, no credentials for the store."""

import io
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from claimcheck_agent import Agent, ApiError, Job, Unavailable, UploadFailed
from claimcheck_agent.halt import Reason
from claimcheck_agent.uploads import artifact_name

from tests.agent.fake_server import FakeServer


@pytest.fixture
def job(server: FakeServer, agent: Agent) -> Job:
    server.add()
    claimed = agent.claim()
    assert claimed
    return claimed


def delivered(server: FakeServer) -> dict[str, bytes]:
    return server.state.delivered(server.state.jobs["job_0"])


def test_file_is_delivered_and_confirmed(server: FakeServer, job: Job, tmp_path: Path) -> None:
    path = tmp_path / "app.zip"
    path.write_bytes(b"PK content")
    with job:
        artifact = job.upload(path, build_number="7")
    assert delivered(server) == {"app.zip": b"PK content"}
    assert artifact["size"] == 10
    (registered,) = server.requests("POST", "/artifacts$")
    assert registered.json()["contentType"] == "application/zip"
    assert registered.json()["buildNumber"] == "7"


def test_open_file_is_delivered_from_its_beginning(server: FakeServer, job: Job) -> None:
    file = io.BytesIO(b"0123456789")
    file.seek(5)
    with job:
        job.upload(file, "digits.txt")
    assert delivered(server) == {"digits.txt": b"0123456789"}


def test_store_sees_no_credentials(
    server: FakeServer, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with job:
        job.upload(io.BytesIO(b"x"), "x")
    (put,) = server.requests("PUT", "/store/")
    assert not {"authorization", "x-colab-id", "x-colab-secret", "x-claim-attempt", "cookie"} & set(put.headers)


def test_large_file_goes_in_parts(server: FakeServer, job: Job) -> None:
    server.state.multipart_above, server.state.part_size = 5000, 400
    data = random.Random(3).randbytes(10_123)  # noqa: S311
    with job:
        job.upload(io.BytesIO(data), "large.bin")
    assert delivered(server) == {"large.bin": data}
    assert len(server.requests("PUT", "/store/")) == 26
    assert len(server.requests("POST", "/parts$")) == 3


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/artifacts$"), ("PUT", "/store/"), ("POST", "/complete$"), ("POST", "/parts$")]
)
@pytest.mark.parametrize("fault", [{"drop": "before"}, {"drop": "after"}, {"status": 503}])
def test_every_step_survives_a_lost_answer(
    server: FakeServer, job: Job, method: str, path: str, fault: dict[str, object]
) -> None:
    server.state.multipart_above = 5000 if path == "/parts$" else 100_000
    data = random.Random(4).randbytes(8000)  # noqa: S311
    server.fault(method, path, **fault)
    with job:
        job.upload(io.BytesIO(data), "data.bin")
    assert delivered(server) == {"data.bin": data}
    keys = {seen.headers.get("idempotency-key") for seen in server.requests("POST", "/artifacts$")}
    assert len(keys) == 1
    assert None not in keys


def test_refusal_by_the_store_does_not_print_the_url(server: FakeServer, job: Job) -> None:
    server.fault("PUT", "/store/", status=403)
    with pytest.raises(UploadFailed, match="403") as failed, job:
        job.upload(io.BytesIO(b"x"), "x")
    assert "sig=" not in str(failed.value)


def test_outage_of_the_store_does_not_print_the_url(server: FakeServer, job: Job) -> None:
    server.fault("PUT", "/store/", drop="before", times=4)
    with pytest.raises(Unavailable) as failed, job:
        job.upload(io.BytesIO(b"x"), "x")
    assert "sig=" not in str(failed.value)
    assert "sig=" not in server.state.jobs["job_0"].lines[-1]


class Slow(io.BytesIO):
    """A file that would take a minute to be uploaded; it tells when that has begun."""

    def __init__(self) -> None:
        super().__init__(b"x" * 60_000)
        self.uploading = threading.Event()
        self.measured = False

    def read(self, size: int | None = -1, /) -> bytes:
        if self.measured:
            self.uploading.set()
            time.sleep(0.1)
            return super().read(100)
        block = super().read(size)
        self.measured = not block
        return block


@pytest.mark.parametrize(
    ("end", "state"),
    [
        (lambda server, job, _: (server.cancel(server.state.jobs[job.id]), job.renew()), "cancelled"),
        (lambda _, __, agent: agent.stop(), "released"),
        (lambda _, job, __: job.claim.halt.set(Reason.LOST), "lost"),
    ],
)
def test_upload_ends_with_the_work(
    server: FakeServer, agent: Agent, job: Job, end: Callable[[FakeServer, Job, Agent], object], state: str
) -> None:
    file = Slow()

    def watch() -> None:
        assert file.uploading.wait(10)
        end(server, job, agent)

    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.monotonic()
    with job:
        job.upload(file, "slow")
    watcher.join()
    assert job.state == state
    assert time.monotonic() - began < 60
    assert not server.requests("POST", "/complete$")


def test_file_that_changed_meanwhile_is_refused(server: FakeServer, job: Job) -> None:
    class Changing(io.BytesIO):
        def seek(self, offset: int, whence: int = 0, /) -> int:
            if self.tell():
                self.getbuffer()[0] ^= 1
            return super().seek(offset, whence)

    with pytest.raises((ApiError, UploadFailed)), job:
        job.upload(Changing(b"measured"), "x")
    assert delivered(server) == {}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("app.apk", "app.apk"),
        ("apk/release/app.apk", "apk-release-app.apk"),
        ("a\\b\n.txt", "a_b_.txt"),
        ("x" * 300 + ".apk", "x" * 251 + ".apk"),
        ("bad \udcff", "bad ?"),
    ],
)
def test_artifact_names_are_what_the_server_takes(path: str, name: str) -> None:
    assert artifact_name(Path(path)) == name
