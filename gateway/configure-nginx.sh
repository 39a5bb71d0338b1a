#!/usr/bin/env bash
# configure-nginx.sh SOURCE FOLDER: the headers that nginx's configure makes, for a module that
# Debian's nginx loads: with the flags that it was built with.
set -eu
source=$1 folder=$2
[ -x "$source/configure" ] || { echo "no $source/configure: install the package nginx-dev" >&2 && exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$source/." "$work"
cd "$work"
. ./conf_flags
./configure "${NGX_CONF_FLAGS[@]}" >configure.log 2>&1 || { tail -n 20 configure.log >&2 && exit 1; }
mkdir -p "$folder"
cp objs/ngx_auto_headers.h "$folder/"
cp objs/ngx_auto_config.h "$folder/" # the last one: who waits for it finds both
