/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Random calls through the whole engine, compared with a model after every message (flows_moves.h), and
 * random bytes made of real messages under the looser oracle of flows_script.h. RANDOM_SEED and
 * RANDOM_SEQUENCES in the environment make it other or longer; a failure prints the seed of its sequence
 * and the ladder that leads there.
 */
#include <dirent.h>

#include "flows_moves.h"
#include "flows_script.h"

#define SEEDS "tests/fuzz/corpus/fuzz_engine"

static struct moves *running;
static uint32_t seed;

static uint32_t next(void *arg)
{
	uint64_t *s = arg;

	*s = *s * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*s >> 33);
}

static void reproducer(void)
{
	fprintf(stderr, "RANDOM_SEED=%u RANDOM_SEQUENCES=1\n", seed);
	if (running)
		moves_print(running, stderr);
}

static unsigned int sequences(unsigned int n)
{
	const char *text = getenv("RANDOM_SEQUENCES");

	return text ? (unsigned int)atoi(text) : n;
}

static uint32_t first_seed(void)
{
	const char *text = getenv("RANDOM_SEED");

	return text ? (uint32_t)strtoul(text, NULL, 0) : 1;
}

/* Exactly what is agreed on is open, whatever strangers say and whenever the controller dies. */
static void calls_and_strangers(void **state)
{
	unsigned int n = sequences(200);
	size_t lines = 0, open = 0;

	world_reproducer = reproducer;
	for (uint32_t i = 0; i < n; i++) {
		uint64_t s;

		seed = first_seed() + i;
		s = seed;
		running = calloc(1, sizeof(*running));
		running->rnd = next;
		running->arg = &s;
		moves_run(running, 150);
		lines += running->n_lines;
		open += running->n_open;
		moves_free(running);
		running = NULL;
	}
	assert_true(open > lines / 3); /* else it would show little */
}

/* A conversation as bytes, each step cut, repeated, swapped or damaged. */
static size_t conversation(uint64_t *s, uint8_t *buf, size_t size)
{
	static const char *const whats[] = { "INVITE", "INVITE", "ACK",	  "BYE", "CANCEL",
					     "UPDATE", "PRACK",	 "REFER", "INFO" };
	static const char *const status[] = { "100", "180", "183", "200", "200", "200",
					      "302", "407", "481", "486", "491" };
	static const char *const ports[] = { "20000", "20002", "7000", "0", "65535", "49170/2" };
	static const char *const hosts[] = { "192.168.1.10", "192.168.1.11", "198.51.100.9",
					     "10.9.9.9",     "0.0.0.0",	     "203.0.113.1" };
	static const char who[] = "aaabAAABdgDGSRTU";
#define PICK(a) (a)[next(s) % (sizeof(a) / sizeof((a)[0]))]
	size_t n = 0, body_n;
	char body[512];

	for (int i = 0; i < 40; i++) {
		char step = who[next(s) % (sizeof(who) - 1)];
		bool inside = step >= 'a', request = next(s) % 2;
		const char *what = PICK(whats);
		size_t at = n;

		body_n = (size_t)snprintf(
			body, sizeof(body),
			"v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n"
			"m=audio %s RTP/AVP 0\r\na=%s\r\n",
			inside ? "192.168.1.10" : "198.51.100.9", PICK(hosts), PICK(ports),
			next(s) % 2 ? "sendrecv" : "sendonly");
		n += (size_t)snprintf(
			(char *)buf + n, size - n,
			"%c%s%s%s\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%u\r\nFrom: <sip:a@x>;tag=%s\r\n"
			"To: <sip:b@x>%s\r\nCall-ID: %s\r\nCSeq: %u %s\r\nMax-Forwards: 70\r\n"
			"Contact: <sip:u@%s>\r\n%sContent-Type: application/sdp\r\n"
			"Content-Length: 0\r\n\r\n%s",
			step, request ? what : "SIP/2.0 ",
			request ? " sip:u@203.0.113.1" : PICK(status), request ? " SIP/2.0" : " X",
			inside ? "192.168.1.10" : "198.51.100.9", next(s) % 4,
			next(s) % 4 ? "c" : "u", next(s) % 3 ? ";tag=u" : "",
			next(s) % 2   ? "k@192.168.1.10"
			: next(s) % 2 ? "k@203.0.113.1"
				      : "other",
			1 + next(s) % 4, what, inside ? "192.168.1.10" : "198.51.100.9",
			next(s) % 4 ? "" : "RSeq: 1\r\nSession-Expires: 120\r\n",
			next(s) % 4 ? body : "");
		if (next(s) % 8 == 0)
			buf[at + next(s) % (n - at)] = (uint8_t)next(s);
		buf[n++] = 0xff;
		(void)body_n;
	}
#undef PICK
	return n;
}

static void damaged_conversations(void **state)
{
	static uint8_t buf[65536];
	unsigned int n = sequences(300);

	world_reproducer = reproducer;
	for (uint32_t i = 0; i < n; i++) {
		uint64_t s;

		seed = first_seed() + i;
		s = seed;
		script_run(buf, conversation(&s, buf, sizeof(buf)));
	}
}

/* The seeds of the fuzz target, among them what it once found. */
static void seeds(void **state)
{
	static uint8_t buf[1 << 17];
	DIR *dir = opendir(SEEDS);
	size_t n = 0;
	struct dirent *d;

	assert_non_null(dir);
	while ((d = readdir(dir))) {
		char path[512];
		FILE *f;

		snprintf(path, sizeof(path), SEEDS "/%s", d->d_name);
		f = *d->d_name == '.' ? NULL : fopen(path, "rb");
		if (!f)
			continue;
		script_run(buf, fread(buf, 1, sizeof(buf), f));
		fclose(f);
		n++;
	}
	closedir(dir);
	assert_true(n >= 20);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_and_strangers),
		cmocka_unit_test(damaged_conversations),
		cmocka_unit_test(seeds),
	};

	return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
