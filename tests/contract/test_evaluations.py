"""Evaluations: the contract's calls as written, what is refused, lists, cancelling, results."""

import csv
import io
from typing import Any

import pytest
import requests

from local.cloud import LocalCloud
from tests.contract.harness import People, changed_settings
from tests.support.api import TIMEOUT, Api, ok
from tests.support.evaluations import CAPITALS, Evaluations, csv_of, lines_of, refusal

FIELDS = {
    "id", "name", "description", "type", "status", "progress", "configuration", "created_at", "updated_at",
    "started_at", "completed_at", "error", "results_url", "summary",
}  # fmt: skip
FINANCIAL = {
    "name": "Financial Analysis Evaluation",
    "description": "Evaluate responses against financial data",
    "type": "bulk_evaluation",
    "configuration": {
        "data_source": "financial-validation-data.csv",
        "prompt_template": "Analyze this financial data: {context}",
        "evaluation_criteria": {"similarity_threshold": 0.8, "use_semantic_scoring": False},
    },
}


def test_contracts_calls_as_written(evaluations: Evaluations) -> None:
    content = (
        b"context,expected,actual\nRevenue rose 4%.,Growth of 4%,Growth of 4%\nLoss of 2M.,A loss,A profit of 9M\n"
    )
    evaluations.upload(content, name="financial-validation-data.csv")
    submitted = evaluations.user.post("/api/jobs", FINANCIAL)
    assert submitted.status_code == 201
    job = submitted.json()
    assert set(job) == FIELDS
    assert submitted.headers["Location"] == f"/api/jobs/{job['id']}"
    assert (job["status"], job["type"], job["results_url"]) == ("queued", "bulk_evaluation", None)
    job = evaluations.ended(job)
    assert (job["status"], job["error"]) == ("completed", None)
    assert job["results_url"] == f"/api/jobs/{job['id']}/results"
    told = ok(evaluations.user.get(f"/api/jobs/{job['id']}/results?format=json"))
    assert told["job_id"] == job["id"]
    assert [told["summary"][name] for name in ("total", "passed", "failed", "errored")] == [2, 1, 1, 0]
    first, second = told["results"]
    assert first["prompt"] == "Analyze this financial data: Revenue rose 4%."
    assert (first["row"], first["similarity"], first["score"], first["passed"]) == (1, 1.0, 1.0, True)
    # "A loss" and "A profit of 9M" share "A", a blank, "o" and one letter more: 1 - (6 + 14 - 2 * 3) / 20.
    assert (second["row"], second["similarity"], second["passed"]) == (2, 0.3, False)


@pytest.mark.parametrize(("change", "field"), [
    ({"name": ""}, "name"),
    ({"type": "Bulk Evaluation"}, "type"),
    ({"owner": "me"}, "owner"),
    ({"configuration": {}}, "configuration"),
    ({"configuration": {"data_source": "a", "data_source_blob_ref": "s3://b/a"}}, "configuration"),
    ({"configuration": {"data_source": "nowhere.csv"}}, "configuration.data_source"),
    ({"configuration": {"data_source_blob_ref": "https://example.com/a.csv"}}, "configuration.data_source_blob_ref"),
    ({"configuration": {"data_source_blob_ref": "http://[::1"}}, "configuration.data_source_blob_ref"),
    ({"configuration": {"data_source_blob_ref": "s3://claimcheck/output/"}}, "configuration.data_source_blob_ref"),
    ({"configuration": {"data_source_blob_ref": "s3://claimcheck/output//x"}}, "configuration.data_source_blob_ref"),
    (
        {"configuration": {"data_source_blob_ref": f"s3://claimcheck/output/file_{'0' * 3000}/x"}},
        "configuration.data_source_blob_ref",
    ),
    (
        {"configuration": {"data_source": "capitals.csv", "evaluation_criteria": {"similarity_threshold": 2}}},
        "configuration.evaluation_criteria.similarity_threshold",
    ),
    (
        {"configuration": {"data_source": "capitals.csv", "evaluation_criteria": {"use_semantic_scoring": True}}},
        "configuration.evaluation_criteria.use_semantic_scoring",
    ),
    (
        {"configuration": {"data_source": "capitals.csv", "agent_configuration": {"selected_agent_id": "nobody"}}},
        "configuration.agent_configuration.selected_agent_id",
    ),
    ({"configuration": {"data_source": "capitals.csv", "prompt_template": "{nothing}"}}, "configuration"),
    ({"configuration": {"data_source": "capitals.csv", "prompt_template": "{a.b}"}}, "configuration.prompt_template"),
])  # fmt: skip
def test_what_is_wrong_with_a_submission_is_said_by_its_field(
    evaluations: Evaluations, change: dict[str, Any], field: str
) -> None:
    key = evaluations.upload()
    answer = evaluations.user.post("/api/jobs", {**evaluations.order(key), **change})
    assert refusal(answer) == (400, "INVALID_REQUEST", field), answer.text


def test_data_set_over_the_limit_is_not_signed_for(evaluations: Evaluations) -> None:
    answer = evaluations.user.post("/api/uploads", {"file_name": "a.csv", "size_bytes": 10**12})
    assert refusal(answer) == (413, "INVALID_REQUEST", "size_bytes")


def test_data_sets_of_others_are_unknown(evaluations: Evaluations, people: People) -> None:
    key = evaluations.upload(name="private.csv")
    other = Evaluations(people.stranger)
    for told in (
        {"data_source": key},
        {"data_source": "private.csv"},
        {"data_source_blob_ref": f"s3://claimcheck/{key}"},
    ):
        answer = other.user.post("/api/jobs", {"name": "x", "type": "t", "configuration": told})
        assert refusal(answer)[:2] == (400, "INVALID_REQUEST")


@pytest.mark.parametrize(
    "form", ["s3://claimcheck/{}", "https://claimcheck.s3.eu-west-1.amazonaws.com/{}?X-Amz-Date=1"]
)
def test_large_payloads_are_named_by_their_url(evaluations: Evaluations, form: str) -> None:
    url = form.format(evaluations.upload())
    job = ok(evaluations.user.post("/api/jobs", {
        "name": "x", "type": "t", "configuration": {"data_source_blob_ref": url}
    }))  # fmt: skip
    assert evaluations.ended(job)["summary"]["total"] == 3


@pytest.mark.parametrize(("content", "name", "why"), [
    (b"prompt,expected,actual\n", "a.csv", "The data set has 0 rows; it may have 1 to 100000."),
    (b'{"expected": "a"}', "a.jsonl", "no agent is asked, and the data set has no column of answers"),
    (b'{"expected": ', "a.jsonl", "line 1"),
])  # fmt: skip
def test_bad_data_set_fails_with_its_reason(evaluations: Evaluations, content: bytes, name: str, why: str) -> None:
    job = evaluations.ended(evaluations.submitted(content, name=name))
    assert job["status"] == "failed"
    assert why in job["error"]["message"]
    assert refusal(evaluations.results(job))[:2] == (409, "CONFLICT")


def test_data_set_that_was_overwritten_fails(evaluations: Evaluations, cloud: LocalCloud) -> None:
    with cloud.queues_paused():
        job = evaluations.submitted()
        evaluations.upload(CAPITALS + b"a,b,c\n")
    job = evaluations.ended(job)
    assert job["status"] == "failed"
    assert "uploaded again" in job["error"]["message"]


def test_rows_are_spread_over_batches_and_gathered_in_order(evaluations: Evaluations) -> None:
    told = evaluations.evaluated(csv_of(120))
    assert [row["row"] for row in told["results"]] == list(range(1, 121))
    assert [row["expected"] for row in told["results"]] == [f"answer {n}" for n in range(120)]
    assert told["summary"]["total"] == 120
    assert told["summary"]["passed"] == 80


def test_rows_that_cannot_be_scored_are_errors_of_their_own(evaluations: Evaluations) -> None:
    rows = lines_of(
        {"expected": "a", "actual": "a"}, {"actual": "b"}, {"expected": "c"}, {"expected": 1.5, "actual": 1.5}
    )
    told = evaluations.evaluated(rows, name="rows.jsonl")
    assert [row["passed"] for row in told["results"]] == [True, False, False, True]
    assert [row["error"] for row in told["results"]] == [
        None, "the row has no expected answer", "there is no answer, and no agent to ask for one", None,
    ]  # fmt: skip
    assert told["summary"]["errored"] == 2


def test_rows_of_json_have_their_texts_in_the_same_columns(evaluations: Evaluations) -> None:
    rows = lines_of(
        {"expected": "yes", "reference": "http://src", "actual": "yes", "q": "x"},
        {"reference": "http://src", "actual": "yes", "q": "y"},
        {"expected": "1", "actual": "1"},
    )
    told = evaluations.evaluated(rows, name="rows.jsonl", prompt_template="{q}!")
    assert [row["prompt"] for row in told["results"]] == ["x!", "", "!"]
    assert [row["error"] for row in told["results"]] == [None, "the row has no expected answer", None]
    assert told["results"][1]["actual"] == "yes"


@pytest.mark.parametrize(("content", "name"), [
    (b"prompt;expected;actual;note a, if any, or, none\n1;2;2;\n", "a.csv"),
    (b'expected;actual;"a, b, c, d"\n2;2;\n', "a.csv"),
])  # fmt: skip
def test_what_its_first_line_does_not_tell_is_left_to_the_run(
    evaluations: Evaluations, content: bytes, name: str
) -> None:
    assert evaluations.evaluated(content, name=name)["summary"]["passed"] == 1


def test_numbers_are_scored_as_they_are_written(evaluations: Evaluations) -> None:
    told = evaluations.evaluated(b"expected,actual,other\n1.50,1.5,\n007,007,x\n", name="numbers.csv")
    assert [(row["expected"], row["actual"]) for row in told["results"]] == [("1.50", "1.5"), ("007", "007")]


def test_refusals_of_the_framework_are_in_the_contracts_words(evaluations: Evaluations) -> None:
    text = evaluations.user.request("POST", "/api/jobs", data=b"x", headers={"Content-Type": "text/plain"})
    assert refusal(text)[:2] == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert refusal(evaluations.user.request("PUT", "/api/jobs"))[:2] == (405, "METHOD_NOT_ALLOWED")


def test_custom_evaluators_count(evaluations: Evaluations) -> None:
    criteria = {
        "similarity_threshold": 0.75,
        "custom_evaluators": ["exact_match", {"name": "regex", "pattern": "^[A-Z]"}],
    }
    told = evaluations.evaluated(evaluation_criteria=criteria)
    paris, roma, _ = told["results"]
    assert [one["score"] for one in paris["evaluators"]] == [1.0, 1.0]
    # Rome and Roma share three letters of four and four: 0.75; with 0 and 1 that is 1.75 / 3.
    assert roma["score"] == 0.583333
    assert "exact_match" in roma["reason"]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_results_in_other_forms(evaluations: Evaluations, form: str) -> None:
    job = evaluations.ended(evaluations.submitted())
    answer = evaluations.results(job, format=form)
    assert answer.status_code == 200
    rows = list(csv.DictReader(io.StringIO(answer.text))) if form == "csv" else answer.text.splitlines()
    assert len(rows) == 3
    assert answer.headers["Content-Type"].startswith("text/csv" if form == "csv" else "application/x-ndjson")
    assert refusal(evaluations.results(job, format="xml")) == (400, "INVALID_REQUEST", "format")


def test_large_results_are_redirected_to(evaluations: Evaluations) -> None:
    job = evaluations.ended(evaluations.submitted())
    with changed_settings(evaluation_inline_bytes="10"):
        answer = evaluations.results(job, format="jsonl")
    assert answer.status_code == 302
    assert len(requests.get(answer.headers["Location"], timeout=TIMEOUT).text.splitlines()) == 3


def test_same_idempotency_key_answers_the_same_job_whatever_became_of_its_data_set(evaluations: Evaluations) -> None:
    order, key = evaluations.order(evaluations.upload(name="kept.csv")), {"Idempotency-Key": "kept"}
    first = ok(evaluations.user.post("/api/jobs", order, headers=key))
    evaluations.upload(b"a,b\n1,2\n", name="kept.csv")
    assert ok(evaluations.user.post("/api/jobs", order, headers=key))["id"] == first["id"]
    assert evaluations.user.post("/api/jobs", order).status_code == 400


def test_list_filters_and_pages(own_evaluations: Evaluations, cloud: LocalCloud) -> None:
    evaluations = own_evaluations
    with cloud.queues_paused():
        key = evaluations.upload()
        made = [
            ok(
                evaluations.user.post(
                    "/api/jobs", {**evaluations.order(key), "name": f"Number {n}", "type": f"t{n % 2}"}
                )
            )
            for n in range(5)
        ]
        ok(evaluations.user.delete(f"/api/jobs/{made[4]['id']}"))
    ids = [job["id"] for job in reversed(made)]

    def listed(**query: Any) -> list[str]:
        found: list[str] = []
        while True:
            page = ok(evaluations.user.get("/api/jobs", params=query))
            found += [job["id"] for job in page["jobs"]]
            if page["next_cursor"] is None:
                return found
            query["cursor"] = page["next_cursor"]

    assert listed() == listed(limit=1) == listed(limit=2) == ids
    assert listed(status="cancelled") == ids[:1]
    assert listed(type="t1", limit=1) == [ids[1], ids[3]]
    assert listed(name="NUMBER 3") == [ids[1]]
    assert listed(created_after=made[2]["created_at"], created_before=made[3]["created_at"])[-1] == made[2]["id"]
    for query in ({"status": "done"}, {"limit": "0"}, {"cursor": "x"}, {"created_after": "yesterday"}):
        status, code, field = refusal(evaluations.user.get("/api/jobs", params=query))
        assert (status, code, field) == (400, "INVALID_REQUEST", next(iter(query)))


def test_cancel_of_what_waits_is_at_once_and_of_what_has_ended_refused(
    evaluations: Evaluations, cloud: LocalCloud
) -> None:
    with cloud.queues_paused():
        job = evaluations.submitted()
        assert ok(evaluations.user.delete(f"/api/jobs/{job['id']}"))["status"] == "cancelled"
    done = evaluations.ended(evaluations.submitted())
    assert refusal(evaluations.user.delete(f"/api/jobs/{done['id']}"))[:2] == (400, "INVALID_STATE")


def test_evaluations_of_others_are_unknown(evaluations: Evaluations, people: People) -> None:
    job = evaluations.ended(evaluations.submitted())
    for call in (people.stranger.get, people.stranger.delete):
        assert refusal(call(f"/api/jobs/{job['id']}"))[:2] == (404, "NOT_FOUND")
    assert refusal(people.stranger.get(f"/api/jobs/{job['id']}/results"))[:2] == (404, "NOT_FOUND")


def test_limits_are_told_on_every_answer(own_evaluations: Evaluations) -> None:
    evaluations = own_evaluations
    with changed_settings(evaluation_requests_per_minute="100", evaluation_submissions_per_minute="10"):
        answers = [evaluations.submit("nothing.csv") for _ in range(12)]
    # A minute may end meanwhile.
    assert {answer.status_code for answer in answers} in ({400, 429}, {400})
    for answer in answers:
        assert all(name in answer.headers for name in ("X-RateLimit-Remaining", "X-RateLimit-Reset"))
        assert answer.headers["X-RateLimit-Limit"] == "10"
    refused = [answer for answer in answers if answer.status_code == 429]
    for answer in refused:
        assert refusal(answer)[1] == "RATE_LIMITED"
        assert int(answer.headers["Retry-After"]) > 0


def test_trace_is_the_callers(evaluations: Evaluations, api: Api) -> None:
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    answer = evaluations.user.get("/api/jobs/job_eval_0", headers={"traceparent": parent})
    assert refusal(answer)[:2] == (404, "NOT_FOUND")
    assert answer.json()["error"]["details"]["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    unknown = requests.get(f"{api.url}/api/jobs", timeout=TIMEOUT)
    assert refusal(unknown)[:2] == (401, "UNAUTHORIZED")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/jobs", 401),
        ("GET", "/api/jobs/job_eval_0", 401),
        ("PUT", "/api/jobs", 405),
        ("POST", "/api/uploads", 415),
    ],
)
def test_limits_are_told_where_nobody_is_known(api: Api, method: str, path: str, status: int) -> None:
    body: dict[str, Any] = {"data": "x", "headers": {"Content-Type": "text/plain"}} if method == "POST" else {}
    answer = requests.request(method, api.url + path, **body, timeout=TIMEOUT)
    assert answer.status_code == status
    told = [name in answer.headers for name in ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")]
    assert all(told)


def test_tasks_have_no_limits_of_evaluations(api: Api) -> None:
    answer = requests.get(f"{api.url}/api/jobs/job_0", timeout=TIMEOUT)
    assert answer.status_code == 401
    assert "X-RateLimit-Limit" not in answer.headers
