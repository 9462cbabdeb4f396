"""Which families of signs the program that failed and its exit code make likelier."""

from __future__ import annotations

from telemetry_service.core.distil.header import Header

_PROGRAMS: dict[tuple[str, ...], str] = {
    ("apt", "dpkg"): "apt apt-get aptitude dpkg",
    ("gpg", "apt"): "apt-key",
    ("distro",): "apk dnf yum pacman zypper",
    ("node",): "npm npx node yarn pnpm bun corepack",
    ("python",): "pip pip3 python python3 poetry uv",
    ("build",): "cargo go make cmake gcc ninja meson",
    ("java",): "mvn gradle gradlew java",
    ("ruby",): "bundle gem rake",
    ("php",): "composer php",
    ("dotnet", "build"): "dotnet",
    ("docker",): "docker docker-compose podman",
    ("git",): "git",
    ("curl",): "curl",
    ("wget",): "wget",
    ("gpg",): "gpg",
    ("archive",): "tar unzip",
    ("systemd",): "systemctl",
    ("pve",): "pct qm pvesm lxc-start",
    ("db",): "psql mysql mariadb",
    ("web",): "nginx certbot apachectl",
    ("shell",): "useradd bash",
}
_BY_PROGRAM = {program: families for families, programs in _PROGRAMS.items() for program in programs.split()}
# As in the table of exit codes.
_BY_CODE: tuple[tuple[range, tuple[str, ...]], ...] = (
    (range(4, 97), ("curl", "wget")),
    (range(100, 103), ("apt", "dpkg")),
    (range(125, 126), ("docker",)),
    (range(127, 128), ("shell",)),
    (range(128, 129), ("git",)),
    (range(137, 140), ("resource",)),
    (range(150, 152), ("systemd",)),
    (range(160, 163), ("python",)),
    (range(170, 194), ("db",)),
    (range(200, 232), ("pve",)),
    (range(239, 250), ("node",)),
    (range(255, 256), ("apt", "dpkg")),
)


def families_of(header: Header) -> tuple[str, ...]:
    """The families of signs that a header's program and exit code make likelier."""
    by_code = next((families for codes, families in _BY_CODE if header.exit_code in codes), ())
    return _BY_PROGRAM.get(header.program, ()) + by_code
