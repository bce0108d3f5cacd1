"""The whole local cloud in one process: HTTP and all that triggers the app, over moto or real endpoints."""

import importlib
import json
import logging
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from botocore.config import Config
from botocore.exceptions import ClientError
from chalice.app import Chalice, DynamoDBEventConfig
from pynamodb.models import Model

from . import embedded_sqs, environment, resources
from .connections import Limits
from .delivery import Delivery
from .embedded import EmbeddedAws
from .gateway import Gateway
from .messages import Source, create_sources, take_all
from .proxy import Access
from .queues import Failure, QueuePump
from .schedules import Scheduler
from .server import Server, listen, url_of
from .streams import Stream, StreamPump, stream_arns

ROOT = Path(__file__).resolve().parent.parent
UPLOADS_PREFIX = "input/"
"""Objects under it are announced to the uploads queue."""
MESSAGES = "messages"
"""The topic on which jobs' changes are told, and a queue that gets them all, for whoever wants to look."""
WEBHOOKS = "webhooks"
"""The queue whose handler sends them on."""
TOPIC = "CLAIMCHECK_MESSAGES_TOPIC"
WEBSOCKETS = "CLAIMCHECK_WEBSOCKET_ENDPOINT"
"""Where the app posts to those who have opened a WebSocket; here it is where everything else is too."""

log = logging.getLogger("local.cloud")


class LocalCloud:
    """Serves the app at ``url`` between ``start`` and ``stop``; also a context manager. One app per process.

    Args:
        host: what to listen on.
        port: 0 takes a free one.
        settings: environment variables to set before the app is imported, such as ``CLAIMCHECK_LEASE_SECONDS``.
            A process reads its settings once, so those of a second cloud in one process are not seen.
        app: the module with the Chalice ``app``.
        tables: the module with ``MODELS``, the PynamoDB models of its tables.
        say: told of each part as it comes up.
        on_access: told of each request after its answer, on the event loop.
        websocket_limits: how long a WebSocket lasts; by default as long as API Gateway's.

    The environment is put back at the end, and what moto held is gone.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        settings: Mapping[str, str] | None = None,
        *,
        app: str = "app",
        tables: str = "chalicelib.storage",
        say: Callable[[str], None] = log.info,
        on_access: Callable[[Access], None] | None = None,
        websocket_limits: Limits = Limits(),  # noqa: B008  frozen
    ) -> None:
        self._address = (host, port)
        self._settings = settings or {}
        self._modules = (app, tables)
        self._say = say
        self._on_access = on_access
        self._websocket_limits = websocket_limits
        self._running = ExitStack()
        self._pump: StreamPump | None = None
        self._queues = QueuePump([], None)
        self._sources: list[Source] = []
        self._scheduler: Scheduler | None = None
        self._deliveries: list[Delivery] = []
        self._services: frozenset[str] = frozenset()
        self._messages_url = ""
        self.url = ""
        self.made_up_keys: dict[str, str] = {}

    def start(self) -> Self:
        """Bring everything up; returns once the first request would be answered.

        Raises:
            CannotListenError: the address cannot be had.
        """
        with ExitStack() as starting:
            listener = listen(*self._address)
            starting.callback(listener.close)
            starting.enter_context(environment.changed(self._settings))
            environment.set_credentials()
            self.made_up_keys = environment.set_keys()
            os.environ[WEBSOCKETS] = os.environ.get(WEBSOCKETS) or url_of(listener)
            self._start_aws(starting)
            app = self._load()
            self._start_triggers(app, starting)
            self._start_http(app, listener, starting)
            self._running = starting.pop_all()
        return self

    def stop(self) -> None:
        """Take everything down, HTTP first. Doing it twice changes nothing."""
        self._running.close()

    def drain(self) -> int:
        """Deliver every stream record and visible message there is, and what follows; answers how many there were.

        Waits for handlers that run in other threads; what it delivers, it delivers in this one.
        """
        if self._pump is None:
            return 0
        total = 0
        with self._queues.held():
            while delivered := self._pump.drain() + self._queues.deliver():
                total += delivered
        return total

    def hurry(self) -> int:
        """Drain; end every wait of the messages that are left, delayed or failed; drain again, and answer how many.

        A message that fails again waits again, for the next ``hurry``.

        Raises:
            RuntimeError: SQS is elsewhere, and waits end only by their time.
        """
        if "SQS" not in self._services:
            message = "waits can be ended only in the embedded SQS"
            raise RuntimeError(message)
        with self._queues.held():
            total = self.drain()
            for source in self._sources:
                embedded_sqs.make_visible(source.arn)
            return total + self.drain()

    def queues_paused(self) -> AbstractContextManager[None]:
        """A block within which messages stay in their queues, whatever is drained; it waits for handlers that run."""
        return self._queues.paused()

    def sweep(self) -> None:
        """Run every scheduled handler now, in this thread, whose exceptions are the caller's; then ``drain``."""
        if self._scheduler:
            self._scheduler.run_all()
        self.drain()

    def messages(self) -> list[dict[str, Any]]:
        """Take every JobMessage off the consumers' queue; there are those of the changes that were drained.

        As with any consumer of a queue, they may come out of order, or twice.
        """
        return [json.loads(body) for body in take_all(self._messages_url)] if self._messages_url else []

    @property
    def set_aside(self) -> list[dict[str, Any]]:
        """Stream records that their handler failed on until it was given up."""
        return [record for delivery in self._deliveries for record in delivery.set_aside]

    @property
    def failures(self) -> list[Failure]:
        """Each time that a queue's handler raised, oldest first; the caller may clear it."""
        return self._queues.failures

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start_aws(self, starting: ExitStack) -> None:
        services = self._services = environment.embedded()
        for service in sorted(set(environment.SERVICES) - services):
            self._say(f"{environment.SERVICES[service]} at {environment.endpoint(service)}")
        if not services:
            return
        aws = EmbeddedAws(services, on_stream_record=self._nudge, on_message=self._nudge_queues)
        s3_url = aws.start()
        starting.callback(aws.stop)
        if s3_url:
            environment.use_endpoint("S3", s3_url)
        names = ", ".join(name for service, name in environment.SERVICES.items() if service in services)
        self._say(f"{names} in this process, in memory" + (f"; presigned URLs at {s3_url}" if s3_url else ""))
        if "KMS" in services and "DYNAMODB" not in services:
            self._say("KMS forgets its key at the end, so secrets stored now cannot be read by another run")

    def _load(self) -> Chalice:
        if str(ROOT) not in sys.path:
            sys.path.insert(0, str(ROOT))
        self._make_topic()
        settings = importlib.import_module("chalicelib.settings").settings()
        models: tuple[type[Model], ...] = importlib.import_module(self._modules[1]).MODELS
        resources.create_tables(models)
        self._say(f"{len(models)} tables, such as {models[0].Meta.table_name}")
        resources.create_bucket(settings.bucket)
        resources.create_key(settings.kms_key_id)
        self._say(f"Bucket {settings.bucket}, key {settings.kms_key_id}")
        app: Chalice = importlib.import_module(self._modules[0]).app
        return app

    def _start_triggers(self, app: Chalice, starting: ExitStack) -> None:
        streams = self._streams(app)
        self._deliveries = [stream.delivery for stream in streams]
        where = environment.endpoint("DYNAMODB_STREAMS") or environment.endpoint("DYNAMODB")
        # moto does not know the endpoints that botocore makes from the account in a stream's ARN.
        config = Config(account_id_endpoint_mode="disabled")
        client = resources.client("dynamodbstreams", endpoint_url=where, config=config)
        self._pump = StreamPump(client, streams, announced="DYNAMODB" in self._services)
        self._pump.start()
        starting.callback(self._pump.stop)
        self._start_queues(app, starting)
        self._scheduler = Scheduler(app)
        self._scheduler.start()
        starting.callback(self._scheduler.stop)
        names = [name for each in streams for name in each.delivery.names]
        names += [source.handler_name for source in self._sources]
        names += [config.name for config in app.websocket_handlers.values()]
        self._say(f"Triggers: {', '.join(names + self._scheduler.names) or 'none'}")

    def _start_queues(self, app: Chalice, starting: ExitStack) -> None:
        settings = importlib.import_module("chalicelib.settings").settings()
        uploads = f"{settings.table_prefix}-{importlib.import_module('chalicelib.queues').UPLOADS}"
        delays = {uploads: settings.upload_event_delay_seconds}
        self._sources = create_sources(app, delays)
        self._queues = QueuePump(self._sources, embedded_sqs.next_visible if "SQS" in self._services else None)
        self._queues.start()
        starting.callback(self._queues.stop)
        for source in self._sources:
            delay = delays.get(source.queue)
            self._say(f"Queue {source.queue}" + (f", whose messages wait {delay} s" if delay else ""))
            if source.queue == uploads:
                self._announce_uploads(settings.bucket, source.arn)
        self._subscribe(settings.messages_topic, settings.table_prefix)

    def _make_topic(self) -> None:
        """Before the settings are read: the topic's ARN is one of them."""
        if os.environ.get(TOPIC) or len(self._services & {"SNS", "SQS"}) == 1:
            return
        prefix = os.environ.get("CLAIMCHECK_TABLE_PREFIX") or "claimcheck"
        os.environ[TOPIC] = resources.create_topic(f"{prefix}-{MESSAGES}")

    def _subscribe(self, topic: str | None, prefix: str) -> None:
        if not topic:
            log.warning("jobs' changes are not told: the embedded SNS and SQS reach only each other")
            return
        sqs = resources.client("sqs")
        self._messages_url = resources.create_queue(sqs, f"{prefix}-{MESSAGES}")
        everything = resources.queue_arn(sqs, self._messages_url)
        hooks = [source.arn for source in self._sources if source.queue == f"{prefix}-{WEBHOOKS}"]
        try:
            for arn in (everything, *hooks):
                resources.subscribe(topic, arn)
        except ClientError as error:
            log.warning("jobs' changes reach no queue, SNS refused: %s", error)
            return
        self._say(f"Topic {topic.rpartition(':')[2]}, every message of which is in the queue {prefix}-{MESSAGES}")

    def _announce_uploads(self, bucket: str, arn: str) -> None:
        if len(self._services & {"S3", "SQS"}) == 1:
            log.warning("uploads are not announced to the queue: the embedded S3 and SQS reach only each other")
            return
        try:
            resources.announce_uploads(bucket, UPLOADS_PREFIX, arn)
        except ClientError as error:
            log.warning("uploads are not announced to the queue, S3 refused: %s", error)

    def _start_http(self, app: Chalice, listener: Any, starting: ExitStack) -> None:  # noqa: ANN401
        gateway = Gateway(app, self._accessed, self._websocket_limits)
        starting.callback(gateway.close)
        server = Server(gateway, listener)
        server.start()
        starting.callback(server.stop)
        starting.callback(gateway.close_websockets)
        self.url = url_of(listener)

    def _streams(self, app: Chalice) -> list[Stream]:
        configs = [source for source in app.event_sources if isinstance(source, DynamoDBEventConfig)]
        tables = [model.Meta.table_name for model in importlib.import_module(self._modules[1]).MODELS]
        arns = stream_arns(resources.client("dynamodb"), tables)
        found = []
        for table, arn in arns.items():
            handlers = {each.name: app.handler_map[each.name] for each in configs if _is_for(each, table, arns)}
            found.append(Stream(arn=arn, delivery=Delivery(arn, handlers)))
        return found

    def _accessed(self, access: Access) -> None:
        # moto says when it has a record; any other engine may have one after each request that could write.
        if "DYNAMODB" not in self._services and access.method not in {"GET", "HEAD", "OPTIONS"}:
            self._nudge()
        if self._on_access:
            self._on_access(access)

    def _nudge(self) -> None:
        if self._pump:
            self._pump.nudge()

    def _nudge_queues(self) -> None:
        self._queues.nudge()


def _is_for(config: DynamoDBEventConfig, table: str, arns: Mapping[str, str]) -> bool:
    # The ARN in the code is a stand-in that the template overrides: its table counts only if it names one of ours.
    named = config.stream_arn.split("table/")[-1].split("/")[0]
    meant = {each for each in arns if each == named or each.endswith(f"-{named}")}
    return table in meant if meant else True
