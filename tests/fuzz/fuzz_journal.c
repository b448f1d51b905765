/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libFuzzer: a journal of records, as its entries are laid out: four bytes each of length, anything, kind, id, then
 * the record. The first byte says how many damages come before them, three bytes each (where, what is flipped).
 * What is read back was written, also from a damaged file, which goes on being written; and the engine takes from
 * any records what it can use: it shows its calls, lets time pass and ends. Build: clang -fsanitize=fuzzer,address,undefined.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine.h"
#include "journal.h"
#include "journal_header.h"
#include "log.h"
#include "restore.h"
#include "unit/check_views.h"

#define RECORDS 64
#define SECOND	1000000000ull

static const struct journal_owner owner = { .instance = 0x1122334455667788 };
static struct written {
	uint32_t kind, id;
	const uint8_t *p;
	size_t n;
} written[RECORDS];
static size_t n_written, n_read;
static char path[64];

static uint32_t le32(const uint8_t *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

static int was_written(enum record_kind kind, uint32_t id, const void *bytes, size_t n, void *arg)
{
	size_t i;

	for (i = 0; i < n_written; i++)
		if (written[i].kind == kind && written[i].id == id && written[i].n == n &&
		    !memcmp(written[i].p, bytes, n))
			break;
	CHECK(i < n_written);
	n_read++;
	return 0;
}

static struct journal *open_journal(bool rw)
{
	struct journal_report report;
	struct journal *j;

	CHECK(!journal_open(&j, path, rw, owner, &report));
	n_read = 0;
	CHECK(!journal_load(j, was_written, NULL));
	CHECK(n_read == report.live);
	return j;
}

static void write_records(const uint8_t *p, size_t size)
{
	struct journal *j = open_journal(true);

	n_written = 0;
	while (size >= 16 && n_written < RECORDS) {
		size_t n = le32(p);
		struct written *w = &written[n_written];

		w->kind = le32(p + 8) % 8;
		w->id = le32(p + 12);
		p += 16;
		size -= 16;
		if (n > size)
			n = size;
		w->p = p;
		w->n = n;
		n_written++;
		CHECK(!journal_save(j, w->kind, w->id, w->p, w->n));
		p += n;
		size -= n;
	}
	journal_close(j);
	journal_close(open_journal(false));
}

static void on_call(const struct show_call *c, void *arg)
{
	(*(size_t *)arg)++;
}

/* Whatever a record says: no crash, nothing out of place. */
static void restore(void)
{
	static struct config config;
	static struct topology topo;
	struct topology_wan *wan = &topo.wans[0];
	struct action_list out = { 0 };
	uint64_t now = 1000 * SECOND;
	struct restore_report report;
	char text[RESTORE_TEXT_MAX];
	struct journal *j;
	struct engine *e;
	struct rf_ep ep;
	size_t n = 0;

	config_defaults(&config);
	memset(&topo, 0, sizeof(topo));
	topo.n_wans = 1;
	wan->ifindex = 2;
	wan->has4 = wan->has6 = true;
	ep_parse(view_of("203.0.113.1:1"), &ep);
	wan->wire4 = wan->public4 = ep.addr;
	ep_parse(view_of("[2001:db8::1]:1"), &ep);
	wan->wire6 = wan->public6 = ep.addr;
	wan->port_lo = 16384;
	wan->port_hi = 32767;
	topo.n_inside = config.n_inside;
	memcpy(topo.inside, config.inside, sizeof(topo.inside));
	e = engine_new(&config, &topo, now, 1);
	CHECK(e && !journal_open(&j, path, false, owner, NULL));
	CHECK(!restore_records(j, e, now, &report));
	CHECK(strlen(restore_unread_text(&report, text)) < sizeof(text));
	journal_close(j);
	engine_restored(e, now, &out);
	for (int i = 0; i < 8; i++) {
		engine_show_calls(e, on_call, &n);
		actions_reset(&out);
		now += SECOND << (2 * i);
		engine_tick(e, now, &out);
	}
	actions_free(&out);
	engine_free(e);
}

static void damage(const uint8_t *p, size_t n)
{
	int fd = open(path, O_RDWR);
	struct stat st;
	uint8_t b;

	CHECK(fd >= 0 && !fstat(fd, &st));
	for (; n; n--, p += 3) {
		/* the header is of another boot or not: told apart before */
		off_t at = JOURNAL_HEADER_SIZE + (p[0] | p[1] << 8);

		if (at >= st.st_size)
			continue;
		CHECK(pread(fd, &b, 1, at) == 1);
		b ^= p[2];
		CHECK(pwrite(fd, &b, 1, at) == 1);
	}
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t more[] = "a record behind what was damaged";
	size_t n = size ? data[0] % 8 : 0;
	struct journal *j;

	if (size < 1 + 3 * n)
		return 0;
	log_init("fuzz", LOG_LEVEL_ERROR);
	snprintf(path, sizeof(path), "/dev/shm/rf-fuzz-journal.%d", getpid());
	unlink(path);
	write_records(data + 1 + 3 * n, size - 1 - 3 * n);
	restore();
	if (n && n_written < RECORDS) {
		damage(data + 1, n);
		journal_close(open_journal(false));
		j = open_journal(true);
		written[n_written++] = (struct written){ 1, 0xffffffff, more, sizeof(more) };
		CHECK(!journal_save(j, 1, 0xffffffff, more, sizeof(more)));
		journal_close(j);
		journal_close(open_journal(false));
		CHECK(n_read);
		restore();
	}
	unlink(path);
	return 0;
}
