"""A claimed job: what its holder can say about it, and the context that sees it through."""

import traceback
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Self

from claimcheck_agent.claim import Claim
from claimcheck_agent.downloads import download_input
from claimcheck_agent.errors import ClaimLost, JobCancelled, JobStopped, Unavailable
from claimcheck_agent.logs import LogShipper
from claimcheck_agent.masking import Masker
from claimcheck_agent.progress import ProgressReporter
from claimcheck_agent.uploads import HaltableFile, upload_file

STOPPING_TIME = 10.0  # Seconds for the last log lines when the agent has been told to stop.
HALTED = (ClaimLost, JobCancelled, JobStopped)


class Job:
    """A job held by this agent.

    As a context manager it is begun on entering and always ended on leaving: completed with an
    empty result if nothing was said, failed by an exception, cancelled if somebody asked for that, released
    when the agent stops or is interrupted. Methods that speak for the job raise JobCancelled, ClaimLost or
    JobStopped once there is no more point in working on it; the context swallows these three.
    """

    def __init__(
        self,
        data: dict[str, Any],
        claim: Claim,
        masker: Masker,
        *,
        log_interval: float = 1.0,
        echo: Callable[[str, str], None] | None = None,
    ) -> None:
        self.data = data
        self.claim = claim
        self.masker = masker
        # "claimed", then as the server was told: "running", "completed", "failed", "cancelled" or "released".
        # "lost" if it is somebody else's, or nobody knows.
        self.state = "claimed"
        self._progress = ProgressReporter(lambda progress: claim.report("running", progress))
        self._logs = LogShipper(
            claim.append_logs,
            masker,
            first_segment=0 if self.attempt == 1 else None,
            interval=log_interval,
            echo=echo,
        )

    @property
    def id(self) -> str:
        """The job's id."""
        return str(self.data["jobId"])

    @property
    def type(self) -> str:
        """What type of work it is: `build`, `chat` and so on."""
        return str(self.data["type"])

    @property
    def payload(self) -> Any:  # noqa: ANN401  (whatever JSON the job's creator gave)
        """What the job's creator gave."""
        return self.data.get("payload")

    @property
    def attempt(self) -> int | None:
        """Which attempt at the job this is; the number that fences off agents of earlier ones."""
        return self.data.get("attempt")

    @property
    def finished(self) -> bool:
        """Whether nothing more can be said about the job by this agent."""
        return self.state not in {"claimed", "running"}

    def start(self) -> None:
        """Report the job as running and keep its lease from now on.

        A cancel or a lost lease met here is raised by the next method that speaks for the job.
        """
        if self.state != "claimed":
            return
        self.claim.keep()
        try:
            self.claim.report_patiently("running")
        except (ClaimLost, JobCancelled):
            return
        except BaseException:
            self._end("lost")
            raise
        self.state = "running"

    def check(self) -> None:
        """Raise JobCancelled, ClaimLost or JobStopped if work on the job should end."""
        self.claim.check()

    def renew(self) -> None:
        """Renew the lease now; once the job is started, that is done in the background anyway."""
        self.claim.renew()

    def log(self, message: str, level: str = "info", **metadata: Any) -> None:  # noqa: ANN401  (any JSON)
        """Add to the job's log, in batches, secrets masked. Levels: debug, info, warn, error, critical."""
        self.check()
        self._logs.write(level, message, metadata or None)

    def write(self, level: str, message: str, **metadata: Any) -> None:  # noqa: ANN401  (any JSON)
        """Add to the job's log without asking how the job stands; for threads that only pass lines on."""
        self._logs.write(level, message, metadata or None)

    def progress(self, /, **progress: Any) -> None:  # noqa: ANN401  (any JSON)
        """Show how far the work is, as any JSON fields (`percent=40, step="tests"`).

        Raises:
            ValueError: more than 2048 bytes of JSON.
        """
        self.check()
        self._progress.offer(self.masker.mask_json(progress))

    def follow(self) -> None:
        """Repeat the newest progress each second, so that a cancel or a lost lease is learnt of within about one.

        For work that says little; without it, they are learnt of when the lease is renewed.
        """
        self._progress.repeat()

    def secret(self, kind: str) -> str:
        """Give the project's secret of a type (`github`, `drive`, `llm`). From now on it is masked."""
        return self.secrets(kind)[kind]

    def secrets(self, *kinds: str) -> dict[str, str]:
        """Give secrets of several types by type, in one redemption of the claim token.

        Raises:
            SecretNotFound: the project has no secret of one of the types.
        """
        self.check()
        wanted = tuple(dict.fromkeys(kinds))
        values = self.claim.redeem(wanted) if wanted else {}
        self.masker.add(values.values())
        return values

    def download(self, target: str | Path, on_received: Callable[[int, int], None] = lambda _, __: None) -> None:
        """Store the job's input as a file; `on_received` is told of the bytes that have come, of so many.

        Raises:
            DownloadFailed: it cannot be had, or there is no room for it here.
            Unavailable: the store gave no usable answer, after every retry.
        """
        self.check()

        def watch(received: int, size: int) -> None:
            self.check()
            on_received(received, size)

        try:
            download_input(self.claim.routes, Path(target), watch)
        except Unavailable:
            self.check()  # As for an upload.
            raise

    def upload(
        self,
        file: str | Path | BinaryIO,
        name: str | None = None,
        *,
        content_type: str | None = None,
        build_number: str | None = None,
        on_sent: Callable[[int], None] = lambda _: None,
    ) -> dict[str, Any]:
        """Deliver an artifact: a path or an open binary file; gives it as the server describes it.

        `on_sent` is told of the bytes that have been sent, after each part of a large file.
        """
        self.check()
        if isinstance(file, str | Path):
            with Path(file).open("rb") as opened:
                return self.upload(opened, name, content_type=content_type, build_number=build_number, on_sent=on_sent)
        name = name or Path(str(getattr(file, "name", "artifact"))).name
        watched = HaltableFile(file, self.check)
        try:
            return upload_file(
                self.claim.routes,
                watched,
                name,
                content_type=content_type,
                build_number=build_number,
                on_sent=on_sent,
            )
        except Unavailable:
            self.check()  # An agent that is told to stop has less patience; that is not the job's fault.
            raise

    def reply(self, content: str, *, chat_id: str | None = None) -> dict[str, Any]:
        """Write as the assistant into the job's chat, or into another of its project; gives the message."""
        self.check()
        chat = chat_id or self.data.get("chatId")
        if not chat:
            raise ValueError("the job belongs to no chat; name one with chat_id")
        return self.claim.routes.post_message(str(chat), self.masker.mask(content), str(uuid.uuid4())).body

    def complete(self, result: dict[str, Any] | None = None) -> None:
        """Report success, with a result of at most 256 KB of JSON."""
        self.check()
        self._finish("completed", {} if result is None else result)

    def fail(self, /, error: str, **details: Any) -> None:  # noqa: ANN401  (any JSON)
        """Report failure, with a message for people and any details."""
        self.check()
        self._finish("failed", details | {"error": error})

    def cancelled(self) -> None:
        """Report that work on a job to be cancelled has ended."""
        self._finish("cancelled", None)

    def release(self) -> None:
        """Give the job back unfinished, so that another agent may take it."""
        self._say_the_rest()
        self._end(self.claim.release())

    def abandon(self) -> None:
        """Do no more about a job whose lease is lost."""
        self._logs.abandon()
        self._end("lost")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        try:
            if not self.finished:
                self._leave(error)
        except ClaimLost:
            self.abandon()
        finally:
            self._end("lost")
        return isinstance(error, HALTED)

    def _leave(self, error: BaseException | None) -> None:
        """Say the last word that an exception, or none, calls for."""
        try:
            if error is None:
                self.complete()
            elif isinstance(error, ClaimLost):
                self.abandon()
            elif isinstance(error, JobCancelled):
                self.cancelled()
            elif isinstance(error, JobStopped) or not isinstance(error, Exception):
                self.release()
            else:
                self._blame(error)
        except (JobCancelled, JobStopped) as halted:
            # What was to be said met the news that it is no longer wanted.
            self._leave(halted)

    def _blame(self, error: Exception) -> None:
        self._logs.write("error", "".join(traceback.format_exception(error)).rstrip())
        self._finish("failed", {"error": f"{type(error).__name__}: {error}"})

    def _finish(self, state: str, payload: dict[str, Any] | None) -> None:
        """Deliver everything said so far, then the last word."""
        if self.state == "claimed" and state != "cancelled":
            self.start()
            self.check()
        self._say_the_rest()
        self.claim.report_patiently(state, None if payload is None else self.masker.mask_json(payload))
        self._end(state)

    def _say_the_rest(self) -> None:
        self._progress.close(timeout=STOPPING_TIME)
        while not self._logs.close(timeout=STOPPING_TIME):
            if self.claim.hurried or not self.claim.lease.check():
                self._logs.abandon()
                break

    def _end(self, state: str) -> None:
        if not self.finished:
            self.state = state
        self.claim.let_go()
