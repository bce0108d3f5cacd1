"""Projects, chats and messages."""

from http import HTTPStatus

from chalicelib.accounts.agents import Agent
from chalicelib.accounts.permissions import Permission
from chalicelib.errors import Forbidden
from chalicelib.projects import chats, registry
from chalicelib.surfaces.callers import user, user_or_agent
from chalicelib.surfaces.calls import IDEMPOTENCY_KEY, Call
from chalicelib.surfaces.surface import Reply

from .answers import ChatCreated, MessageCreated, MessagePage
from .paging import CURSOR_HEADER, listed
from .surface import surface
from .views import ChatView, MessageView, ProjectView
from .wire import ChatCreate, MessageCreate, Paging

MESSAGES = "/api/projects/{project_id}/chats/{chat_id}/messages"


@surface.on("GET", "/api/projects", auth=user(Permission.PROJECT_READ))
def list_projects(call: Call) -> list[ProjectView]:
    """The caller's projects."""
    return [ProjectView.of(project) for project in registry.visible(call.user)]


@surface.on("GET", "/api/projects/{project_id}", auth=user(Permission.PROJECT_READ))
def read_project(call: Call, project_id: str) -> ProjectView:
    """A project."""
    return ProjectView.of(registry.member(call.user, project_id))


@surface.on(
    "GET",
    "/api/projects/{project_id}/chats",
    auth=user(Permission.CHAT_READ),
    query=Paging,
    tells=(CURSOR_HEADER,),
)
def list_chats(call: Call[None, Paging], project_id: str) -> Reply[list[ChatView]]:
    """A project's chats, newest first."""
    found, cursor = chats.list_chats(call.user, project_id, limit=call.query.limit, cursor=call.query.cursor)
    return listed([ChatView.of(chat) for chat in found], cursor)


@surface.on(
    "POST",
    "/api/projects/{project_id}/chats",
    auth=user(Permission.CHAT_CREATE),
    body=ChatCreate,
    status=HTTPStatus.CREATED,
    takes=(IDEMPOTENCY_KEY,),
    gives={"chat_id": "/chat/chatId", "job_id": "/jobId"},
)
def create_chat(call: Call[ChatCreate], project_id: str) -> ChatCreated:
    """Begin a chat; a first message makes a job."""
    new = call.body
    chat, job_id = chats.create(
        call.user, project_id, title=new.title, llm_mode=new.llm_mode, first=new.initial_message, seed=call.seed
    )
    return ChatCreated(chat=ChatView.of(chat), job_id=job_id)


@surface.on("GET", MESSAGES, auth=user(Permission.CHAT_READ), query=Paging)
def list_messages(call: Call[None, Paging], project_id: str, chat_id: str) -> MessagePage:
    """The messages of a chat, oldest first; the cursor stays good for those that are yet to come."""
    query = call.query
    found, more = chats.messages(call.user, project_id, chat_id, limit=query.limit, cursor=query.cursor)
    last = found[-1].message_id if found else query.cursor
    return MessagePage(data=[MessageView.of(message) for message in found], cursor=last, has_more=more is not None)


@surface.on(
    "POST",
    MESSAGES,
    auth=user_or_agent(Permission.CHAT_CREATE),
    body=MessageCreate,
    status=HTTPStatus.CREATED,
    takes=(IDEMPOTENCY_KEY,),
)
def post_message(call: Call[MessageCreate], project_id: str, chat_id: str) -> MessageCreated:
    """Write a message; a user's makes a job, an agent writes as the assistant."""
    role, content = call.body.role, call.body.content
    if isinstance(call.caller, Agent):
        if role != chats.ASSISTANT:
            raise Forbidden("an agent's messages have the role assistant", field="role")
        message = chats.answer(call.agent, project_id, chat_id, content, call.seed)
    else:
        message = chats.post(call.user, project_id, chat_id, role=role, content=content, seed=call.seed)
    return MessageCreated(message=MessageView.of(message), job_id=message.job_id)
