/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * killat N COMMAND...: runs it and kills it right before its N-th system call that changes what outlives it
 * (maps, pins, links, names of files; not netlink). The exit status is the command's, 137 when it was killed. -v: names
 * each of the calls.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/ptrace.h>

static const char *change_bpf(unsigned long long cmd)
{
	switch (cmd) {
	case BPF_MAP_UPDATE_ELEM: return "BPF_MAP_UPDATE_ELEM";
	case BPF_MAP_DELETE_ELEM: return "BPF_MAP_DELETE_ELEM";
	case BPF_MAP_UPDATE_BATCH: return "BPF_MAP_UPDATE_BATCH";
	case BPF_OBJ_PIN: return "BPF_OBJ_PIN";
	case BPF_LINK_CREATE: return "BPF_LINK_CREATE";
	case BPF_LINK_UPDATE: return "BPF_LINK_UPDATE";
	case BPF_LINK_DETACH: return "BPF_LINK_DETACH";
	}
	return NULL;
}

/* What the call changes for good, NULL: nothing. */
static const char *change(const struct ptrace_syscall_info *i)
{
	switch (i->entry.nr) {
	case SYS_bpf: return change_bpf(i->entry.args[0]);
	case SYS_renameat:
	case SYS_renameat2: return "rename";
#ifdef SYS_rename
	case SYS_rename: return "rename";
#endif
	}
	return NULL;
}

static int ended(int status)
{
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	return 128 + WTERMSIG(status);
}

static int run(pid_t pid, unsigned long n, bool verbose)
{
	struct ptrace_syscall_info info;
	unsigned long count = 0;
	const char *what;
	int status, sig;

	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL))
		return -1;
	for (sig = 0;;) {
		if (ptrace(PTRACE_SYSCALL, pid, 0, sig) || waitpid(pid, &status, 0) != pid)
			return -1;
		if (!WIFSTOPPED(status))
			return ended(status);
		sig = WSTOPSIG(status); /* to be passed on, unless it is only for us */
		if (sig == SIGTRAP) /* exec */
			sig = 0;
		if (sig != (SIGTRAP | 0x80))
			continue;
		sig = 0;
		if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) < 0)
			return -1;
		what = info.op == PTRACE_SYSCALL_INFO_ENTRY ? change(&info) : NULL;
		if (!what)
			continue;
		count++;
		if (verbose)
			fprintf(stderr, "killat: %lu %s\n", count, what);
		if (count < n)
			continue;
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		return 137;
	}
}

int main(int argc, char **argv)
{
	bool verbose = argc > 1 && !strcmp(argv[1], "-v");
	unsigned long n;
	pid_t pid;
	int rc;

	argc -= verbose;
	argv += verbose;
	n = argc > 2 ? strtoul(argv[1], NULL, 10) : 0;
	if (!n) {
		fputs("usage: killat [-v] N COMMAND...\n", stderr);
		return 2;
	}
	pid = fork();
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	rc = pid < 0 ? -1 : run(pid, n, verbose);
	if (rc < 0)
		perror("killat");
	return rc < 0 ? 2 : rc;
}
