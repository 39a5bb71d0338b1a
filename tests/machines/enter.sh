#!/usr/bin/env bash
# enter.sh ROOT CLONE CMD…: mounts what a machine has besides its files, and runs CMD in the clone.
# Called by run.sh, in namespaces of mounts and processes of its own.
set -eu
root=$1
clone=$2
shift 2

mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"
ln -s fd/1 "$root/dev/stdout"
ln -s fd/2 "$root/dev/stderr"
for device in full null random tty urandom zero; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
hostname luna-machine
printf '127.0.0.1 localhost luna-machine\n' >"$root/etc/hosts"

# Not exec: this shell is the machine's first process, and reaps its orphans.
chroot "$root" env --chdir="$clone" "$@"
