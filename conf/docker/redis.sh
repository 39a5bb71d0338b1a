#!/usr/bin/env bash
# Redis with the settings of conf/redis, for a container: data in /data, all addresses of the
# container, log to the engine.
set -eu
text=$(cat /etc/luna/redis.conf)
for user in owner worker syncd admin; do
  name="\${LUNA_REDIS_${user^^}}"
  text=${text//"$name"/$(tr -d '\n' <"/run/secrets/$user" | sha256sum | cut -d' ' -f1)}
done
text=${text//"\${LUNA_REDIS_PORT}"/6379}
text=${text//"\${LUNA_VAR}/redis"//data}
text=${text//'bind 127.0.0.1'/bind 0.0.0.0}
if [ "${LUNA_DURABILITY:-default}" = strict ]; then
  text=$(sed 's/^appendfsync .*/appendfsync always/; s/^user luna_syncd .*/& +config|get/' <<<"$text")
fi
grep -v '^unixsocket' <<<"$text" >/tmp/redis.conf
exec redis-server /tmp/redis.conf
