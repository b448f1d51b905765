/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libFuzzer: the bytes choose what well-behaved parties do next, and when strangers, restarts and time
 * come in between; after every message exactly that must be open which the model of unit/flows_moves.h
 * says. Build: clang -fsanitize=fuzzer,address,undefined.
 */
#define FLOWS_ABORT

#include "unit/flows_moves.h"

struct input {
	const uint8_t *p, *end;
};

static uint32_t next(void *arg)
{
	struct input *in = arg;
	uint32_t v = 0;

	if (in->p < in->end)
		v = *in->p++;
	return v;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, data + size };
	struct moves *m = calloc(1, sizeof(*m));

	m->rnd = next;
	m->arg = &in;
	moves_run(m, size > 1600 ? 200 : (unsigned int)(size / 8));
	moves_free(m);
	return 0;
}
