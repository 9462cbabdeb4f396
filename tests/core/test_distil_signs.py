"""Every sign fires on what it is named for and stays silent on a line that looks like it."""

from __future__ import annotations

import pytest
import re2

from telemetry_service.core.distil.alternatives import alternatives, expanded
from telemetry_service.core.distil.match import _OTHERS, SIGNS, heaviest_cause, may_be_other, signs_of_lines

# name: (a line it fires on, a line it must not fire on)
CASES: dict[str, tuple[str, str]] = {
    "resource/disk-full": ("cp: error writing 'x': No space left on device", "45 GB of space available on device"),
    "resource/memory": ("fork: Cannot allocate memory", "allocated 512 MB of memory"),
    "resource/limits": ("accept: Too many open files", "opened too quickly"),
    "resource/disk-broken": ("touch: cannot touch 'x': Read-only file system", "mounted read-only on purpose"),
    "resource/signal": ("didn't exit successfully: `rustc` (signal: 9, SIGKILL: kill)", "signal: strong"),
    "resource/killed": ("Segmentation fault (core dumped)", "killed the old container"),
    "net/dns": ("getaddrinfo EAI_AGAIN registry.example.org", "resolved 12 dependencies"),
    "net/unreachable": ("connect: Connection refused", "connection established"),
    "net/timeout": ("dial tcp: i/o timeout", "timeout set to 30 s"),
    "net/tls": ("x509: certificate signed by unknown authority", "certificate installed"),
    "net/openssl-stack": ("40E7:error:8000000D:system library", "error:123"),
    "net/http": ("The requested URL returned error: 404", "line 404 of file"),
    "curl/error": ("curl: (6) Could not resolve host: x", "curl 7.88.1"),
    "curl/pipe": ("curl: (23) Failure writing output", "curl: (22) error"),
    "wget/error": ("wget: unable to resolve host address", "wget 1.21 is installed"),
    "errno/permission": ("mkdir: Permission denied", "permissions set to 0755"),
    "errno/in-use": ("bind: Address already in use", "address in the list"),
    "errno/missing-file": ("cp: cannot stat 'x': No such file or directory", "found the file in the directory"),
    "errno/exists": ("mkdir: cannot create directory: File exists", "the file is there"),
    "errno/other": ("./x: Exec format error", "format of the output: json"),
    "shell/command-not-found": ("bash: line 3: jq: command not found", "the command was run"),
    "shell/script": ("x.sh: line 3: FOO: unbound variable", "variable FOO is bound"),
    "shell/test": ("[: : integer expression expected", "expression evaluated"),
    "shell/user": ("chown: invalid user: 'app'", "user app created"),
    "archive/damaged": ("gzip: stdin: not in gzip format", "gzip finished"),
    "gpg/key": ("NO_PUBKEY B188E2B695BD4743", "public key imported"),
    "systemd/unit": ("x.service: Service has no ExecStart=, ExecStop=, or SuccessAction=.", "ExecStart=/usr/bin/x"),
    "systemd/cause": ("Unit x.service not found.", "unit file was installed"),
    "systemd/exit-status": ("x.service: Main process exited, code=exited, status=1/FAILURE", "process 12 started"),
    "systemd/weak": ("Job for x.service failed because a timeout was exceeded.", "job finished"),
    "docker/response": ("Error response from daemon: conflict", "daemon responded"),
    "docker/daemon": ("no such image: alpine", "daemon reloaded"),
    "docker/weak": ("failed to solve: process x did not complete successfully", "solved"),
    "pve/cause": ("can't lock file '/run/lock/x' - got timeout", "lock released"),
    "pve/weak": ("startup for container '105' failed", "container 105 is up"),
    "apt/cause": ("E: Unable to locate package foo", "located package foo"),
    "apt/fetch": ("E: Failed to fetch http://x.org/a  404  Not Found", "W: Failed to fetch http://x.org/a  404"),
    "apt/err-line": ("Err:3 http://ftp.debian.org bookworm InRelease", "Hit:3 http://ftp.debian.org"),
    "dpkg/dependency": (" foo depends on bar; however:", "foo depends on bar"),
    "apt/weak": ("E: Sub-process /usr/bin/dpkg returned an error code (1)", "sub-process started"),
    "distro/cause": ("foo (no such package):", "package foo"),
    "distro/weak": ("failed to commit (failed to retrieve some files)", "failed to commit (conflicting files)"),
    "node/cause": ("ERESOLVE could not resolve", "resolved 312 packages"),
    "node/engine": ("npm ERR! engine Unsupported engine", "search engine supported"),
    "node/typescript": ("src/a.ts(1,2): error TS2307: Cannot find module", "TS2307 is documented"),
    "node/weak": ("npm ERR! code ELIFECYCLE", "lifecycle finished"),
    "python/exception": ("KeyError: 'SECRET'", "no errors in the key"),
    "python/package": ("No matching distribution found for x", "distribution built"),
    "python/weak": ("error: subprocess-exited-with-error", "subprocess finished"),
    "build/compiler": ("main.c:12:3: error: 'x' undeclared", "main.c:12:3: warning: unused"),
    "build/missing": ("configure: no acceptable C compiler found in $PATH", "compiler found"),
    "build/configure": ("configure: error: libfoo is required", "configure: creating ./config.status"),
    "build/panic": ("panic: runtime error: index out of range", "do not panic"),
    "build/go": ("go: cannot find main module", "go build"),
    "build/weak": ("make: *** [Makefile:3: all] Error 2", "make: *** No rule to make target 'x'.  Stop."),
    "general/chain": ("Caused by:", "this was caused by: the disk"),
    "java/keystore": ("java.io.IOException: keystore password was incorrect", "the keystore was opened"),
    "pve/task": ("UPID:pve:0012AB34:0A1B2C3D:65C8F1E2:vzstart:131:root@pam:", "the UPID: of a task"),
    "java/caused-by": ("Caused by: java.io.IOException: x", "the delay was caused by the disk"),
    "java/class-version": ("java.lang.UnsupportedClassVersionError: App", "class file version 61"),
    "java/exception": ("java.lang.IllegalStateException: x", "java 17 was found"),
    "java/build": ("Could not resolve com.acme:lib:1.0", "resolved com.acme:lib:1.0"),
    "java/gradle": ("> Could not find tools.jar.", "> vite build"),
    "java/gradle-network": ("> dl.google.com: Name or service not known", "dl.google.com: Name or service not known"),
    "java/wrong": ("* What went wrong:", "nothing to report"),
    "ruby/cause": ("cannot load such file -- foo (LoadError)", "loaded file foo"),
    "ruby/weak": ("An error occurred while installing pg (1.5)", "installed pg"),
    "php/cause": ("PHP Fatal error:  Uncaught Error: x", "php 8.2 was found"),
    "php/weak": ("Your requirements could not be resolved to an installable set of packages.", "requirements resolved"),
    "dotnet/cause": ("Unhandled exception. System.IO.FileNotFoundException: x", "handled exception"),
    "git/cause": ("fatal: not a git repository", "cloned repository"),
    "git/remote": ("remote: Repository not found.", "remote: Counting objects: 3"),
    "git/weak": ("fatal: early EOF", "early bird"),
    "db/sql": ("ERROR 1045 (28000): Access denied for user 'root'@'localhost'", "access granted for user"),
    "web/config": ("nginx: [emerg] unknown directive", "nginx: the configuration file syntax is ok"),
    "web/weak": ("nginx: configuration file /etc/nginx/nginx.conf test failed", "configuration file tested"),
    "perl/module": ("Can't locate JSON.pm in @INC", "located JSON.pm"),
    "perl/weak": ("BEGIN failed--compilation aborted at x.pl line 3.", "compilation begins"),
    "tar/weak": ("tar: Child returned status 1", "child process"),
    "json/weak": ("jq: error (at <stdin>:0): Cannot iterate over null", "jq 1.6"),
    "general/fatal": ("FATAL: x", "not a lethal thing"),
    "general/error": ("Error: x", "terror in the night"),
    "general/lead": ("400 Parameter verification failed.", "parameters verified"),
    "general/failed-to": ("failed to create x", "x was created"),
    "general/exception": ("got a ValueError here", "value errors here"),
    "general/failing": ("x is not supported", "x is supported"),
    "general/weak": ("process exited with code 1", "process started"),
    "general/warning": ("WARNING: x", "forewarned"),
    "general/retry": ("Connection refused, retrying in 5 s", "tried once"),
    "general/note": ("note: x", "denoted: x"),
    "general/info-level": ("INFO started", "information"),
    "noise/locale": ("perl: warning: Setting locale failed.", "the local setting"),
    "noise/lvm": ("WARNING: You have not turned on protection against thin pools running out of space.", "thin pool full"),
    "noise/debconf": ("debconf: unable to initialize frontend: Dialog", "the front end is ready"),
    "noise/counts": ("Build finished with 0 errors", "Build finished with 3 problems"),
    "noise/frame": ("    at Object.<anonymous> (/opt/app/index.js:1:2)", "started at noon"),
    "noise/hint": ("For more information about this, try --help", "information was found"),
    "noise/trace": ("+ apt-get install -y foo", "1 + 1 = 2"),
    "progress/packages": ("Setting up perl-error (1.0) ...", "the set is up"),
}  # fmt: skip


def test_every_sign_has_a_case() -> None:
    names = [sign.name for sign in SIGNS]
    assert sorted(names) == sorted(CASES)
    assert len(set(names)) == len(names)


def fired(line: str) -> set[str]:
    """The names of the signs that fire on a line."""
    return {SIGNS[number].name for number in signs_of_lines([line])[0]}


@pytest.mark.parametrize("name", CASES)
def test_sign_fires(name: str) -> None:
    assert name in fired(CASES[name][0])


@pytest.mark.parametrize("name", CASES)
def test_sign_stays_silent(name: str) -> None:
    assert name not in fired(CASES[name][1])


def test_alternatives_are_split_outside_groups_only() -> None:
    assert alternatives(r"a|(?:b|c)|[|]|\|") == ["a", "(?:b|c)", "[|]", r"\|"]
    assert expanded("^(?:a|b)c") == ["^ac", "^bc"]
    assert expanded("(?:a|b)?c") == ["(?:a|b)?c"]


def test_heaviest_cause_shows_the_reason_not_the_action() -> None:
    line = "tar: cannot mkdir ./usr/share: No space left on device"
    start, end = heaviest_cause(line)
    assert line[start:end] == "No space left"
    assert heaviest_cause("all is well") == (0, 0)


def test_offsets_are_characters() -> None:
    line = "ünïcödé: No space left on device"
    start, end = heaviest_cause(line)
    assert line[start:end] == "No space left"


def test_patterns_without_a_literal_only_fire_on_lines_that_are_looked_at() -> None:
    lines = ["    ^~~~", " ~~~", "#1 0x5 at x", "  ^", " 45 1200 12 x", "[===>  ]", "++ ls", "root@box:/opt# ls", "12 34 56 k"]
    for _, pattern in _OTHERS:
        fitting = [line for line in lines if re2.search(pattern, line)]
        assert fitting, pattern
        assert all(may_be_other(line.encode()) for line in fitting)
