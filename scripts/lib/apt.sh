# Debian packages: what is missing, and on Debian 12 where to take it from. Sourced by scripts/setup.
#
# Sluice stands on the libraries of Debian 13 (trixie). On Debian 12 they come from the same archive the machine
# already uses, at a priority that never upgrades anything by itself. Tests give another root folder than /.
root=${SLUICE_SETUP_ROOT:-}
trixie_source=$root/etc/apt/sources.list.d/sluice-trixie.sources
trixie_preferences=$root/etc/apt/preferences.d/sluice-trixie

# packages_for PURPOSE..: lines of scripts/packages, "PACKAGE [LEAST VERSION]".
packages_for() {
  local purpose package least
  while read -r purpose package least; do
    [[ " $* " == *" $purpose "* ]] && printf '%s %s\n' "$package" "$least"
  done < <(grep -v '^#' "$repository/scripts/packages") | sort -u
}

# missing_packages PURPOSE..: what is not installed, or too old. What another of them provides is there, where any
# version will do: packages of Node from elsewhere hold npm as well, and refuse Debian's beside them.
missing_packages() {
  local package least status provides name
  local -A version=() provided=()
  while read -r package status least provides; do
    [[ $status == installed ]] || continue
    version[$package]=$least
    for name in ${provides//,/ }; do provided[$name]=1; done
  done < <(packages_for "$@" | cut -d ' ' -f 1 |
    xargs dpkg-query -W -f '${Package} ${db:Status-Status} ${Version} ${Provides}\n' 2>/dev/null)
  while read -r package least; do
    [[ -z $least && -n ${provided[$package]:-} ]] && continue
    if [[ -z ${version[$package]:-} ]] ||
      { [[ -n $least ]] && dpkg --compare-versions "${version[$package]}" lt "$least"; }; then
      printf '%s\n' "$package"
    fi
  done < <(packages_for "$@")
}

# apt_entries: the machine's own package sources in the deb822 format, one stanza each, enabled binary ones only.
# Ours is left out.
apt_entries() {
  local file
  for file in "$root/etc/apt/sources.list" "$root"/etc/apt/sources.list.d/*.list; do
    [[ -r $file ]] && one_line_entries <"$file"
  done
  for file in "$root"/etc/apt/sources.list.d/*.sources; do
    [[ -r $file && $file != "$trixie_source" ]] && stanza_entries <"$file"
  done
  return 0
}

# "deb [option=value ..] URI suite component .." as stanzas.
one_line_entries() {
  awk '
    $1 == "deb" {
      options = ""
      if (match($0, /\[[^]]*\]/)) {
        count = split(substr($0, RSTART + 1, RLENGTH - 2), option, " ")
        $0 = substr($0, 1, RSTART - 1) substr($0, RSTART + RLENGTH)
        for (i = 1; i <= count; i++) {
          name = tolower(substr(option[i], 1, index(option[i], "=") - 1))
          value = substr(option[i], index(option[i], "=") + 1)
          gsub(",", " ", value)
          if (name == "arch") name = "Architectures"
          else if (name == "signed-by") name = "Signed-By"
          else if (name == "trusted") name = "Trusted"
          else if (name == "check-valid-until") name = "Check-Valid-Until"
          else continue
          options = options name ": " value "\n"
        }
      }
      sub(/#.*/, "")
      components = ""
      for (i = 4; i <= NF; i++) components = components " " $i
      printf "Types: deb\nURIs: %s\nSuites: %s\nComponents:%s\n%s\n", $2, $3, components, options
    }'
}

# deb822 stanzas without comments, without those that are disabled or hold sources only.
stanza_entries() {
  awk '
    function flush() {
      if (stanza != "" && enabled && binary) printf "%s\n", stanza
      stanza = ""; enabled = 1; binary = 0
    }
    BEGIN { enabled = 1 }
    /^#/ { next }
    /^[ \t]*$/ { flush(); next }
    tolower($1) == "enabled:" && tolower($2) ~ /^(no|false|0|off)$/ { enabled = 0 }
    tolower($1) == "types:" { for (i = 2; i <= NF; i++) if ($i == "deb") binary = 1 }
    { stanza = stanza $0 "\n" }
    END { flush() }'
}

# offers SUITE..: whether one of the machine's own sources has one of these suites with the component main.
offers() {
  [[ -n $(apt_entries | entry_offering "$*") ]]
}

# entry_offering "SUITE ..": of the stanzas read, the first that has one of these suites with the component main.
entry_offering() {
  awk -v RS= -v FS='\n' -v wanted="$1" '
    BEGIN { count = split(wanted, list, " "); for (i = 1; i <= count; i++) suite[list[i]] = 1 }
    {
      found = 0; main = 0
      for (i = 1; i <= NF; i++) {
        words = split($i, word, " ")
        for (j = 2; j <= words; j++) {
          if (tolower(word[1]) == "suites:" && word[j] in suite) found = 1
          if (tolower(word[1]) == "components:" && word[j] == "main") main = 1
        }
      }
      if (found && main) { print; exit }
    }'
}

# derived_trixie_source: Debian 13 from where the machine has its Debian 12.
derived_trixie_source() {
  local entry
  entry=$(apt_entries | entry_offering "bookworm oldstable stable")
  [[ -n $entry ]] || return 1
  printf '# Written by scripts/setup of Sluice, after the source of this machine'"'"'s own release.\n'
  awk '
    tolower($1) == "types:" { print "Types: deb"; next }
    tolower($1) == "suites:" { print "Suites: trixie"; next }
    tolower($1) == "components:" { print "Components: main"; next }
    { print }' <<<"$entry"
}

trixie_pin() {
  cat <<'PIN'
Explanation: Written by scripts/setup of Sluice: Debian 13's packages are there to be asked for, and upgrade nothing.
Package: *
Pin: release n=trixie
Pin-Priority: 100
PIN
}

os_release() { (. "$root/etc/os-release" && printf '%s\n' "${!1:-}"); }

# write_if_changed FILE: takes its content from the input.
write_if_changed() {
  local content
  content=$(cat)
  [[ -r $1 && $(<"$1") == "$content" ]] && return
  say "writing $1"
  as_root tee "$1" <<<"$content" >/dev/null
}

# prepare_apt: makes Debian 13's packages available; afterwards apt_target holds the options to ask for them.
prepare_apt() {
  local source codename
  apt_target=()
  [[ $(os_release ID) == debian ]] && command -v apt-get >/dev/null || unsupported
  codename=$(os_release VERSION_CODENAME)
  if offers trixie || { [[ $codename == trixie ]] && offers stable; }; then
    return
  fi
  # Also a Debian 12 that already has base-files of 13 comes here: what counts is what its sources offer.
  [[ $codename == bookworm || $codename == trixie ]] || unsupported
  source=$(derived_trixie_source) ||
    fail "none of this machine's package sources offers Debian 12 or 13 (component main)"
  say "this is Debian 12: adding Debian 13's packages at priority 100"
  write_if_changed "$trixie_source" <<<"$source"
  write_if_changed "$trixie_preferences" < <(trixie_pin)
  apt_target=(-t trixie)
}

unsupported() {
  fail "$(os_release PRETTY_NAME) is not Debian 12 or 13, whose packages Sluice is built with." \
    "The Dockerfile builds and runs it anywhere: docker build -t sluice . && docker run -p 8080:8080 sluice"
}

apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 \
    -o Dpkg::Use-Pty=0 "$@"
}

# install_packages PURPOSE..: afterwards all of them are there.
install_packages() {
  local missing
  missing=$(missing_packages "$@") || fail "cannot ask dpkg what is installed"
  [[ -n $missing ]] || return 0
  say "missing Debian packages:" $missing
  prepare_apt
  # An installation that was cut short would stop apt; where none was, this does nothing.
  quietly as_root env DEBIAN_FRONTEND=noninteractive dpkg --configure --pending
  say "reading the package lists"
  quietly apt_get update
  say "installing $(wc -w <<<"$missing") packages and what they need"
  without_starting_services quietly apt_get install --yes --no-install-recommends "${apt_target[@]}" $missing
  missing=$(missing_packages "$@")
  [[ -z $missing ]] || fail "still missing or too old after the installation:" $missing
}

# without_starting_services COMMAND..: nginx is wanted as a program to measure against, not as a service on port 80.
without_starting_services() {
  local policy=/usr/sbin/policy-rc.d
  if [[ -e $policy ]]; then
    "$@"
    return
  fi
  printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
  as_root chmod 755 "$policy"
  trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
  "$@"
  as_root rm -f "$policy"
  trap - EXIT
}
