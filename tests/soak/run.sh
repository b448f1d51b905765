#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# "make soak": 200 calls at a time with media for five minutes, the controller killed with -9 twenty times and its
# programs replaced five times. SOAK_SECONDS, SOAK_CALLS, SOAK_KILLS, SOAK_REPLACES set others.
export SOAK_SECONDS=${SOAK_SECONDS:-300} SOAK_CALLS=${SOAK_CALLS:-200} SOAK_KILLS=${SOAK_KILLS:-20} SOAK_REPLACES=${SOAK_REPLACES:-5}
exec "$(dirname "$0")/../netns/test_soak.sh"
