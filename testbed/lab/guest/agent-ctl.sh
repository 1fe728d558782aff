#!/bin/bash
# Stands for amazon-cloudwatch-agent-ctl, of which the nodes' script uses append-config and operators remove-config:
#   amazon-cloudwatch-agent-ctl -a append-config|remove-config -m ec2 -c file:PATH -s
# What the files say the lab's own agent does anyway.
set -eu
action="" file=""
while getopts a:m:c:s option; do
    case $option in
    a) action=$OPTARG ;;
    c) file=${OPTARG#file:} ;;
    m | s) ;;
    *) exit 1 ;;
    esac
done
kept=/opt/aws/amazon-cloudwatch-agent/etc/amazon-cloudwatch-agent.d
mkdir -p "$kept"
case $action in
append-config) cp "$file" "$kept/file_${file##*/}" ;;
remove-config) rm "$kept/file_${file##*/}" ;;
*) exit 1 ;;
esac
