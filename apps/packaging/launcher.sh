#!/bin/sh
# Starts xrtrain with the libraries of its archive, the C library and its loader among them.
program=$(readlink -f -- "$0") || exit 1
folder=${program%/bin/*}/lib/xrtrain
XRTRAIN_LAUNCHER=$program exec "$folder/LOADER" --argv0 xrtrain --library-path "$folder" "$folder/xrtrain" "$@"
