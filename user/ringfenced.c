// SPDX-License-Identifier: GPL-2.0-only
/*
 * The controller: start in order, run, stop in reverse. When it is killed instead, the kernel side
 * goes on by itself, and the next start finds its calls in the journal.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpffs.h"
#include "controller.h"
#include "hurry.h"
#include "own_file.h"
#include "privileges.h"
#include "run_dir.h"

#ifndef RF_VERSION
#define RF_VERSION "0.1"
#endif

#define EXIT_DETACHED 3 /* to be started again: a supervisor takes 0 for an end as asked */

#define WAIT_LOOK_US  250000
#define FAILURE_LOOKS 8
#define WAIT_LOOKS    40
#define FINISHED_NS   (10ULL * 1000000000)

static const char usage_text[] =
	"usage: ringfenced [--config FILE] [--instance NAME] [--wait] [--verbose]\n"
	"  --config FILE    default " RF_SYSCONFDIR "/ringfence/ringfence.json, if it is there\n"
	"  --instance NAME  as given to \"ringfence attach\", default \"" RF_DEFAULT_INSTANCE "\"\n"
	"  --wait           until the instance is attached, instead of failing\n"
	"  --verbose        log every pinhole and dropped message too\n"
	"  --help, --version\n"
	"signals: SIGHUP reads the configuration again; SIGTERM and SIGINT stop, media of running calls goes on.\n";

struct options {
	const char *config, *instance;
	bool verbose, wait;
	int done; /* exit status of --help and mistakes, -1: go on */
};

static struct options parse_options(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "instance", required_argument, NULL, 'i' },
		{ "wait", no_argument, NULL, 'w' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	struct options o = { .instance = RF_DEFAULT_INSTANCE, .done = -1 };
	int opt;

	while ((opt = getopt_long(argc, argv, "c:i:wvhV", longs, NULL)) != -1) {
		switch (opt) {
		case 'c': o.config = optarg; break;
		case 'i': o.instance = optarg; break;
		case 'w': o.wait = true; break;
		case 'v': o.verbose = true; break;
		case 'h':
			fputs(usage_text, stdout);
			o.done = 0;
			return o;
		case 'V':
			puts("ringfenced " RF_VERSION);
			o.done = 0;
			return o;
		default: o.done = 2;
		}
	}
	if (o.done < 0 && optind < argc) {
		fprintf(stderr, "ringfenced: unexpected argument \"%s\"\n", argv[optind]);
		o.done = 2;
	}
	if (o.done == 2)
		fputs(usage_text, stderr);
	return o;
}

static volatile sig_atomic_t stopped;

static void on_stop(int sig)
{
	stopped = 1;
}

/* What an attach, or an attach ... replace, changes */
static bool is_to_come(int err)
{
	return err == -ENOENT || err == -ENODEV || err == -ESTALE || err == -EUCLEAN;
}

/* Before the lock: a detach waits for whoever has it. A long look now and then, as it is one at everything. */
static void wait_attached(const char *instance)
{
	const struct sigaction stop = { .sa_handler = on_stop }, ignore = { .sa_handler = SIG_IGN };
	const struct sigaction normal = { .sa_handler = SIG_DFL };
	struct why w = { "" }, told = { "" };
	struct datapath *dp;
	int i, err;

	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGHUP, &ignore, NULL); /* it is read again before it counts */
	while (!stopped) {
		err = datapath_open(&dp, instance, true, &w);
		if (!err)
			datapath_close(dp);
		if (!is_to_come(err))
			break; /* it is there, or the start says what is wrong */
		if (strcmp(w.text, told.text)) {
			if (err == -ENOENT || err == -ENODEV)
				log_info("waiting: %s", w.text);
			else /* somebody has to do something */
				log_warning("waiting: %s", w.text);
		}
		told = w;
		for (i = 0; i < WAIT_LOOKS && !stopped; i++) {
			usleep(WAIT_LOOK_US);
			if (err == -ENOENT && bpffs_is_instance(instance))
				break;
			if (err != -ENOENT && i == WAIT_LOOKS / 10)
				break;
		}
	}
	sigaction(SIGTERM, &normal, NULL);
	sigaction(SIGINT, &normal, NULL);
	sigaction(SIGHUP, &normal, NULL);
}

/* For a supervisor that starts it again at once: what failed now fails then, too. */
static void pause_after_failure(void)
{
	const struct sigaction stop = { .sa_handler = on_stop };

	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	for (int i = 0; i < FAILURE_LOOKS && !stopped; i++)
		usleep(WAIT_LOOK_US);
}

static void tell_damage(const char *path, const struct journal_report *r)
{
	const char *kept = r->copy_kept ? "kept as journal.damaged" : "not kept";

	if (r->damaged)
		log_warning(
			"%s is damaged: %zu entries (%zu bytes), of at most %zu calls, cannot be read; they were skipped, such a call is over or as it was a message before; the file as it was is %s",
			path, r->damaged, r->damaged_bytes, r->damaged_calls, kept);
	else if (r->damaged_header)
		log_warning(
			"%s is damaged in its header, which cost no call; the file as it was is %s",
			path, kept);
}

static int open_journal(struct controller *c, struct why *w)
{
	struct journal_report report;
	struct rf_instance own;
	char path[128];
	int err;

	snprintf(path, sizeof(path), RF_RUN_ROOT "/%s/journal", c->instance);
	err = datapath_instance(c->dp, &own);
	if (!err)
		err = journal_open(&c->journal, path, true,
				   (struct journal_owner){ own.id,
							   own.flags & RF_INSTANCE_TAKEN_OVER },
				   &report);
	if (err)
		return why_set(w, err, "cannot open the journal %s: %s%s", path, strerror(-err),
			       own_file_is_foreign(err)
				       ? "; it is not the file that it should be: remove it"
				       : "");
	if (report.foreign)
		log_warning(
			"%s is of an instance that is gone; set aside as journal.old, its calls are not taken over",
			path);
	else if (report.set_aside)
		log_warning("%s is of another boot or version; set aside as journal.old", path);
	if (report.torn_bytes)
		log_warning("%s ended in the middle of an entry: %zu bytes cut off", path,
			    report.torn_bytes);
	tell_damage(path, &report);
	if (report.live)
		log_info("%zu records taken over from the journal", report.live);
	return 0;
}

/* An attach may still be at work when it has just been started beside us: nobody waits for us yet. */
static int wait_finished(struct controller *c, struct why *w)
{
	uint64_t start = clock_now_ns();
	int err;

	while ((err = datapath_unfinished(c->dp, w)) == -EAGAIN &&
	       clock_now_ns() - start < FINISHED_NS)
		usleep(50000);
	return err;
}

/* A command that is at work on the instance (a `replace` for seconds) is not waited for: hooks and guards are as they
 * were, and calls wait for us. The look is taken when it is done. */
static int first_sync(struct controller *c, struct why *w)
{
	uint64_t start = clock_now_ns();
	int err = inside_sync(c->dp, &c->config, &c->last_sync, w);

	if (err == -EAGAIN) {
		log_info(
			"another command is at work: devices and addresses are looked at behind it");
		c->sync_due = true;
		return 0;
	}
	if (!err) /* with one device: the others work, and it is tried again */
		sync_tell(&c->sync_tell, c->last_sync.trouble_err, c->last_sync.trouble.text,
			  start);
	return err;
}

/* Everything that is read or written before the first message. */
static int start_maps(struct controller *c, int lock, struct why *w)
{
	int err;

	err = datapath_open(&c->dp, c->instance, true, w);
	if (!err)
		err = controller_alone(c, w);
	if (!err)
		err = wait_finished(c, w);
	if (!err)
		err = release_new(&c->release, w);
	if (err)
		return err;
	/* From now on what comes is held until we get to it, not refused: before all that takes time. */
	controller_heartbeat(c);
	run_dir_sign(lock, c->heartbeat.inject_mark);
	err = datapath_apply(c->dp, &c->config, NULL, 0);
	if (err)
		return why_set(w, err, "cannot write the settings: %s", strerror(-err));
	err = first_sync(c, w);
	if (err)
		return err;
	err = inside_topology(c->dp, &c->config, &c->topology);
	if (!err && topology_lacks(&c->topology))
		log_warning("%s", topology_lacks(&c->topology));
	if (!err)
		err = doer_init(&c->doer, c->dp);
	if (err)
		return why_set(w, err, "cannot read the state of the system: %s", strerror(-err));
	c->table = pinhole_table_new(c->dp);
	return c->table ? 0 : why_set(w, -ENOMEM, "cannot read the pinholes");
}

/* Files that the user we become goes on writing. */
static int hand_over(struct controller *c, struct why *w)
{
	unsigned int uid, gid;
	int err;

	if (!c->config.user[0])
		return 0;
	if (privileges_user(c->config.user, &uid, &gid)) {
		if (strcmp(c->config.user, CONFIG_DEFAULT_USER))
			return 0; /* privileges_drop() says what to do */
		log_warning(
			"there is no user \"%s\": staying root without capabilities; create it: useradd --system %s",
			c->config.user, c->config.user);
		c->config.user[0] = 0;
		return 0;
	}
	err = datapath_give(c->dp, uid, gid);
	if (!err)
		err = run_dir_give(c->instance, uid, gid);
	if (!err)
		err = journal_give(c->journal, uid, gid);
	return err ? why_set(w, err,
			     "cannot hand " RF_RUN_ROOT "/%s and the pins over to user \"%s\": %s",
			     c->instance, c->config.user, strerror(-err))
		   : 0;
}

static int start(struct controller *c, int lock, struct why *w)
{
	int err;

	err = bpffs_make_lock(c->instance, w);
	if (!err)
		err = start_maps(c, lock, w);
	if (!err)
		err = open_journal(c, w);
	if (err)
		return err;
	c->doer.table = c->table;
	c->doer.release = c->release;
	c->doer.journal = c->journal;
	c->base = event_base_new();
	if (!c->base)
		return why_set(w, -ENOMEM, "out of memory");
	/* Restored calls may send (a BYE after a timeout): the hooks must know our sockets by then. */
	controller_heartbeat(c);
	err = controller_restore(c, w);
	controller_heartbeat(c);
	if (!err)
		err = controller_open(c, w);
	if (!err)
		err = controller_events(c, w);
	/* As root: links that were pinned by it can be opened by nobody else. */
	if (!err)
		controller_look(c);
	if (!err)
		err = hand_over(c, w);
	if (!err)
		err = privileges_drop(c->config.user, w);
	return err;
}

int main(int argc, char **argv)
{
	struct options o = parse_options(argc, argv);
	struct controller *c;
	struct why w = { "" };
	int lock = -1, err;
	bool detached, gone, never_began;

	if (o.done >= 0)
		return o.done;
	log_init("ringfenced", o.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	signal(SIGPIPE, SIG_IGN);
	c = calloc(1, sizeof(*c));
	if (!c)
		return 1;
	c->instance = o.instance;
	c->config_path = o.config;
	err = instance_check(o.instance, &w);
	if (!err)
		err = controller_read_config(o.config, &c->config, &w);
	if (!err && geteuid())
		err = why_set(
			&w, -EPERM,
			"must be started as root; it gives the privileges up by itself (\"user\" in the configuration)");
	if (!err && o.wait) {
		wait_attached(o.instance);
		if (stopped) {
			free(c);
			return 0;
		}
		err = controller_read_config(o.config, &c->config, &w);
	}
	hurry_begin();
	if (!err)
		err = run_dir_lock(o.instance, &lock, &w);
	if (!err) {
		c->former = run_dir_former(lock);
		err = start(c, lock, &w);
	}
	hurry_end();
	if (err) {
		log_error("%s", w.text);
	} else {
		log_info("ready: instance \"%s\", %u WAN device(s), %u inside device(s)",
			 o.instance, c->topology.n_wans, c->last_sync.inside_devices);
		event_base_dispatch(c->base);
		log_info("stopping; media of running calls goes on");
		doer_flush_counts(&c->doer);
		doer_flush_log(&c->doer, UINT64_MAX);
	}
	if (c->dp && c->release)
		controller_away(c);
	detached = c->detached;
	gone = c->gone;
	never_began = lock >= 0 && !c->dp;
	controller_close(c);
	free(c);
	if (detached || never_began)
		run_dir_clear(o.instance, detached);
	if (lock >= 0)
		close(lock);
	if (err && o.wait)
		pause_after_failure();
	return err ? 1 : gone ? EXIT_DETACHED : 0;
}
