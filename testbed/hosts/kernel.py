"""The process that is a simulated host while it is on: `python -m testbed.hosts.kernel HOST_DIRECTORY`.

It answers the stand-in commands (`commands`), serves the database, NFS and SSH ports of its addresses, runs the units
that `garoon-node install` enabled, plays the SSM agent (it runs what it is given) and the CloudWatch agent. Its
environment carries `HOST_MARK`, which everything it starts inherits: that is how a power cut finds all of it.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import datetime
import fcntl
import fnmatch
import json
import os
import re
import shutil
import signal
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

from testbed.hosts.answer import Answer
from testbed.hosts.claims import hold_number_of
from testbed.hosts.cloudwatch import CONFIG_DIRECTORY, CollectedFile, LogCollector, put_log_events
from testbed.hosts.commands import WRITE_CHECK, Machine
from testbed.hosts.layout import Faults, HostFiles
from testbed.hosts.mirror import MirrorError
from testbed.hosts.processes import host_environment, processes_of
from testbed.hosts.protocols import (
    HOST_IS_BLOCKED,
    LAST_FRAGMENT,
    answer_login,
    answer_rpc,
    database_greeting,
    is_final,
)
from testbed.world.files import replace_file

LOOK_SECONDS = 1.0
TICK_SECONDS = 0.1
RESTART_SECONDS = 0.5
SHUTDOWN_SECONDS = 20.0
NAME_SERVER_SECONDS = 10.0
"""A resolver's two tries of five seconds, when nobody answers (resolv.conf(5))."""
KEY_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,120}")
BOOT_UNIT = "garoon-node-boot.service"
WATCH_UNIT = "garoon-node-watch.service"

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]

_COMMAND_BYTES = 1024**2
"""More than a request with the whole script is long; asyncio's own limit for a line is 64 KiB."""


class Kernel:
    """One boot of a host."""

    def __init__(self, directory: Path, owner: int | None) -> None:
        self.files = HostFiles(directory)
        self.settings = self.files.settings()
        self.boot_id = uuid.uuid4().hex
        self.machine = Machine(self.files, self.settings, self.boot_id, self)
        self._owner = owner
        self._servers: dict[tuple[str, int], asyncio.Server] = {}
        self._live: dict[tuple[str, int], set[asyncio.StreamWriter]] = {}
        self._accepted_at: dict[asyncio.StreamWriter, float] = {}
        self._supervised: dict[str, asyncio.subprocess.Process] = {}
        self._wanted_units: set[str] = set()
        self._transient_units: dict[str, asyncio.subprocess.Process] = {}
        self._ended_units: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_agent_ready = False
        self._is_frozen = False
        self._volume_fault: str | None = None
        self._ports_lock = asyncio.Lock()
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        """From power on to a clean shutdown."""
        lock = _lock(self.files.kernel_lock)
        hold_number_of(self.settings.eth0_address)
        try:
            self._prepare_root()
            syscalls = await asyncio.start_server(self._serve_syscall, "127.0.0.1", 0)
            agent = await asyncio.start_server(self._serve_agent, "127.0.0.1", 0, limit=_COMMAND_BYTES)
            self._write_local_settings()
            replace_file(self.files.root / "run/kernel-port", f"{_port(syscalls)}\n")
            replace_file(
                self.files.kernel_file,
                json.dumps({"pid": os.getpid(), "bootId": self.boot_id, "agentPort": _port(agent)}),
            )
            await self._open_and_close_ports()
            self._spawn(self._tick())
            self._spawn(self._collect_logs())
            self._spawn(self._boot_units())
            await self._stopped.wait()
        finally:
            os.close(lock)

    # -- boot and shutdown -------------------------------------------------------------------------------------------

    @staticmethod
    def _show_replica_device(root: Path) -> None:
        """Of the data device only the end, where DRBD's own data has its magic number: what a world keeps is small."""
        block, device = root / "sys/class/block/xvdb1", root / "dev/xvdb1"
        for directory in (block, device.parent):
            directory.mkdir(parents=True, exist_ok=True)
        end = bytes(60) + bytes.fromhex("8374026b") + bytes(4096 - 64)
        device.write_bytes(end)
        (block / "size").write_text(f"{len(end) // 512}\n")

    def _prepare_root(self) -> None:
        root = self.files.root
        for directory in ("proc/self", "tmp", "proc/net", "run", "var/lib/nfs", "var/log"):
            (root / directory).mkdir(parents=True, exist_ok=True)
        (root / "proc/stat").write_text(f"cpu 0 0 0 0\nbtime {int(time.time())}\n")
        firmware = root / "sys/devices/virtual/dmi/id"
        firmware.mkdir(parents=True, exist_ok=True)
        (firmware / "board_asset_tag").write_text(f"{self.settings.instance_id}\n")
        (root / "proc/partitions").write_text("major minor  #blocks  name\n\n 202       17    8387584 xvdb1\n")
        self._show_replica_device(root)
        (root / "proc/meminfo").write_text("MemTotal: 4000000 kB\nDirty: 0 kB\nWriteback: 0 kB\n")
        # /run is a tmpfs: nothing in it survives a boot.
        for leftover in (root / "run").iterdir():
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        for process in (root / "proc").glob("[0-9]*"):
            shutil.rmtree(process)
        # By which programs tell that systemd is the init system (sd_booted(3)).
        (root / "run/systemd/system").mkdir(parents=True)
        for number in range(len(self.settings.mount_points)):
            self.machine.unmount(number)

    def _write_local_settings(self) -> None:
        """Settings that a real host leaves at their defaults."""
        path = self.files.root / "etc/garoon-node.local.conf"
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = [line for line in _lines(path) if not line.startswith("LOCAL_ADDRESS=")]
        replace_file(path, "\n".join([*kept, f'LOCAL_ADDRESS="{self.settings.loopback_address}"', ""]))

    async def _boot_units(self) -> None:
        await asyncio.sleep(self.settings.delays.boot_seconds)
        for unit in sorted(self._enabled_units()):
            await self.control("start", [unit])
        self._is_agent_ready = True

    async def _shut_down(self) -> None:
        self._is_agent_ready = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SHUTDOWN_SECONDS):
                await self.control("stop", [WATCH_UNIT])
                if self._exec_line(BOOT_UNIT, "ExecStop") is not None:
                    await self._run_unit(BOOT_UNIT, "ExecStop")
        self._stopped.set()

    # -- systemd -----------------------------------------------------------------------------------------------------

    async def control(self, verb: str, units: list[str]) -> Answer:
        """`systemctl VERB UNITS`."""
        given = [unit for unit in units if not unit.startswith("-")]
        names = [unit if _is_pattern(unit) or unit.endswith(".service") else f"{unit}.service" for unit in given]
        match verb:
            case "enable":
                for unit in names:
                    self._wants(unit).parent.mkdir(parents=True, exist_ok=True)
                    self._wants(unit).touch()
            case "disable":
                for unit in names:
                    self._wants(unit).unlink(missing_ok=True)
            case "is-enabled":
                is_enabled = all(self._wants(unit).exists() for unit in names)
                return Answer(0, "enabled\n") if is_enabled else Answer(1, "disabled\n")
            case "is-active":
                is_active = all(self._is_active(unit) for unit in names)
                return Answer(0, "active\n") if is_active else Answer(3, "inactive\n")
            case "start" | "restart" | "stop" | "try-restart":
                for unit in self._matching(names):
                    if verb == "try-restart" and not self._is_active(unit):
                        continue
                    await self._change_unit(verb.removeprefix("try-"), unit)
        if "--now" in units and verb in {"enable", "disable"}:
            return await self.control("start" if verb == "enable" else "stop", names)
        return Answer()

    def _matching(self, names: list[str]) -> list[str]:
        """A pattern stands for the loaded units that match it."""
        loaded = list(self._transient_units)
        return [unit for name in names for unit in (fnmatch.filter(loaded, name) if _is_pattern(name) else [name])]

    def _wants(self, unit: str) -> Path:
        return self.files.root / "etc/systemd/system/multi-user.target.wants" / unit

    def _enabled_units(self) -> list[str]:
        directory = self._wants("any").parent
        return [path.name for path in directory.iterdir()] if directory.is_dir() else []

    def _is_active(self, unit: str) -> bool:
        if unit == "nfs-server.service":
            return self.machine.nfsd.is_running
        if unit == "amazon-cloudwatch-agent.service":
            return any((self.files.root / CONFIG_DIRECTORY).glob("*"))  # as soon as it has something to do
        return unit in self._wanted_units

    async def _change_unit(self, verb: str, unit: str) -> None:
        if unit == "nfs-server.service":
            if verb in {"stop", "restart"}:
                self.machine.nfsd.stop()
            if verb in {"start", "restart"} and not self.machine.nfsd.is_running:
                self.machine.nfsd.start()
            await self._open_and_close_ports()
            return
        if unit in self._transient_units and verb == "stop":
            await self._stop_transient(unit)
            return
        if verb in {"stop", "restart"}:
            self._wanted_units.discard(unit)
            process = self._supervised.pop(unit, None)
            if process is not None and process.returncode is None:
                process.terminate()
                await process.wait()
        if verb in {"start", "restart"} and unit not in self._wanted_units:
            if unit == WATCH_UNIT:
                self._wanted_units.add(unit)
                self._spawn(self._supervise(unit))
            elif self._exec_line(unit, "ExecStart") is not None:
                self._wanted_units.add(unit)
                await self._run_unit(unit, "ExecStart")

    async def run_transient(self, unit: str, command: list[str]) -> Answer:
        """`systemd-run --remain-after-exit`: a clean environment, a folder and a session of its own.

        The unit stays until it is stopped, and stopping it ends what it left running.
        """
        if unit in self._transient_units:
            return Answer(1, "", f"Failed to start transient service unit: Unit {unit} already exists.\n")
        if unit in self._ended_units and self._is_referred_to(unit):
            why = "was already loaded or has a fragment file"
            return Answer(1, "", f"Failed to start transient service unit: Unit {unit} {why}.\n")
        process = await asyncio.create_subprocess_exec(
            *command,
            env=host_environment(self.files),
            cwd="/",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        self._transient_units[unit] = process
        entry = self.files.root / f"proc/{process.pid}"
        entry.mkdir()
        (entry / "cmdline").write_text("".join(f"{word}\0" for word in command))
        self._spawn(self._forget_process(process, entry))
        return Answer()

    async def _forget_process(self, process: asyncio.subprocess.Process, entry: Path) -> None:
        await process.wait()
        shutil.rmtree(entry, ignore_errors=True)

    async def _stop_transient(self, unit: str) -> None:
        process = self._transient_units.pop(unit)
        self._ended_units.add(unit)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        for service in self.settings.services:
            if re.fullmatch(rf"garoon-{re.escape(service)}(-\d{{10}})?\.service", unit):
                self.files.end_service(service)

    def _is_referred_to(self, unit: str) -> bool:
        """systemd keeps a unit in memory while another one names it, if only for the order (found with systemd 252)."""
        return any(unit in file.read_text() for file in (self.files.root / "etc/systemd/system").glob("*.service"))

    async def _supervise(self, unit: str) -> None:
        """Restart=always."""
        while unit in self._wanted_units:
            process = await self._start_unit(unit, "ExecStart")
            if process is None:
                return
            self._supervised[unit] = process
            await process.wait()
            if self._supervised.get(unit) is not process:
                return
            await asyncio.sleep(RESTART_SECONDS)

    async def _run_unit(self, unit: str, key: str) -> None:
        process = await self._start_unit(unit, key)
        if process is not None:
            await process.wait()

    async def _start_unit(self, unit: str, key: str) -> asyncio.subprocess.Process | None:
        line = self._exec_line(unit, key)
        if line is None:
            return None
        program, *arguments = line.split()
        with (self.files.root / "var/log/journal").open("ab") as journal:
            return await asyncio.create_subprocess_exec(
                f"{self.files.root}{program}",
                *arguments,
                env=host_environment(self.files),
                cwd=self.files.root,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=journal,
                stderr=journal,
            )

    def _exec_line(self, unit: str, key: str) -> str | None:
        values = [
            line.partition("=")[2]
            for line in _lines(self.files.root / "etc/systemd/system" / unit)
            if line.startswith(f"{key}=")
        ]
        return values[-1] if values else None

    # -- agents ------------------------------------------------------------------------------------------------------

    async def _serve_agent(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request: `{"shutdown": true}`, or a script to run as the SSM agent runs it."""
        with contextlib.suppress(ConnectionError):
            request = json.loads(await reader.readline())
            if request.get("shutdown"):
                await self._shut_down()
            elif self._is_agent_ready and not self._is_cut_off():
                answer = await self._run_command(request)
                # What happened on the host happened; only the news of it is lost when the path to AWS is.
                if not self._is_cut_off():
                    writer.write(json.dumps(answer).encode() + b"\n")
                    await writer.drain()
        writer.close()

    def _is_cut_off(self) -> bool:
        faults = self.files.faults()
        return faults.is_aws_path_down or faults.is_hung

    async def _run_command(self, request: dict[str, object]) -> dict[str, object]:
        """As the agent does: the script in a file of its own, run by `sh -c`, killed with its group on time-out."""
        script = self.files.root / "var/lib/amazon/ssm" / uuid.uuid4().hex / "_script.sh"
        script.parent.mkdir(parents=True)
        script.write_text(str(request["script"]))
        script.chmod(0o700)
        environment = request["environment"]
        assert isinstance(environment, dict)
        process = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            str(script),
            env={**host_environment(self.files), **environment},
            cwd=self.files.root,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            process_group=0,
        )
        has_timed_out = False
        gathered = asyncio.ensure_future(process.communicate())
        done, _ = await asyncio.wait({gathered}, timeout=float(str(request["timeoutSeconds"])))
        if not done:
            has_timed_out = True
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        stdout, stderr = await gathered
        script.unlink()
        script.parent.rmdir()
        return {
            "exitCode": process.returncode,
            "stdout": stdout.decode(errors="replace"),
            "stderr": stderr.decode(errors="replace"),
            "hasTimedOut": has_timed_out,
        }

    async def _collect_logs(self) -> None:
        collector = LogCollector(self.files.root, self.settings.log_flush_seconds)
        while True:
            await asyncio.sleep(collector.poll_seconds)
            due = collector.look(time.monotonic())
            if self.settings.cloud_endpoint is None or self._is_cut_off():
                continue
            for file, lines in due:
                if await self._send_lines(file, lines):
                    collector.was_sent(file)

    async def _send_lines(self, file: CollectedFile, lines: list[str]) -> bool:
        now = datetime.datetime.now(datetime.UTC)
        try:
            status = await asyncio.to_thread(put_log_events, self.settings, file, lines, now)
        except OSError as problem:
            print(f"log events not sent: {problem}", file=sys.stderr, flush=True)
            return False
        if status != 200:
            print(f"log events refused: HTTP status {status}", file=sys.stderr, flush=True)
        return status == 200

    # -- what happens by itself --------------------------------------------------------------------------------------

    async def _tick(self) -> None:
        while True:
            if self._owner is not None and not Path(f"/proc/{self._owner}").exists():
                self._die_with_owner()
            faults = self.files.faults()
            self._freeze_or_thaw(faults)
            self._apply_volume_fault(faults)
            self.machine.write_proc_files()
            self.machine.nfsd.is_in_grace()
            self.machine.write_connections(self._clients())
            await self._open_and_close_ports()
            await asyncio.sleep(TICK_SECONDS)

    def _die_with_owner(self) -> None:
        for process in processes_of(self.files.directory):
            if process != os.getpid():
                os.kill(process, signal.SIGKILL)
        os._exit(1)

    def _freeze_or_thaw(self, faults: Faults) -> None:
        if faults.is_hung == self._is_frozen:
            return
        self._is_frozen = faults.is_hung
        for process in processes_of(self.files.directory):
            if process != os.getpid():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGSTOP if faults.is_hung else signal.SIGCONT)

    def _apply_volume_fault(self, faults: Faults) -> None:
        """A write to a FIFO that nobody reads never ends; a write to a directory fails."""
        if faults.volume == self._volume_fault:
            return
        self._volume_fault = faults.volume
        check = self.files.volume / WRITE_CHECK
        if faults.volume is None:
            check.unlink(missing_ok=True)
            return
        # Renamed into place, because the node script may write its check at any moment.
        obstacle = check.with_name(f"{WRITE_CHECK}.new")
        if faults.volume == "hang":
            os.mkfifo(obstacle)
        elif faults.volume == "error":
            obstacle.symlink_to(".", target_is_directory=True)
        obstacle.replace(check)

    # -- servers -----------------------------------------------------------------------------------------------------

    async def _open_and_close_ports(self) -> None:
        async with self._ports_lock:
            wanted = self._wanted_ports()
            for address in [address for address in self._servers if address not in wanted]:
                self._servers.pop(address).close()
                for writer in self._live.pop(address, set()):
                    writer.transport.abort()
            for address, handler in wanted.items():
                if address not in self._servers:
                    serve = self._tracked(address, handler)
                    self._servers[address] = await asyncio.start_server(serve, *address, reuse_address=True)

    def _wanted_ports(self) -> dict[tuple[str, int], Callable[..., Awaitable[None]]]:
        faults = self.files.faults()
        wanted: dict[tuple[str, int], Callable[..., Awaitable[None]]] = {}
        if self.machine.is_service_running(self.settings.database_service):
            wanted[self.settings.loopback_address, self.settings.database_port] = self._serve_own_database
        for nic, address in (("eth0", self.settings.eth0_address), ("eth1", self.settings.eth1_address)):
            if faults.is_nic_down(nic):
                continue
            wanted[address, self.settings.path_port] = self._serve_ssh
            if self.machine.is_service_running(self.settings.database_service):
                wanted[address, self.settings.database_port] = self._serve_database
            if self.machine.nfsd.is_running:
                wanted[address, self.settings.nfs_port] = self._serve_nfs
        return wanted

    def _clients(self) -> list[tuple[str, int, int]]:
        """Address and port of each client, and the port that it uses.

        Here the virtual IP is the host's own address, at which the nodes look, too; a look is short.
        """
        before = time.monotonic() - LOOK_SECONDS
        return [
            (*writer.get_extra_info("peername")[:2], port)
            for (address, port), writers in self._live.items()
            if address == self.settings.eth0_address
            for writer in writers
            if self._accepted_at[writer] < before
        ]

    def _tracked(
        self, address: tuple[str, int], handler: Callable[..., Awaitable[None]]
    ) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            live = self._live.setdefault(address, set())
            live.add(writer)
            self._accepted_at[writer] = time.monotonic()
            try:
                with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                    await handler(reader, writer)
            finally:
                live.discard(writer)
                del self._accepted_at[writer]
                writer.close()

        return serve

    async def _stay_silent_while_hung(self) -> None:
        while self.files.faults().is_hung:
            await asyncio.sleep(TICK_SECONDS)

    async def _serve_ssh(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._stay_silent_while_hung()
        writer.write(b"SSH-2.0-OpenSSH_7.4\r\n")
        await writer.drain()
        await reader.readline()

    async def _serve_own_database(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Over the loopback, where the server looks no name up and counts nothing."""
        await self._serve_database(reader, writer, is_own=True)

    async def _serve_database(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_own: bool = False
    ) -> None:
        await self._stay_silent_while_hung()
        while self.files.faults().is_database_silent:
            await asyncio.sleep(TICK_SECONDS)
        log = self.machine.database_log
        log.connections += not is_own
        if self.files.faults().is_host_blocked and not is_own:
            writer.write(HOST_IS_BLOCKED)
            return
        if self.files.faults().is_name_server_lost and not is_own:
            await asyncio.sleep(NAME_SERVER_SECONDS)
        writer.write(database_greeting())
        try:
            first = await reader.readexactly(4)
        except (ConnectionError, asyncio.IncompleteReadError):
            first = b""
        if first[:1] in (b"G", b"P"):
            await self._serve_lines((reader, writer), first, (0, "cybozu/mysql-5.0/data/memo"), self._is_database_ready)
            return
        reply = answer_login(first and await reader.readexactly(int.from_bytes(first[:3], "little")))
        writer.write(reply)
        await writer.drain()
        # Whoever leaves before its login is decided has interrupted the connection.
        log.interrupted += not is_own and not is_final(reply)
        log.lines += is_final(reply) or not reply

    async def _serve_nfs(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.read(1)
        if not first:
            return
        if first[0] < 0x80:
            while self.machine.nfsd.is_in_grace():
                await asyncio.sleep(TICK_SECONDS)
            if self._is_nfs_ready():
                self.machine.nfsd.serve(writer.get_extra_info("peername")[0])
            await self._serve_lines((reader, writer), first, self.settings.attachments, self._is_nfs_ready)
            return
        mark = first
        while mark:
            mark += await reader.readexactly(4 - len(mark))
            call = await reader.readexactly(int.from_bytes(mark, "big") & (LAST_FRAGMENT - 1))
            await self._stay_silent_while_hung()
            writer.write(answer_rpc(call))
            await writer.drain()
            mark = await reader.read(1)

    def _is_database_ready(self) -> bool:
        return self.machine.is_mounted and self.machine.is_service_running(self.settings.database_service)

    def _is_nfs_ready(self) -> bool:
        return self.machine.is_mounted and self.machine.nfsd.is_running and bool(self.machine.exports)

    async def _serve_lines(
        self, connection: Connection, prefix: bytes, folder: tuple[int, str], is_ready: Callable[[], bool]
    ) -> None:
        reader, writer = connection
        while line := prefix + await reader.readline():
            prefix = b""
            await self._stay_silent_while_hung()
            while self.files.faults().volume == "hang":
                await asyncio.sleep(TICK_SECONDS)
            answer = await self._obey_line(line.decode(errors="replace").split(), folder, is_ready)
            # What waited for a peer that is cut off was written alone; nothing leaves if the interface is down.
            await self._open_and_close_ports()
            writer.write(answer + b"\n")
            await writer.drain()

    async def _obey_line(self, words: list[str], place: tuple[int, str], is_ready: Callable[[], bool]) -> bytes:
        number, folder = place
        match words:
            case ["GET" | "PUT", key, *_] if not KEY_PATTERN.fullmatch(key):
                return b"ERROR the key is not allowed"
            case _ if not is_ready():
                return b"ERROR the volume is not served here"
            case ["GET", key]:
                file = self.files.volume_of(number) / folder / key
                return base64.b64encode(file.read_bytes()) if file.exists() and "files" in folder else _text(file)
            case ["PUT", key, value]:
                return await self._put(number, f"{folder}/{key}", value, is_encoded=folder.endswith("files"))
        return b"ERROR expected PUT <key> <value> or GET <key>"

    async def _put(self, number: int, path: str, value: str, *, is_encoded: bool) -> bytes:
        try:
            content = base64.b64decode(value, validate=True) if is_encoded else value.encode()
            while not self.machine.engine.mirrors[number].write(self.settings.name, path, content):
                await asyncio.sleep(TICK_SECONDS)
        except (binascii.Error, MirrorError, OSError) as problem:
            return f"ERROR {problem}".encode()
        return b"OK"

    # -- stand-in commands -------------------------------------------------------------------------------------------

    async def _serve_syscall(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            count = int(await reader.readline())
            name, *arguments = [(await reader.readuntil(b"\0"))[:-1].decode() for _ in range(count)]
            await self._stay_silent_while_hung()
            answer = await self.machine.run(name, arguments)
            # A service's port opens and closes with it, not a tick later.
            await self._open_and_close_ports()
            writer.write(f"{answer.code}\n{answer.output}\0{answer.errors}\0".encode())
            await writer.drain()
        writer.close()

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._finish)

    def _finish(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            # A kernel with a dead part would be a host that lies: better one that is visibly off.
            print(f"kernel panic: {task.exception()!r}", file=sys.stderr, flush=True)
            self._stopped.set()


def _lock(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def _port(server: asyncio.Server) -> int:
    port: int = server.sockets[0].getsockname()[1]
    return port


def _is_pattern(unit: str) -> bool:
    """As systemctl takes it: glob(7)."""
    return any(mark in unit for mark in "*?[")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except FileNotFoundError:
        return []


def _text(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b"NONE"


def main() -> None:
    directory, owner = Path(sys.argv[1]), int(sys.argv[2])
    asyncio.run(Kernel(directory, owner or None).run())


if __name__ == "__main__":
    main()
