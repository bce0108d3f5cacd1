"""Chats: people write, a job is made of each message of a user, and an agent answers."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from chalicelib import idempotency, times
from chalicelib.accounts.agents import Agent
from chalicelib.accounts.sessions import Identity
from chalicelib.dynamo import Refused
from chalicelib.errors import ChatNotFound
from chalicelib.jobs import documents
from chalicelib.jobs.model import Job

from . import registry, tasks
from .tables import ChatRow, MessageRow

USER, ASSISTANT = "user", "assistant"
JOB_TYPE = "chat"
# An answer of Lambda may be 6 MB, with all that JSON adds to the text.
PAGE_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Chat:
    """A chat of a project."""

    project_id: str
    chat_id: str
    title: str
    llm_mode: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A message; ``job_id`` is the job that a user's message made, or that an assistant's message came from."""

    chat_id: str
    message_id: str
    role: str
    content: str
    sent_at: datetime
    job_id: str | None


def create(
    user: Identity, project_id: str, *, title: str, llm_mode: str, first: str | None, seed: str
) -> tuple[Chat, str | None]:
    """Begin a chat; with a first message, also the job that is to answer it, whose id is answered.

    Raises:
        ProjectNotFound: the user is not a member of such a project.
    """
    registry.member(user, project_id)
    now = times.now()
    row = ChatRow(
        project_id,
        f"chat_{seed}",
        title=title,
        llm_mode=llm_mode,
        created_by=user.principal,
        created_at=now,
        updated_at=now,
    )
    try:
        row.put(ChatRow.chat_id.does_not_exist())
    except Refused as refused:
        row = refused.old
    chat = _chat(row)
    return chat, _ask(user, chat, first, seed).job_id if first else None


def list_chats(user: Identity, project_id: str, *, limit: int, cursor: str | None) -> tuple[list[Chat], str | None]:
    """A project's chats, newest first, and the cursor of the next page.

    Raises:
        ProjectNotFound: the user is not a member of such a project.
    """
    registry.member(user, project_id)
    older = ChatRow.chat_id < cursor if cursor else None
    rows = ChatRow.query(project_id, older, scan_index_forward=False, consistent_read=True)
    found = [_chat(row) for row in ChatRow.page(islice(rows, limit + 1))]
    return found[:limit], found[limit - 1].chat_id if len(found) > limit else None


def post(user: Identity, project_id: str, chat_id: str, *, role: str, content: str, seed: str) -> Message:
    """Add a message by a user; one of role ``user`` makes a job, whose id it carries.

    Raises:
        ProjectNotFound, ChatNotFound: there is no such chat for this user.
    """
    registry.member(user, project_id)
    chat = _chat(_find(project_id, chat_id))
    if role == USER:
        return _ask(user, chat, content, seed)
    return _put(chat, role=role, content=content, author=user.principal, seed=seed)


def answer(agent: Agent, project_id: str, chat_id: str, content: str, seed: str) -> Message:
    """Add an agent's message.

    Raises:
        ChatNotFound: there is no such chat.
    """
    chat = _chat(_find(project_id, chat_id))
    return _put(chat, role=ASSISTANT, content=content, author=agent.principal, seed=seed)


def reply(job: Job) -> None:
    """Put the reply of a completed chat job into its chat: ``{"reply": …}`` in the result; once per job."""
    result = documents.get(job.job_id, job.result)
    text = result.get("reply") if isinstance(result, dict) else None
    row = ChatRow.read(str(job.project_id), job.chat_id)
    if isinstance(text, str) and text and row is not None:
        _put(_chat(row), role=ASSISTANT, content=text, author=job.agent or "", seed=_reply_seed(job), job_id=job.job_id)


def messages(
    user: Identity, project_id: str, chat_id: str, *, limit: int, cursor: str | None
) -> tuple[list[Message], str | None]:
    """Messages in the order they were written, and the cursor after the last; None where there are none after it.

    Raises:
        ProjectNotFound, ChatNotFound: there is no such chat for this user.
    """
    registry.member(user, project_id)
    _find(project_id, chat_id)
    younger = MessageRow.message_id > cursor if cursor else None
    rows = MessageRow.rows(MessageRow.query(chat_id, younger, consistent_read=True))
    return _page(rows, limit)


def _page(rows: Iterator[MessageRow], limit: int) -> tuple[list[Message], str | None]:
    """As many messages as are asked for and fit an answer, and the cursor after the last if there are more."""
    found: list[Message] = []
    size = 0
    for row in rows:
        size += len(row.content.encode())
        if found and (len(found) == limit or size > PAGE_BYTES):
            return found, found[-1].message_id
        found.append(_message(row))
    return found, None


def _ask(user: Identity, chat: Chat, content: str, seed: str) -> Message:
    """A user's message and its job; the message first, so that no agent answers what is not there."""
    message = _put(chat, role=USER, content=content, author=user.principal, seed=seed, job_id=f"job_{seed}")
    payload = {
        "chatId": chat.chat_id,
        "messageId": message.message_id,
        "content": content,
        "llmMode": chat.llm_mode,
    }
    tasks.start(user, chat.project_id, JOB_TYPE, payload, seed=seed, chat_id=chat.chat_id)
    return message


def _put(chat: Chat, *, role: str, content: str, author: str, seed: str, job_id: str | None = None) -> Message:
    now = times.now()
    row = MessageRow(chat.chat_id, f"msg_{seed}", role=role, content=content, author=author, job_id=job_id, sent_at=now)
    try:
        row.put(MessageRow.message_id.does_not_exist())
    except Refused as refused:
        row = refused.old
    ChatRow.change(
        chat.project_id, chat.chat_id, actions=[ChatRow.updated_at.set(now)], condition=ChatRow.chat_id.exists()
    )
    return _message(row)


def _find(project_id: str, chat_id: str) -> ChatRow:
    row = ChatRow.read(project_id, chat_id)
    if row is None:
        raise ChatNotFound(chatId=chat_id)
    return row


def _reply_seed(job: Job) -> str:
    """The seed of a job's reply, the same however often the stream delivers the change (for a day at the most).

    It is made when the reply is first written, so that the reply comes after what readers have seen before it.
    """
    key = idempotency.fingerprint("reply", job.job_id)
    return idempotency.seed_for(key, key)


def _chat(row: ChatRow) -> Chat:
    return Chat(**{name: getattr(row, name) for name in Chat.__dataclass_fields__})


def _message(row: MessageRow) -> Message:
    return Message(**{name: getattr(row, name) for name in Message.__dataclass_fields__})
