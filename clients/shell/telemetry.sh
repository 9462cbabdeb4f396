# shellcheck shell=sh
# telemetry.sh: tells the Telemetry Service how an installation went, if its administrator said yes, and never otherwise.
#
# For script authors: source this file, and call
#   telemetry_consent                     ask once; the answer is remembered
#   telemetry_start APP TYPE              an attempt begins: TYPE is lxc vm turnkey pve addon tool
#   telemetry_set FIELD VALUE             what is known of it: os_type, os_version, disk_size, core_count, ram_size, method ...
#   telemetry_trap [LOGFILE]              report the end of the script whatever ends it; or call one of the next two yourself
#   telemetry_finish                      it worked
#   telemetry_fail CODE LINE COMMAND LOGFILE
#   telemetry_progress STATE              validation or configuring
# For administrators: sh telemetry.sh preview | history | forget | consent | off
#
# Nothing here returns an error, waits for a network or prints anything but answers to the administrator, so it may be
# called under set -e and set -u. docs/client.md is the guide.
#
# Settings, as variables: TELEMETRY_URL (needed: where reports go), TELEMETRY_TOKEN, TELEMETRY_SECRETS (names of variables
# whose values must never leave), TELEMETRY_CTID (id of the container or machine), TELEMETRY_DIR (where answer, unsent reports
# and history are kept), TELEMETRY_UNATTENDED (ask nothing), TELEMETRY_TRUST_DIAGNOSTICS=yes (a yes in the diagnostics file of
# the community scripts counts: only for an author who has shown its reader this very list of fields).

# --- made from the field table by `python -m scripts.generate`
_telemetry_fields='random_id execution_id type nsapp status disk_size core_count ram_size os_type os_version pve_version method error exit_code gpu_vendor cpu_vendor install_duration ct_type error_category gpu_passthrough arch platform repo_source repo_slug'
_telemetry_fields_version='8345ee0be7c3'
_telemetry_numbers='disk_size core_count ram_size exit_code install_duration ct_type'
_telemetry_field_text() {
  cat <<'END'
  random_id: random session id, new for every installation (quality improvement)
  execution_id: one execution (attempt) of a script; absent in old clients (quality improvement)
  type: what was set up: container, virtual machine, template, host script, add-on or tool (prioritisation)
  nsapp: name of the installed application (prioritisation)
  status: state of the execution (quality improvement)
  disk_size: disk size (trend analysis)
  core_count: CPU cores (trend analysis)
  ram_size: memory (trend analysis)
  os_type: operating system (trend analysis)
  os_version: version or release name of the operating system (trend analysis)
  pve_version: version of Proxmox VE or Incus (trend analysis)
  method: installation method (trend analysis)
  error: the line that explains a failure (quality improvement)
  exit_code: exit code of the script, of a terminal status (quality improvement)
  gpu_vendor: maker of the graphics processor (trend analysis)
  cpu_vendor: maker of the processor (trend analysis)
  install_duration: duration of the installation (quality improvement)
  ct_type: 1 unprivileged container, 2 privileged container or virtual machine (trend analysis)
  error_category: kind of failure; derived by the server where it can be (quality improvement)
  gpu_passthrough: kind of graphics processor passed through (trend analysis)
  arch: processor architecture (trend analysis)
  platform: hypervisor platform (trend analysis)
  repo_source: repository the script came from (quality improvement)
  repo_slug: owner and name of a known repository (quality improvement)
END
}
# --- end of what is made

_telemetry_spool_reports=20
_telemetry_spool_seconds=604800 # 7 days
_telemetry_raw_bytes=16384      # read of a log, so that names are whole when they are replaced
_telemetry_log_bytes=3900       # sent of it; with the header less than 4 KiB

# ---- may we?

# Sets where traces are kept, and where reports go: nothing, if that is no address.
_telemetry_where() {
  if [ -n "${TELEMETRY_DIR:-}" ]; then
    _telemetry_dir=${TELEMETRY_DIR%/}
  elif [ -w /var/lib ]; then
    _telemetry_dir=/var/lib/telemetry-client
  else
    _telemetry_dir=${XDG_STATE_HOME:-${HOME:+$HOME/.local/state}}
    _telemetry_dir=${_telemetry_dir:+$_telemetry_dir/telemetry-client}
  fi
  _telemetry_url=${TELEMETRY_URL:-}
  _telemetry_url=${_telemetry_url%/}
  _telemetry_url=${_telemetry_url%/telemetry}
  case $_telemetry_url in
    *[!!-~]*) _telemetry_url= ;;
    http://?* | https://?*) ;;
    *) _telemetry_url= ;;
  esac
}

# For conditions alone: nobody else can have put anything where traces are kept. Looked at once, since it takes a process.
_telemetry_place_is_ours() {
  [ "${_telemetry_looked_at:-}" != "$_telemetry_dir" ] || return 0
  case $_telemetry_dir in /?*) ;; *) return 1 ;; esac
  if [ ! -e "$_telemetry_dir" ] && [ ! -L "$_telemetry_dir" ]; then return 0; fi
  # shellcheck disable=SC3067 # bash, dash and busybox know -O
  [ -d "$_telemetry_dir" ] && [ -O "$_telemetry_dir" ] && [ ! -L "$_telemetry_dir" ] &&
    [ -z "$(find "$_telemetry_dir" -prune \( -perm -020 -o -perm -002 \) 2>&1)" ] || return 1
  _telemetry_looked_at=$_telemetry_dir
}

# The answer of the community scripts' diagnostics file: yes, no, or nothing.
_telemetry_diagnostics() {
  _telemetry_said=
  _telemetry_file=${TELEMETRY_DIAGNOSTICS_FILE:-/usr/local/community-scripts/diagnostics}
  if [ ! -f "$_telemetry_file" ] || [ ! -r "$_telemetry_file" ]; then return 0; fi
  while IFS=' 	' read -r _telemetry_text || [ -n "$_telemetry_text" ]; do
    _telemetry_text=${_telemetry_text#export }
    case $_telemetry_text in
      DIAGNOSTICS=[Nn][Oo]* | DIAGNOSTICS=[\"\'][Nn][Oo]*) _telemetry_said=no ;;
      DIAGNOSTICS=[Yy][Ee][Ss]* | DIAGNOSTICS=[\"\'][Yy][Ee][Ss]*) _telemetry_said=yes ;;
    esac
  done <"$_telemetry_file"
}

# What was answered here about this recipient: a no, or a yes as long as no field is new since; else nothing.
# The file has a line for each recipient: answer, address, version of the list of fields, fields.
_telemetry_stored_answer() {
  _telemetry_said=
  [ -f "$_telemetry_dir/consent" ] && [ -r "$_telemetry_dir/consent" ] || return 0
  while IFS=' ' read -r _telemetry_text _telemetry_name _telemetry_rest; do
    if [ "$_telemetry_name" = "$_telemetry_url" ]; then
      case $_telemetry_text in yes | no) _telemetry_said=$_telemetry_text ;; esac
      _telemetry_agreed=" ${_telemetry_rest#* } "
    fi
  done <"$_telemetry_dir/consent"
  [ "$_telemetry_said" = yes ] || return 0
  _telemetry_rest=$_telemetry_fields
  while [ -n "$_telemetry_rest" ]; do
    case $_telemetry_agreed in
      *" ${_telemetry_rest%% *} "*) ;;
      *) _telemetry_said= && return 0 ;;
    esac
    case $_telemetry_rest in
      *' '*) _telemetry_rest=${_telemetry_rest#* } ;;
      *) _telemetry_rest= ;;
    esac
  done
}

# Sets _telemetry_said to yes, no, or nothing where nobody has answered yet.
_telemetry_answer() {
  _telemetry_where
  case ${DO_NOT_TRACK:-} in '' | 0 | false) ;; *) _telemetry_said=no && return 0 ;; esac
  case ${DIAGNOSTICS:-} in [Nn][Oo]) _telemetry_said=no && return 0 ;; esac
  _telemetry_diagnostics
  case $_telemetry_said:${TELEMETRY_TRUST_DIAGNOSTICS:-} in
    no:* | yes:yes) return 0 ;;
  esac
  _telemetry_said=
  if _telemetry_place_is_ours; then _telemetry_stored_answer; fi
}

# For conditions alone: whether reports may be made.
_telemetry_may_report() {
  _telemetry_answer
  [ "$_telemetry_said" = yes ] && [ -n "$_telemetry_url" ] && _telemetry_place_is_ours
}

# Ask for consent where nobody has answered yet. No terminal, a cancelled question and an unattended run mean no, this time.
telemetry_consent() {
  _telemetry_answer
  [ -z "$_telemetry_said" ] && [ -n "$_telemetry_url" ] && _telemetry_place_is_ours || return 0
  [ -t 0 ] && [ -t 1 ] || return 0
  [ -z "${TELEMETRY_UNATTENDED:-}${CI:-}" ] || return 0
  [ "${DEBIAN_FRONTEND:-}" != noninteractive ] || return 0
  _telemetry_ask_and_remember
}

# Sets _telemetry_said to what holds from now on, as far as it was said now.
_telemetry_ask_and_remember() {
  _telemetry_ask
  case $_telemetry_said in
    yes | no) _telemetry_remember "$_telemetry_said" || _telemetry_said= ;;
  esac
  if [ "$_telemetry_said" = no ]; then _telemetry_drop_unsent; fi
}

_telemetry_ask() {
  _telemetry_said=
  if [ "${TERM:-dumb}" = dumb ]; then
    _telemetry_ask_plainly || _telemetry_said=
  elif command -v whiptail >/dev/null 2>&1; then
    _telemetry_ask_in_box whiptail --scrolltext || _telemetry_said=
  elif command -v dialog >/dev/null 2>&1; then
    _telemetry_ask_in_box dialog || _telemetry_said=
  else
    _telemetry_ask_plainly || _telemetry_said=
  fi
}

_telemetry_question() {
  printf '%s\n' "May this machine report how installations go, to $_telemetry_url?" '' \
    'It helps maintainers to find scripts that fail, to see which are used, and on what systems. Nothing else is done with it.' '' \
    'Nothing is sent unless you say yes, and nothing but these fields:' ''
  _telemetry_field_text
  printf '%s\n' '' 'Addresses, host names, users and passwords known to this machine are replaced before anything leaves it.' \
    'See what is sent: sh telemetry.sh preview, history. Take it back: sh telemetry.sh forget, off.'
}

# Neither answer is preselected: the list starts with both off.
_telemetry_ask_in_box() {
  "$@" --title Telemetry --msgbox "$(_telemetry_question)" 22 78 || return 1
  for _telemetry_try in 1 2 3; do
    _telemetry_said=$("$1" --title Telemetry --radiolist \
      'May this machine report how installations go? Choose with the space bar.' 11 78 2 \
      yes 'send these reports' off no 'send nothing' off 3>&1 1>&2 2>&3 3>&-) || return 1
    [ -z "$_telemetry_said" ] || return 0
  done
}

_telemetry_ask_plainly() {
  _telemetry_question
  for _telemetry_try in 1 2 3; do
    printf '\nSend these reports? Write yes or no: '
    IFS= read -r _telemetry_text || return 1
    case $_telemetry_text in
      [Yy][Ee][Ss]) _telemetry_said=yes && return 0 ;;
      [Nn] | [Nn][Oo]) _telemetry_said=no && return 0 ;;
    esac
  done
  return 1
}

_telemetry_remember() {
  (
    _telemetry_make_plain
    mkdir -p "$_telemetry_dir" && _telemetry_place_is_ours || exit 1
    cd "$_telemetry_dir" || exit 1
    {
      [ ! -f consent ] || grep -v -F " $_telemetry_url " consent
      printf '%s %s %s %s\n' "$1" "$_telemetry_url" "$_telemetry_fields_version" "$_telemetry_fields"
    } >consent.new && mv -f consent.new consent
  ) 2>/dev/null
}

# Only files that are named like ours: the directory is the author's choice.
_telemetry_drop_unsent() {
  (
    _telemetry_make_plain
    if _telemetry_place_is_ours && cd "$_telemetry_dir/spool"; then
      rm -f ./*.report ./*.sending
      cd .. && rmdir spool
    fi
  ) 2>/dev/null || :
}

# ---- one installation

_telemetry_uuid() {
  IFS= read -r _telemetry_new_uuid 2>/dev/null </proc/sys/kernel/random/uuid
}

_telemetry_uptime() {
  _telemetry_now=0
  if IFS=. read -r _telemetry_now _telemetry_text 2>/dev/null </proc/uptime; then :; fi
}

# An attempt begins. The next attempt at the same app keeps the id of the installation.
telemetry_start() {
  _telemetry_execution=
  if ! _telemetry_may_report; then
    if [ "$_telemetry_said" = no ] && [ -d "$_telemetry_dir/spool" ]; then _telemetry_drop_unsent; fi
    return 0
  fi
  if [ "${_telemetry_app:-}:${_telemetry_type:-}" != "${1:-}:${2:-}" ]; then
    _telemetry_uuid || return 0
    _telemetry_id=$_telemetry_new_uuid
    _telemetry_known=
  fi
  _telemetry_uuid || return 0
  _telemetry_execution=$_telemetry_new_uuid
  _telemetry_app=${1:-} _telemetry_type=${2:-} _telemetry_code='' _telemetry_tail='' _telemetry_duration=''
  _telemetry_uptime
  _telemetry_began=$_telemetry_now
  _telemetry_report installing
}

# What is known of the installation; a field that is not in the list, or a value with other than plain characters, is left out.
telemetry_set() {
  [ -n "${_telemetry_execution:-}" ] || return 0
  case " $_telemetry_fields " in *" ${1:-} "*) ;; *) return 0 ;; esac
  case ${1:-} in
    random_id | execution_id | type | nsapp | status | error | exit_code | install_duration | '') return 0 ;;
  esac
  _telemetry_unset "$1"
  case ${2:-} in '' | *[!A-Za-z0-9._+/\ -]* | ????????????????????????????????????????????????????????????????*) return 0 ;; esac
  case " $_telemetry_numbers " in
    *" $1 "*)
      _telemetry_text=${2%[GM]}
      _telemetry_text=${_telemetry_text%B}
      case $_telemetry_text in '' | *[!0-9]* | 0?* | ??????????*) return 0 ;; esac
      _telemetry_known="${_telemetry_known:-},\"$1\":$_telemetry_text"
      ;;
    *) _telemetry_known="${_telemetry_known:-},\"$1\":\"$2\"" ;;
  esac
}

_telemetry_unset() {
  case ${_telemetry_known:-} in *",\"$1\":"*) ;; *) return 0 ;; esac
  _telemetry_rest=${_telemetry_known#*",\"$1\":"}
  _telemetry_known=${_telemetry_known%%",\"$1\":"*}
  # No value holds a quote, so the next one begins the next field.
  case $_telemetry_rest in *',"'*) _telemetry_known="$_telemetry_known,\"${_telemetry_rest#*,\"}" ;; esac
}

# How far it is: validation or configuring.
telemetry_progress() {
  [ -n "${_telemetry_execution:-}" ] || return 0
  case ${1:-} in
    validation | configuring) _telemetry_report "$1" ;;
  esac
}

# It worked.
telemetry_finish() {
  _telemetry_end success
}

# It did not: CODE LINE COMMAND LOGFILE. Of the command only the program's name is used, of the log its cleaned end.
telemetry_fail() {
  _telemetry_end failed "$@"
}

_telemetry_end() {
  [ -n "${_telemetry_execution:-}" ] || return 0
  _telemetry_may_report || return 0 # it may have been taken back since
  _telemetry_is_first_end || return 0
  _telemetry_look_at_end "$@"
  _telemetry_report "$_telemetry_ending"
  _telemetry_execution=
}

# Sets all that a report of the end says: STATUS CODE LINE COMMAND LOGFILE.
_telemetry_look_at_end() {
  _telemetry_ending=$1 _telemetry_code=${2:-} _telemetry_line=${3:-} _telemetry_command=${4:-} _telemetry_tail=
  case $_telemetry_code in *[!0-9]* | 0?* | ????*) _telemetry_code= ;; esac
  case $1:$_telemetry_code in
    success:*) _telemetry_code=0 ;;
    failed:129 | failed:130 | failed:131 | failed:143) _telemetry_ending=aborted ;;
  esac
  _telemetry_uptime
  _telemetry_duration=$((_telemetry_now - ${_telemetry_began:-$_telemetry_now}))
  if [ "$1" != success ] && [ -f "${5:-}" ] && [ -r "${5:-}" ]; then
    # Read now: the caller may delete it as soon as we are back.
    _telemetry_tail=$({ tail -c "$_telemetry_raw_bytes" <"$5" | tr -d '\000'; } 2>/dev/null) || :
  fi
}

# Several traps may fire, also in subshells that share no variables: a file that only one can create decides.
_telemetry_is_first_end() {
  (
    umask 077
    [ -d "$_telemetry_dir/ends" ] || mkdir -p "$_telemetry_dir/ends" || exit 1
    set -C
    : >"$_telemetry_dir/ends/$_telemetry_execution"
  ) 2>/dev/null
}

# Report the end of this shell, whatever ends it; what it had trapped before is still done. LOGFILE as in telemetry_fail.
telemetry_trap() {
  [ -n "${_telemetry_execution:-}" ] || return 0
  _telemetry_log=${1:-}
  _telemetry_status=0 _telemetry_before_EXIT='' _telemetry_before_HUP='' _telemetry_before_INT='' _telemetry_before_TERM='' _telemetry_before_ERR=''
  _telemetry_ignored=' '
  _telemetry_read_traps
  # In the EXIT action $? is what it was: some scripts look at it there.
  trap '_telemetry_status=$?
    _telemetry_at_exit "$_telemetry_status"
    if [ "$_telemetry_status" = 0 ]; then
      eval "$_telemetry_before_EXIT"
    else
      _telemetry_return "$_telemetry_status" || eval "$_telemetry_before_EXIT"
    fi' EXIT
  for _telemetry_signal in HUP:129 INT:130 TERM:143; do
    case $_telemetry_ignored in *" ${_telemetry_signal%:*} "*) continue ;; esac
    # shellcheck disable=SC2064 # the signal is known now
    trap "_telemetry_at_signal ${_telemetry_signal%:*} ${_telemetry_signal#*:}" "${_telemetry_signal%:*}"
  done
  if [ -n "${BASH_VERSION:-}" ]; then
    # shellcheck disable=SC3047,SC3028 # only where it is bash
    trap '_telemetry_status=$? _telemetry_line=$LINENO _telemetry_command=$BASH_COMMAND
      _telemetry_return "$_telemetry_status" || eval "$_telemetry_before_ERR"' ERR
  fi
}

# Not in a command substitution: some shells show the traps of the subshell there.
_telemetry_read_traps() {
  _telemetry_file=$_telemetry_dir/ends/$_telemetry_execution.traps
  (umask 077 && mkdir -p "$_telemetry_dir/ends" && : >"$_telemetry_file") 2>/dev/null || return 0
  trap >|"$_telemetry_file" || return 0
  eval "$(sed 's/^trap -- /_telemetry_before /' "$_telemetry_file")"
  rm -f "$_telemetry_file" || :
}

_telemetry_before() {
  case ${2#SIG} in
    EXIT) _telemetry_before_EXIT=$1 ;;
    HUP) _telemetry_before_HUP=$1 ;;
    INT) _telemetry_before_INT=$1 ;;
    TERM) _telemetry_before_TERM=$1 ;;
    ERR) _telemetry_before_ERR=$1 ;;
  esac
  [ -n "$1" ] || _telemetry_ignored="$_telemetry_ignored${2#SIG} "
}

_telemetry_return() {
  return "$1"
}

_telemetry_at_exit() {
  if [ "$1" = 0 ]; then
    telemetry_finish
  else
    telemetry_fail "$1" "${_telemetry_line:-}" "${_telemetry_command:-}" "$_telemetry_log"
  fi
}

_telemetry_at_signal() {
  telemetry_fail "$2" '' '' "$_telemetry_log"
  eval "_telemetry_text=\$_telemetry_before_$1"
  if [ -n "$_telemetry_text" ]; then
    eval "$_telemetry_text"
  else
    trap - "$1"
    kill -s "$1" "$$"
  fi
}

# ---- what is sent

# Sends STATUS in the background, as a grandchild: the caller's jobs, its $! and its `wait` never see it. A terminal that closes
# as soon as the caller has ended does not end it.
_telemetry_report() {
  (trap '' HUP INT QUIT; _telemetry_in_background "$1" &) 2>/dev/null || :
}

_telemetry_in_background() {
  exec </dev/null >/dev/null 2>&1
  _telemetry_stand_alone
  _telemetry_may_report || return 0 # it may have been taken back since
  mkdir -p "$_telemetry_dir/spool" && _telemetry_place_is_ours && [ ! -L "$_telemetry_dir/spool" ] || return 0
  # Waiting reports go to the recipient they were made for.
  _telemetry_to=$(printf '%s' "$_telemetry_url" | tr -c 'A-Za-z0-9.' '_')
  if [ "$1" = installing ]; then
    find "$_telemetry_dir/ends" -type f -mtime +7 -exec rm -f {} +
    _telemetry_send_waiting
  fi
  _telemetry_report_file=$_telemetry_dir/spool/$(date +%s)-$_telemetry_execution-$1@$_telemetry_to
  # What could not be erased or shown later is not sent.
  if _telemetry_payload "$1" >"$_telemetry_report_file.sending" &&
    printf '%s %s\n' "$_telemetry_id" "$_telemetry_url" >>"$_telemetry_dir/ids" && : >>"$_telemetry_dir/history"; then
    _telemetry_deliver "$_telemetry_report_file"
  else
    rm -f "$_telemetry_report_file.sending"
  fi
  _telemetry_bound_spool
}

# Whatever the caller has open ends here: who waits for the end of a pipe of the caller must not wait for us.
_telemetry_stand_alone() {
  _telemetry_make_plain
  # The installation goes first. This file names the process that reads it, which $$ does not.
  read -r _telemetry_name _telemetry_text </proc/self/stat && renice -n 19 -p "$_telemetry_name"
  cd / || :
  for _telemetry_name in 3 4 5 6 7 8 9; do
    eval "exec $_telemetry_name>&-"
  done
  if (eval 'exec 10>&-'); then # dash takes 10 for a program, and lets nobody open it
    for _telemetry_name in /proc/self/fd/*; do
      _telemetry_name=${_telemetry_name##*/}
      case $_telemetry_name in [0-9] | 255) ;; *) eval "exec $_telemetry_name>&-" ;; esac
    done
  fi
}

# Whatever the caller's shell is set to ends here. For subshells alone.
_telemetry_make_plain() {
  set +exuC
  set +f
  umask 077
  LC_ALL=C
  PATH=$PATH:/usr/sbin:/sbin # where `ip` is
  export LC_ALL PATH
  IFS=' 	
'
  if [ -n "${BASH_VERSION:-}" ]; then
    # shellcheck disable=SC3044,SC3047 # only where it is bash
    trap - EXIT ERR DEBUG && shopt -u failglob nocasematch
  else
    trap - EXIT
  fi
}

# The report as it goes out: one JSON object on one line.
_telemetry_payload() {
  printf '{"random_id":"%s","execution_id":"%s","type":"%s","nsapp":"%s","status":"%s"' "$_telemetry_id" \
    "$_telemetry_execution" "$(_telemetry_plain "$_telemetry_type")" "$(_telemetry_plain "$_telemetry_app")" "$1"
  _telemetry_facts
  printf '%s' "${_telemetry_known:-}"
  case $1 in
    success | failed | aborted)
      [ -z "$_telemetry_code" ] || printf ',"exit_code":%s' "$_telemetry_code"
      [ -z "$_telemetry_duration" ] || printf ',"install_duration":%s' "$_telemetry_duration"
      [ "$1" = success ] || printf ',"error":"%s"' "$(_telemetry_error | _telemetry_escape)"
      ;;
  esac
  printf '}\n'
}

_telemetry_plain() {
  printf '%s' "$1" | tr -c 'A-Za-z0-9._+ \n-' '-' | tr '\n' '-'
}

# What this machine is, as far as the author has not said so.
_telemetry_facts() {
  _telemetry_fact arch "$(uname -m)"
  case $(sed -n '/^vendor_id/{s/.*: *//p;q;}' /proc/cpuinfo 2>/dev/null) in
    GenuineIntel) _telemetry_fact cpu_vendor intel ;;
    AuthenticAMD) _telemetry_fact cpu_vendor amd ;;
  esac
  case $(cat /sys/class/drm/card*/device/vendor 2>/dev/null | sed -n 1p) in
    0x8086) _telemetry_fact gpu_vendor intel ;;
    0x1002) _telemetry_fact gpu_vendor amd ;;
    0x10de) _telemetry_fact gpu_vendor nvidia ;;
  esac
  if [ -d /etc/pve ]; then
    _telemetry_fact platform pve
    _telemetry_text=$(dpkg-query -W -f '${Version}' pve-manager 2>/dev/null)
    [ -z "$_telemetry_text" ] || _telemetry_fact pve_version "${_telemetry_text%%-*}"
  elif command -v incus >/dev/null 2>&1; then
    _telemetry_fact platform incus
  fi
}

_telemetry_fact() {
  case ${_telemetry_known:-} in *",\"$1\":"*) return 0 ;; esac
  printf ',"%s":"%s"' "$1" "$(_telemetry_plain "$2")"
}

# The header and the cleaned end of the log.
_telemetry_error() {
  _telemetry_hidden=$(_telemetry_names)
  printf 'exit_code=%s' "${_telemetry_code:-unknown}"
  case $_telemetry_line in
    '' | *[!0-9]* | ???????*) ;;
    *) printf ' | at line %s: %s' "$_telemetry_line" "$(_telemetry_program | _telemetry_cleaned)" ;;
  esac
  printf '\n'
  if [ -n "$_telemetry_tail" ]; then
    printf -- '---\n'
    printf '%s\n' "$_telemetry_tail" | _telemetry_cleaned
  fi
}

# The program that the command runs, if it is a plain name: its arguments can hold passwords.
_telemetry_program() {
  printf '%s\n' "$_telemetry_command" | awk 'NR == 1 {
    for (i = 1; i <= NF; i++) {
      if ($i ~ /^-[ugUChpDRTrt]$/) i++ # of sudo, with a user or the like behind it
      else if ($i ~ /^[A-Za-z_][A-Za-z0-9_]*=/ || $i ~ /^-/ || $i ~ /^(sudo|env|exec|command|nohup|time|nice)$/) continue
      else {
        sub(/^.*\//, "", $i)
        if (length($i) <= 31 && $i ~ /^[A-Za-z][A-Za-z0-9_.+-]*$/) print $i
        exit
      }
    }
  }'
}

# ---- cleaning

# The names of this machine, a line each: kind, tab, name in lower case; longer ones first.
_telemetry_names() {
  {
    _telemetry_host_names
    _telemetry_user_names
    _telemetry_addresses
    for _telemetry_number in "${TELEMETRY_CTID:-}" "${CTID:-}" "${CT_ID:-}" "${VMID:-}"; do
      case $_telemetry_number in '' | *[!0-9]*) ;; *) printf 'id\t%s\n' "$_telemetry_number" ;; esac
    done
    _telemetry_secrets
  } 2>/dev/null | _telemetry_ascii | awk '{
    tab = index($0, "\t"); name = substr($0, tab + 1)
    gsub(/\t/, " ", name)
    if (name != "") print length(name) "\t" substr($0, 1, tab) tolower(name)
  }' | sort -rn | cut -f 2-
}

_telemetry_host_names() {
  {
    uname -n
    cat /etc/hostname
    # Full names of this machine begin with its short one.
    awk -v own="$(uname -n)" 'BEGIN { sub(/[.].*/, "", own); own = tolower(own) "." }
      { sub(/#.*/, ""); for (i = 2; i <= NF; i++) if (index(tolower($i), own) == 1) print $i }' /etc/hosts
  } | awk 'NF { print "host\t" $1; n = index($1, "."); if (n) { print "host\t" substr($1, 1, n - 1); print "domain\t" substr($1, n + 1) } }'
  awk '$1 == "domain" || $1 == "search" {
    for (i = 2; i <= NF; i++) { sub(/^[.~]+/, "", $i); sub(/[.]$/, "", $i); print "domain\t" $i }
  }' /etc/resolv.conf
}

_telemetry_user_names() {
  awk -F : '$3 >= 1000 && $3 < 65534 {
    print "user\t" $1
    n = split($5, part, /[ ,]+/)
    for (i = 1; i <= n; i++) if (length(part[i]) > 2) print "user\t" part[i]
  }' /etc/passwd
  # Those of a directory service are in no file.
  for _telemetry_name in "${SUDO_USER:-}" "${LOGNAME:-}" "${USER:-}"; do
    case $_telemetry_name in '' | root) ;; *) printf 'user\t%s\n' "$_telemetry_name" ;; esac
  done
}

_telemetry_addresses() {
  _telemetry_listed=$(ip -o address show)
  if [ -n "$_telemetry_listed" ]; then
    printf '%s\n' "$_telemetry_listed" |
      awk '{ for (i = 1; i < NF; i++) if ($i == "inet" || $i == "inet6") { sub(/\/.*/, "", $(i + 1)); print $(i + 1) } }'
  else
    awk '$1 == "|--" { address = $2 } $2 == "host" && $3 == "LOCAL" { print address }' /proc/net/fib_trie
    awk '{
      text = ""
      for (i = 1; i < 32; i += 4) { group = substr($1, i, 4); sub(/^0+/, "", group); text = text ":" (group == "" ? "0" : group) }
      text = substr(text, 2)
      for (n = 8; n > 1; n--) { # the longest row of zeros goes
        zeros = "0"; for (i = 1; i < n; i++) zeros = zeros ":0"
        at = index(":" text ":", ":" zeros ":")
        if (at) { text = (at == 1 ? ":" : substr(text, 1, at - 1)) substr(text, at + length(zeros)); break }
      }
      print (text ~ /(^|[^:]):$/) ? text ":" : text
    }' /proc/net/if_inet6
  fi | awk '$1 !~ /^127[.]/ && $1 != "::1" { print "address\t" $1 }'
  cat /sys/class/net/*/address | awk '/^[0-9a-f][0-9a-f]:/ && !/^(00:)+00$/ {
    print "mac\t" $1
    dashed = $1; gsub(/:/, "-", dashed); print "mac\t" dashed
    gsub(/:/, ""); print "mac\t" $1
  }'
}

_telemetry_secrets() {
  for _telemetry_name in ${TELEMETRY_SECRETS:-}; do
    case $_telemetry_name in [!A-Za-z_]* | *[!A-Za-z0-9_]*) continue ;; esac
    eval "_telemetry_text=\${$_telemetry_name:-}"
    printf '%s\n' "$_telemetry_text" | tr '\r' '\n' | sed -n 's/^[ 	]*//;s/[ 	]*$//;/./s/^/secret	/p'
  done
}

# Typographic quotes become plain ones; nothing else is left that is not ASCII, and no control character but tab and newline.
_telemetry_ascii() {
  sed -e "s/$(printf '\342\200')[$(printf '\230\231')]/'/g" -e "s/$(printf '\342\200')[$(printf '\234\235')]/\"/g" |
    tr -c '\n\t -~' '?'
}

# Text on standard input without colours and without the names of this machine; whole lines, at most _telemetry_log_bytes.
_telemetry_cleaned() {
  _telemetry_escape_sign=$(printf '\033')
  {
    printf '%s\n--\n' "$_telemetry_hidden"
    tr '\r' '\n' |
      sed -e "s/${_telemetry_escape_sign}\\[[0-9;?]*[ -\\/]*[@-~]//g" -e "s/${_telemetry_escape_sign}\\][^$(printf '\007')]*$(printf '\007')//g" |
      _telemetry_ascii | tr '\t' ' '
  } | awk -v raw="$_telemetry_raw_bytes" -v most="$_telemetry_log_bytes" '
    # Replaces name in text where it stands alone; a host named by an everyday word only where no dash joins it to another,
    # a domain that anybody may have only behind a dot.
    function masked(text, name, kind,   low, out, at, last, next_one, joiners, label) {
      low = tolower(text); out = ""
      joiners = (kind == "host" && name ~ everyday) ? "[a-z0-9_-]" : "[a-z0-9]"
      if (kind == "secret" && length(name) > 5) joiners = "\001" # none: it goes also within a word
      label = (kind == "address") ? (index(name, ":") ? "<ipv6>" : "<ipv4>") : "<" kind ">"
      while ((at = index(low, name)) > 0) {
        last = (at > 1) ? substr(low, at - 1, 1) : substr(tolower(out), length(out), 1)
        next_one = substr(low, at + length(name), 1)
        if ((kind == "domain" && name ~ anybodys && last != ".") || last ~ joiners || next_one ~ joiners || (kind == "id" && !names_machine(out substr(text, 1, at - 1)))) {
          out = out substr(text, 1, at); text = substr(text, at + 1); low = substr(low, at + 1)
        } else {
          out = out substr(text, 1, at - 1) label
          text = substr(text, at + length(name)); low = substr(low, at + length(name))
        }
      }
      return out text
    }
    # Whether a number behind this text is the id of a container or machine: "CT 100", "vm-100-disk-0", "/lxc/100/".
    function names_machine(before) {
      return tolower(before) ~ /[-\/#]$|(^|[^a-z])(ct|ctid|vm|vmid|container|machine|lxc|qemu|guest|(pct|qm) [a-z]+)[ :=]*$/
    }
    BEGIN { everyday = "^(pve|proxmox|localhost|debian|ubuntu|server|host|node|vm|ct|lxc|docker|linux|box|nas|home|test|web|db)$"; anybodys = "^(local|lan|home|internal|localdomain)$" }
    !text_begins && $0 == "--" { text_begins = NR; next }
    !text_begins { tab = index($0, "\t"); if (tab) { kinds[++names] = substr($0, 1, tab - 1); values[names] = substr($0, tab + 1) } next }
    { read += length($0) + 1; lines[++n] = $0 }
    END {
      first = 1
      # The beginning of what was read may be the end of a name.
      if (read > raw - 2) { if (n > 1) first = 2; else if (!sub(/^[^ ]* /, "", lines[1])) lines[1] = "" }
      size = 0
      for (i = n; i >= first; i--) {
        for (j = 1; j <= names; j++) lines[i] = masked(lines[i], values[j], kinds[j])
        if (size + length(lines[i]) + 1 > most) {
          if (i == n) { lines[i] = substr(lines[i], length(lines[i]) - most + 1); i-- }
          break
        }
        size += length(lines[i]) + 1
      }
      for (i++; i <= n; i++) print lines[i]
    }'
}

# Text on standard input as the inside of a JSON string.
_telemetry_escape() {
  sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' | awk 'NR > 1 { printf "\\n" } { printf "%s", $0 }'
}

# ---- sending

# A report waits in NAME.report; who renamed it to NAME.sending sends it. What the server refuses for good is not kept.
_telemetry_deliver() {
  _telemetry_post "$1.sending"
  case $_telemetry_http in
    2??) _telemetry_outcome=sent ;;
    400 | 404 | 405 | 413) _telemetry_outcome=refused ;;
    *) _telemetry_outcome=unconfirmed ;;
  esac
  [ -f "$1.sending" ] || return 1 # all traces were deleted meanwhile
  _telemetry_note "$1" || _telemetry_outcome=unconfirmed
  if [ "$_telemetry_outcome" = unconfirmed ]; then
    mv "$1.sending" "$1.report"
    return 1
  fi
  rm -f "$1.sending"
}

# A line of the history, from a file: what a shell prints at once can arrive in parts, with another script's in between.
_telemetry_note() {
  printf '%s %s %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$_telemetry_outcome" "$(cat "$1.sending")" >"$1.note" &&
    cat "$1.note" >>"$_telemetry_dir/history"
  set -- "$?" "$1"
  rm -f "$2.note"
  return "$1"
}

# Sets _telemetry_http to the status, 000 without one. The token is not put where other users see it.
_telemetry_post() {
  if command -v curl >/dev/null 2>&1; then
    _telemetry_http=$({
      [ -z "${TELEMETRY_TOKEN:-}" ] || printf 'header = "Authorization: Bearer %s"\n' "$TELEMETRY_TOKEN"
    } | curl -q -g -s -o /dev/null -w '%{http_code}' --connect-timeout 5 -m 15 --proto '=http,https' \
      -H 'Content-Type: application/json' -K - --data-binary "@$1" "$_telemetry_url/${2:-telemetry}")
  else
    _telemetry_post_by_wget "$@"
  fi
}

_telemetry_post_by_wget() {
  _telemetry_http=000
  [ -z "${TELEMETRY_TOKEN:-}" ] || return 0 # wget takes it in the command line alone, where every user sees it
  # In the home directory wget would find settings, and leave traces.
  # The small wget of busybox knows none of the options: it tries once, and may have to be ended.
  _telemetry_text=wget
  case $(HOME=/nonexistent wget --version 2>/dev/null) in
    *GNU*) _telemetry_text='wget -t 1 -T 10 --max-redirect=0' ;;
    *) if command -v timeout >/dev/null 2>&1; then _telemetry_text='timeout 20 wget'; fi ;;
  esac
  # shellcheck disable=SC2086 # several words
  _telemetry_http=$(HOME=/nonexistent $_telemetry_text -S -O /dev/null --header 'Content-Type: application/json' \
    --post-file "$1" "$_telemetry_url/${2:-telemetry}" 2>&1 |
    sed -n 's/.*HTTP\/[0-9.]* \([0-9][0-9][0-9]\).*/\1/p' | tail -n 1)
}

_telemetry_send_waiting() {
  _telemetry_now=$(date +%s)
  for _telemetry_name in "$_telemetry_dir"/spool/*; do
    _telemetry_text=${_telemetry_name##*/}
    _telemetry_text=${_telemetry_text%%-*}
    case $_telemetry_name:$_telemetry_text in
      *:*[!0-9]* | *: | *:0?* | *:????????????*) continue ;;
      *.report:* | *.sending:*) ;;
      *) continue ;;
    esac
    if [ ! -f "$_telemetry_name" ] || [ -L "$_telemetry_name" ]; then
      continue
    elif [ "$_telemetry_text" -lt $((_telemetry_now - _telemetry_spool_seconds)) ]; then
      rm -f "$_telemetry_name"
    elif [ "$_telemetry_text" -lt $((_telemetry_now - 600)) ]; then
      # Left over from a run that was cut off.
      case $_telemetry_name in *.sending) mv "$_telemetry_name" "${_telemetry_name%.sending}.report" ;; esac
    fi
  done
  for _telemetry_name in "$_telemetry_dir"/spool/*"@$_telemetry_to.report"; do
    if [ ! -f "$_telemetry_name" ] || [ -L "$_telemetry_name" ]; then continue; fi
    _telemetry_name=${_telemetry_name%.report}
    mv "$_telemetry_name.report" "$_telemetry_name.sending" || continue
    _telemetry_deliver "$_telemetry_name" || return 0
  done
}

_telemetry_bound_spool() {
  set -- "$_telemetry_dir"/spool/*.report
  while [ "$#" -gt "$_telemetry_spool_reports" ]; do
    rm -f "$1"
    shift
  done
}

# ---- for the administrator

# What would be sent: [STATUS [CODE LINE COMMAND LOGFILE]], of the installation under way or of an example. Nothing is stored.
telemetry_preview() {
  (
    _telemetry_make_plain
    : "${_telemetry_execution:=00000000-0000-4000-8000-000000000001}" "${_telemetry_id:=00000000-0000-4000-8000-000000000000}"
    : "${_telemetry_app:=example}" "${_telemetry_type:=lxc}"
    _telemetry_ending=${1:-installing}
    case $_telemetry_ending in success | failed | aborted) _telemetry_look_at_end "$@" ;; esac
    _telemetry_payload "$_telemetry_ending"
  ) || :
}

# Ask whatever was answered before, and say what holds now.
_telemetry_ask_again() {
  _telemetry_where
  if [ -z "$_telemetry_url" ]; then
    printf '%s\n' 'Who is asking? TELEMETRY_URL=https://... sh telemetry.sh consent'
    return 1
  elif ! _telemetry_place_is_ours; then
    printf '%s\n' "No answer can be kept in ${_telemetry_dir:-TELEMETRY_DIR}: it must be an absolute path, yours, and closed to others."
    return 1
  fi
  _telemetry_ask_and_remember
  _telemetry_answer
  printf '\nReports to %s: %s\n' "$_telemetry_url" "${_telemetry_said:-not answered, so none are made}"
}

# Everything that was sent from this machine: when, how it was answered, and the report itself.
telemetry_history() {
  _telemetry_where
  if [ -s "$_telemetry_dir/history" ]; then
    cat "$_telemetry_dir/history" || :
  else
    printf '%s\n' 'Nothing was sent from this machine.'
  fi
}

# Erase on the server what was sent from this machine. Returns 1 if something could not be erased; its id is kept.
telemetry_forget() {
  _telemetry_where
  (
    _telemetry_make_plain
    if ! { _telemetry_place_is_ours && cd "$_telemetry_dir" && _telemetry_take_ids; } 2>/dev/null; then
      printf '%s\n' 'Nothing of this machine is known to be on a server.'
      exit 0
    fi
    TELEMETRY_TOKEN= # erasing asks for none
    while read -r _telemetry_id _telemetry_url; do
      printf '{"random_id":"%s"}\n' "$_telemetry_id" >erase.json
      _telemetry_post erase.json api/privacy/erase
      case $_telemetry_http in
        2??) printf 'erased: %s\n' "$_telemetry_id" ;;
        *) printf '%s %s\n' "$_telemetry_id" "$_telemetry_url" >>ids ;;
      esac
    done <erasing
    rm -f ids.[0-9]* erasing erase.json
    [ -s ids ] || exit 0
    printf 'not erased, the server did not confirm it: %s; run forget again later\n' "$(sort -u ids | wc -l | tr -d ' ')"
    exit 1
  )
}

# For conditions alone: whether there is anything to erase. Who reports meanwhile adds to a new list, and so does what cannot
# be erased; what a run that was cut off had taken is taken again.
_telemetry_take_ids() {
  _telemetry_drop_unsent
  mv -f ids "ids.$(date +%s).$$"
  cat ids.[0-9]* | sort -u >erasing
  [ -s erasing ] || ! rm -f erasing
}

# Delete every trace on this machine, the answer included. What is on a server stays there: telemetry_forget comes first.
telemetry_off() {
  _telemetry_where
  (
    _telemetry_make_plain
    _telemetry_place_is_ours && cd "$_telemetry_dir" || exit 0
    if [ -s ids ]; then
      printf '%s\n' 'Not erased on the server; with these ids it still can be, on its page about privacy:'
      sort -u ids
    fi
    _telemetry_drop_unsent
    rm -f ends/????????-????-????-????-???????????? ends/*.traps
    rm -f consent consent.new history ids ids.[0-9]* erasing erase.json
    rmdir ends
    cd .. && rmdir "$_telemetry_dir"
  ) 2>/dev/null || :
  printf '%s\n' 'Every trace of telemetry on this machine is deleted. DO_NOT_TRACK=1 keeps scripts from asking again.'
}

_telemetry_main() {
  case ${1:-} in
    consent) _telemetry_ask_again ;;
    preview | history | forget | off)
      _telemetry_name=$1
      shift
      "telemetry_$_telemetry_name" "$@"
      ;;
    *)
      printf '%s\n' 'usage: sh telemetry.sh preview | history | forget | consent | off' '' \
        '  preview [STATUS [CODE LINE COMMAND LOGFILE]]   show what would be sent' \
        '  history   show everything that was sent from this machine' \
        '  forget    erase it on the server' \
        '  consent   ask whether reports may be sent; TELEMETRY_URL says where to' \
        '  off       delete every trace on this machine'
      [ "${1:-}" = help ] || [ "${1:-}" = --help ]
      ;;
  esac
}

# Run, not sourced: then $0 is this file.
case ${0##*/} in
  telemetry.sh) _telemetry_main "$@" ;;
esac
