#!/usr/bin/env bash
# Redis with the settings of conf/redis, for a container: data in /data, all addresses of the
# container, log to the engine.
set -eu
text=$(cat /etc/luna/redis.conf)
text=${text//"\${LUNA_REDIS_PASSWORD}"/$(cat /run/secrets/password)}
text=${text//"\${LUNA_REDIS_PORT}"/6379}
text=${text//"\${LUNA_VAR}/redis"//data}
text=${text//'bind 127.0.0.1'/bind 0.0.0.0}
grep -v '^unixsocket' <<<"$text" >/tmp/redis.conf
exec redis-server /tmp/redis.conf
