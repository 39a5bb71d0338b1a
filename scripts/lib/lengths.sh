# shellcheck shell=bash
# Limits on the length of files and functions.
FILE_LINES_MAX=500
FUNCTION_LINES_MAX=70

# lengths_of_files FILE…: prints the files that are too long.
lengths_of_files() {
  wc -l -- "$@" | awk -v max="$FILE_LINES_MAX" '$2 != "total" && $1 > max { print $2 ": " $1 " lines, at most " max }'
}

# lengths_of_functions FILE…: prints the C functions that are too long.
lengths_of_functions() {
  ctags --languages=C,C++ --kinds-C=f --kinds-C++=f --fields=+ne -f - "$@" |
    awk -F '\t' -v max="$FUNCTION_LINES_MAX" '
      {
        for (i = 4; i <= NF; i++) {
          if ($i ~ /^line:/) first = substr($i, 6)
          if ($i ~ /^end:/) last = substr($i, 5)
        }
        if (last - first >= max) print $2 ":" first ": " $1 " has " last - first + 1 " lines, at most " max
      }'
}
