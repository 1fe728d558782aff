#!/bin/bash
# The scheduler's stand-in: notes on the volume that it is alive, every few seconds.
set -u
cd /mnt/DIR1/cybozu/cyss || exit 1
while :; do
    printf '%(%s)T\n' -1 >last-run
    sleep 5
done
