#!/bin/sh
# settings-page.sh PROGRAM NAME VERSION PAGE: generates the manual page NAME.env(5) from `PROGRAM
# --config-example`.
set -eu
mkdir -p "$(dirname "$4")"
"$1" --config-example | awk -v name="$2" -v version="$3" '
  function roff(text) { gsub(/\\/, "\\e", text); gsub(/-/, "\\-", text); sub(/^[.'"'"']/, "\\\\\\&&", text); return text }
  BEGIN {
    printf ".TH \"%s\" 5 \"\" \"luna %s\" \"Luna\"\n.SH NAME\n%s.env \\- settings of %s\n", toupper(name ".env"), version, roff(name), roff(name)
    printf ".SH DESCRIPTION\nEnvironment variables, one per line as NAME=value. A secret may also be given as the path of a file, in NAME_FILE; other users must not be able to read or write that file.\n.SH SETTINGS\n"
  }
  FNR <= 2 { next }
  /^# \(/ { kind = substr($0, 3); next }
  /^#   / || /^# / { line = substr($0, 3); if (!collecting && line ~ /^\(/) { kind = line } else { text = text (text == "" ? "" : "\n") roff(line) } ; next }
  /^#?LUNA_/ {
    setting = $0; sub(/^#/, "", setting)
    printf ".TP\n.B %s\n%s\n.br\n%s\n", roff(setting), text, roff(kind)
    text = ""; kind = ""
  }
  END { printf ".SH SEE ALSO\n.BR luna (1),\n.BR fcgi\\-worker (8),\n.BR quota\\-syncd (8)\n" }
' >"$4"
