/* A disk that fails: loaded before a program's libraries (LD_PRELOAD), it makes
   one call of a class fail, of those on files below one directory.

     FAILING_DISK_BELOW=/data/hdb     files whose paths begin so
     FAILING_DISK_CALL=write:3:ENOSPC the third write
     FAILING_DISK_TOLD=/tmp/told      gets a line when it did

   Classes are write (also pwrite and writev), sync (fsync, fdatasync), rename,
   open (for writing) and truncate; what comes of it EIO, ENOSPC or, of writes,
   short: half of the bytes land. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static char below[PATH_MAX];
static char class_of_call[16];
static char told[PATH_MAX];
static long wanted;
static int failure; /* 0: short. */
static atomic_long count;

__attribute__((constructor)) static void begin(void) {
  const char* where = getenv("FAILING_DISK_BELOW");
  const char* call = getenv("FAILING_DISK_CALL");
  const char* tell = getenv("FAILING_DISK_TOLD");
  char how[16] = "";
  if (!where || !call || !tell
      || sscanf(call, "%15[a-z]:%ld:%15s", class_of_call, &wanted, how) != 3) {
    wanted = 0;
    return;
  }
  snprintf(below, sizeof below, "%s", where);
  snprintf(told, sizeof told, "%s", tell);
  failure = strcmp(how, "ENOSPC") == 0 ? ENOSPC
            : strcmp(how, "EIO") == 0  ? EIO
                                       : 0;
}

/* Whether this call is the one; it is told by calls that nobody replaces. */
static int fails(const char* class, const char* path) {
  char line[2 * PATH_MAX];
  long file;
  int size;
  if (wanted == 0 || strcmp(class, class_of_call) != 0
      || strncmp(path, below, strlen(below)) != 0
      || atomic_fetch_add(&count, 1) + 1 != wanted)
    return 0;
  size = snprintf(line, sizeof line, "%s %ld %s\n", class, wanted, path);
  file = syscall(SYS_openat, AT_FDCWD, told, O_WRONLY | O_CREAT | O_APPEND,
                 0600);
  if (file >= 0) {
    syscall(SYS_write, file, line, size);
    syscall(SYS_close, file);
  }
  return 1;
}

static int fails_on(const char* class, int descriptor) {
  char name[64], path[PATH_MAX];
  ssize_t size;
  int before = errno, out;
  if (wanted == 0)
    return 0;
  snprintf(name, sizeof name, "/proc/self/fd/%d", descriptor);
  size = readlink(name, path, sizeof path - 1);
  errno = before;
  if (size < 0)
    return 0;
  path[size] = '\0';
  out = fails(class, path);
  errno = before;
  return out;
}

static int failed(void) {
  errno = failure ? failure : EIO;
  return -1;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int to, const void* from, size_t size) {
  if (fails_on("write", to))
    return failure ? failed() : NEXT(write)(to, from, size / 2);
  return NEXT(write)(to, from, size);
}

ssize_t pwrite(int to, const void* from, size_t size, off_t at) {
  if (fails_on("write", to))
    return failure ? failed() : NEXT(pwrite)(to, from, size / 2, at);
  return NEXT(pwrite)(to, from, size, at);
}

ssize_t pwrite64(int to, const void* from, size_t size, off64_t at) {
  if (fails_on("write", to))
    return failure ? failed() : NEXT(pwrite64)(to, from, size / 2, at);
  return NEXT(pwrite64)(to, from, size, at);
}

ssize_t writev(int to, const struct iovec* from, int pieces) {
  return fails_on("write", to) ? failed() : NEXT(writev)(to, from, pieces);
}

int fsync(int which) {
  return fails_on("sync", which) ? failed() : NEXT(fsync)(which);
}

int fdatasync(int which) {
  return fails_on("sync", which) ? failed() : NEXT(fdatasync)(which);
}

int ftruncate(int which, off_t size) {
  return fails_on("truncate", which) ? failed() : NEXT(ftruncate)(which, size);
}

int ftruncate64(int which, off64_t size) {
  return fails_on("truncate", which) ? failed()
                                     : NEXT(ftruncate64)(which, size);
}

int rename(const char* from, const char* to) {
  return fails("rename", to) ? failed() : NEXT(rename)(from, to);
}

#define OPEN(name)                                                             \
  int name(const char* path, int flags, ...) {                                 \
    mode_t mode = 0;                                                           \
    if (flags & (O_CREAT | __O_TMPFILE)) {                                     \
      va_list more;                                                            \
      va_start(more, flags);                                                   \
      mode = va_arg(more, mode_t);                                             \
      va_end(more);                                                            \
    }                                                                          \
    if ((flags & O_ACCMODE) != O_RDONLY && fails("open", path))                \
      return failed();                                                         \
    return NEXT(name)(path, flags, mode);                                      \
  }

OPEN(open)
OPEN(open64)
