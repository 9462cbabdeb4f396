"""Where identifiers of machines, disks and guests stand: the table of rules. What their groups mean is in identifiers.py."""


# fmt: off

from __future__ import annotations

from telemetry_service.core.scrub.rule import Rule

_Q = "[\"'‘’“”`]"
_SER = r"(?:serial(?:[ _-]?(?:number|no|num|nr|id))?\.?|s/n|sn|ser(?:ial)?#|service[ _-]?tag|asset[ _-]?tag|wwn|wwid|wwnn|wwpn|naa|eui|lu wwn device id|id_serial(?:_short)?|id_wwn|device[ _-]?id|hardware[ _-]?id|hwid|chassis[ _-]?serial|board[ _-]?serial|product[ _-]?serial|system[ _-]?serial|uuid[ _-]?serial|imei|iccid|imsi|meid|part[ _-]?number|disk[ _-]?identifier|disk[ _-]?id|volume[ _-]?serial|drive[ _-]?id|product_serial|board_serial|chassis_serial|host[ _-]?id|hostid|node[ _-]?id|machine[ _-]?id|client[ _-]?id|boot[ _-]?id|invocation[ _-]?id|system[ _-]?id|installation[ _-]?id|instance[ _-]?id|duid|iaid|licen[sc]e[ _-]?id|fsid|guid|uid\(usb\)|zigbee[ _-]?ieee|ieee[ _-]?address|nodeid)"

RULES: tuple[Rule, ...] = (
    Rule("uuid", r"(?i)(?:^|[^0-9a-f-])(?P<uuid>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"),
    Rule("uuid-any", r"(?i)(?P<uuid>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"),
    Rule("uuid-other", r"(?i)(?:\b(?:part)?uuid\s*[=:]?\s*[\"']?|by-(?:part)?uuid/|urn:uuid:|/dev/disk/by-diskseq/)(?P<uuid>[0-9a-f]{4}-[0-9a-f]{4}|[0-9a-f]{16}|[0-9a-f]{32}|[0-9a-f]{8}-\d{2}|(?:[0-9a-f]{8}:){3}[0-9a-f]{8}|[0-9a-z]{6}(?:-[0-9a-z]{4}){5}-[0-9a-z]{6})\b"),
    Rule("uuid-escaped", r"(?i)(?P<uuid>[0-9a-f]{8}(?:(?:\\x2d|_)[0-9a-f]{4}){3}(?:\\x2d|_)[0-9a-f]{12})"),
    Rule("uuid-md", r"(?i)(?P<uuid>(?:[0-9a-f]{8}:){3}[0-9a-f]{8})"),
    Rule("uuid-lvm", r"(?P<lvm>[A-Za-z0-9]{6}(?:-[A-Za-z0-9]{4}){5}-[A-Za-z0-9]{6})"),
    Rule("machine-id", r"(?i)(?:machine[-_ ]?id|boot[-_ ]?id|_BOOT_ID|_MACHINE_ID|invocation[-_ ]?id|product[-_ ]?uuid|dbus|host[-_ ]?id|var/log/journal/|installation[-_ ]?id|/etc/machine-id|instance[-_ ]?id|client[-_ ]?id|uuid|guid|node[-_ ]?id|pool[-_ ]?guid|cluster[-_ ]?id)[\"']?[^\n<]{1,30}?\b(?P<hexid>[0-9a-f]{32}|[0-9a-f]{16}|\d{15,20})\b"),
    Rule("journal-folder", r"(?:/var/log/journal|/run/log/journal|/run/systemd/journal)/(?P<hexid>[0-9a-f]{16,32})"),
    Rule("disk-by-id", r"(?i)(?:/dev/disk/by-id/|by-id/|/dev/mapper/)?\b(?P<disk>(?:ata|nvme|scsi|usb|wwn|sata|mmc|virtio|ieee1394|dm-uuid|md-uuid|lvm-pv-uuid|google|nbd)-(?:[A-Za-z0-9_.:+=]|-)*?[A-Za-z0-9_.:]*\d[A-Za-z0-9_.:=]*?(?:-[A-Za-z0-9_.:=]+?)*?)(?:-part\d+|-lun-\d+|\b(?:$|[^\w-]))"),
    Rule("disk-path", r"/dev/disk/by-id/(?P<id>[^\s\"'<>:,]+?)(?:-part\d+)?(?:$|[\s\"'<>:,;)])"),
    Rule("by-label", r"(?:/dev/disk/by-(?:label|partlabel)/|\b(?:PART)?LABEL=[\"']?)(?P<id>[^\s\"'<>:,]+)"),
    Rule("serial", rf"(?i)\b{_SER}[\"']?\s*(?:[:=#]|is|\s)\s*[\"'\[(]?(?P<serial>[A-Za-z0-9][A-Za-z0-9._:/-]{{2,60}})"),
    Rule("wwn", r"(?i)\b(?P<hexid>(?:0x)?(?:naa\.)?(?:5|6)[0-9a-f]{15}(?:[0-9a-f]{16})?|5[ -][0-9a-f]{6}[ -][0-9a-f]{9})\b"),
    Rule("iqn", r"(?i)\biqn\.\d{4}-\d{2}\.(?P<id>[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::[\w.:-]*\w)?)"),
    Rule("wwn-prefixed", r"(?i)\b(?:wwn-0x|naa\.|eui\.|nqn\.[\w.-]+:|t10\.)(?P<id>[\w.:-]{6,})"),
    Rule("container-row", r"(?m)^(?P<cid>[0-9a-f]{12})(?: {2,}|\t)\S"),
    Rule("serial-shape", r"(?:^|[^A-Za-z0-9_/+.-])(?P<shape>[A-Z0-9][A-Z0-9-]{8,30})(?:$|[^A-Za-z0-9_/+-])"),
    Rule("disk-model-serial", r"\b(?P<disk>(?:WDC|WD|Samsung|SAMSUNG|ST\d+|SanDisk|KINGSTON|Kingston|CT\d+|Crucial|TOSHIBA|HGST|INTEL|Intel|Seagate|Hitachi|Micron|Corsair|ADATA|Lexar|PNY|SK_hynix|SKHynix|WD_BLACK|WDS\d+|SPCC|Patriot|Transcend|Verbatim|Maxtor|OCZ|Sabrent)[A-Za-z0-9]*_[A-Za-z0-9_.-]*[A-Z0-9]*\d[A-Z0-9]+)"),
    Rule("smart", r"(?i)\b(?:Device Model|Model Number|Model Family|Product)\s*:\s*(?P<model>(?:[^\s,;]+ ?){1,6}?)(?:$|[,;\n]|  | ?(?:Serial|S/N|Firmware|LU|User|Capacity))"),
    Rule("fingerprint", r"(?i)(?:SHA256:)(?P<fingerprint>[A-Za-z0-9+/]{43}=?)"),
    Rule("fingerprint-md5", r"(?i)(?:MD5:)?(?P<hostkey>[0-9a-f]{2}(?::[0-9a-f]{2}){15,31})"),
    Rule("ssh-key", r"(?:(?:sk-)?(?:ssh|ecdsa)-[\w@.-]+\s+)?(?P<hostkey>AAAA[A-Za-z0-9+/]{20,}={0,3})(?:\s+(?P<comment>[^\s\"'<>@]+))?"),
    Rule("known-hosts", r"(?P<hostkey>\|1\|[A-Za-z0-9+/=]{20,}\|[A-Za-z0-9+/=]{20,})"),
    Rule("sshfp", r"(?i)\bSSHFP \d \d (?P<hostkey>[0-9a-f]{40,64})"),
    Rule("certificate-print", r"(?i)\b(?:certificate |cert |ssl |tls |x509 |host ?key |key )?(?:fingerprint|thumbprint|pin-sha256)\b(?:\s*\(?(?:sha-?\d+|md5)\)?)?[\"']?\s*(?:is|=|:)*\s*[\"']?(?:sha\d+:|sha\d+//)?(?P<hostkey>[0-9A-Fa-f]{2}(?:[: ][0-9A-Fa-f]{2}){7,}|[0-9a-fA-F]{32,64}|[A-Za-z0-9+/]{43}=)"),
    Rule("randomart", r"(?m)^\|(?P<art>[ .=+*BOX@%&#/^SEo]{17})\|"),
    Rule("ctid-file", r"(?:/etc/pve/(?:nodes/[^/\s]+/)?(?:lxc|qemu-server|openvz)/|/var/lib/lxc/|/var/lib/vz/images/|/run/lxc/lock/(?:var/lib/lxc/)?|pve-config-|vzdump-|/var/lock/(?:lxc|qemu-server)/(?:lock-|pve-config-)?|lock-|/(?:lxc|qemu)/|/images/|/private/|/var/lib/vz/private/|/var/run/qemu-server/|/run/qemu-server/|/sys/fs/cgroup/(?:\w+/)*lxc/|lxc\.payload\.|lxc/|lxc\.monitor\.|pve-container(?:-debug)?@|qemu/|/var/log/(?:lxc|pve/\w+)/|/run/pve/ct-|/mnt/vzsnap\d+/|vzdump-(?:lxc|qemu)-|pct-|qmeventd-)(?P<ctid>\d{3,9})\b"),
    Rule("ctid-volume", r"(?i)\b(?:vm|base|subvol|basevol|snap_vm|vm-state)-{1,2}(?P<ctid>\d{3,9})-{1,2}(?:disk|cloudinit|state|\w+)"),
    Rule("ctid-interface", r"\b(?:veth|tap|fwbr|fwpr|fwln|vmtap|tun)(?P<ctid>\d{3,9})(?:[ip]\d|p\d+|\b)"),
    Rule("ctid-words", r"(?i)\b(?:ct|vm|lxc|ctid|vmid|container(?:[ _-]?id)?|guest|vps|ve|qemu|kvm|virtual machine|machine|guest id|vm id|ct id|vm/ct|ct/vm|lxc container|template|instance)[\"']?\s*(?:id)?\s*(?:[#:=]|with id|id|is|=>)?\s*[\"'(\[#<]?(?P<ctid>\d{3,9})\b"),
    Rule("ctid-command", r"\b(?:pct|qm|lxc-(?:start|stop|attach|info|console|destroy|ls|create|copy|execute|freeze|cgroup|wait|snapshot)|vzctl|qmrestore|vzdump|pveam|lxc|qmigrate|pvectl)\s+(?:(?:-\w+|--\w+|[a-z]{2,20})\s+){0,4}?(?:-n\s+|--name\s+)?(?P<ctid>\d{3,9})\b(?:\s+(?:--newid\s+)?(?P<ctid1>\d{3,9})\b)?"),
    Rule("ctid-restore", r"\b(?:qmrestore|pct restore|qm importdisk|pct clone|qm clone|pct migrate|qm migrate)\b[^\n]*?\s(?P<ctid>\d{3,6})\b"),
    Rule("ctid-conf", r"(?:^|[\s\"'/(])(?P<ctid>\d{3,9})\.(?:conf|fw|lock)\b"),
    Rule("ctid-tool", r"\b(?:lxc-[a-z]+|pct|qm|vzdump|pve-container|qmrestore|kvm|qemu): (?P<ctid>\d{3,9})\b"),
    Rule("container-named", r"(?i)\b(?:id|container|name or id)[\"'`: ]{1,3}(?P<cid>[0-9a-f]{12})\b"),
    Rule("serial-drive", r"\b(?:[Dd]rive|[Dd]isk|[Dd]evice|WD)[ -](?P<serial>[A-Z0-9][A-Z0-9-]{7,30})\b"),
    Rule("ctid-json", r"(?i)[\"'](?:ctid|vmid|ct_id|vm_id|container_id|guest)[\"']\s*:\s*[\"']?(?P<ctid>\d{3,9})"),
    Rule("ctid-env", r"(?i)\b(?:ct_?id|vm_?id|next_?id|new_?id|container_?id|template_?id)\s*[=:]\s*[\"']?(?P<ctid>\d{2,9})\b"),
    Rule("upid", r"\bUPID:[^:\s]*:[0-9A-F]{8}:[0-9A-F]{8,9}:[0-9A-F]{8}:\w+:(?P<ctid>\d{3,9}):"),
    Rule("upid-times", r"\bUPID:(?:[^:\s]*):(?P<id>[0-9A-F]{8}:[0-9A-F]{8,9}:[0-9A-F]{8}):"),
    Rule("container-id", r"(?i)\b(?:container|containers?|sandbox|pod|exec|task|shim|libpod|docker|podman|crio|cri-containerd|network|volume|service|node|swarm|nerdctl|exec(?: -\w+)+|run(?: -\w+)+|stop|rm|inspect|kill|restart|attach|logs|start|endpoint|cid|moby|overlay-containers|containerd\.task(?:/moby)?|kubepods\S*)(?:[ _-]?ids?)?[\"']?(?:\s*[:=/(]\s*|\s+(?:id |named |with id |name )?|-)[\"'(\[`/]*(?P<cid>[0-9a-f]{64}|[0-9a-f]{12,40})\b"),
    Rule("hex-64", r"(?:^|[^0-9A-Za-z:@])(?P<long>[0-9a-f]{64})(?:$|[^0-9A-Za-z])"),
    Rule("hex-32", r"(?:^|[^0-9A-Za-z:@/.+-])(?P<long>[0-9a-f]{32})(?:$|[^0-9A-Za-z/.])"),
    Rule("usb-descriptor", r"\biSerial\s+\d+\s+(?P<serial>\S+)"),
    Rule("ctid-kvm", r"\bkvm\b[^\n]{0,40}? -id (?P<ctid>\d{3,9})\b"),
    Rule("container-path", r"(?:/var/lib/docker/(?:containers|volumes|overlay2|image/\S+?|network/\S+?)|/var/lib/containers/storage/(?:overlay|overlay-containers)|/run/(?:docker|containerd|runc|crun)/\S*?|/docker|/libpod[_-]\w*|/var/lib/containerd/\S*?|/run/k3s/\S*?|/overlay2|docker-|libpod-|crio-|cri-containerd-|/moby)[/-]?(?P<cid>[0-9a-f]{64}|[0-9a-f]{12})\b"),
    Rule("container-k8s", r"\b(?:docker|containerd|cri-o)://(?P<cid>[0-9a-f]{12,64})"),
    Rule("hostname-hex", r"(?:root|node|app|\w+)@(?P<cid>[0-9a-f]{12})[:\s]"),
    Rule("pool-ids", r"(?i)\b(?:pool id|pool_guid|guid|vdev|fsid|osd_fsid|cluster_fsid|bluestore)\s*[:=]?\s*(?P<id>\d{15,20})\b"),
    Rule("zerotier-id", r"\b200 (?:info|join|leave|peers|listpeers|listnetworks) (?P<hexid>[0-9a-f]{10}|[0-9a-f]{16})\b"),
    Rule("usb-serial", r"/dev/serial/by-id/(?P<serial>[^\s\"'<>:,]+)"),
)
