/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where libosip2's memory comes from. It makes some eighty small allocations of a message that is
 * compared and forgotten: they stand behind each other in one block, used again for the next message.
 * What does not fit is malloc's.
 */
#ifndef RF_OSIP_MEMORY_H
#define RF_OSIP_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

void *osip_memory_get(size_t n);
void *osip_memory_resize(void *p, size_t n);
void osip_memory_put(void *p);
/* All that was got may be gone: nothing of it is used any more. */
void osip_memory_again(void);
/* Has malloc() had none since the last osip_memory_again()? */
bool osip_memory_short(void);

#endif
