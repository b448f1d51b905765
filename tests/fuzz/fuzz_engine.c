/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libFuzzer: sequences of datagrams, ticks and restarts through the whole engine, with the invariants
 * of unit/flows_script.h asserted after each. The seeds are the call flows of the unit tests.
 * Build: clang -fsanitize=fuzzer,address,undefined.
 */
#define FLOWS_ABORT

#include "unit/flows_script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	script_run(data, size);
	return 0;
}
