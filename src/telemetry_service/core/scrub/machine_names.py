"""What machines are called, and what is numbered that is no machine."""


# fmt: off

from __future__ import annotations

import re

# Interfaces, disks, interpreters, digests and archive formats: names that end in a number and are no machine's.
NUMBERED = re.compile(
    r"(?i)(?:eth|vmbr|ens|enp|eno|enx|wlan|wlp|lo|tun|tap|wg|br|bond|veth|docker|virbr|lxcbr|tty|ttys|ttyusb|ttyacm|pts|sd[a-z]|nvme|loop|md|dm-?|vd[a-z]|sr|hd[a-z]|python|py|node|nodejs|php|sha|ipv|utf|ext|x|lib\w*|java|jdk|jre|openjdk|http|https|h|s"
    r"|tls|tlsv|ssl|sslv|gcc|g|qt|gtk|lua|ruby|perl|sqlite|mp|net|scsi|sata|ide|virtio|qcow|ip|win|i|arm|armv|aarch|amd|base|bzip|lz|gzip|cp|pg|apache|mysql|sql|postgres|postgresql|mariadb|redis|log4j|slf4j|junit|vue|angular|core|cpu|gpu|int|uint|float|bf|fp|k3s|k8s|step|stage|phase|part"
    r"|line|level|layer|run|exit|code|error|err|status|signal|sig|test|attempt|retry|try|pass|round|channel|slot|port|pin|bit|tcp|udp|icmp|dhcpv|smb|nfs|nfsv|cifs|iso|latin|ascii|windows|debian|ubuntu|fedora|centos|rhel|el|fc|alpine|pve|bullseye|bookworm|ucs|gb|big|jis|koi|aes|rc|des|ed|curve|rsa|ecdsa|dsa|hmac|pbkdf|argon|md5|crc|adler|xxhash|blake|zlib|log|exp|atan|base|es|ecma|web|oauth|openid|saml|tcl|tk|ncurses|readline|boost|llvm|clang|mono|net|dotnet|wine|directx|cuda|vulkan|opengl|egl|x|glib|gobject|gio|gst|gstreamer|pulse|alsa|ffmpeg|av|mp|h|vp|av|m|mpeg|jpeg|png|gif|tiff|webp|avif|svg|woff|ttf)-?\d"
)
RUNNING = re.compile(r"[A-Za-z]+-?\d{1,3}")
# A bare word is a machine's as a whole or by its tail, each with a running number.
MACHINE_WORDS = r"pve|prox|srv|nas|node|host|server|vm|ct|lxc|docker|web|db|mail|ns|dns|vault|app|dev|prod|test|files?|git|cloud|monitor|proxy|plex|vpn|ha|ldap|auth|sso|ci|build|runner|k8s|k3s|worker|master|gw|fw|router|hv|esx|nuc|pi|raspi|rpi|home|lab|desktop|laptop|pc|ws|backup|media|storage|truenas|synology|qnap|unraid|ubuntu|debian"
MACHINE_TAILS = r"box|server|host|node|nas|pc|lab|srv|vm|pi|nuc|station|pve|hub|router"
MACHINE_NAME = re.compile(rf"(?i)^(?:{MACHINE_WORDS})\d*$|(?:{MACHINE_TAILS})\d*$")
# The same for the parts of a hyphenated name, whose parts are public words: `media-server`, not `device-mapper`.
_LAST = r"(?:box|server|host|node|nas|lab|station|router|desktop|laptop|pve)\d*$|^(?:pc|srv|vm|pi|nuc|hub|ws|gw|fw|vps|ct|lxc|pbs)\d*"
_FIRST = r"(?:pve|pbs|pmg|prox|srv|nas|node|host|server|vm|ct|lxc|web|db|ns|plex|k8s|k3s|worker|master|gw|fw|hv|esx|nuc|pi|raspi|rpi|home|lab|desktop|laptop|pc|ws|truenas|synology|qnap|unraid)\d*"
MACHINE_FIRST = re.compile(rf"(?i)^{_FIRST}$|{_LAST}$")
MACHINE_LAST = re.compile(rf"(?i){_LAST}$|^(?:pve|pbs|prox|srv|nas|vm|ct|lxc|nuc|raspi|rpi|truenas|synology|qnap|unraid)\d*$")


def is_machine_like(parts: list[str]) -> bool:
    """Whether public words, joined by hyphens, are joined the way machines are called."""
    if RUNNING.fullmatch(parts[-1]) and not NUMBERED.match(parts[-1]):
        return True
    return MACHINE_FIRST.search(parts[0]) is not None or MACHINE_LAST.search(parts[-1]) is not None
