"""Hosts that everybody's log names: they say what was fetched, not who fetched it. One reason per entry.

An entry with a leading dot also covers every subdomain; it is given only to domains whose subdomains are run by the project
itself, never to hosting domains where a subdomain is somebody's page.
"""


# fmt: off

from __future__ import annotations

from collections.abc import Iterable

_GROUPS: tuple[tuple[str, str], ...] = (
    ("Debian's archive, trackers and lists", ".debian.org security.debian.org snapshot.debian.org ftp.debian.org debian.map.fastlydns.net"),
    ("Devuan, Raspberry Pi OS and Kali archives", ".devuan.org archive.raspberrypi.org archive.raspberrypi.com raspbian.raspberrypi.org http.kali.org"),
    ("Ubuntu's archive and services", ".ubuntu.com archive.ubuntu.com security.ubuntu.com ports.ubuntu.com .launchpad.net ppa.launchpadcontent.net ppa.launchpad.net .launchpadcontent.net .snapcraft.io canonical.com api.snapcraft.io"),
    ("Proxmox' archive", ".proxmox.com download.proxmox.com enterprise.proxmox.com shop.proxmox.com"),
    ("Alpine's archive", ".alpinelinux.org dl-cdn.alpinelinux.org"),
    ("Fedora, CentOS, Rocky, Alma, EPEL archives", ".fedoraproject.org .centos.org .rockylinux.org .almalinux.org .redhat.com"),
    ("openSUSE, Arch, Gentoo, openEuler, OpenWrt archives", ".opensuse.org .archlinux.org .gentoo.org .openeuler.org .openwrt.org .opnsense.org .mikrotik.com"),
    ("TurnKey, LXC and Incus images", "mirror.turnkeylinux.org images.linuxcontainers.org uk.lxd.images.canonical.com .linuxcontainers.org .turnkeylinux.org cloud-images.ubuntu.com pkgs.zabbly.com"),
    ("GitHub's own hosts (pages of people live on github.io, which is not here)", "github.com api.github.com raw.githubusercontent.com objects.githubusercontent.com codeload.github.com gist.github.com gist.githubusercontent.com uploads.github.com release-assets.githubusercontent.com github-releases.githubusercontent.com github-cloud.s3.amazonaws.com docs.github.com ghcr.io pkg-containers.githubusercontent.com maven.pkg.github.com npm.pkg.github.com cli.github.com rpm.github.com ssh.github.com user-images.githubusercontent.com avatars.githubusercontent.com media.githubusercontent.com"),
    ("community-scripts, whose scripts report here", ".community-scripts.org community-scripts.github.io helper-scripts.com .helper-scripts.com community-scripts.org"),
    ("GitLab, Codeberg, Bitbucket, SourceForge, Gitea, Savannah: public forges", "gitlab.com registry.gitlab.com packages.gitlab.com codeberg.org code.forgejo.org forgejo.org .forgejo.org bitbucket.org sourceforge.net downloads.sourceforge.net git.savannah.gnu.org gitea.com gitea.io dl.gitea.com .gnu.org .kernel.org git.kernel.org cdn.kernel.org sr.ht git.sr.ht invent.kde.org salsa.debian.org opendev.org .gnome.org"),
    ("Docker's registries and downloads", "docker.io docker.com .docker.com .docker.io registry-1.docker.io download.docker.com index.docker.io hub.docker.com get.docker.com auth.docker.io production.cloudflare.docker.com"),
    ("Container registries", "quay.io .quay.io gcr.io k8s.gcr.io registry.k8s.io .k8s.io pkg.dev mcr.microsoft.com public.ecr.aws lscr.io cr.hotio.dev docker.n8n.io docker.elastic.co docker.gitea.com registry.access.redhat.com registry.redhat.io dock.mau.dev registry.opensuse.org nvcr.io"),
    ("npm, Yarn and Node.js", "npmjs.org npmjs.com .npmjs.org .npmjs.com yarnpkg.com .yarnpkg.com nodejs.org .nodejs.org deb.nodesource.com rpm.nodesource.com nodesource.com .nodesource.com npm.jsr.io jsr.io esm.sh unpkg.com cdn.jsdelivr.net jsdelivr.net bun.sh deno.land dl.deno.land get.pnpm.io pnpm.io registry.npmmirror.com"),
    ("Python's index and downloads", "python.org .python.org pypa.io .pypa.io astral.sh .astral.sh conda.anaconda.org repo.anaconda.com anaconda.org python-poetry.org install.python-poetry.org download.pytorch.org pytorch.org wheels.vllm.ai"),
    ("Rust, Go, Ruby, PHP, Perl, Java, .NET, Elixir registries", "crates.io static.crates.io index.crates.io rust-lang.org .rust-lang.org sh.rustup.rs rustup.rs docs.rs golang.org .golang.org go.dev dl.google.com gopkg.in google.golang.org rubygems.org .rubygems.org bundler.io packagist.org repo.packagist.org getcomposer.org php.net .php.net pecl.php.net cpan.org .cpan.org metacpan.org maven.org .maven.org .maven.apache.org repo.maven.apache.org repo1.maven.org repo.spring.io plugins.gradle.org services.gradle.org .gradle.org .nuget.org nuget.org dot.net dotnet.microsoft.com builds.dotnet.microsoft.com packages.microsoft.com dotnetcli.azureedge.net dotnetbuilds.azureedge.net download.visualstudio.microsoft.com hex.pm repo.hex.pm builds.hex.pm oss.sonatype.org jitpack.io"),
    ("Apache, Eclipse, Adoptium, Oracle, Azul", ".apache.org .eclipse.org packages.adoptium.net adoptium.net .adoptium.net download.oracle.com .oracle.com cdn.azul.com repos.azul.com download.java.net openjdk.org jdk.java.net"),
    ("Databases: their own archives", ".postgresql.org apt.postgresql.org .mariadb.org .mariadb.com downloads.mariadb.com dlm.mariadb.com r.mariadb.com .mysql.com repo.mysql.com repo.mongodb.org pgp.mongodb.com fastdl.mongodb.org .mongodb.org .mongodb.com packages.redis.io redis.io download.redis.io .influxdata.com repos.influxdata.com .clickhouse.com packages.clickhouse.com .elastic.co artifacts.elastic.co artifacts.opensearch.org packagecloud.io packages.timescale.com repo.timescale.com debian.neo4j.com dl.min.io min.io .couchbase.com apache.jfrog.io"),
    ("Services' own archives", ".nginx.org nginx.org packages.sury.org sury.org .sury.org .grafana.com apt.grafana.com packages.grafana.com grafana.com repo.zabbix.com .zabbix.com .gitlab.com .jenkins.io pkg.jenkins.io get.jenkins.io .hashicorp.com apt.releases.hashicorp.com releases.hashicorp.com .tailscale.com pkgs.tailscale.com login.tailscale.com controlplane.tailscale.com .zerotier.com install.zerotier.com download.zerotier.com .wireguard.com .openvpn.net swupdate.openvpn.net pkg.cloudflare.com pkg.cloudflareclient.com cloudflare.com api.cloudflare.com one.one.one.one dl.cloudsmith.io .cloudsmith.io repo.saltproject.io packages.wazuh.com .wazuh.com repo.netdata.cloud .netdata.cloud get.netdata.cloud pkg.duosecurity.com apt.llvm.org .llvm.org packages.gitlab.com deb.torproject.org .torproject.org packagecloud-repositories.s3.amazonaws.com apt.armbian.com .armbian.com repo.jellyfin.org .jellyfin.org jellyfin.org downloads.plex.tv .plex.tv plex.tv repo.emby.media packages.unifi.ui.com dl.ui.com .ui.com fw-download.ubnt.com .rabbitmq.com packages.erlang-solutions.com .mosquitto.org repo.mosquitto.org packages.crowdsec.net install.crowdsec.net .syncthing.net apt.syncthing.net syncthing.net nextcloud.com download.nextcloud.com .nextcloud.com .owncloud.com download.owncloud.com wordpress.org .wordpress.org downloads.wordpress.org .home-assistant.io version.home-assistant.io home-assistant.io .nabucasa.com .esphome.io .openhab.org openhab.jfrog.io .pi-hole.net install.pi-hole.net .adguard.com static.adguard.com .adguardteam.com technitium.com download.technitium.com get.technitium.com .ntfy.sh archive.ntfy.sh .webmin.com download.webmin.com .caddyserver.com caddyserver.com .traefik.io .letsencrypt.org letsencrypt.org acme-v02.api.letsencrypt.org acme-staging-v02.api.letsencrypt.org .certbot.eff.org dl.eff.org api.zerossl.com acme.zerossl.com"),
    ("AI and GPU downloads", "huggingface.co cdn-lfs.huggingface.co .huggingface.co hf.co ollama.com ollama.ai .ollama.com registry.ollama.ai .nvidia.com developer.download.nvidia.com nvidia.github.io repo.radeon.com repositories.intel.com apt.repos.intel.com .intel.com .amd.com storage.googleapis.com openai.com api.openai.com api.anthropic.com"),
    ("Key servers and well-known checks", "keyserver.ubuntu.com keys.openpgp.org pgp.mit.edu pgpkeys.mit.edu hkps.pool.sks-keyservers.net keyring.debian.org connectivity-check.ubuntu.com detectportal.firefox.com pool.ntp.org time.cloudflare.com dns.google cloudflare-dns.com dns.quad9.net google.com www.google.com .googleapis.com googleapis.com fonts.googleapis.com .gstatic.com .microsoft.com microsoft.com aka.ms .mozilla.org mozilla.org download.mozilla.org .chromium.org playwright.azureedge.net cdn.playwright.dev playwright.dev edgedl.me.gvt1.com googlechromelabs.github.io chromedriver.storage.googleapis.com"),
    ("Documentation that error messages point to", "www.debian.org wiki.debian.org bugs.debian.org docs.npmjs.com .readthedocs.io readthedocs.io stackoverflow.com .stackexchange.com man7.org docs.python.org peps.python.org ietf.org .ietf.org w3.org www.w3.org xmlsoap.org json-schema.org .freedesktop.org freedesktop.org www.freedesktop.org mariadb.com dev.mysql.com errors.pydantic.dev reactjs.org react.dev nextjs.org vitejs.dev vite.dev vuejs.org rollupjs.org webpack.js.org eslint.org typescriptlang.org prisma.io pris.ly curl.se curl.haxx.se openssl.org www.openssl.org sqlalche.me djangoproject.com .djangoproject.com docs.djangoproject.com spring.io slf4j.org www.slf4j.org yaml.org angular.io angular.dev sass-lang.com prisma.sh binaries.prisma.sh nextjs.org"),
    ("Import paths of Go modules", "modernc.org gopkg.in golang.org google.golang.org go.uber.org gorm.io honnef.co rsc.io filippo.io mvdan.cc gonum.org cloud.google.com go.opentelemetry.io go.mongodb.org go.etcd.io k8s.io sigs.k8s.io gocloud.dev nhooyr.io lukechampine.com go4.org gotest.tools gioui.org mellium.im cuelang.org entgo.io dario.cat maunium.net code.gitea.io go.starlark.net go.opencensus.io"),
    ("GitHub's own", ".github.com"),
    ("Names that every machine has", "localhost localhost.localdomain localhost4 localhost6 ip6-localhost ip6-loopback kubernetes.default.svc.cluster.local host.docker.internal gateway.docker.internal host.containers.internal kubernetes.default.svc kubernetes.default metadata.google.internal _gateway local.host example.com example.org example.net www.example.com"),
    ("Code hosting of packages: Gitea, Maven, Helm and file archives of projects", "charts.helm.sh get.helm.sh helm.sh artifacthub.io ftp.gnu.org www.gnu.org zlib.net sqlite.org www.sqlite.org ffmpeg.org johnvansickle.com imagemagick.org download.imagemagick.org nodejs.cn unicode.org ziglang.org cmake.org .cmake.org apt.kitware.com boost.org sourceware.org gcc.gnu.org musl.libc.org musl.cc busybox.net downloads.openwrt.org calibre-ebook.com download.calibre-ebook.com mediaarea.net mkvtoolnix.download radarr.servarr.com lidarr.servarr.com prowlarr.servarr.com readarr.servarr.com whisparr.servarr.com services.sonarr.tv download.sonarr.tv sonarr.tv get.docker.com get.k3s.io k3s.io update.k3s.io get.rke2.io install.umami.is bitwarden.com vault.bitwarden.com func.bitwarden.com n8n.io docs.n8n.io ghost.org static.ghost.org dl.influxdata.com download.onlyoffice.com repo.onlyoffice.com .collaboraoffice.com nightly.odoo.com odoo.com .odoo.com dl.fedoraproject.org packages.graylog2.org downloads.mattermost.com releases.mattermost.com deb.packages.mattermost.com apt.matrix.org packages.matrix.org matrix.org download.rstudio.org cran.r-project.org cloud.r-project.org tukaani.org libarchive.org astro.build"),
)


def public_hosts() -> dict[str, str]:
    """host (or .domain) -> why it may stay."""
    listed = {host: reason for reason, hosts in _GROUPS for host in hosts.split()}
    return listed | {f".{project}.org": "Python's package index and its files" for project in ("pypi", "pythonhosted")}


class PublicHosts:
    """The allow-list with an operator's extra hosts (each with its subdomains)."""

    def __init__(self, extra: Iterable[str] = ()) -> None:
        listed = set(public_hosts()) | {host.strip().lower() for host in extra if host.strip()}
        self._exact = frozenset(listed) | {host[1:] for host in listed if host.startswith(".")}
        self._domains = frozenset(host[1:] for host in listed if host.startswith(".")) | {
            host.strip().lower().lstrip(".") for host in extra if host.strip()
        }

    def __contains__(self, host: object) -> bool:
        if not isinstance(host, str):
            return False
        name = host.lower().rstrip(".")
        if name in self._exact:
            return True
        dot = name.find(".")
        while dot >= 0:
            if name[dot + 1 :] in self._domains:
                return True
            dot = name.find(".", dot + 1)
        return False
