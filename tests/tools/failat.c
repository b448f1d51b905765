/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * failat [-v] KIND N ERROR COMMAND... | failat [-v] -p PID KIND N ERROR
 *
 * Runs the command, or joins a running process, and lets its N-th system call of a kind fail with this errno: the
 * kernel does not carry it out. ERROR 0: it is killed right before that call. Kinds: bpf (all but loading), bpf-load (programs, maps, BTF), netlink (sockets and
 * what is sent and received by them), files (names of files made, moved or removed), change (bpf() that changes what
 * outlives the process, and renames), lock (loading of programs, and locks on files: their order, by -v). N 0: none
 * fails. At the end
 * one line on file descriptor 3, if there is one: the number of calls of the kind that were seen. The exit status
 * is the command's; with -p 0 as soon as the call has failed. -v: names each of the calls.
 */
#include <errno.h>
#include <elf.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/ptrace.h>

#define FDS 4096

struct tracer {
	pid_t pid;
	const char *kind;
	unsigned long n, count;
	int error;
	bool verbose, failed, joined;
	bool netlink[FDS]; /* descriptors that are netlink sockets */
	unsigned long long nr, args[6]; /* of the call that it is in */
	bool fail_this;
};

static volatile sig_atomic_t ended_by_signal;

static void on_signal(int sig)
{
	ended_by_signal = sig;
}

static bool is_load(unsigned long long cmd)
{
	return cmd == BPF_PROG_LOAD || cmd == BPF_MAP_CREATE || cmd == BPF_BTF_LOAD ||
	       cmd == BPF_MAP_FREEZE || cmd == BPF_RAW_TRACEPOINT_OPEN;
}

/* Without a table of its own a process that was joined has its netlink sockets named by the kernel. */
static bool is_netlink(struct tracer *t, unsigned long long fd)
{
	char path[64], to[64];
	int f, domain = 0;
	socklen_t len = sizeof(domain);
	ssize_t n;

	if (fd < FDS && t->netlink[fd])
		return true;
	if (!t->joined)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/fd/%llu", t->pid, fd);
	n = readlink(path, to, sizeof(to) - 1);
	if (n < 7 || strncmp(to, "socket:", 7))
		return false;
	f = syscall(SYS_pidfd_open, t->pid, 0);
	if (f < 0)
		return false;
	int copy = syscall(SYS_pidfd_getfd, f, (int)fd, 0);

	close(f);
	if (copy < 0)
		return false;
	getsockopt(copy, SOL_SOCKET, SO_DOMAIN, &domain, &len);
	close(copy);
	return domain == AF_NETLINK;
}

static bool is_change(unsigned long long cmd)
{
	return cmd == BPF_MAP_UPDATE_ELEM || cmd == BPF_MAP_DELETE_ELEM || cmd == BPF_OBJ_PIN ||
	       cmd == BPF_LINK_CREATE || cmd == BPF_LINK_UPDATE || cmd == BPF_LINK_DETACH;
}

static const char *name_bpf(unsigned long long cmd)
{
	static const char *const names[] = { "MAP_CREATE",	 "MAP_LOOKUP_ELEM",
					     "MAP_UPDATE_ELEM",	 "MAP_DELETE_ELEM",
					     "MAP_GET_NEXT_KEY", "PROG_LOAD",
					     "OBJ_PIN",		 "OBJ_GET" };
	static char other[32];

	if (cmd < sizeof(names) / sizeof(*names))
		return names[cmd];
	snprintf(other, sizeof(other), "%s %llu",
		 cmd == BPF_LINK_CREATE		 ? "LINK_CREATE"
		 : cmd == BPF_LINK_UPDATE	 ? "LINK_UPDATE"
		 : cmd == BPF_LINK_DETACH	 ? "LINK_DETACH"
		 : cmd == BPF_OBJ_GET_INFO_BY_FD ? "OBJ_GET_INFO_BY_FD"
		 : cmd == BPF_PROG_QUERY	 ? "PROG_QUERY"
						 : "bpf",
		 cmd);
	return other;
}

/* What the call is, if it is of the kind; NULL: it is not. */
static const char *of_kind(struct tracer *t)
{
	bool change = !strcmp(t->kind, "change");

	if (!strcmp(t->kind, "lock"))
		return t->nr == SYS_flock				 ? "flock"
		       : t->nr == SYS_bpf && t->args[0] == BPF_PROG_LOAD ? name_bpf(t->args[0])
									 : NULL;
	if (t->nr == SYS_bpf && change)
		return is_change(t->args[0]) ? name_bpf(t->args[0]) : NULL;
	if (t->nr == SYS_bpf) {
		if (!strcmp(t->kind, is_load(t->args[0]) ? "bpf-load" : "bpf"))
			return name_bpf(t->args[0]);
		return NULL;
	}
	if (!strcmp(t->kind, "netlink")) {
		switch (t->nr) {
		case SYS_socket: return t->args[0] == AF_NETLINK ? "socket" : NULL;
		case SYS_bind: return is_netlink(t, t->args[0]) ? "bind" : NULL;
		case SYS_sendto:
		case SYS_sendmsg: return is_netlink(t, t->args[0]) ? "send" : NULL;
		case SYS_recvfrom:
		case SYS_recvmsg: return is_netlink(t, t->args[0]) ? "receive" : NULL;
		}
		return NULL;
	}
	if (change && t->nr != SYS_renameat && t->nr != SYS_renameat2
#ifdef SYS_rename
	    && t->nr != SYS_rename
#endif
	)
		return NULL;
	if (!change && strcmp(t->kind, "files"))
		return NULL;
	switch (t->nr) {
#ifdef SYS_mkdir
	case SYS_mkdir: return "mkdir";
	case SYS_rename: return "rename";
	case SYS_unlink: return "unlink";
	case SYS_rmdir: return "rmdir";
#endif
	case SYS_mkdirat: return "mkdir";
	case SYS_renameat:
	case SYS_renameat2: return "rename";
	case SYS_unlinkat: return "unlink";
	}
	return NULL;
}

/* Another number in the place of the call's. */
static int set_call(pid_t pid, long nr)
{
#if defined(__x86_64__)
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, pid, 0, &regs))
		return -1;
	regs.orig_rax = nr;
	return ptrace(PTRACE_SETREGS, pid, 0, &regs);
#elif defined(__aarch64__)
	int call = nr;
	struct iovec iov = { &call, sizeof(call) };

	return ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &iov);
#else
	errno = ENOSYS;
	return -1;
#endif
}

static int set_result(pid_t pid, long result)
{
	struct user_regs_struct regs;
	struct iovec iov = { &regs, sizeof(regs) };

	if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &iov))
		return -1;
#if defined(__x86_64__)
	regs.rax = result;
#elif defined(__aarch64__)
	regs.regs[0] = result;
#endif
	return ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &iov);
}

static int on_entry(struct tracer *t, const struct ptrace_syscall_info *i)
{
	const char *what;

	t->nr = i->entry.nr;
	memcpy(t->args, i->entry.args, sizeof(t->args));
	t->fail_this = false;
	what = of_kind(t);
	if (!what)
		return 0;
	t->count++;
	t->fail_this = t->count == t->n;
	if (t->verbose)
		fprintf(stderr, "failat: %lu %s%s\n", t->count, what, t->fail_this ? " fails" : "");
	if (t->fail_this && !t->error)
		return kill(t->pid, SIGKILL);
	return t->fail_this ? set_call(t->pid, -1) : 0;
}

static int on_exit_of(struct tracer *t, const struct ptrace_syscall_info *i)
{
	unsigned long long fd = i->exit.rval;

	if (t->fail_this) {
		t->fail_this = false;
		t->failed = true;
		return set_result(t->pid, -t->error);
	}
	if (t->nr == SYS_socket && !i->exit.is_error && fd < FDS)
		t->netlink[fd] = t->args[0] == AF_NETLINK;
	if (t->nr == SYS_close && t->args[0] < FDS)
		t->netlink[t->args[0]] = false;
	return 0;
}

static int run(struct tracer *t)
{
	struct ptrace_syscall_info info;
	int status, sig = 0, err;

	for (;;) {
		if (ptrace(PTRACE_SYSCALL, t->pid, 0, sig) && errno != ESRCH) /* has been killed */
			return -1;
		if (waitpid(t->pid, &status, 0) != t->pid)
			return ended_by_signal ? 3 : -1;
		if (WIFEXITED(status))
			return WEXITSTATUS(status);
		if (WIFSIGNALED(status))
			return 128 + WTERMSIG(status);
		sig = WSTOPSIG(status); /* to be passed on, unless it is only for us */
		if (sig == SIGTRAP) /* exec, joined */
			sig = 0;
		if (sig != (SIGTRAP | 0x80))
			continue;
		sig = 0;
		if (ptrace(PTRACE_GET_SYSCALL_INFO, t->pid, sizeof(info), &info) < 0)
			return -1;
		err = info.op == PTRACE_SYSCALL_INFO_ENTRY  ? on_entry(t, &info)
		      : info.op == PTRACE_SYSCALL_INFO_EXIT ? on_exit_of(t, &info)
							    : 0;
		if (err)
			return -1;
		if (t->joined && t->failed) {
			ptrace(PTRACE_DETACH, t->pid, 0, 0);
			return 0;
		}
	}
}

static int begin(struct tracer *t, char **command)
{
	struct sigaction sa = { .sa_handler = on_signal }; /* interrupts waitpid() */
	int status;

	if (t->joined) {
		sigaction(SIGTERM, &sa, NULL);
		if (ptrace(PTRACE_SEIZE, t->pid, 0, PTRACE_O_TRACESYSGOOD) ||
		    ptrace(PTRACE_INTERRUPT, t->pid, 0, 0) || waitpid(t->pid, &status, 0) != t->pid)
			return -1;
		printf("joined\n");
		fflush(stdout);
		return 0;
	}
	t->pid = fork();
	if (!t->pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		execvp(command[0], command);
		perror(command[0]);
		_exit(127);
	}
	if (t->pid < 0 || waitpid(t->pid, &status, 0) != t->pid || !WIFSTOPPED(status))
		return -1;
	return ptrace(PTRACE_SETOPTIONS, t->pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
}

int main(int argc, char **argv)
{
	struct tracer t = { 0 };
	int rc;

	while (argc > 1 && argv[1][0] == '-') {
		if (!strcmp(argv[1], "-p") && argc > 2) {
			t.pid = atoi(argv[2]);
			t.joined = true;
			argc--, argv++;
		} else {
			t.verbose = !strcmp(argv[1], "-v");
		}
		argc--, argv++;
	}
	if (argc < (t.joined ? 4 : 5)) {
		fputs("usage: failat [-v] [-p PID] bpf|bpf-load|netlink|files|change|lock N ERROR [COMMAND...]\n",
		      stderr);
		return 2;
	}
	t.kind = argv[1];
	t.n = strtoul(argv[2], NULL, 10);
	t.error = atoi(argv[3]);
	rc = begin(&t, argv + 4);
	if (!rc)
		rc = run(&t);
	if (rc < 0)
		perror("failat");
	dprintf(3, "%lu\n", t.count);
	return rc < 0 ? 2 : rc;
}
