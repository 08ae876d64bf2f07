// Put before the C library (LD_PRELOAD): fails at what SQLite does to the files of a store, one step
// at a time. The steps are its writes, syncs and truncations of files named jobs.db*. By environment:
//
//   DISK_SHIM_LOG      a file to which each step is appended as a line, `operation file`
//   DISK_SHIM_KILL_AT  N: SIGKILL before the N-th step
//   DISK_SHIM_TEAR     with that: a write is done by half first
//   DISK_SHIM_FULL     while a file of this name exists, what makes a file grow fails with ENOSPC,
//                      a write of several blocks after a part of it
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_long steps;
static const char *log_name, *full_name;
static long kill_at;
static int tear;

__attribute__((constructor)) static void begin(void) {
  const char *at = getenv("DISK_SHIM_KILL_AT");
  log_name = getenv("DISK_SHIM_LOG");
  full_name = getenv("DISK_SHIM_FULL");
  kill_at = at ? atol(at) : 0;
  tear = getenv("DISK_SHIM_TEAR") != NULL;
}

// The end of its name from jobs.db on; NULL for another's file. By the kernel, so that no call that
// opens files need be known here.
static const char *store_file(int fd, char *buffer, size_t size) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, buffer, size - 1);
  if (length <= 0) return NULL;
  buffer[length] = 0;
  const char *name = strrchr(buffer, '/');
  return name && strncmp(name, "/jobs.db", 8) == 0 ? name + 1 : NULL;
}

static void append_to_log(const char *operation, const char *file) {
  char line[128];
  const int length = snprintf(line, sizeof line, "%s %s\n", operation, file);
  const int fd = open(log_name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) return;
  syscall(SYS_write, fd, line, (size_t)length);
  close(fd);
}

// Whether the process is to die in this step.
static int step(const char *operation, const char *file) {
  if (log_name) append_to_log(operation, file);
  return kill_at > 0 && atomic_fetch_add(&steps, 1) + 1 == kill_at;
}
static void die(void) {
  kill(getpid(), SIGKILL);
  pause();
}

static int full(void) { return full_name && access(full_name, F_OK) == 0; }
static int grows(int fd, off_t end) {
  struct stat now;
  return fstat(fd, &now) == 0 && end > now.st_size;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static ssize_t positioned_write(int fd, const void *data, size_t size, off_t at) {
  char buffer[4096];
  const char *file = store_file(fd, buffer, sizeof buffer);
  if (file) {
    const int dies = step("write", file);
    if (dies && tear) REAL(pwrite64)(fd, data, size / 2, at);
    if (dies) die();
    if (full() && grows(fd, at + (off_t)size)) {
      if (size >= 1024) return REAL(pwrite64)(fd, data, 512, at);
      errno = ENOSPC;
      return -1;
    }
  }
  return REAL(pwrite64)(fd, data, size, at);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off_t at) {
  return positioned_write(fd, data, size, at);
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
  return positioned_write(fd, data, size, at);
}

ssize_t write(int fd, const void *data, size_t size) {
  char buffer[4096];
  const char *file = store_file(fd, buffer, sizeof buffer);
  if (file) {
    const int dies = step("write", file);
    if (dies && tear) REAL(write)(fd, data, size / 2);
    if (dies) die();
    if (full()) {
      errno = ENOSPC;
      return -1;
    }
  }
  return REAL(write)(fd, data, size);
}

static int synced(int fd) {
  char buffer[4096];
  const char *file = store_file(fd, buffer, sizeof buffer);
  return file && step("sync", file);
}
int fdatasync(int fd) {
  if (synced(fd)) die();
  return REAL(fdatasync)(fd);
}
int fsync(int fd) {
  if (synced(fd)) die();
  return REAL(fsync)(fd);
}

static int resized(int fd, off_t size) {
  char buffer[4096];
  const char *file = store_file(fd, buffer, sizeof buffer);
  if (!file) return 0;
  if (step("truncate", file)) die();
  if (!full() || !grows(fd, size)) return 0;
  errno = ENOSPC;
  return -1;
}
int ftruncate64(int fd, off_t size) { return resized(fd, size) ? -1 : REAL(ftruncate64)(fd, size); }
int ftruncate(int fd, off_t size) { return resized(fd, size) ? -1 : REAL(ftruncate)(fd, size); }

int posix_fallocate64(int fd, off_t from, off_t size) {
  char buffer[4096];
  if (store_file(fd, buffer, sizeof buffer) && full() && grows(fd, from + size)) return ENOSPC;
  return REAL(posix_fallocate64)(fd, from, size);
}
