// SPDX-License-Identifier: GPL-2.0-only
/*
 * What stays is what running needs: CAP_NET_ADMIN (marks, TC filters, XDP links) and CAP_NET_RAW
 * (sockets that a reload may open again). Map updates through open descriptors need no capability
 * since Linux 5.19. The filter names what nobody parsing SIP has business with.
 */
#include "privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static const int denied[] = {
	SCMP_SYS(execve),
	SCMP_SYS(execveat),
	SCMP_SYS(fork),
	SCMP_SYS(vfork),
	SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(pivot_root),
	SCMP_SYS(chroot),
	SCMP_SYS(setns),
	SCMP_SYS(unshare),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(delete_module),
	SCMP_SYS(kexec_load),
	SCMP_SYS(kexec_file_load),
	SCMP_SYS(reboot),
	SCMP_SYS(swapon),
	SCMP_SYS(swapoff),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(keyctl),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(settimeofday),
	SCMP_SYS(clock_settime),
	SCMP_SYS(acct),
	SCMP_SYS(personality),
	SCMP_SYS(setuid),
	SCMP_SYS(setgid),
	SCMP_SYS(setreuid),
	SCMP_SYS(setresuid),
	SCMP_SYS(setgroups),
	SCMP_SYS(io_uring_setup),
};

#ifdef __SANITIZE_ADDRESS__
#define LEAK_CHECK 1 /* the leak sanitizer looks at the threads by ptrace when the process ends */
#else
#define LEAK_CHECK 0
#endif

static int filter(struct why *w)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	size_t i;
	int err = ctx ? 0 : -ENOMEM;

	for (i = 0; i < sizeof(denied) / sizeof(*denied) && !err; i++) {
		if (LEAK_CHECK && denied[i] == SCMP_SYS(ptrace))
			continue;
		err = seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, denied[i], 0);
		if (err == -EDOM || err == -EINVAL)
			err = 0; /* this architecture has no such call */
	}
	if (!err)
		err = seccomp_load(ctx);
	seccomp_release(ctx);
	return err ? why_set(w, err, "cannot install the system call filter: %s", strerror(-err))
		   : 0;
}

/* Root without a user to become: at least without the capabilities. */
static int stay(struct why *w)
{
	capng_clear(CAPNG_SELECT_BOTH);
	capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN, CAP_NET_RAW, -1);
	if (capng_apply(CAPNG_SELECT_BOTH))
		return why_set(w, -EPERM, "cannot give up capabilities");
	return 0;
}

static int become(const char *user, struct why *w)
{
	const struct passwd *pw;

	errno = 0;
	pw = getpwnam(user);
	if (!pw)
		return why_set(
			w, -ENOENT,
			"there is no user \"%s\"; create it (useradd --system %s) or set \"user\" to \"\"",
			user, user);
	capng_clear(CAPNG_SELECT_BOTH);
	capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN, CAP_NET_RAW, -1);
	if (capng_change_id(pw->pw_uid, pw->pw_gid, CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING))
		return why_set(
			w, -EPERM,
			"cannot become user \"%s\"; the controller must be started as root for that",
			user);
	return 0;
}

/* CAP_PERFMON: the programs compare pointers, which the verifier allows nobody else. */
const char *privileges_lacking(char text[PRIVILEGES_TEXT_MAX])
{
	static const struct {
		unsigned int cap;
		const char *name;
	} needed[] = {
		{ CAP_BPF, "CAP_BPF" },
		{ CAP_NET_ADMIN, "CAP_NET_ADMIN" },
		{ CAP_PERFMON, "CAP_PERFMON" },
	};
	size_t n = 0;

	text[0] = '\0';
	if (capng_get_caps_process()) {
		snprintf(text, PRIVILEGES_TEXT_MAX, "one of CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON");
		return text;
	}
	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
		if (!capng_have_capability(CAPNG_EFFECTIVE, needed[i].cap))
			n += snprintf(text + n, PRIVILEGES_TEXT_MAX - n, "%s%s", n ? ", " : "",
				      needed[i].name);
	return text;
}

int privileges_user(const char *user, unsigned int *uid, unsigned int *gid)
{
	const struct passwd *pw = getpwnam(user);

	if (!pw)
		return -ENOENT;
	*uid = pw->pw_uid;
	*gid = pw->pw_gid;
	return 0;
}

int privileges_drop(const char *user, struct why *w)
{
	int err = user[0] ? become(user, w) : stay(w);

	if (err)
		return err;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return why_set(w, -errno, "cannot set no_new_privs: %s", strerror(errno));
	return filter(w);
}
