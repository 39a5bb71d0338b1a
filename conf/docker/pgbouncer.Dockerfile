# pgbouncer from Debian, which maintains it with security updates.
#   docker build -f conf/docker/pgbouncer.Dockerfile -t luna-pgbouncer .
FROM docker.io/library/debian:bookworm-slim@sha256:88200866dfff7ea7f5cbcb6ec7c8a701889efe6fe859fe64d6990e4b07ea4171
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends pgbouncer \
 && apt-get clean && rm -rf /var/lib/apt/lists/* \
 && groupadd --system --gid 10005 luna-pgbouncer \
 && useradd --system --uid 10005 --gid luna-pgbouncer --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin luna-pgbouncer
USER luna-pgbouncer
EXPOSE 6432
ENTRYPOINT ["/bin/sh", "/etc/luna/pgbouncer.sh"]
