"""The files contract's example workflow, step by step as its reader would do it, and what surrounds it."""

import csv
import io
import uuid

import requests

from tests.support.api import TIMEOUT, Api, ok
from tests.support.files import NEW_YORK, PEOPLE, Files, key_of


def test_nine_steps_of_the_contract(api: Api) -> None:
    email, password = f"{uuid.uuid4().hex}@example.com", "devpassword"
    anyone = api.anyone()
    # 1. Register.
    registered = anyone.post("/api/v1/auth/register", {"email": email, "password": password})
    assert registered.status_code == 201
    assert registered.json()["email"] == email
    # 2. Log in.
    form = f"username={email}&password={password}"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    token = ok(anyone.request("POST", "/api/v1/auth/login", data=form, headers=headers))
    assert token["token_type"] == "bearer"
    files = Files(anyone)
    files.user.headers["Authorization"] = f"Bearer {token['access_token']}"
    # 3. Create a job.
    told = {"file_name": "sample_data.csv", "original_file_size_bytes": 10240, "processing_steps": [NEW_YORK]}
    created = files.user.post("/api/v1/jobs", told)
    assert created.status_code == 201
    job = created.json()
    assert (job["status"], job["processing_steps"], job["user_id"]) == ("PENDING", [NEW_YORK], registered.json()["id"])
    assert job["created_at"] == job["updated_at"]
    assert [job[name] for name in ("input_object_key", "output_object_key", "error_message")] == [None, None, None]
    # 4. Get an upload URL.
    url = ok(files.post(job, "upload-url"))["upload_url"]
    key = f"input/{job['id']}/sample_data.csv"
    assert key_of(url) == key
    # 5. Upload straight to the store.
    assert requests.put(url, data=PEOPLE, headers={"Content-Type": "text/csv"}, timeout=TIMEOUT).status_code == 200
    # 6. Mark as uploaded.
    marked = ok(files.mark(job, key))
    assert (marked["id"], marked["status"], marked["input_object_key"]) == (job["id"], "QUEUED", key)
    # 7. Poll.
    done = files.ended(job)
    assert done["status"] == "COMPLETED"
    assert done["output_object_key"].startswith(f"output/{job['id']}/")
    assert done["output_object_key"].endswith("/sample_data_processed.csv")
    # 8. and 9. Get a download URL, and download.
    output = files.download(done)
    assert list(csv.reader(io.StringIO(output.decode()))) == [
        ["name", "city", "age"], ["Alice", "New York", "30"], ["Charlie", "New York", "35"],
    ]  # fmt: skip


def test_report_says_what_was_done(files: Files) -> None:
    job, output = files.processed(NEW_YORK)
    report = job["report"]
    assert (report["rows_in"], report["rows_out"], report["bytes_in"]) == (3, 2, len(PEOPLE))
    assert report["bytes_out"] == len(output)
    assert [(step["type"], step["dropped"]) for step in report["steps"]] == [("filter", 1)]
    assert report["seconds"] > 0
    assert "report" not in next(each for each in ok(files.user.get("/api/v1/jobs")) if each["id"] == job["id"])


def test_job_without_steps_gives_the_file_back(files: Files) -> None:
    assert files.processed()[1] == PEOPLE


def test_download_is_saved_under_the_name_of_the_file(files: Files) -> None:
    job, _ = files.processed(name="Übersicht 2024 (final).CSV")
    answer = requests.get(ok(files.post(job, "download-url"))["download_url"], timeout=TIMEOUT)
    assert "filename*=UTF-8''%C3%9Cbersicht%202024%20%28final%29_processed.csv" in answer.headers["Content-Disposition"]


def test_bad_file_fails_its_job_with_the_line(files: Files) -> None:
    job = files.ended(files.started(content=b"a,b\n1,2\n1,2,3\n"))
    assert job["status"] == "FAILED"
    assert "line 3" in job["error_message"].lower()
    assert job["output_object_key"] is None


def test_column_that_is_not_there_fails_the_job_and_says_which_are(files: Files) -> None:
    missing = {"type": "filter", "params": {"column": "town", "operator": "eq", "value": "x"}}
    job = files.ended(files.started(missing))
    assert job["status"] == "FAILED"
    for name in ("town", "name", "city", "age"):
        assert name in job["error_message"]
