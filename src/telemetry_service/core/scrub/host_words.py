"""Words that stand where hosts do and are none."""


# fmt: off

from __future__ import annotations

# Words that follow "host", "node", "to" ... in messages, beside the vocabulary's.
NOT_HOSTS = frozenset(
    ["localhost", "peer", "client", "npm", "noprefixroute", "mngtmpaddr", "dadfailed", "last", "incorrect", "localdomain", "host", "hostname", "hosts", "server", "node", "machine", "name", "address", "the", "a", "an", "is", "was", "are", "not", "no", "to", "for", "of", "in", "on", "at", "by", "with", "from", "and", "or", "if", "as", "be", "this", "that", "it", "its", "your", "my", "our", "their", "all", "any", "none", "null", "undefined", "unknown", "true", "false", "yes", "default", "gateway", "resolve", "resolved", "found", "failed", "error", "warning", "port", "user", "root", "http", "https", "tcp", "udp", "key", "keys", "file", "file.", "string", "value", "invalid", "valid", "missing", "required", "empty", "lookup", "addr", "ip", "dns", "ipv4", "ipv6", "interface", "bridge", "module", "version", "versions", "process", "processes", "service", "unit", "package", "packages", "modules", "command", "config", "configuration", "options", "option", "cluster", "quorum", "local", "remote", "container", "containers"]
)
# What stands before the colon of a resolver's message when it is not the host.
MESSAGE_NOUNS = frozenset(
    ["problem", "error", "hostname", "failed", "failure", "address", "lookup", "connect", "connection", "resolution", "dns", "ping", "ping6", "curl", "wget", "ssh", "warning", "fatal", "query", "host", "server", "url", "getaddrinfo", "rpc", "name", "message", "msg", "reason", "cause", "result", "exception", "timeout", "detail", "info"]
)
# Of files beside a domain's certificate or configuration.
FILE_ENDINGS = frozenset(
    ["conf", "key", "crt", "pem", "cer", "json", "log", "html", "php", "js", "css", "txt", "d", "sh", "cfg", "ini", "yml", "yaml", "types", "sock", "pid", "png", "ico", "service", "list", "cnf", "gz", "zip", "env", "so", "load", "py", "db", "sql", "xml", "lock", "toml", "default", "csr", "p12", "map"]
)
LOCAL_FILES = frozenset(["rc", "jail", "settings", "config", "env", "fail2ban", "sshd", "application", "appsettings", "main", "conf"])
PORTLESS = frozenset(["tcp", "http", "https", "udp", "line", "port", "node", "sha256"])
NOT_PEERS = ("-", "/", ".", "_", "$", "%")  # a word after one of these is part of something else
TARGET_NOUNS = frozenset(["problem", "name", "error", "lookup", "query", "server", "host", "failed", "address"])
PORT_NUMBERS = frozenset(["22", "25", "53", "80", "443", "389", "445", "143", "993", "587", "636"])  # of three digits or fewer that hosts are given with
LDAP_PARTS = frozenset(["com", "org", "net", "local", "example"])
NODE_FOLDERS = frozenset(["localhost", "lxc", "qemu", "a", "id", "status"])
AFTER_ADDRESSES = frozenset(["scope", "brd", "dev", "via", "metric", "proto", "lladdr", "peer", "src", "netmask", "prefixlen", "broadcast", "port", "on", "is", "was", "not"])  # beginnings of what is no list of names
UNITS = "service|socket|timer|target|mount|device|slice|scope|path"
