#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Writes vmlinux.h anew from the running kernel's BTF: scripts/vmlinux.sh > vmlinux.h
set -eu
btf=${1:-/sys/kernel/btf/vmlinux}
echo '/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */'
echo "/* Generated, do not edit: bpftool btf dump file /sys/kernel/btf/vmlinux format c (scripts/vmlinux.sh)"
echo " * from kernel $(uname -r | cut -d. -f1,2) ($(uname -m), BTF). CO-RE relocates member offsets on the kernel that runs. */"
bpftool btf dump file "$btf" format c
