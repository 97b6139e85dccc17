"""Real Redis servers: processes on free loopback ports, each in a folder of its own."""

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any, Final, Literal

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.certificates import Certificates

PATIENCE: Final = 20.0
HOST: Final = "127.0.0.1"
# Below the ports that the kernel gives to outgoing connections: one of those could take the port of
# a server that is down, or connect to itself there.
PORTS: Final = range(10_000, 32_000)
# Each is tried once before any is tried again: servers are made before they are started.
_UNTRIED: Final = cycle(random.SystemRandom().sample(PORTS, len(PORTS)))

# Nothing of a server's work reaches the disk unless a test asks for it.
DEFAULTS: Final = {"bind": HOST, "save": "", "appendonly": "no", "maxmemory-policy": "noeviction"}
ALWAYS: Final = {"appendonly": "yes", "appendfsync": "always"}
EVERYSEC: Final = {"appendonly": "yes", "appendfsync": "everysec"}


def free_port() -> int:
    """Find a port that nobody listens on."""
    while True:
        port = next(_UNTRIED)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port


def wait_for(question: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    """Ask until the answer is true, and give it; a server that is not there yet answers no."""
    ends = time.monotonic() + patience
    while time.monotonic() < ends:
        try:
            if answer := question():
                return answer
        except (redis.ConnectionError, redis.TimeoutError, redis.ResponseError):
            pass
        time.sleep(0.01)
    raise AssertionError(f"Waited {patience} s in vain: {what}")


@dataclass(eq=False)
class RedisServer:
    """One `redis-server`; `settings` are lines of its configuration.

    `user` and `password` are what `ask` and `url` use; `tls` and `unix_socket` move it away from
    plain TCP. `environment` is added to its process.
    """

    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    password: str = ""
    tls: Certificates | None = None
    unix_socket: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    sentinel: bool = False
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def socket_path(self) -> Path:
        return self.folder / "redis.sock"

    @property
    def log(self) -> str:
        return (self.folder / "log.txt").read_text(errors="replace")

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        assert self.process is not None, "The server was never started"
        return self.process.pid

    def url(self, database: int = 0, query: str = "") -> str:
        """Give the URL for a store."""
        login = f"{self.user}:{self.password}@" if self.password else ""
        if self.unix_socket:
            return f"redis+unix://{login}{self.socket_path}?db={database}" + query.replace("?", "&")
        scheme = "rediss" if self.tls else "redis"
        return f"{scheme}://{login}{self.address}/{database}{query}"

    def start(self) -> "RedisServer":
        """Start the process, and wait until it answers."""
        self.launch()
        self.wait()
        return self

    def wait(self) -> None:
        wait_for(self._answers, f"Redis on {self.address} to answer")

    def launch(self) -> None:
        """Start the process, and do not wait; it ends with the thread that starts it."""
        assert self.process is None or self.process.poll() is not None, "It runs already"
        self.folder.mkdir(parents=True, exist_ok=True)
        configuration = self.folder / "redis.conf"
        if not (self.sentinel and configuration.exists()):
            configuration.write_text("".join(f"{line}\n" for line in self._lines()))
        command = ["setpriv", "--pdeathsig", "KILL", "redis-server", str(configuration)]
        with (self.folder / "log.txt").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--sentinel"] if self.sentinel else command,
                cwd=self.folder, env={**os.environ, **self.environment}, stdout=log, stderr=log,
            )  # fmt: skip

    def _lines(self) -> Generator[str]:
        settings = {**DEFAULTS, **self.settings} if not self.sentinel else dict(self.settings)
        settings["dir"] = str(self.folder)
        settings["port"] = "0" if self.tls or self.unix_socket else str(self.port)
        if self.unix_socket:
            settings["unixsocket"] = str(self.socket_path)
        if self.tls:
            settings |= {
                "tls-port": str(self.port),
                "tls-cert-file": str(self.tls.certificate),
                "tls-key-file": str(self.tls.key),
                "tls-ca-cert-file": str(self.tls.authority),
                "tls-auth-clients": "no",
            }
        if self.password and not self.user:
            settings["requirepass"] = self.password
        for name, value in settings.items():
            yield f'{name} ""' if value == "" else f"{name} {value}"

    def _answers(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"Redis ended at its start:\n{self.log}")
        return bool(self.ask("PING"))

    @contextmanager
    def client(self) -> Generator["redis.Redis"]:
        """Talk to the server as redis-py does; a node that says no is not asked again."""
        where: dict[str, Any] = (
            {"unix_socket_path": str(self.socket_path)}
            if self.unix_socket
            else {"host": HOST, "port": self.port}
        )
        if self.tls:
            where |= {"ssl": True, "ssl_ca_certs": str(self.tls.authority)}
        client = redis.Redis(
            username=self.user or None, password=self.password or None, socket_timeout=5,
            socket_connect_timeout=1, retry=Retry(NoBackoff(), 0), **where,
        )  # fmt: skip
        try:
            yield client
        finally:
            client.close()

    def ask(self, *words: str | int | bytes) -> Any:
        """Ask one question on a connection of its own."""
        with self.client() as client:
            return client.execute_command(*words)  # type: ignore[no-untyped-call]

    def info(self, section: str) -> dict[str, Any]:
        with self.client() as client:
            answer: dict[str, Any] = client.info(section)
            return answer

    def send(self, which: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(which)

    def kill(self) -> None:
        """End the process at once, wherever it is in its work."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask the process to end; one that does not is killed."""
        self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """Stop the process in its tracks: its connections stay, it answers nothing."""
        self.send(signal.SIGSTOP)

    def thaw(self) -> None:
        self.send(signal.SIGCONT)

    def restart(self, *, how: Literal["kill", "stop"] = "kill", empty: bool = False) -> None:
        """End it and start it again on the same port, with what it has on disk or with nothing."""
        self._end(signal.SIGKILL if how == "kill" else signal.SIGTERM)
        if empty:
            self.forget()
        self.start()

    def forget(self) -> None:
        """Remove what it has written to disk."""
        for file in self.folder.rglob("*"):
            if file.suffix in {".aof", ".rdb", ".manifest"}:
                file.unlink()

    def _end(self, how: signal.Signals) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(how)
        self.process.send_signal(signal.SIGCONT)
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(timeout=PATIENCE)


@contextmanager
def running(*servers: RedisServer) -> Generator[None]:
    """Start servers, and end all of them when the block ends, however it ends."""
    try:
        for server in servers:
            server.start()
        yield
    finally:
        for server in servers:
            server.kill()
