"""Where secrets stand, and what they look like: the table of rules. What their groups mean is in secrets.py."""


# fmt: off

from __future__ import annotations

from telemetry_service.core.scrub.rule import Rule

_B62 = "[A-Za-z0-9]"
_B64U = "[A-Za-z0-9_-]"
_Q = "[\"'‘’“”`]"

# Prefixes that vendors give their tokens so that scanners can find them (their own documentation).
_SHAPES = (
    rf"gh[pousr]_{_B62}{{16,}}", r"github_pat_\w{20,}", rf"gl(?:pat|ptt|dt|rt|cbt|soat|ft|imt|agent|oas|ffct)-{_B64U}{{16,}}(?:\.[\w.]+)?",
    r"(?:AKIA|ASIA|AROA|AIDA|ABIA|ACCA)[A-Z0-9]{12,}", rf"dckr_(?:pat|oat)_{_B64U}{{16,}}", rf"tskey-(?:[a-z]+-)?{_B64U}{{8,}}", rf"npm_{_B62}{{20,}}",
    rf"hf_{_B62}{{16,}}", rf"xox[abeoprs]-{_B64U}{{8,}}", rf"xapp-{_B64U}{{10,}}", rf"sk-(?:[a-z]+-)*{_B64U}{{16,}}", rf"(?:sk|rk|pk)_(?:live|test)_{_B62}{{8,}}",
    r"whsec_[A-Za-z0-9+/=]{16,}", rf"AIza{_B64U}{{30,}}", rf"ya29\.{_B64U}{{10,}}", rf"1//{_B64U}{{20,}}", rf"GOCSPX-{_B64U}{{16,}}", rf"SG\.{_B64U}{{10,}}\.{_B64U}{{10,}}",
    rf"pypi-{_B64U}{{16,}}", rf"rubygems_{_B62}{{20,}}", rf"dop_v1_{_B62}{{20,}}", rf"do[or]_v1_{_B62}{{20,}}", rf"hv[sbr]\.{_B64U}{{12,}}", r"glsa_\w{20,}", rf"glc_{_B64U}{{20,}}=*",
    rf"shp(?:at|ca|pa|ss)_{_B62}{{16,}}", rf"lin_api_{_B62}{{16,}}", rf"ATATT{_B64U}{{20,}}=?{_B62}*", rf"ATCTT{_B64U}{{20,}}", rf"pul-{_B62}{{20,}}", rf"nvapi-{_B64U}{{20,}}", rf"r8_{_B62}{{20,}}",
    rf"gsk_{_B62}{{20,}}", rf"xai-{_B62}{{20,}}", rf"AGE-SECRET-KEY-1{_B62}{{20,}}", rf"EAA{_B62}{{30,}}", r"key-[0-9a-f]{32}", rf"CFPAT-{_B64U}{{20,}}", r"dapi[0-9a-f]{32}", rf"NRAK-{_B62}{{16,}}",
    rf"nf[ptcoub]_{_B62}{{20,}}", rf"cio{_B62}{{30,}}", rf"atlasv1\.{_B64U}{{20,}}", rf"{_B62}{{14}}\.atlasv1\.{_B64U}{{20,}}", rf"tk_{_B62}{{20,}}", r"dp\.(?:pt|st|ct)\.[\w.-]{20,}", r"PMAK-[0-9a-f-]{30,}",
    rf"bot\d{{8,10}}:{_B64U}{{30,}}", rf"\d{{8,10}}:AA{_B64U}{{30,}}", rf"sq0[a-z]{{3}}-{_B64U}{{20,}}", r"AC[0-9a-f]{32}", r"SK[0-9a-f]{32}", rf"secret_{_B62}{{30,}}", rf"ntn_{_B62}{{30,}}",
    rf"claim-{_B64U}{{16,}}", rf"figd_{_B64U}{{20,}}", rf"pat{_B62}{{14}}\.[0-9a-f]{{40,}}", rf"sntrys_{_B64U}{{20,}}[=.\w/+-]*", r"sntryu_[0-9a-f]{40,}", rf"CCIPAT_{_B62}{{10,}}_[0-9a-f]{{20,}}", r"K10[0-9a-f]{40,}(?:::\w+:[0-9a-f]+)?",
    rf"eyJ{_B64U}{{8,}}(?:\.{_B64U}*){{1,4}}", rf"eyJ{_B64U}{{20,}}={{0,2}}", r"v\d\.local\.[\w-]{20,}", r"Fe26\.2\*\S{20,}",
    r"\$(?:1|5|6|y|7|2[abxy]|argon2(?:id|i|d)|pbkdf2[\w-]*|apr1|P|H|sha1|md5)\$[A-Za-z0-9./+=,$_-]{10,}", r"\{(?:S?SHA|S?MD5|CRYPT|SHA\d+|PBKDF2[\w-]*)\}[A-Za-z0-9+/=.$]{8,}", r"(?i:scram-sha-256)\$\d+:\S{20,}", r"md5[0-9a-f]{32}",
    rf"MT{_B64U}{{20,}}\.{_B64U}{{5,7}}\.{_B64U}{{25,}}", rf"[MNO]{_B64U}{{23,27}}\.{_B64U}{{6}}\.{_B64U}{{27,}}", r"\*[0-9A-F]{40}",
)

_WORDS = (
    r"pass(?:word|wort|wd|phrase|code)?s?|pwd|pw|passw|secrets?|tokens?|api[_-]?keys?|apikey|access[_-]?keys?|auth[_-]?keys?|private[_-]?keys?|secret[_-]?keys?|priv[_-]?key|master[_-]?keys?|encryption[_-]?keys?|encrypt[_-]?key"
    r"|signing[_-]?keys?|session[_-]?(?:keys?|id|secret)|setup[_-]?key|join[_-]?key|license[_-]?keys?|licence[_-]?keys?|activation[_-]?(?:key|code)|serial[_-]?key|enroll(?:ment)?[_-]?key|app[_-]?keys?|preshared[_-]?key|shared[_-]?(?:key|secret)|host[_-]?key|stream[_-]?key"
    r"|webhook(?:[_-]?url)?|credentials?|creds?|psk|wpa[_-]?psk|sae[_-]?password|client[_-]?secret|salt|pepper|nonce|otp|totp|mfa|pin|passkey|jwt|bearer|sid|phpsessid|jsessionid|csrf[_-]?token|cookie|sig|signature|kennwort|passwort|contrase(?:ñ|n)a|mot[_ ]de[_ ]passe|wachtwoord|haslo|hasło|l(?:ö|o)senord|salasana|adgangskode"
    r"|_auth|_password|_authtoken|requirepass|masterauth|bindpw|rootpw|userpw|sasl_passwd|smtp_pass|db_pass|rpcpassword|tsig|hmac|dsn"
)
_VALUE = r"""(?:"(?P<secret>(?:[^"\\\n]|\\.)+)"|'(?P<secret1>[^'\n]+)'|‘(?P<secret2>[^’\n]+)’|(?P<word>[^\s"'‘’]+))"""
_GIVEN = r"""(?:"(?P<given>(?:[^"\\\n]|\\.)+)"|'(?P<given1>[^'\n]+)'|(?P<given2>[^\s"'<>]+))"""
_HTTP = r"(?:authorization|proxy-authorization|x-(?:api-key|auth-token|auth-key|access-token|token|vault-token|gitlab-token|plex-token|emby-token|registry-auth|amz-security-token|csrf-token|consul-token|ph-access-token|authentik-[a-z-]+)|private-token|job-token|deploy-token|api-?key|pveapitoken|pveauthcookie|csrfpreventiontoken)"

RULES: tuple[Rule, ...] = (
    Rule("pem", r"-----BEGIN [A-Z0-9 ]+-----\s*(?P<pem>[^-]+)"),
    Rule("pem-body", r"(?m)^\s*(?P<pemline>[A-Za-z0-9+/]{60,76}={0,2})\s*$"),
    Rule("url-userinfo", r"[A-Za-z][A-Za-z0-9+.-]{1,20}://(?P<auth>[^\s/@\"'<>]*(?::[^\s@\"'<>]*)?)@"),
    Rule("url-userinfo-slash", r"[A-Za-z][A-Za-z0-9+.-]{1,20}://(?P<auth>[^\s/@:\"'<>]+:[^\s\"'<>@]+)@"),
    Rule("token-shape", r"(?:^|[^A-Za-z0-9_])(?P<token>" + "|".join(_SHAPES) + ")"),
    Rule("auth-header", rf"(?i)\b{_HTTP}[\"']?\s*[:=]\s*[\"']?(?:(?:bearer|basic|token|digest|negotiate|ntlm|apikey|api-key|key|pveapitoken=)\s*)?(?P<header>[^\s\"',;<>]+(?:\s*,\s*\w+=\S+)*)"),
    Rule("bearer", r"(?i)\b(?:bearer|basic|authtoken)[ :=]+[\"']?(?P<mixed>[A-Za-z0-9._~+/=-]{8,})"),
    Rule("cookie", r"(?i)\b(?:set-)?cookie2?:\s*(?P<cookie>[^\s<>\"'][^\n\"'<>]*)"),
    Rule("webhook", r"(?i)(?:hooks\.slack\.com/(?:services|workflows|triggers)/|discord(?:app)?\.com/api/(?:v\d+/)?webhooks/|/webhooks?/|webhook\.office\.com/\S{0,20}/|api\.telegram\.org/(?:file/)?bot|hc-ping\.com/|ntfy\.sh/|maker\.ifttt\.com/\S{0,40}/key/|/api/push/|/ping/)(?P<hook>[\w:/@.-]{6,})|://[^\s/\"'<>]*(?:<host>)?[^\s/\"'<>]*(?:/[\w.-]+){0,2}/s/(?P<mixed>[A-Za-z0-9]{15})(?:$|[\s/?#)\"'])"),
    Rule("key-value", rf"(?i)(?:^|[^a-z0-9<])(?:[a-z0-9]+[._-]){{0,6}}(?:[a-z0-9]*_)?(?:{_WORDS})(?:[_-]?(?:hash|value|val|base|string|str|b64|base64|enc|raw|id|secret|key|file_contents|admin|root|user|db|prod|dev|test|\d{{1,3}})){{0,2}}[\"'\]\)]{{0,2}}(?:=>|:=|==|=|:)\s*{_VALUE}"),
    Rule("key-value-spaced", rf"(?i)(?:^|[^a-z0-9<])(?:[a-z0-9]+[._-]){{0,6}}(?:[a-z0-9]*_)?(?:{_WORDS})[\"'\]\)]{{0,2}}\s{{1,8}}(?:=>|:=|=|:)\s*{_VALUE}"),
    Rule("key-value-camel", rf"(?:^|[^A-Za-z0-9<])[a-z][A-Za-z0-9]*(?:Password|Passwd|Passphrase|Secret|Token|ApiKey|APIKey|AccessKey|SecretKey|PrivateKey|AuthKey|Key|Credentials?|Pwd|Psk|PSK)[\"']?\s*(?:=>|:=|=|:)\s*{_VALUE}"),
    Rule("key-value-env", rf"(?:^|[^A-Za-z0-9_])[A-Z][A-Z0-9_]*(?:PASS|PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|KEY|CREDENTIALS?|PWD|AUTH|SALT|PIN|DSN)(?:_[A-Z0-9]+)?=\s*{_VALUE}"),
    Rule("key-list", r"(?i)\b(?:\w+_)?(?:key|secret|token)[\"']?\s*[=:]?\s*\[(?P<given>\d{1,3}(?:,\s?\d{1,3}){7,})\]"),
    Rule("key-is", r"(?i)\b(?:PrivateKey|PresharedKey|PublicKey|private key|public key|preshared key|psk|wpa_passphrase)\s*[=:]\s*[\"']?(?P<mixed>[A-Za-z0-9+/]{20,}={0,2})"),
    Rule("wireguard-key", r"(?:^|[^A-Za-z0-9+/=])(?P<wgkey>[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)"),
    Rule("option-long-quoted", rf"(?i)(?:^|[\s\"'\[(])--?(?:[a-z0-9]+-){{0,3}}(?:{_WORDS}|key)(?:=|\s+)(?:\"(?P<given>[^\"\n]+)\"|'(?P<given1>[^'\n]+)')"),
    Rule("option-long", rf"(?i)(?:^|[\s\"'\[(])--?(?:[a-z0-9]+-){{0,3}}(?:{_WORDS}|key)(?:-(?:id|value|string))?(?:=|[\s,\"']+)(?P<opt>[^\s\"'<>,\]-][^\s\"'<>]*|[^\s\"'<>,=\]]{{6,}})"),
    Rule("option-p-attached", rf"(?i)\b(?:mysql|mysqldump|mysqladmin|mysqlimport|mysqlcheck|mysqlshow|mysql_upgrade|mariadb|mariadb-dump|mariadb-admin|mariadb-check|mytop|mycli|sshpass|7z[ar]?|7zz|rar|unrar|plink|pscp|psftp|xtrabackup|mariabackup|innobackupex)\b[^\n|;&]*?\s-p{_GIVEN}"),
    Rule("option-p", rf"(?i)\b(?:sshpass|docker login|podman login|nerdctl login|buildah login|skopeo login|helm registry login|oras login|crane auth login|mongo(?:sh|dump|restore|export|import)?|cqlsh|influx|az login|az acr login|plink|pscp|ipmitool|smbmap|crackmapexec|hydra|xfreerdp|vncpasswd|restic|rabbitmqadmin|arangosh|occ|oc login|cf login|bw login|curlftpfs|doctl|harbor|argocd login|gpg|heroku|pihole|mosquitto_(?:pub|sub|passwd|rr))\b[^\n|;&]*?\s-[pPw]\s*{_GIVEN}"),
    Rule("option-user-pair", r"(?i)\b(?:curl|wget|http|https|xh|smbclient|rpcclient|net|mc|ftp|lftp|ncftp\w*|influx|cqlsh|stun|svn|composer|kopia|proxytunnel|aria2c|htpasswd|httpie|kafka\w*|elasticdump|mount\.\w+|nats)\b[^\n]*?\s(?:-u|--user|--proxy-user|-U|--auth|-a)[\s=]*[\"']?(?P<pair>[^\s\"'<>:%]+[:%][^\s\"'<>]+)"),
    Rule("option-user-short", r"(?:^|\s)(?:-u|--user|--proxy-user|-U)[\s=]*[\"']?(?P<pair>[^\s\"'<>:/%@=-][^\s\"'<>:/%@=]*:[^\s\"'<>:/][^\s\"'<>]*)"),
    Rule("option-short-secret", rf"(?i)\b(?:redis-cli|keydb-cli|valkey-cli)\b[^\n|;&]*?\s-a\s+{_GIVEN}"),
    Rule("option-w", rf"\b(?:ldap(?:search|add|modify|delete|passwd|whoami|compare|modrdn)|slappasswd|check_\w+|adcli|kadmin|ipa)\b[^\n|;&]*?\s-[wsp]\s*{_GIVEN}"),
    Rule("option-w-bind", rf"(?:^|\s)-w\s+{_GIVEN}\s[^\n]{{0,80}}-[Db]\s|-D\s[^\n]*\s-w\s+(?P<given3>[^\s<>]+)"),
    Rule("option-big-p", rf"\b(?:(?:zip|unzip|ipmitool|smartctl|snmpwalk|sqlcmd|bcp|isql|bsqldb|tsql|mosquitto_\w+|archivebox|ssh-keygen)\b[^\n|;&]*?\s-[PNXA]|snmp[a-z]+\b[^\n|;&]*?\s-c)\s*{_GIVEN}"),
    Rule("openssl-pass", r"(?i)-pass(?:in|out)?[ =]+[\"']?(?:pass:)?(?P<given>[^\s\"'<>]+)"),
    Rule("pass-colon", r"\bpass:(?P<given>[^\s\"'<>]+)"),
    Rule("htpasswd", r"\bhtpasswd\s+(?:-\w+\s+)*\S+\s+\S+\s+(?P<given>[^\s<>]+)"),
    Rule("sql-identified", rf"(?i)\bidentified\s+(?:(?:with|via)\s+[\w\"'`]+\s+)?(?:by|as|using)\s+(?:password\s*\(?\s*)?{_GIVEN}"),
    Rule("sql-password", r"(?i)\b(?:encrypted\s+|with\s+|login\s+|set\s+|role\s+\S+\s+|user\s+\S+\s+)password\s*(?:for\s+\S+\s*)?(?:=|:|\()?\s*(?:password\s*\(\s*)?(?:'(?P<given>[^'\n]+)'|\"(?P<given1>[^\"\n]+)\"|(?P<mixed>[^\s\"'()<>;,]+))"),
    Rule("sql-function", r"(?i)\bpassword\s*\(\s*[\"'](?P<given>[^\"'\n]+)[\"']"),
    Rule("chpasswd", r"(?:echo|printf|<<<|printf '%s\\n')\s+(?:-[a-z]+\s+)*[\"']?(?P<pairuser>[A-Za-z_][\w.-]*):(?P<given>[^\n|<>\"']+?)(?:\\n)?[\"']?\s*(?:\||\s-c|$)[^\n]{0,20}chpasswd"),
    Rule("chpasswd-here", r"(?i)chpasswd[^\n]{0,20}<<<\s*[\"']?(?P<pairuser>[A-Za-z_][\w.-]*):(?P<given>[^\n|<>\"']+)"),
    Rule("chpasswd-plain", r"(?:echo|printf)\s+(?:-[a-z]+\s+)*[\"']?(?P<pairuser>[a-z_][a-z0-9_-]*):(?P<given>[^\s|<>\"':/]{4,})[\"']"),
    Rule("echo-sudo", r"(?:echo|printf)\s+(?:-[a-z]+\s+)*[\"']?(?P<given>[^\n|<>\"']+?)[\"']?\s*\|\s*(?:sudo\s+(?:-\w+\s+)*-S|passwd|docker login|podman login|smbpasswd|gpg|cryptsetup|openssl|su\b|kinit|base64|xargs docker login|pveum|vncpasswd|mysql_config_editor|tee /etc/\S*pass)"),
    Rule("positional-secret", r"(?i)\b(?:requirepass|masterauth|wpa_passphrase\s+(?:\"[^\"]*\"|\S+)|net\s+user\s+\S+|user\s+create\s+\S+|smbpasswd\s+-\w+\s+\S+|vault\s+login|cloudflared\s+service\s+install|tunnel\s+run\s+--token|enroll(?:\s+-e\s+\S+)?|zerotier-cli\s+join|secret_key|secret_access_key|aws_access_key_id|gh\s+auth\s+login\s+--with-token|_authToken|ngrok\s+authtoken|add-authtoken|add-auth-token|(?:usermod|useradd)(?:\s+-\w+)*?\s+-p|chap_password|node\.session\.auth\.password|userPassword|rcon[_.]password|secret:)\s+(?P<given2>[^\s\"'<>|;-][^\s\"'<>|;]*|\"[^\"\n]+\"|'[^'\n]+')"),
    Rule("positional-account", r"(?i)\b(?:add_user|add-user|adduser|create-user|create_user|user add|user create|useradd|change_password|set_password|set-password|reset-password|authenticate_user|passwd)\s+(?:-\S+\s+)*[A-Za-z_][\w.@-]*\s+(?P<mixed>[^\s<>\"'-][^\s<>\"']{3,})"),
    Rule("user-and-password", r"(?i)\buser(?:name)?:? [\w.@<>-]+,? (?:and|with|/) (?:the )?pass(?:word)?:? [\"'‘“]?(?P<given>[^\s\"'’”<>]{3,})"),
    Rule("password-quoted", r"(?i)\b(?:new|current|old|initial|temporary|root|admin|generated|default) pass(?:word|phrase):? (?:is |was |to )?(?:\"(?P<given>[^\"\n<]{3,80})\"|'(?P<given1>[^'\n<]{3,80})')"),
    Rule("positional-mixed", r"(?i)\b(?:AUTH|PASS|password|passwd|passwort|passphrase|secret|token|api[ -]?key|pin|passcode|login code|recovery key|unseal key(?: \d)?|root token|access code|credentials?|pwd|kennwort)(?:\s+(?:is|was|set to|for\s+\S+\s+is|for\s+\S+|to|of|are|ist|lautet|with|using))?[:=]?\s+[\"'‘“`(\[]?(?P<mixed>[^\s\"'’”`<>()\[\],]{4,})"),
    Rule("password-for", r"(?i)\b(?:password|passwort|passphrase|secret|token)\b[^\n:=]{0,60}\b(?:for|of|is|was|generated|created|set)\b[^\n:=]{0,40}[:=]\s*[\"'`]?(?P<mixed>[^\s\"'`<>]{4,})"),
    Rule("quoted-after-password", r"(?i)\b(?:password|passwd|passwort|passphrase|secret|token|api[ -]?key|passcode|pwd|psk|kennwort)(?:\s+(?:is|was|set to|for\s+\S+|to|of))?[:=]?\s+(?:\"(?P<quoted>[^\"\n]{3,80})\"|'(?P<quoted1>[^'\n]{3,80})'|`(?P<quoted2>[^`\n]{3,80})`|‘(?P<quoted3>[^’\n]{3,80})’)"),
    Rule("login-with", r"(?i)\b(?:log ?in|sign in|login|credentials?|creds|anmelden|zugangsdaten|authenticat\w+|access)\b[^\n:]{0,40}?(?:\b(?:with|using|as|are|mit)\b|:)\s*[\"'(]?(?P<pairuser>[A-Za-z_][\w.@-]*)[\"']?(?:\s?/\s?|:|,\s)[\"']?(?P<mixed>[^\s\"'<>),:]{4,})"),
    Rule("user-slash-pass", r"(?i)(?:user(?:name)?(?:\s*/\s*|\s+and\s+)pass(?:word)?|default (?:login|user|credentials?)|admin (?:login|user|credentials?))\W{1,4}(?P<pairuser>[\w.@-]+)\s*[/:]\s*(?P<given>[^\s\"'<>),]{3,})"),
    Rule("mount-options", r"(?i)\b(?:user(?:name)?=(?P<login>[^,\s\"'<>]+),\s*)?(?:pass(?:word)?|passwd)=(?P<given>[^,\s\"'<>]+)"),
    Rule("percent-pair", r"(?i)\s-U\s*[\"']?(?P<pair>[A-Za-z_][\w.\\/-]*%[^\s\"'<>]+)"),
    Rule("query-secret", r"(?i)[?&;](?:[a-z0-9]+[._-])*(?:access_token|auth|authkey|code|state|sig|signature|key|api_?key|token|password|pass|pwd|secret|session|sid|jwt|ticket|apikey|x-plex-token|x-amz-[a-z]+|hash|hmac|user|username|email|login|client_id|client_secret|id_token|refresh_token|passkey|otp|u|p|t|s|k)=(?P<query>[^\s&\"'<>#;]+)"),
    Rule("pve-token", r"(?i)\b(?:PVEAPIToken|PBSAPIToken)[=:]\s*(?P<given>[^\s\"'<>]+)"),
    Rule("kubeadm", r"\b(?P<secret>[a-z0-9]{6}\.[a-z0-9]{16})\b"),
)

# Applied last: what no rule with a context has explained.
LATE_RULES: tuple[Rule, ...] = (
    Rule("random", r"(?:^|[^A-Za-z0-9_/+.-])(?P<random>[A-Za-z0-9_+/=-]{16,})"),
)
