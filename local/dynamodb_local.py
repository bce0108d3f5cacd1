"""AWS's own DynamoDB engine for tests: fetched from Maven Central once, run as a process of ours on a free port.

It has no option for the address it listens on and takes every interface; it holds test data only, in memory.
``python -m local.dynamodb_local`` runs one in the foreground; with ``--fetch`` it is only fetched.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

VERSION = "3.1.0"
"""Runs on Java 17. (3.3.1 names AWS SDK modules that Maven Central does not have.)"""
JAVA_MAJOR = 17
FETCH_SECONDS = 900
START_SECONDS = 60

_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
_MAIN = "software.amazon.dynamodb.services.local.main.ServerRunner"
_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId>
  <artifactId>dynamodb-local</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>software.amazon.dynamodb</groupId>
      <artifactId>DynamoDBLocal</artifactId>
      <version>{VERSION}</version>
    </dependency>
  </dependencies>
</project>
"""


class DynamoDBLocalUnavailable(Exception):
    """DynamoDB Local cannot be run here; the message says what is missing."""


@contextmanager
def dynamodb_local() -> Iterator[str]:
    """Run DynamoDB Local, in memory, for as long as the block lasts; yields its endpoint.

    Every region and every pair of keys sees the same tables. The first call on a machine fetches 50 MB.

    Raises:
        DynamoDBLocalUnavailable: Java 17 or Maven is missing, Maven cannot fetch it, or it does not start.
    """
    java = _java()
    jars = fetch()
    with tempfile.TemporaryFile() as output:
        port = _free_port()
        process = subprocess.Popen(_command(java, jars, port), cwd=jars, stdout=output, stderr=subprocess.STDOUT)  # noqa: S603
        try:
            endpoint = f"http://127.0.0.1:{port}"
            _wait(process, endpoint, output)
            yield endpoint
        finally:
            _stop(process)


def fetch() -> Path:
    """The folder with DynamoDB Local and all it depends on, fetched unless it is there.

    Raises:
        DynamoDBLocalUnavailable: Maven is missing or cannot fetch it.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "claimcheck"
    folder = cache / f"dynamodb-local-{VERSION}"
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            jars = _copy_dependencies(Path(scratch))
            _put_in_place(jars, folder)
    return folder


def _copy_dependencies(scratch: Path) -> Path:
    maven = shutil.which("mvn")
    if maven is None:
        message = "Maven is needed to fetch DynamoDB Local, and there is no `mvn` on the PATH"
        raise DynamoDBLocalUnavailable(message)
    (scratch / "pom.xml").write_text(_POM)
    arguments = ["-B", "-q", "-f", str(scratch / "pom.xml"), _PLUGIN, f"-DoutputDirectory={scratch / 'jars'}"]
    try:
        subprocess.run(  # noqa: S603  a fixed command
            [maven, *arguments, "-DincludeScope=runtime"], check=True, capture_output=True, text=True,
            timeout=FETCH_SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        message = f"Maven did not fetch DynamoDB Local {VERSION} in {FETCH_SECONDS} s"
        raise DynamoDBLocalUnavailable(message) from error
    except subprocess.CalledProcessError as error:
        message = f"Maven could not fetch DynamoDB Local {VERSION}: {(error.stdout or error.stderr).strip()[:600]}"
        raise DynamoDBLocalUnavailable(message) from error
    return scratch / "jars"


def _put_in_place(jars: Path, folder: Path) -> None:
    # Renamed only when complete; another process that fetched it at the same time may have been first.
    try:
        jars.rename(folder)
    except OSError:
        if not folder.exists():
            raise


def _java() -> str:
    java = shutil.which("java")
    if java is None:
        message = f"DynamoDB Local needs Java {JAVA_MAJOR}, and there is no `java` on the PATH"
        raise DynamoDBLocalUnavailable(message)
    # macOS has a `java` that only says that there is none.
    told = subprocess.run([java, "-version"], check=False, capture_output=True, text=True)  # noqa: S603
    version = told.stderr.partition('"')[2].partition('"')[0]
    major = version.partition(".")[0]
    if not major.isdigit() or int(major) < JAVA_MAJOR:
        message = f"DynamoDB Local needs Java {JAVA_MAJOR}, and `java` is {version or 'not installed'}"
        raise DynamoDBLocalUnavailable(message)
    return java


def _command(java: str, jars: Path, port: int) -> list[str]:
    options = ["-inMemory", "-sharedDb", "-disableTelemetry", "-port", str(port)]
    return [java, "-Xmx1g", "-Djava.library.path=.", "-cp", str(jars / "*"), _MAIN, *options]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(process: subprocess.Popen[bytes], endpoint: str, output: IO[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(endpoint, timeout=5).close()  # noqa: S310  our own http URL
        except urllib.error.HTTPError as answer:
            # It refuses a request without a signature, and so it is there.
            answer.close()
            return
        except OSError:
            time.sleep(0.05)
    output.seek(0)
    message = f"DynamoDB Local did not start: {output.read().decode(errors='replace').strip()[-600:]}"
    raise DynamoDBLocalUnavailable(message)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main(arguments: list[str]) -> int:
    """Run one until Ctrl-C; with ``--fetch``, only see to it that one could be run."""
    try:
        if arguments == ["--fetch"]:
            _java()
            fetch()
            return 0
        with dynamodb_local() as endpoint:
            print(f"DynamoDB Local {VERSION}: export AWS_ENDPOINT_URL_DYNAMODB={endpoint}", flush=True)
            while True:
                time.sleep(3600)
    except DynamoDBLocalUnavailable as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
