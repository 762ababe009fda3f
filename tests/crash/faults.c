/* Makes the disk fail, or the process die, at the Nth call that changes a file below a folder (LD_PRELOAD). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum { COUNT, KILL_BEFORE, KILL_AFTER, TORN, ENOSPC_ONCE, EIO_ONCE, SHORT, FULL };

static char folder[PATH_MAX];
static int how = COUNT;
static atomic_long calls, at = -1;

void fault_arm(const char *below, long call, int mode) {
    snprintf(folder, sizeof folder, "%s", below);
    how = mode;
    at = call;
    calls = 0;
}

long fault_calls(void) { return calls; }

static void die(void) { kill(getpid(), SIGKILL); for (;;) pause(); }

/* What happens at this call: COUNT for nothing. */
static int due(const char *path) {
    if (!folder[0] || strncmp(path, folder, strlen(folder))) return COUNT;
    long call = atomic_fetch_add(&calls, 1);
    if (at < 0 || call < at || (call > at && how != FULL)) return COUNT;
    return how;
}

static int due_fd(int fd) {
    char link[64], path[PATH_MAX];
    if (!folder[0]) return COUNT;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return COUNT;
    path[length] = 0;
    return due(path);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define FAIL(code) do { errno = code; return -1; } while (0)

/* Calls that write `count` bytes: REST writes that many of them. */
#define WRITES(fd, count, ALL, HALF) \
    switch (due_fd(fd)) { \
    case KILL_BEFORE: die(); \
    case TORN: HALF; die(); \
    case KILL_AFTER: ALL; die(); \
    case ENOSPC_ONCE: case FULL: FAIL(ENOSPC); \
    case EIO_ONCE: FAIL(EIO); \
    case SHORT: return count > 1 ? HALF : ALL; \
    default: return ALL; }

/* Calls that do something as a whole or not at all; those that need room fail when there is none. */
#define DOES(what, room, ALL) \
    switch (what) { \
    case KILL_BEFORE: case TORN: die(); \
    case KILL_AFTER: ALL; die(); \
    case ENOSPC_ONCE: case FULL: if (room) FAIL(ENOSPC); return ALL; \
    case EIO_ONCE: case SHORT: FAIL(EIO); \
    default: return ALL; }

ssize_t write(int fd, const void *data, size_t count) {
    WRITES(fd, count, REAL(write)(fd, data, count), REAL(write)(fd, data, count / 2))
}
ssize_t pwrite(int fd, const void *data, size_t count, off_t where) {
    WRITES(fd, count, REAL(pwrite)(fd, data, count, where), REAL(pwrite)(fd, data, count / 2, where))
}
ssize_t pwrite64(int fd, const void *data, size_t count, off64_t where) {
    WRITES(fd, count, REAL(pwrite64)(fd, data, count, where), REAL(pwrite64)(fd, data, count / 2, where))
}
int fsync(int fd) { DOES(due_fd(fd), 0, REAL(fsync)(fd)) }
int fdatasync(int fd) { DOES(due_fd(fd), 0, REAL(fdatasync)(fd)) }
int ftruncate(int fd, off_t size) { DOES(due_fd(fd), 1, REAL(ftruncate)(fd, size)) }
int ftruncate64(int fd, off64_t size) { DOES(due_fd(fd), 1, REAL(ftruncate64)(fd, size)) }
int rename(const char *from, const char *to) { DOES(due(from), 0, REAL(rename)(from, to)) }
int link(const char *from, const char *to) { DOES(due(from), 1, REAL(link)(from, to)) }
int unlink(const char *path) { DOES(due(path), 0, REAL(unlink)(path)) }
