"""Three shards of Debian's clickhouse-server and a ZooKeeper on free loopback ports, in a temporary directory.

It needs Debian's packages clickhouse-server, zookeeper and default-jre-headless. Nothing of the system is touched:
every process has a configuration, data and logs of its own, and is stopped by the process id noted when it started.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

SHARDS = 3
_JARS = Path("/usr/share/java")
_NEEDED = ("zookeeper", "zookeeper-jute", "slf4j-api", "slf4j-nop", "log4j-1.2", "snappy-java", "metrics-core")
_NETTY = "netty-*.jar"
_STARTED = 60.0  # s in which a server must answer

_ZOO = """tickTime=2000
dataDir={data}
clientPort={port}
clientPortAddress=127.0.0.1
admin.enableServer=false
"""

_CONFIG = """<yandex>
  <logger><level>warning</level><log>{here}/server.log</log><errorlog>{here}/server.err.log</errorlog></logger>
  <http_port>{http}</http_port>
  <tcp_port>{tcp}</tcp_port>
  <interserver_http_port>{between}</interserver_http_port>
  <interserver_http_host>127.0.0.1</interserver_http_host>
  <listen_host>127.0.0.1</listen_host>
  <max_connections>256</max_connections>
  <keep_alive_timeout>30</keep_alive_timeout>
  <max_concurrent_queries>100</max_concurrent_queries>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <mark_cache_size>268435456</mark_cache_size>
  <path>{here}/data/</path>
  <tmp_path>{here}/tmp/</tmp_path>
  <users_config>{here}/users.xml</users_config>
  <default_profile>default</default_profile>
  <default_database>default</default_database>
  <remote_servers><rl>{shards}</rl></remote_servers>
  <zookeeper><node><host>127.0.0.1</host><port>{zookeeper}</port></node>
    <session_timeout_ms>6000</session_timeout_ms></zookeeper>
  <macros><shard>{number}</shard><replica>first</replica></macros>
  <format_schema_path>{here}/</format_schema_path>
</yandex>
"""

_USERS = """<yandex>
  <profiles>
    <default><max_memory_usage>2000000000</max_memory_usage></default>
    <readonly><readonly>1</readonly></readonly>
  </profiles>
  <users>
    <default><password></password><networks><ip>127.0.0.1</ip></networks>
      <profile>default</profile><quota>default</quota></default>
    <reader><password>secret</password><networks><ip>127.0.0.1</ip></networks>
      <profile>readonly</profile><quota>default</quota></reader>
  </users>
  <quotas><default/></quotas>
</yandex>
"""


def missing() -> list[str]:
    """What of the packages is not here."""
    found = [name for name in ("clickhouse-server", "java") if shutil.which(name, path=_path()) is None]
    return found + [f"{name}.jar" for name in _NEEDED[:2] if not (_JARS / f"{name}.jar").exists()]


def _path() -> str:
    return "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on at this moment."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Cluster:
    """The servers; `start_all` starts them, `stop` ends them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        ports = free_ports(1 + 3 * SHARDS)
        self.zookeeper_port = ports[0]
        self.http = ports[1 : 1 + SHARDS]
        self._tcp = ports[1 + SHARDS : 1 + 2 * SHARDS]
        self._between = ports[1 + 2 * SHARDS :]
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        for shard in range(SHARDS):
            self._configure(shard)

    def url(self, database: str, options: str = "", shards: int = SHARDS) -> str:
        """The address of a store on it."""
        hosts = ",".join(f"127.0.0.1:{port}" for port in self.http[:shards])
        return f"clickhouse://{hosts}/{database}{options}"

    def start_all(self) -> None:
        """Start what is not running, and wait until it answers."""
        self.start_zookeeper()
        for shard in range(SHARDS):
            self.start(shard, wait=False)
        for shard in range(SHARDS):
            self._wait(shard)

    def stop(self) -> None:
        """End everything that was started here."""
        for process in self._processes.values():
            if process.poll() is None:
                process.kill()
        for process in self._processes.values():
            process.wait()
        self._processes.clear()

    def start(self, shard: int, *, wait: bool = True) -> None:
        """Start one shard's server unless it runs."""
        if self._runs(f"shard{shard}"):
            return
        here = self._here(shard)
        command = ["clickhouse-server", f"--config-file={here / 'config.xml'}"]
        self._spawn(f"shard{shard}", command, here)
        if wait:
            self._wait(shard)

    def kill(self, shard: int) -> None:
        """``kill -9`` one shard's server."""
        self._kill(f"shard{shard}")

    def start_zookeeper(self) -> None:
        """Start ZooKeeper unless it runs, and wait until it listens."""
        if self._runs("zookeeper"):
            return
        here = self.directory / "zookeeper"
        (here / "data").mkdir(parents=True, exist_ok=True)
        config = here / "zoo.cfg"
        config.write_text(_ZOO.format(data=here / "data", port=self.zookeeper_port))
        jars = [str(_JARS / f"{name}.jar") for name in _NEEDED] + sorted(map(str, _JARS.glob(_NETTY)))
        main = "org.apache.zookeeper.server.ZooKeeperServerMain"
        self._spawn("zookeeper", ["java", "-Xmx128m", "-cp", ":".join(jars), main, str(config)], here)
        deadline = time.monotonic() + _STARTED
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.zookeeper_port)) == 0:
                    return
            self._see_alive("zookeeper")
            time.sleep(0.1)
        raise RuntimeError(f"ZooKeeper does not listen: {self._said('zookeeper')}")

    def kill_zookeeper(self) -> None:
        """``kill -9`` ZooKeeper."""
        self._kill("zookeeper")

    def ask(self, shard: int, sql: str, database: str = "default") -> str:
        """The answer of a shard, as text: without anything of rolltape."""
        url = f"http://127.0.0.1:{self.http[shard]}/?database={database}"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, sql.encode()), timeout=60) as answer:
                return str(answer.read().decode(errors="surrogateescape")).strip()
        except urllib.error.HTTPError as error:
            raise RuntimeError(error.read().decode()) from None

    def _here(self, shard: int) -> Path:
        return self.directory / f"shard{shard}"

    def _configure(self, shard: int) -> None:
        here = self._here(shard)
        for name in ("data", "tmp"):
            (here / name).mkdir(parents=True, exist_ok=True)
        each = "<shard><internal_replication>true</internal_replication><replica><host>127.0.0.1</host><port>{}</port>"
        shards = "".join(each.format(port) + "</replica></shard>" for port in self._tcp)
        ports = {"http": self.http[shard], "tcp": self._tcp[shard], "between": self._between[shard]}
        more = {"shards": shards, "zookeeper": self.zookeeper_port, "number": shard}
        (here / "config.xml").write_text(_CONFIG.format(here=here, **ports, **more))
        (here / "users.xml").write_text(_USERS)

    def _spawn(self, name: str, command: list[str], here: Path) -> None:
        executable = shutil.which(command[0], path=_path())
        if executable is None:
            raise RuntimeError(f"{command[0]} is not installed")
        with (here / "output.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [executable, *command[1:]], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=here
            )

    def _wait(self, shard: int) -> None:
        deadline = time.monotonic() + _STARTED
        while time.monotonic() < deadline:
            try:
                if self.ask(shard, "SELECT 1") == "1":
                    return
            except OSError:
                self._see_alive(f"shard{shard}")
                time.sleep(0.05)
        raise RuntimeError(f"shard {shard} does not answer: {self._said(f'shard{shard}')}")

    def _runs(self, name: str) -> bool:
        return name in self._processes and self._processes[name].poll() is None

    def _kill(self, name: str) -> None:
        self._processes[name].kill()
        self._processes[name].wait()

    def _see_alive(self, name: str) -> None:
        if not self._runs(name):
            raise RuntimeError(f"{name} ended by itself: {self._said(name)}")

    def _said(self, name: str) -> str:
        return (self.directory / name / "output.log").read_text(errors="replace")[-2000:]
