"""Where places and wireless networks stand: the table of rules. What their groups mean is in locations.py."""


# fmt: off

from __future__ import annotations

from telemetry_service.core.scrub.rule import Rule

_Q = "[\"'‘’“”`]"
_AREAS = "Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Europe|Indian|Pacific|Brazil|Canada|Chile|Mexico|US"
_ZONES = (
    "CET|CEST|MET|MEST|EET|EEST|WET|WEST|MSK|MSD|BST|IST|GST|PKT|NPT|BDT|ICT|WIB|WITA|WIT|HKT|SGT|MYT|PHT|PHST|JST|KST|AEST|AEDT|ACST|ACDT|AWST|NZST|NZDT"
    "|EST|EDT|CST|CDT|MST|MDT|PST|PDT|AKST|AKDT|HST|AST|ADT|NST|NDT|ART|BRT|BRST|CLT|CLST|COT|PET|VET|SAST|EAT|WAT|CAT|TRT|IRST|IDT|AZT|GET|AMT|UZT|ALMT|YEKT|OMST|KRAT|IRKT|VLAT|SAMT"
)
_GEO = (
    "city|city_?name|region|region_?name|region_?code|regionname|regioncode|country|country_?name|country_?code(?:_?iso\\d?)?|countrycode|countryname|cc|continent|continent_?code|continentname|loc|location|lat|latitude|lon|lng|long|longitude|postal|postal_?code|postcode|plz|zip|zip_?code"
    "|time_?zone|timezone|tz|org|organisation|organization|isp|as|asn|as_?name|asname|as_?org|asn_?org|carrier|provider|district|province|state|state_?prov|stateprov|county|town|suburb|municipality|village|street|house_?number|address|geo|geoip|place|coordinates|coords|capital|calling_code|currency|locality|hostname"
)

RULES: tuple[Rule, ...] = (
    Rule("time-zone", rf"(?:^|[^\w/.-]|zoneinfo/(?:posix/|right/)?)(?P<location>(?:{_AREAS})/[A-Z][A-Za-z_+-]+(?:/[A-Z][A-Za-z_-]+)?)"),
    Rule("time-zone-encoded", rf"(?P<location>(?:{_AREAS})(?:%2F|\\/)[A-Z][A-Za-z_]+)"),
    Rule("zone-abbreviation", rf"(?:\d{{1,2}}:\d{{2}}(?::\d{{2}})?(?:[.,]\d+)?(?: ?[AP]M)? ?|\b(?:time ?zone|tz|zone)\W{{1,4}}|\()(?P<location>{_ZONES})\b(?: ?[+-]\d{{2,4}})?"),
    Rule("zone-offset", r"\b\d{2}:\d{2}:\d{2}(?:[.,]\d+)? ?(?P<offset>[+-]\d{2}:?\d{2})\b|\((?P<offset1>[+-]\d{2}(?:\d{2})?, [+-]\d{4})\)"),
    Rule("zone-letters-offset", rf"\b(?P<location>(?:{_ZONES})(?:, ?)?)\s*(?P<offset>[+-]\d{{4}})"),
    Rule("tz-setting", rf"\b(?:TZ|TIMEZONE|TIME_ZONE|PHP_TZ|timezone|time[_ -]zone|date\.timezone|tz)(?:{_Q})?\s*[:=]\s*{_Q}?(?P<zone>[A-Za-z][\w/+-]*)"),
    Rule("locale", r"(?:^|[^A-Za-z0-9_-])(?P<locale>[a-z]{2,3}_[A-Z]{2}(?:\.[A-Za-z0-9-]+)?(?:@[a-z]+)?)(?:$|[^A-Za-z0-9_])"),
    Rule("locale-dash", r"(?i)\b(?:locale|lang|language|accept-language|lc_\w+|ui[_-]?locale|culture)\W{1,4}(?P<locale>[a-z]{2,3}[-_][a-z]{2,4}(?:\.[a-z0-9-]+)?)\b"),
    Rule("language-setting", r"\b(?:LANGUAGE|LANG|LC_\w+)\s*[=:]\s*[\"']?(?P<locale>[a-z]{2}(?:[_:][A-Za-z_.:0-9-]+)?)\b"),
    Rule("keyboard", r"(?i)\b(?:XKBLAYOUT|keymap|kb_?layout|keyboard(?:[ -]layout)?|loadkeys|vconsole\.keymap|xkb[_-]?layout|layout)\s*[=: ]\s*[\"']?(?P<keymap>[a-z]{2}(?:[-_][a-z0-9-]+)?)\b"),
    Rule("geoip", rf"(?i)(?:^|[{{,\s])[\"'](?:{_GEO})[\"']\s*:\s*(?:\"(?P<geo>[^\"\n]+)\"|'(?P<geo1>[^'\n]+)'|(?P<geo2>-?\d{{1,3}}\.\d+))"),
    Rule("geoip-tag", rf"(?i)<(?:{_GEO})>(?P<geo>[^<\n]+)</"),
    Rule("geo-words", r"\b(?i:geo-?ip|geo-?location|geolocated|located (?:in|at)|location|geo|country(?: ?(?:code|name))?|city|region(?: ?name)?|county|province|state|postal(?: code)?|zip(?: code)?|postcode|place|town|locality|datacenter|data center|site|isp|continent|latitude|longitude|lat|lon|lng)\s*(?:=|:|=>|is)\s*[\"']?(?P<place>\p{Lu}[\pL'’.-]+(?: \p{Lu}[\pL'’.-]*){0,3}|[A-Z]{2}\b|-?\d{1,3}\.\d{2,}|\d{4,5}\b)"),
    Rule("located-in", r"(?i:\b(?:located|based|situated|resides|hosted|datacenter) in) (?P<place>\p{Lu}[\pL'.-]+(?: \p{Lu}[\pL'.-]*){0,3})"),
    Rule("geo-edition", r"(?i)\b(?:GeoIP|geoip|GeoLite2)[^\n]{0,30}?:\s*(?P<geo>[A-Z]{2}, [^\n\"<>]{2,60})"),
    Rule("coordinates", r"(?:^|[^\d.])(?P<location>-?\d{1,2}\.\d{3,},\s?-?\d{1,3}\.\d{3,})\b"),
    Rule("coordinates-named", r"(?i)\b(?:lat(?:itude)?|lon(?:g(?:itude)?)?|lng|elevation)[\"']?\s*[=:]\s*[\"']?(?P<location>-?\d{1,3}(?:\.\d+))"),
    Rule("coordinates-degrees", r"(?P<location>\d{1,3}(?:\.\d+)?°(?:\s?\d{1,2}(?:\.\d+)?[′'](?:\s?\d{1,2}(?:\.\d+)?[″\"])?)?\s?[NSEW]?)"),
    Rule("certificate-place", r"\b(?:(?:C|ST|L)\s?=\s?)(?P<dn>[^,/\n\"'<>]{1,60})"),
    Rule("as-number", r"\b(?P<location>AS\d{2,7}(?: [A-Z][\w&.-]*(?: [A-Z][\w&.-]*){0,4})?)"),
    Rule("country-mirror", r"(?i)(?P<mirror>(?:ftp\d?|deb|http|mirror|archive|mirrors)\.[a-z]{2}\d?\.(?:debian|ubuntu|devuan|centos|kernel|alpinelinux|archlinux|opensuse|fedoraproject|raspbian|proxmox|gentoo|gnu)\.(?:org|com|net)|[a-z]{2}\d?\.(?:archive|ports|security|mirrors?|cdn|releases|download|downloads|deb|images|mirror\.archive)\.(?:ubuntu|debian|proxmox|alpinelinux|opensuse|kali|archlinux|rockylinux|almalinux)\.(?:com|org)|\d?\.?[a-z]{2}\.pool\.ntp\.org|(?:de|at|ch|fr|nl|uk|us|se|pl|it|es|au|ca|jp|br|cz|dk|fi|no|eu|asia|ru|in|cn|kr|za|be|pt|hu|ro|gr|tr|nz|sg|hk|tw)\d?\.(?:[a-z0-9-]+\.){1,3}(?:org|net|com|io))\b"),
    Rule("ssid", r"(?i)\b(?:ssid|essid|wifi(?:\.ssid| network| ssid)|wi-fi network|wlan(?:-ssid)?|802-11-wireless\.ssid|access point|network name|wireless network|wpa_passphrase|connect(?:ing|ed)? to (?:wifi|wireless|wlan)(?: network)?)(?:\s+|\s*(?:=>|=|:)\s*|(?:[\"'‘“`]))(?:(?:is|to|=|:|=>)\s*)*(?:\"(?P<ssid>[^\"\n]{1,40})\"|'(?P<ssid1>[^'\n]{1,40})'|‘(?P<ssid2>[^’\n]{1,40})’|“(?P<ssid3>[^”\n]{1,40})”|`(?P<ssid4>[^`'\n]{1,40})[`']|(?P<ssidword>FRITZ!Box(?: \w+){1,3}|[^\s\"'=:,;()<>]{1,32}))"),
    # What routers call their network until somebody changes it.
    Rule("ssid-default", r"(?:^|[\s\"'=(:])(?P<ssid>(?:FRITZ!Box|MagentaWLAN|Livebox|WLAN|Vodafone|VodafoneMobileWiFi|o2-WLAN|Speedport|WLAN-Speedport|EasyBox|TP-Link|TP-LINK|NETGEAR|Linksys|dlink|D-Link|SKY|BTHub|BT-Hub|Telekom|UPC|Ziggo|KPN|Bbox|Freebox|SFR|NETIA|xfinity|XFINITY|HUAWEI|ASUS|Tenda|PLUSNET|TALKTALK|Telia|TeliaGateway|Home&Life|INFOSTRADA|Swisscom|iPhone|AndroidAP)[-_][A-Z0-9]{4,}(?:[-_][A-Za-z0-9.]+)?)(?:$|[\s\"',;:)])"),
    Rule("ssid-line", r"(?m)\b(?:SSID|ESSID)\s*[:=]\s*(?P<ssid>[^\s\"'<>\n][^\"'<>\n]{0,39})$"),
    Rule("ssid-psk", r"(?i)\b(?:connection|connect|connecting|connected|joining|network)\b[^\n]{0,20}?[\"'‘](?P<ssid>[^\"'’\n]{2,40})[\"'’][^\n]{0,30}\b(?:psk|wpa\d?|wifi|wi-fi|wireless|wlan\d?|802\.1x|passphrase|signal|ssid)"),
    Rule("ssid-association", r"(?i)\b(?:associat\w+ with|authenticate with|join(?:ing|ed)?(?: network)?|dev wifi connect|iw \S+ connect|station \S+ connect(?:-hidden)?|nmcli con(?:nection)? up(?: id)?|con-name|Connection)\s+(?:ssid\s*)?(?:\"(?P<ssid>[^\"\n]{1,40})\"|'(?P<ssid1>[^'\n]{1,40})')"),
)
