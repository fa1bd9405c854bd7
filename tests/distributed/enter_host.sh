#!/bin/sh
# enter_host.sh NODE COMMAND...: runs a command on a host of hosts.sh, in the place of ssh for Open MPI's launcher.
set -eu
node=$1
shift
# shellcheck disable=SC2016
exec ip netns exec "$XR_HOSTS_PREFIX-$node" unshare --mount --uts sh -c \
  'mount --bind "$1" /etc/hosts && hostname "$2" && eval "$3"' host "$XR_HOSTS_FILE" "$node" "$*"
