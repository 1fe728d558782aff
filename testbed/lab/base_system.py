"""The Debian system that every machine of the lab runs: made once by debootstrap and kept by its recipe."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

SUITE = "bookworm"
PACKAGES = (
    # What the set-up installs on a server is there already: the machines reach no archive.
    "apache2",
    "chrony",
    "cloud-guest-utils",
    "curl",
    "drbd-utils",
    "fdisk",
    "ifupdown",
    "initramfs-tools",
    "iproute2",
    "kmod",
    "linux-image-amd64",
    "mariadb-server",
    "mdadm",
    "nbd-client",
    "nbd-server",
    "nfs-kernel-server",
    "procps",
    "python3",
    "systemd-sysv",
    "udev",
    "xfsprogs",
    "zstd",
)
# What the machines' disks are, and nothing else: a small initial file system boots sooner on an emulated processor.
_BOOT_MODULES = ("virtio_pci", "virtio_blk", "ext4", "crc32c_generic")
_FILES = {
    # No service starts while the system is being made.
    "usr/sbin/policy-rc.d": "#!/bin/sh\nexit 101\n",
    "etc/dpkg/dpkg.cfg.d/lab": (
        "force-unsafe-io\npath-exclude=/usr/share/doc/*\npath-exclude=/usr/share/man/*\npath-exclude=/usr/share/locale/*\n"
        # The root disk is none of these.
        "path-exclude=/usr/share/initramfs-tools/hooks/mdadm\npath-exclude=/usr/share/initramfs-tools/hooks/nbd*\n"
    ),
    "etc/apt/apt.conf.d/lab": 'APT::Install-Recommends "false";\nAcquire::Languages "none";\n',
    "etc/initramfs-tools/conf.d/lab": "MODULES=list\nBUSYBOX=n\nCOMPRESS=zstd\n",
    "etc/initramfs-tools/modules": "".join(f"{module}\n" for module in _BOOT_MODULES),
}
_FORMAT = 1  # grows when the way of building changes in a way that the recipe does not show


class BuildError(RuntimeError):
    """An image could not be built; the message ends with what the failing command printed last."""


def recipe_digest() -> str:
    """Changes whenever the system would come out differently."""
    recipe = repr((_FORMAT, SUITE, PACKAGES, sorted(_FILES.items())))
    return hashlib.sha256(recipe.encode()).hexdigest()[:16]


def build(cache: Path, tell: Callable[[str], None]) -> Path:
    """The directory of the finished system. Takes some minutes the first time. Raises BuildError."""
    system = cache / f"system-{recipe_digest()}"
    if system.exists():
        return system
    tell("installing Debian for the machines (some minutes, once)")
    unfinished = cache / "system-unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    run(["debootstrap", "--variant=minbase", SUITE, str(unfinished), archive()])
    for name, content in _FILES.items():
        file = unfinished / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    (unfinished / "usr/sbin/policy-rc.d").chmod(0o755)
    # In namespaces of its own, so that nothing stays mounted, whatever happens.
    script = 'mount -t proc proc "$0/proc" && exec chroot "$0" apt-get install --yes --quiet "$@"'
    # The lab's directory for temporary files is not there inside.
    environment = ["env", "--unset=TMPDIR", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C"]
    run(
        [
            "unshare",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            *environment,
            "bash",
            "-c",
            script,
            str(unfinished),
            *PACKAGES,
        ]
    )
    (unfinished / "usr/sbin/policy-rc.d").unlink()
    shutil.rmtree(unfinished / "var/cache/apt", ignore_errors=True)
    unfinished.rename(system)
    for old in cache.glob("system-*"):
        if old != system:
            shutil.rmtree(old)
    return system


def archive() -> str:
    """The Debian archive that this machine itself is installed from. Raises BuildError."""
    sites = run(["apt-get", "indextargets", "--format", "$(SITE) $(RELEASE) $(COMPONENT)", "Created-By: Packages"])
    for line in sites.splitlines():
        site, release, component = line.split()
        if release == SUITE and component == "main":
            return site
    raise BuildError(f"apt knows no archive with Debian's {SUITE}: the lab needs one to install its machines from.")


def run(command: list[str]) -> str:
    """The command's standard output. Raises BuildError."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise BuildError(f"{command[0]} is not installed: `make lab-deps` installs what the lab needs.") from error
    if done.returncode != 0:
        printed = (done.stdout + done.stderr).strip()
        raise BuildError(f"`{command[0]}` failed with {done.returncode}:\n{printed[-3000:]}")
    return done.stdout
