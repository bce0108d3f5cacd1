"""A Git server over https, with a certificate that nobody else vouches for."""

import os
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.certificates import certificate

AUTHOR = {
    **{f"GIT_{role}_{what}": "somebody@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    "GIT_CONFIG_GLOBAL": os.devnull,
}


@dataclass
class GitServer:
    """Serves the bare repositories in `root`, and sends whoever asks for `/moved/…` to the same without that."""

    root: Path
    certificate: Path
    address: str = ""
    authorizations: list[str | None] = field(default_factory=list)

    def url(self, name: str) -> str:
        return f"https://{self.address}/{name}"

    def add(self, name: str, files: Mapping[str, str | Path]) -> str:
        """Make a repository of one commit, in which paths are links; gives the commit's hash."""
        work = self.root / f"{name}-work"
        git("init", "--quiet", "--initial-branch=main", str(work), at=self.root)
        for path, content in files.items():
            (work / path).parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Path):
                (work / path).symlink_to(content)
            else:
                (work / path).write_text(content)
        git("add", "--all", "--force", at=work)
        git("commit", "--quiet", "--message=First", at=work)
        git("tag", "v1", at=work)
        git("clone", "--quiet", "--bare", str(work), str(self.root / name), at=self.root)
        git("config", "uploadpack.allowAnySHA1InWant", "true", at=self.root / name)
        return git("rev-parse", "HEAD", at=work).strip()


def git(*arguments: str, at: Path) -> str:
    ended = subprocess.run(  # noqa: S603  (as the tests have it)
        ["git", *arguments],  # noqa: S607  (from the PATH)
        cwd=at,
        env=os.environ | AUTHOR,
        check=True,
        capture_output=True,
        text=True,
    )
    return ended.stdout


@contextmanager
def git_served(root: Path) -> Iterator[GitServer]:
    """Serve on a free port, for as long as the block lasts."""
    served = GitServer(root, certificate(root, "127.0.0.1"))
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(served))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(served.certificate)
    http.socket = context.wrap_socket(http.socket, server_side=True)
    served.address = f"127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


def _handler(served: GitServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            """Answer as git's own program for web servers does (CGI)."""
            served.authorizations.append(self.headers["Authorization"])
            if self.path.startswith("/moved/"):
                self.send_response(301)
                self.send_header("Location", self.path.removeprefix("/moved"))
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            parts = urlsplit(self.path)
            env = {
                "GIT_PROJECT_ROOT": str(served.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "PATH_INFO": parts.path,
                "QUERY_STRING": parts.query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            }
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            made = subprocess.run(
                ["git", "http-backend"],  # noqa: S607  (from the PATH)
                env=os.environ | AUTHOR | env,
                input=body,
                capture_output=True,
                check=False,
            ).stdout
            head, _, rest = made.partition(b"\r\n\r\n")
            status = b"200 OK"
            if head.startswith(b"Status: "):
                status, _, head = head.removeprefix(b"Status: ").partition(b"\r\n")
            length = f"\r\nContent-Length: {len(rest)}\r\n\r\n".encode()
            self.wfile.write(b"HTTP/1.0 " + status + b"\r\n" + head + length + rest)

        do_GET = do_POST = handle_any  # noqa: N815  (the names are http.server's)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
