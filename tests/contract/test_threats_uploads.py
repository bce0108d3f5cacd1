"""Threat 36: an upload that is overwritten, or of another type, size or content than was announced."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import requests

from tests.contract import sigv4
from tests.support.api import Bench, error, ok

CONTENT = b"an artifact of the build"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
PART = 5 * 1024 * 1024


def _announce(bench: Bench, job_id: str, **more: Any) -> dict[str, Any]:
    told = {"fileName": "app.apk", "size": len(CONTENT), "sha256": DIGEST, "contentType": "application/zip", **more}
    return dict(ok(bench.agent.post(f"/api/jobs/{job_id}/artifacts", told)))


def _checksum(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def test_put_is_signed_with_length_type_and_checksum(bench: Bench) -> None:
    """Threat 36: the signature covers what the agent announced, so S3 takes nothing else."""
    upload = _announce(bench, bench.running())["upload"]
    assert upload["method"] == "PUT"
    url, headers = upload["url"], upload["headers"]
    assert sigv4.signed_headers(url) >= {"host", "content-length", "content-type", "x-amz-checksum-sha256"}
    assert sigv4.accepts("PUT", url, headers)
    assert int(headers["Content-Length"]) == len(CONTENT)
    assert headers["Content-Type"] == "application/zip"
    assert headers["x-amz-checksum-sha256"] == _checksum(CONTENT)
    wrong = {"Content-Length": "1", "Content-Type": "text/html", "x-amz-checksum-sha256": _checksum(b"")}
    for name, value in wrong.items():
        assert not sigv4.accepts("PUT", url, {**headers, name: value}), name
        assert not sigv4.accepts("PUT", url, {key: kept for key, kept in headers.items() if key != name}), name
    for method in ("GET", "POST", "DELETE"):
        assert not sigv4.accepts(method, url, headers)


def test_put_url_altered_in_host_key_query_or_expiry_is_not_accepted(bench: Bench) -> None:
    """Threat 36: nothing in a presigned URL can be changed."""
    upload = _announce(bench, bench.running())["upload"]
    url, headers = upload["url"], upload["headers"]
    host, expires = urlsplit(url).netloc, sigv4.parameters(url)["X-Amz-Expires"]
    altered = {
        "host": url.replace(host, "evil.example.com"),
        "key": url.replace("app.apk", "other.apk"),
        "project": url.replace(bench.project_id, "project-other"),
        "added query": f"{url}&partNumber=1",
        "expiry": url.replace(f"X-Amz-Expires={expires}", "X-Amz-Expires=604800"),
        "date": url.replace(sigv4.parameters(url)["X-Amz-Date"], "20990101T000000Z"),
        "signed headers": url.replace("content-length%3B", ""),
    }
    for what, other in altered.items():
        assert other != url, what
        assert not sigv4.accepts("PUT", other, headers), what
    assert not sigv4.accepts("PUT", url, headers, at=datetime.now(UTC) + timedelta(seconds=int(expires) + 2))


def test_artifact_is_invisible_until_it_is_there_and_checked(bench: Bench) -> None:
    """Threat 36: before the server has looked, nobody sees the artifact."""
    job_id = bench.running()
    announced = _announce(bench, job_id)
    artifact_id = announced["artifactId"]
    complete = f"/api/jobs/{job_id}/artifacts/{artifact_id}/complete"
    download = f"/api/projects/{bench.project_id}/artifacts/{artifact_id}/download"
    assert error(bench.agent.post(complete)) == (409, "UPLOAD_INCOMPLETE")
    assert ok(bench.user.get(f"/api/projects/{bench.project_id}/artifacts")) == []
    assert error(bench.user.get(download)) == (404, "ARTIFACT_NOT_FOUND")
    _put(announced, CONTENT)
    assert ok(bench.user.get(f"/api/jobs/{job_id}/artifacts")) == []
    artifact = ok(bench.agent.post(complete))
    assert ok(bench.agent.post(complete)) == artifact
    assert ok(bench.user.get(f"/api/projects/{bench.project_id}/artifacts")) == [artifact]
    assert ok(bench.user.get(f"/api/jobs/{job_id}/artifacts")) == [artifact]
    _check(bench, artifact, announced)
    assert requests.get(ok(bench.user.get(download))["downloadUrl"], timeout=10).content == CONTENT


def _check(bench: Bench, artifact: dict[str, Any], announced: dict[str, Any]) -> None:
    assert set(artifact) == {
        "artifactId", "projectId", "jobId", "drivePath", "fileName", "sha256", "buildNumber", "size", "contentType",
        "uploadedAt",
    }  # fmt: skip
    path = f"artifacts/{bench.project_id}/{artifact['jobId']}/{artifact['artifactId']}/app.apk"
    assert artifact["drivePath"] == path
    assert urlsplit(announced["upload"]["url"]).path.endswith(f"/{path}")
    assert (artifact["size"], artifact["sha256"], artifact["buildNumber"]) == (len(CONTENT), DIGEST, "1")


@pytest.mark.parametrize(("content", "checksum"), [
    (CONTENT + b"!", _checksum(CONTENT)),
    (CONTENT.upper(), _checksum(CONTENT.upper())),
    (CONTENT, None),
])  # fmt: skip
def test_upload_of_another_size_or_checksum_is_refused(bench: Bench, content: bytes, checksum: str | None) -> None:
    """Threat 36: what came round the signature is still compared with what was announced."""
    job_id = bench.running()
    announced = _announce(bench, job_id)
    headers = {"x-amz-checksum-sha256": checksum, "x-amz-sdk-checksum-algorithm": "SHA256"} if checksum else {}
    requests.put(announced["upload"]["url"], data=content, headers=headers, timeout=10).raise_for_status()
    answer = bench.agent.post(f"/api/jobs/{job_id}/artifacts/{announced['artifactId']}/complete")
    assert error(answer) == (409, "UPLOAD_MISMATCH")
    assert ok(bench.user.get(f"/api/jobs/{job_id}/artifacts")) == []


def test_names_that_would_leave_their_folder_are_refused_or_made_safe(bench: Bench) -> None:
    """Threat 36: the key is the server's."""
    job_id = bench.running()
    for name in ("../x", "a/b", "a\\b", "a\nb", "", "x" * 256, "\u0000"):
        told = {"fileName": name, "size": 1, "sha256": DIGEST}
        assert error(bench.agent.post(f"/api/jobs/{job_id}/artifacts", told)) == (400, "INVALID_REQUEST"), name
    for name in ("..", "a b?.apk", "漢.apk", "%2e%2e%2f"):
        path = urlsplit(_announce(bench, job_id, fileName=name)["upload"]["url"]).path
        last = unquote(path).rsplit("/", 1)[1]
        assert last.strip("._") or last == "file", name
        assert set(last) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"), name
        assert f"/{job_id}/artifact_" in path


@pytest.mark.parametrize(("wrong", "status"), [
    ({"size": -1}, 400), ({"size": "1"}, 400), ({"size": 50_000_000_001}, 413),
    ({"sha256": "0" * 63}, 400), ({"sha256": "Z" * 64}, 400),
    ({"contentType": "text"}, 400), ({"contentType": "text/html\r\nx: y"}, 400),
    ({"drivePath": "x"}, 400), ({"objectKey": "x"}, 400), ({"buildNumber": 1}, 400),
])  # fmt: skip
def test_announcement_with_a_wrong_field_is_refused(bench: Bench, wrong: dict[str, Any], status: int) -> None:
    told = {"fileName": "x", "size": 1, "sha256": DIGEST, **wrong}
    answer = bench.agent.post(f"/api/jobs/{bench.running()}/artifacts", told)
    assert answer.status_code == status
    assert answer.json()["details"]["field"] == next(iter(wrong))


def test_download_is_signed_with_its_disposition_and_ends(bench: Bench) -> None:
    job_id = bench.running()
    announced = _announce(bench, job_id, fileName='we "quote" 漢.html', contentType="text/html")
    _put(announced, CONTENT)
    path = f"/api/jobs/{job_id}/artifacts/{announced['artifactId']}/complete"
    ok(bench.agent.post(path))
    answer = ok(bench.user.get(f"/api/projects/{bench.project_id}/artifacts/{announced['artifactId']}/download"))
    assert set(answer) == {"downloadUrl", "expiresAt"}
    url = answer["downloadUrl"]
    disposition = sigv4.parameters(url)["response-content-disposition"]
    assert disposition == "attachment; filename*=UTF-8''we%20%22quote%22%20%E6%BC%A2.html"
    assert sigv4.accepts("GET", url)
    assert not sigv4.accepts("GET", url.replace("attachment", "inline"))
    assert not sigv4.accepts("GET", url, at=datetime.fromisoformat(answer["expiresAt"]) + timedelta(seconds=2))
    assert requests.get(url, timeout=10).headers["Content-Disposition"] == disposition


def test_upload_in_parts_is_joined_and_checked(bench: Bench) -> None:
    job_id, parts = bench.running(), [b"a" * PART, b"b" * (2 * 1024 * 1024)]
    whole = b"".join(parts)
    announced = _announce(bench, job_id, size=len(whole), sha256=hashlib.sha256(whole).hexdigest())
    assert announced["upload"] == {"method": "PUT", "partSize": PART, "partCount": 2}
    path = f"/api/jobs/{job_id}/artifacts/{announced['artifactId']}"
    uploaded = _upload_parts(bench, path, parts)
    for wrong in ({"parts": uploaded[:1]}, None, {"parts": [uploaded[0], {**uploaded[1], "etag": '"0"'}]}):
        assert error(bench.agent.post(f"{path}/complete", wrong)) == (409, "UPLOAD_INCOMPLETE")
    artifact = ok(bench.agent.post(f"{path}/complete", {"parts": uploaded}))
    assert (artifact["size"], artifact["sha256"]) == (len(whole), hashlib.sha256(whole).hexdigest())
    assert ok(bench.agent.post(f"{path}/complete", {"parts": uploaded})) == artifact
    url = ok(bench.user.get(f"/api/projects/{bench.project_id}/artifacts/{artifact['artifactId']}/download"))
    assert (
        hashlib.sha256(requests.get(url["downloadUrl"], timeout=30).content).digest() == hashlib.sha256(whole).digest()
    )


def test_parts_of_another_size_than_announced_are_refused(bench: Bench) -> None:
    """Threat 36: the joined object is looked at as well."""
    job_id = bench.running()
    announced = _announce(bench, job_id, size=PART + 2 * 1024 * 1024)
    path = f"/api/jobs/{job_id}/artifacts/{announced['artifactId']}"
    uploaded = _upload_parts(bench, path, [b"a" * PART, b"b" * 10])
    assert error(bench.agent.post(f"{path}/complete", {"parts": uploaded})) == (409, "UPLOAD_MISMATCH")
    assert ok(bench.user.get(f"/api/jobs/{job_id}/artifacts")) == []


def test_parts_are_signed_one_by_one_and_only_those_of_the_upload(bench: Bench) -> None:
    """Threat 36: each part's URL is good for that part, with that checksum."""
    job_id = bench.running()
    announced = _announce(bench, job_id, size=PART + 2 * 1024 * 1024)
    path = f"/api/jobs/{job_id}/artifacts/{announced['artifactId']}/parts"
    signed = ok(bench.agent.post(path, {"parts": [{"partNumber": 2, "sha256": DIGEST}]}))["parts"][0]
    assert set(signed) == {"partNumber", "method", "url", "headers"}
    assert sigv4.parameters(signed["url"])["partNumber"] == "2"
    assert "x-amz-checksum-sha256" in sigv4.signed_headers(signed["url"])
    assert sigv4.accepts("PUT", signed["url"], signed["headers"])
    assert not sigv4.accepts("PUT", signed["url"].replace("partNumber=2", "partNumber=1"), signed["headers"])
    too_many = [{"partNumber": number, "sha256": DIGEST} for number in range(1, 102)]
    for wrong in ([], [{"partNumber": 3, "sha256": DIGEST}], [{"partNumber": 0, "sha256": DIGEST}], too_many):
        assert error(bench.agent.post(path, {"parts": wrong})) == (400, "INVALID_REQUEST")
    single = _announce(bench, job_id)["artifactId"]
    answer = bench.agent.post(f"/api/jobs/{job_id}/artifacts/{single}/parts", {"parts": too_many[:1]})
    assert error(answer) == (404, "ARTIFACT_NOT_FOUND")


def test_project_artifacts_page_newest_first(bench: Bench) -> None:
    job_id, made = bench.running(), []
    for _ in range(3):
        announced = _announce(bench, job_id)
        _put(announced, CONTENT)
        made.append(ok(bench.agent.post(f"/api/jobs/{job_id}/artifacts/{announced['artifactId']}/complete")))
    path = f"/api/projects/{bench.project_id}/artifacts?limit=2"
    first = bench.user.get(path)
    rest = bench.user.get(f"{path}&cursor={first.headers['X-Next-Cursor']}")
    assert [*first.json(), *rest.json()] == made[::-1]
    assert "X-Next-Cursor" not in rest.headers


def _put(announced: dict[str, Any], content: bytes) -> None:
    upload = announced["upload"]
    requests.put(upload["url"], data=content, headers=upload["headers"], timeout=10).raise_for_status()


def _upload_parts(bench: Bench, path: str, parts: list[bytes]) -> list[dict[str, Any]]:
    told = [{"partNumber": n, "sha256": hashlib.sha256(part).hexdigest()} for n, part in enumerate(parts, start=1)]
    signed = ok(bench.agent.post(f"{path}/parts", {"parts": told}))["parts"]
    for each, request, content in zip(told, signed, parts, strict=True):
        answer = requests.put(request["url"], data=content, headers=request["headers"], timeout=30)
        each["etag"] = answer.headers["ETag"]
    return told
