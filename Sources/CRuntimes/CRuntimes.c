#define _GNU_SOURCE
#include "CRuntimes.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

int kontor_find_in_root(int root, const char *path) {
  struct open_how how = {
      .flags = O_PATH | O_CLOEXEC,
      .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
  };
  long descriptor;
  // EAGAIN: something was renamed meanwhile, and the kernel could not be sure of a "..".
  do {
    descriptor = syscall(SYS_openat2, root, path, &how, sizeof how);
  } while (descriptor < 0 && (errno == EINTR || errno == EAGAIN));
  return (int)descriptor;
}
