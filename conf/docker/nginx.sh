#!/usr/bin/env bash
# nginx with the settings of conf/nginx, for a container. /luna is a temporary file system.
set -eu
P=/luna/nginx
mkdir -p "$P/tmp" /luna/log
ln -sfn /run/secrets /luna/tls
ln -sfn /dev/stdout /luna/log/access.log
LUNA_RESOLVER=$(awk '$1 == "nameserver" { print ($2 ~ /:/ ? "[" $2 "]" : $2); exit }' /etc/resolv.conf)
LUNA_REAL_IP_FROM=''
LUNA_TRUSTED_PROXIES=${LUNA_TRUSTED_PROXIES:-}
for proxy in ${LUNA_TRUSTED_PROXIES//,/ }; do
  LUNA_REAL_IP_FROM+="set_real_ip_from $proxy;"
done
declare -A values=(
  [LUNA_VAR]=/luna [LUNA_ERROR_LOG]=stderr [LUNA_GATEWAY_MODULE]=/usr/lib/luna/ngx_http_luna_source_module.so
  [LUNA_HTTPS_LISTEN]=0.0.0.0:8443 [LUNA_GATEWAY_METRICS_LISTEN]=0.0.0.0:9102 [LUNA_BODY_BYTES_MAX]="${LUNA_BODY_BYTES_MAX:-33554432}"
  [LUNA_CORS_ORIGINS]="${LUNA_CORS_ORIGINS:-}" [LUNA_FASTCGI_READ_TIMEOUT_S]=14 [LUNA_WEB_ROOT]=/srv/web [LUNA_RESOLVER]="$LUNA_RESOLVER"
  [LUNA_REAL_IP_FROM]="$LUNA_REAL_IP_FROM"
)
for file in /etc/luna/nginx/*.conf /etc/luna/upstream.conf; do
  text=$(cat "$file")
  for name in "${!values[@]}"; do
    text=${text//"\${$name}"/${values[$name]}}
  done
  printf '%s\n' "$text" >"$P/${file##*/}"
done
exec nginx -p "$P" -c "$P/nginx.conf" -e /dev/stderr
