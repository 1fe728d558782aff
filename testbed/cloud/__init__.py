"""The local cloud: ministack with its gaps closed, one small module for each.

`server` starts it, `launch.running_cloud` runs it from another program. A module that closes a gap names the AWS
document it follows, changes the emulator only where it falls short, and never what a template says.
"""
