"""Serves this working copy's git repository over HTTP to whoever has the token, as a private host would."""

import http.server
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any


@contextmanager
def served(root: Path, token: str) -> Iterator[str]:
    """The URL of a bare clone of ``root``'s last commit, for as long as the block lasts.

    It speaks git's plain ("dumb") HTTP protocol: files, once ``update-server-info`` has listed them.

    Raises:
        subprocess.CalledProcessError: ``root`` is not a git repository with a commit.
    """
    with TemporaryDirectory() as folder:
        bare = Path(folder, "repository.git")
        _git("clone", "--quiet", "--bare", str(root), str(bare))
        _git("-C", str(bare), "update-server-info")
        handler = partial(_Handler, token, directory=folder)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/repository.git"
        finally:
            server.shutdown()
            server.server_close()


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Files, for requests that carry the token."""

    def __init__(self, token: str, *request: Any, directory: str) -> None:  # noqa: ANN401  what the server passes on
        self._token = token
        super().__init__(*request, directory=directory)

    def do_GET(self) -> None:
        """One file, or 401."""
        if self.headers.get("Authorization") != f"Bearer {self._token}":
            self.send_error(http.HTTPStatus.UNAUTHORIZED)
            return
        super().do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing: the demo has the word."""


def _git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], check=True, capture_output=True)  # noqa: S603, S607  git, from the PATH
